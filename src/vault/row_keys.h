// SPDX-License-Identifier: Apache-2.0
// The keys of the store's MACs (P36). Only a SealKey makes RowKeys, and only RowKeys make a RowKey:
// so there is no MAC without the seal.
//
//   SealKey ── HKDF "writ-row-macs-v1" ──▶ RowKeys ── HKDF workspace id ──▶ RowKey of a workspace
//
// A row's MAC is HMAC-SHA-256 over its fields, each preceded by its length. Its first half is the
// `tag`, which is stored with the row. Its second half is the `weight`, which is stored nowhere: a
// Tally sums the weights of all rows there are, so that one missing row, or an older one in its
// place, shows in the sum. What a thief of the disk sees, tags and the MAC of a sum, tells nothing
// of the weights, so other rows with the same sum cannot be looked for.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/id.h"
#include "base/secret_bytes.h"
#include "crypto/hash.h"

namespace writ::vault {

using RowTag = std::array<std::uint8_t, 16>;

// The sum of a set of rows' weights, modulo 2^128.
class Tally {
 public:
  void add(const Tally& other) { sum_ += other.sum_; }
  void subtract(const Tally& other) { sum_ -= other.sum_; }
  friend bool operator==(const Tally&, const Tally&) = default;

 private:
  friend class RowKey;
  unsigned __int128 sum_ = 0;
};

struct RowMac {
  RowTag tag{};
  Tally weight;
};

using RowField = std::variant<std::uint64_t, std::string_view, BytesView>;

// Of one workspace. Movable; thread-safe for const use.
class RowKey {
 public:
  // `table` says what kind of row it is. Every use of a table has the same number of fields.
  RowMac mac(std::string_view table, std::initializer_list<RowField> fields) const;
  // Of a whole set of rows, and of what else is to hold of it.
  RowTag mac(std::string_view set, const Tally& tally,
             std::initializer_list<RowField> fields) const;

 private:
  friend class RowKeys;
  explicit RowKey(const SecretBytes& key) : key_(key.reveal()) {}
  crypto::HmacKey key_;
};

bool same(const RowTag& tag, BytesView stored);

class RowKeys {
 public:
  RowKey of(WorkspaceId workspace) const;

 private:
  friend class SealKey;
  explicit RowKeys(SecretBytes root) : root_(std::move(root)) {}
  SecretBytes root_;
};

}  // namespace writ::vault
