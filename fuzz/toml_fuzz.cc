// SPDX-License-Identifier: Apache-2.0
// room: wire
// TOML. What parses is a value that the API's JSON could have brought as well, and each error and
// each place lies within the file.
#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/json.h"
#include "wire/toml.h"
#include "wire/utf8.h"

namespace {

using namespace writ;

// "f:line:column" with the line in the file, or "f".
void check_place(std::string_view place, std::size_t lines) {
  WRIT_CHECK(place.starts_with("f"));
  if (place == "f") return;
  std::size_t line = 0;
  std::from_chars(place.data() + 2, place.data() + place.size(), line);
  WRIT_CHECK(line >= 1 && line <= lines);
}

void check_places(const TomlDocument& document, const Json& value, const std::string& pointer,
                  std::size_t lines) {
  check_place(document.place(pointer), lines);
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      check_places(document, member.value(), json_pointer(pointer, text_of(member)), lines);
    }
  } else if (const auto* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      check_places(document, (*array)[i], json_pointer(pointer, i), lines);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});

  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
  const auto document = parse_toml(text, "f");
  if (!document) {
    check_place(document.error().where, lines);
    WRIT_CHECK(is_utf8(document.error().message));
    return 0;
  }
  check_places(*document, document->value(), "", lines);
  const JsonLimits wide{.bytes = 100 << 20, .members = 20'000};
  WRIT_CHECK(parse_json(write_json(document->value()), wide) == document->value());
  return 0;
}
