// SPDX-License-Identifier: Apache-2.0
// An argument's value where only text can stand: path, query, header, form. One text for one value:
// a number's is its RFC 8785 form, so value_from_text(text_from_value(v)) == v.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "tools/operation.h"
#include "wire/json.h"

namespace writ::tools {

// `text` is decoded; it must be UTF-8 without NUL. An integer has no sign but "-" and no leading
// zero; a number is JSON's. Errors: invalid_input, with no place.
Expected<Json> value_from_text(TextType type, std::string_view text);

// Errors: invalid_input if the value is of another type.
Expected<std::string> text_from_value(TextType type, const Json& value);

// A header's value is visible ASCII with spaces within it (RFC 9110 section 5.5, without obs-text).
Expected<void> may_stand_in_header(std::string_view text);

}  // namespace writ::tools
