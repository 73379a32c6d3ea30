// SPDX-License-Identifier: Apache-2.0
// The values of fields that have a grammar of their own.
#include <algorithm>
#include <charconv>
#include <set>

#include "wire/ascii.h"
#include "wire/http_fields.h"

namespace writ {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Reads the pieces of RFC 9110 section 5.6 from the front of a value.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  // Empty if none stands here.
  std::string_view token() {
    const auto end = std::ranges::find_if_not(rest_, [](char c) { return ascii::is_token(c); });
    const auto out = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(out.size());
    return out;
  }
  // A token or a quoted-string, unquoted.
  std::optional<std::string> word() {
    if (!take('"')) {
      const auto plain = token();
      if (plain.empty()) return std::nullopt;
      return std::string(plain);
    }
    std::string out;
    while (!rest_.empty()) {
      if (take('"')) return out;
      take('\\');
      if (rest_.empty()) break;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

// *( OWS ";" OWS [ token "=" word ] ) up to the end; nothing if it is anything else.
std::optional<Parameters> scan_parameters(Scanner& in) {
  Parameters out;
  while (true) {
    in.skip_space();
    if (in.at_end()) return out;
    if (!in.take(';')) return std::nullopt;
    in.skip_space();
    const auto name = in.token();
    if (name.empty()) continue;
    if (!in.take('=')) return std::nullopt;
    auto value = in.word();
    if (!value) return std::nullopt;
    out.emplace_back(to_lower(name), *std::move(value));
  }
}

// The weight in thousandths (RFC 9110 section 12.4.2).
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!ascii::is_digit(c)) return std::nullopt;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

void read_preference(std::string_view member, std::set<std::string>& seen, Preferences& out) {
  Scanner in(member);
  const std::string name = to_lower(in.token());
  if (name.empty() || !seen.insert(name).second) return;
  in.skip_space();
  std::optional<std::string> value;
  if (in.take('=')) {
    in.skip_space();
    value = in.word();
    if (!value) return;
  }
  if (name == "respond-async") out.respond_async = true;
  if (name == "wait" && value && !value->empty() && value->size() <= 9 &&
      std::ranges::all_of(*value, ascii::is_digit)) {
    int count = 0;
    std::from_chars(value->data(), value->data() + value->size(), count);
    out.wait = seconds(count);
  }
}

}  // namespace

Expected<std::vector<std::string_view>> split_list(std::string_view value) {
  std::vector<std::string_view> out;
  const auto take = [&](std::size_t begin, std::size_t end) {
    const auto member = trim(value.substr(begin, end - begin));
    if (!member.empty()) out.push_back(member);
  };
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '"') {
      quoted = !quoted;
    } else if (quoted && value[i] == '\\') {
      ++i;
    } else if (!quoted && value[i] == ',') {
      take(begin, i);
      begin = i + 1;
    }
  }
  if (quoted) return fail(Errc::invalid_input, "a quoted string without its closing quote");
  take(begin, value.size());
  return out;
}

Expected<std::string> quote_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c != '\t' && c != ' ' && !ascii::is_visible(c)) {
      return fail(Errc::invalid_input, "a quoted string has a control or non-ASCII character");
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Preferences parse_prefer(const Fields& fields) {
  Preferences out;
  std::set<std::string> seen;
  for (const auto value : fields.all("Prefer")) {
    const auto members = split_list(value);
    if (!members) continue;
    for (const auto member : *members) read_preference(member, seen, out);
  }
  return out;
}

std::optional<std::string_view> MediaType::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return std::nullopt;
}

Expected<MediaType> parse_media_type(std::string_view text) {
  const auto refused = [] { return fail(Errc::invalid_input, "not a media type"); };
  Scanner in(text);
  const auto type = in.token();
  if (type.empty() || !in.take('/')) return refused();
  const auto subtype = in.token();
  if (subtype.empty()) return refused();
  auto parameters = scan_parameters(in);
  if (!parameters) return refused();
  std::set<std::string_view> names;
  for (const auto& [name, value] : *parameters) {
    if (!names.insert(name).second) {
      return fail(Errc::invalid_input, "a media type with the same parameter twice");
    }
  }
  return MediaType{.essence = to_lower(type) + '/' + to_lower(subtype),
                   .parameters = *std::move(parameters)};
}

bool accepts(const Fields& fields, std::string_view essence) {
  if (!fields.contains("Accept")) return true;
  const auto members = fields.list("Accept");
  if (!members) return false;
  const std::string any_subtype = std::string(essence.substr(0, essence.find('/'))) + "/*";
  int best_match = 0;  // the most specific range decides: 3 itself, 2 type/*, 1 */*
  int best_weight = 0;
  for (const auto member : *members) {
    const auto range = parse_media_type(member);
    if (!range) continue;
    const int match = equal_ignoring_case(range->essence, essence)       ? 3
                      : equal_ignoring_case(range->essence, any_subtype) ? 2
                      : range->essence == "*/*"                          ? 1
                                                                         : 0;
    const auto weight = parse_weight(range->parameter("q").value_or("1"));
    if (match == 0 || !weight || match < best_match) continue;
    best_weight = match > best_match ? *weight : std::max(best_weight, *weight);
    best_match = match;
  }
  return best_weight > 0;
}

Expected<AuthorizationValue> parse_authorization(std::string_view value) {
  const auto refused = [] {
    return fail(Errc::invalid_input, "not a scheme, one space and one token", "Authorization");
  };
  const auto space = value.find(' ');
  if (space == std::string_view::npos || !is_token(value.substr(0, space))) return refused();
  const auto token = value.substr(space + 1);
  // token68: characters, then any number of "=".
  const auto end = token.find_last_not_of('=');
  if (end == std::string_view::npos || !std::ranges::all_of(token.substr(0, end + 1), [](char c) {
        return ascii::is_unreserved(c) || c == '+' || c == '/';
      })) {
    return refused();
  }
  return AuthorizationValue{.scheme = value.substr(0, space), .token = token};
}

}  // namespace writ
