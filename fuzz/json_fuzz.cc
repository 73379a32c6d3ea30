// SPDX-License-Identifier: Apache-2.0
// room: wire
// JSON. What parses is the same value after each of our writers, and its canonical form is a fixed
// point: the bytes that are decided on are the bytes that everyone else reads.
#include "base/bytes.h"
#include "base/check.h"
#include "wire/canonical.h"
#include "wire/json.h"
#include "wire/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const std::string_view text = as_text({data, size});
  WRIT_CHECK(is_utf8(visible_text(text)));
  const auto value = parse_json(text);
  if (!value) {
    WRIT_CHECK(!value.error().where.empty());
    WRIT_CHECK(is_utf8(value.error().to_string()));
    return 0;
  }
  WRIT_CHECK(is_utf8(text));
  // Escapes for people may make a text longer than the default allows.
  const JsonLimits wide{.bytes = 100 << 20};
  WRIT_CHECK(parse_json(write_json(*value), wide) == *value);
  WRIT_CHECK(parse_json(write_json_for_people(*value), wide) == *value);
  const std::string canonical = canonical_json(*value);
  const auto again = parse_json(canonical, wide);
  WRIT_CHECK(again == *value);
  WRIT_CHECK(canonical_json(*again) == canonical);
  WRIT_CHECK(parse_json(text, {.numbers = JsonNumbers::ieee754}) == *value);
  return 0;
}
