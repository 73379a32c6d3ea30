// SPDX-License-Identifier: Apache-2.0
#include "tools/text_value.h"

#include <algorithm>

#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::tools {
namespace {

bool is_integer_text(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return false;
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Expected<Json> number_from_text(TextType type, std::string_view text) {
  const bool integer = type == TextType::integer;
  const std::string_view words =
      integer ? "must be a whole number, in digits alone" : "must be a number as JSON writes it";
  // parse_json would take blanks around a number.
  const bool looks_right = integer ? is_integer_text(text) && text != "-0"
                                   : text.find_first_not_of("0123456789+-.eE") == text.npos;
  if (!looks_right || text.size() > 40) return fail(Errc::invalid_input, std::string(words));
  auto value = parse_json(text);
  if (!value || (!value->is_int64() && (integer || !value->is_double()))) {
    return fail(Errc::invalid_input, std::string(words));
  }
  return *std::move(value);
}

}  // namespace

Expected<Json> value_from_text(TextType type, std::string_view text) {
  switch (type) {
    case TextType::integer:
    case TextType::number:
      return number_from_text(type, text);
    case TextType::boolean:
      if (text != "true" && text != "false") {
        return fail(Errc::invalid_input, "must be true or false");
      }
      return Json(text == "true");
    case TextType::string:
      break;
  }
  if (!is_utf8(text)) return fail(Errc::invalid_input, "is not UTF-8");
  if (text.contains('\0')) return fail(Errc::invalid_input, "must not contain a NUL");
  return Json(boost::json::string(text));
}

Expected<std::string> text_from_value(TextType type, const Json& value) {
  switch (type) {
    case TextType::string:
      if (!value.is_string()) return fail(Errc::invalid_input, "must be a string");
      if (text_of(value.get_string()).contains('\0')) {
        return fail(Errc::invalid_input, "must not contain a NUL");
      }
      return std::string(text_of(value.get_string()));
    case TextType::integer:
      if (!value.is_int64()) return fail(Errc::invalid_input, "must be a whole number");
      return canonical_json(value);
    case TextType::number:
      if (!value.is_number()) return fail(Errc::invalid_input, "must be a number");
      return canonical_json(value);
    case TextType::boolean:
      if (!value.is_bool()) return fail(Errc::invalid_input, "must be true or false");
      return std::string(value.get_bool() ? "true" : "false");
  }
  return fail(Errc::internal, "an argument of no type");
}

Expected<void> may_stand_in_header(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' ||
      !std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) {
    return fail(Errc::invalid_input,
                "must be visible ASCII without blanks at its ends, as it stands in a header");
  }
  return {};
}

}  // namespace writ::tools
