// SPDX-License-Identifier: Apache-2.0
#include "api/pages.h"

#include <charconv>
#include <utility>

#include "wire/canonical.h"

namespace writ::api {

Expected<std::uint64_t> parse_number(std::string_view text, std::string_view where) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool one_spelling = text == "0" || !text.starts_with('0');
  if (text.empty() || text.size() > 16 || error != std::errc() ||
      end != text.data() + text.size() || !one_spelling) {
    return fail(Errc::invalid_input, "not a whole number", std::string(where));
  }
  return value;
}

Expected<PageAsked> page_asked(const Form& query) {
  PageAsked out{.limit = kMostOfPage, .cursor = std::nullopt};
  WRIT_TRY(const auto limit, query.get_unique("limit"));
  if (limit) {
    WRIT_TRY(const auto value, parse_number(*limit, "limit"));
    if (value < 1 || value > kMostOfPage) {
      return fail(Errc::invalid_input, "is not a number from 1 to " + std::to_string(kMostOfPage),
                  "limit");
    }
    out.limit = value;
  }
  WRIT_TRY(const auto cursor, query.get_unique("cursor"));
  if (cursor) out.cursor = std::string(*cursor);
  return out;
}

bool PageRoom::take(const JsonObject& element) {
  bytes_ += canonical_json(element).size();
  return std::exchange(empty_, false) || bytes_ <= kPageBytes;
}

}  // namespace writ::api
