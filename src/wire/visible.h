// SPDX-License-Identifier: Apache-2.0
// visible_text() and quoted_text(): text from outside as a person may read it on a terminal, in an
// error or on a page. A character is shown as itself only where it stands alone, is plainly visible
// and runs from left to right (visible_table.h); every other one is escaped: combining marks,
// joining letters, controls, format characters, right-to-left letters, what is not assigned. So the
// order on the screen is the order of the bytes, and a digit is that digit.
//
// visible_text() leaves a backslash as it is, so that text which was made visible, and JSON, pass
// unchanged. quoted_text() is a JSON string: there an escape cannot be mistaken for text that was
// written so.
#pragma once

#include <string>
#include <string_view>

#include "wire/json.h"  // visible_text(), quoted_extract(), write_json_for_people()

namespace writ {

bool is_plainly_visible(char32_t c);

// `text` as a JSON string, quotes included, all of it visible: what is UTF-8 parses to `text`
// again. A byte that is not UTF-8 is \xHH, which no JSON string has.
std::string quoted_text(std::string_view text);

// Whether a label in `text` would hide something: controls, characters that draw nothing or change
// the direction, private use. Fewer than visible_text() escapes: a name in Arabic hides nothing.
bool hides_something(std::string_view text);

}  // namespace writ
