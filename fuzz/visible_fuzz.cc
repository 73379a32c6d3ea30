// SPDX-License-Identifier: Apache-2.0
// room: wire
// Text for people. Whatever comes in, every character that comes out is plainly visible, making it
// visible again changes nothing, and what is UTF-8 is read back from its quoted form.
#include "base/bytes.h"
#include "base/check.h"
#include "wire/utf8.h"
#include "wire/visible.h"

namespace {

void check_plain(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = writ::next_code_point(text, at);
    WRIT_CHECK(c && writ::is_plainly_visible(*c));
  }
  WRIT_CHECK(writ::visible_text(text) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const std::string_view text = as_text({data, size});
  check_plain(visible_text(text));
  check_plain(quoted_extract(text));
  const auto quoted = quoted_text(text);
  check_plain(quoted);
  if (is_utf8(text)) {
    const auto read = parse_json(quoted, {.bytes = 100 << 20});
    WRIT_CHECK(read && read->if_string() && text_of(read->get_string()) == text);
  }
  return 0;
}
