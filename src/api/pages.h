// SPDX-License-Identifier: Apache-2.0
// Pages of lists (P34, P37): how many a request asks for, and from where on. A page is bounded in
// count and in bytes, so that no answer grows with what others have put into a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ::api {

struct PageAsked {
  std::size_t limit = 0;
  std::optional<std::string> cursor;
};
inline constexpr std::size_t kMostOfPage = 100;
inline constexpr std::size_t kPageBytes = std::size_t{1} << 20;

// A whole number in its one spelling; invalid_input at `where`.
Expected<std::uint64_t> parse_number(std::string_view text, std::string_view where);

// `limit` (1 to kMostOfPage, which is also the default) and `cursor` of a query; invalid_input.
Expected<PageAsked> page_asked(const Form& query);

// Counts what goes into a page, which has at least one element.
class PageRoom {
 public:
  // Whether it has room for this one too.
  bool take(const JsonObject& element);

 private:
  std::size_t bytes_ = 0;
  bool empty_ = true;
};

}  // namespace writ::api
