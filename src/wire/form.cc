// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "wire/ascii.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ {
namespace {

void append_encoded(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (ascii::is_alnum(c) || ascii::is_one_of(c, "*-._")) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else if (c == '~') {  // unreserved in RFC 3986, encoded in forms
      out += "%7E";
    } else {
      out += percent_encode({&c, 1});
    }
  }
}

Expected<std::string> decode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced);
}

}  // namespace

std::vector<std::string_view> Form::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& field : fields_) {
    if (field.name == name) out.emplace_back(field.value);
  }
  return out;
}

Expected<std::optional<std::string_view>> Form::get_unique(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& field : fields_) {
    if (field.name != name) continue;
    if (found) {
      return fail(Errc::invalid_input, "the field is given more than once", std::string(name));
    }
    found = field.value;
  }
  return found;
}

Expected<std::string_view> Form::require(std::string_view name) const {
  WRIT_TRY(const auto found, get_unique(name));
  if (!found) return fail(Errc::invalid_input, "the field is missing", std::string(name));
  if (found->empty()) return fail(Errc::invalid_input, "the field is empty", std::string(name));
  return *found;
}

std::optional<std::string_view> Form::duplicate() const {
  std::set<std::string_view> seen;
  for (const auto& field : fields_) {
    if (!seen.insert(field.name).second) return field.name;
  }
  return std::nullopt;
}

std::string Form::encode() const {
  std::string out;
  for (const auto& field : fields_) {
    if (!out.empty()) out += '&';
    append_encoded(field.name, out);
    out += '=';
    append_encoded(field.value, out);
  }
  return out;
}

Expected<Form> parse_form(std::string_view text, const FormLimits& limits) {
  if (text.size() > limits.bytes) {
    return fail(Errc::too_large,
                "the form is longer than " + std::to_string(limits.bytes) + " bytes");
  }
  if (!std::ranges::all_of(text, ascii::is_visible)) {
    return fail(Errc::invalid_input,
                "the form has a space, a control character or a character outside ASCII");
  }
  std::vector<FormField> fields;
  while (!text.empty()) {
    if (fields.size() == limits.fields) {
      return fail(Errc::too_large,
                  "the form has more than " + std::to_string(limits.fields) + " fields");
    }
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    const auto equals = pair.find('=');
    const auto where = "field " + std::to_string(fields.size() + 1);
    auto name = decode(pair.substr(0, equals));
    auto value =
        decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) {
      Error error = !name ? std::move(name).error() : std::move(value).error();
      error.where = where;
      return std::unexpected(std::move(error));
    }
    if (name->empty()) return fail(Errc::invalid_input, "a field without a name", where);
    fields.push_back({*std::move(name), *std::move(value)});
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) return fail(Errc::invalid_input, "the form ends in &");
  }
  return Form(std::move(fields));
}

}  // namespace writ
