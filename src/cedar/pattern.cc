// SPDX-License-Identifier: Apache-2.0
#include "cedar/pattern.h"

#include <cstddef>
#include <utility>

#include "cedar/text.h"
#include "wire/utf8.h"

namespace writ::cedar {

Pattern::Pattern(std::vector<char32_t> elements) : elements_(std::move(elements)) {}

bool Pattern::matches(std::string_view text) const {
  // Greedy with one point of return: the last wildcard. Letting an earlier one take more cannot
  // help where the last one's best did not.
  std::size_t at = 0;
  std::size_t element = 0;
  std::size_t retry_at = 0;
  std::size_t retry_element = std::string_view::npos;
  while (at < text.size()) {
    if (element < elements_.size() && elements_[element] == kWildcard) {
      retry_element = ++element;
      retry_at = at;
      continue;
    }
    std::size_t next = at;
    const auto c = next_code_point(text, next);
    if (!c) return false;
    if (element < elements_.size() && elements_[element] == *c) {
      at = next;
      ++element;
    } else if (retry_element != std::string_view::npos) {
      if (!next_code_point(text, retry_at)) return false;
      at = retry_at;
      element = retry_element;
    } else {
      return false;
    }
  }
  while (element < elements_.size() && elements_[element] == kWildcard) ++element;
  return element == elements_.size();
}

std::string Pattern::to_string() const {
  std::string out = "\"";
  for (const char32_t c : elements_) {
    if (c == kWildcard) {
      out += '*';
    } else if (c == U'*') {
      out += "\\*";
    } else {
      append_escaped(out, c);
    }
  }
  out += '"';
  return out;
}

}  // namespace writ::cedar
