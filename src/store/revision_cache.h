// SPDX-License-Identifier: Apache-2.0
// RevisionCache: the revisions of records used lately, as the only writer knows them, so that a
// call's checks read no disk; and their weights (vault/row_keys.h), so that a write need not read
// what it replaces. Bounded: two generations, of which the older is dropped when the younger is
// full. Of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "broker/store.h"
#include "vault/row_keys.h"

namespace writ::store {

struct KnownRecord {
  std::uint64_t revision = 0;  // 0: there is none
  vault::Tally weight;
};

class RevisionCache {
 public:
  explicit RevisionCache(std::size_t generation) : generation_(generation) {}

  static std::string key(std::int64_t workspace, broker::RecordKind kind, std::string_view id) {
    std::string key(reinterpret_cast<const char*>(&workspace), sizeof workspace);
    key.push_back(static_cast<char>(kind));
    key.append(id);
    return key;
  }

  std::optional<KnownRecord> find(const std::string& key) {
    if (const auto found = young_.find(key); found != young_.end()) return found->second;
    const auto found = old_.find(key);
    if (found == old_.end()) return std::nullopt;
    const auto known = found->second;
    set(key, known);
    return known;
  }
  void set(const std::string& key, KnownRecord known) {
    if (young_.size() >= generation_) old_ = std::exchange(young_, {});
    young_.insert_or_assign(key, known);
  }
  void clear() {
    young_.clear();
    old_.clear();
  }

 private:
  std::size_t generation_;
  std::unordered_map<std::string, KnownRecord> young_;
  std::unordered_map<std::string, KnownRecord> old_;
};

}  // namespace writ::store
