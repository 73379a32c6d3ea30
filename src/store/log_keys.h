// SPDX-License-Identifier: Apache-2.0
// The keys of log rows: the workspace's number and the index in one integer, so that the log is one
// tree that is appended to. Every read of the log goes by a range from here, which cannot reach
// another workspace's rows whatever index it is asked for (P10).
#pragma once

#include <algorithm>
#include <cstdint>

namespace writ::store {

inline constexpr unsigned kIndexBits = 40;
inline constexpr std::uint64_t kMaxLogSize = std::uint64_t{1} << kIndexBits;
inline constexpr std::int64_t kMaxWorkspaces = std::int64_t{1} << (62 - kIndexBits);

struct LogRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

// `number` is 1 to kMaxWorkspaces, `index` below kMaxLogSize.
constexpr std::int64_t log_key(std::int64_t number, std::uint64_t index) {
  return number << kIndexBits | static_cast<std::int64_t>(index);
}
constexpr std::uint64_t log_index(std::int64_t key) {
  return static_cast<std::uint64_t>(key) & (kMaxLogSize - 1);
}
// The rows of a workspace with an index of `from` or more; none where it is out of range.
constexpr LogRange log_range(std::int64_t number, std::uint64_t from) {
  const auto end = (number + 1) << kIndexBits;
  return {(number << kIndexBits) + static_cast<std::int64_t>(std::min(from, kMaxLogSize)), end};
}

}  // namespace writ::store
