// SPDX-License-Identifier: Apache-2.0
#include "cedar/pattern.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cedar/text.h"
#include "wire/utf8.h"

namespace writ::cedar {

Pattern::Pattern(std::vector<char32_t> elements)
    : elements_(std::move(elements)), borders_(elements_.size()) {
  // Knuth, Morris and Pratt's failure function, of each run between wildcards by itself.
  std::size_t start = 0;
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    if (elements_[i] == kWildcard) {
      start = i + 1;
    } else if (i > start) {
      std::uint32_t border = borders_[i - 1];
      while (border > 0 && elements_[start + border] != elements_[i]) {
        border = borders_[start + border - 1];
      }
      borders_[i] = elements_[start + border] == elements_[i] ? border + 1 : border;
    }
  }
}

bool Pattern::matches(std::string_view text) const {
  std::size_t at = 0;
  std::size_t start = 0;
  for (; start < elements_.size() && elements_[start] != kWildcard; ++start) {
    if (at == text.size() || next_code_point(text, at) != elements_[start]) return false;
  }
  if (start == elements_.size()) return at == text.size();

  // Of each run but the last the first place where it fits is the one to take: a later one leaves
  // less for the runs after it. The last must end where the text ends.
  while (true) {
    ++start;
    const auto end =
        static_cast<std::size_t>(std::find(elements_.begin() + static_cast<std::ptrdiff_t>(start),
                                           elements_.end(), kWildcard) -
                                 elements_.begin());
    const std::size_t length = end - start;
    const bool is_last = end == elements_.size();
    std::size_t matched = 0;
    while (is_last || matched < length) {
      if (at == text.size()) return is_last && matched == length;
      const auto c = next_code_point(text, at);
      if (!c) return false;
      if (matched == length && length > 0) matched = borders_[end - 1];
      while (matched > 0 && elements_[start + matched] != *c) {
        matched = borders_[start + matched - 1];
      }
      if (matched < length && elements_[start + matched] == *c) ++matched;
    }
    start = end;
  }
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
