// SPDX-License-Identifier: Apache-2.0
#include "vault/row_keys.h"

#include <algorithm>

#include "vault/keys.h"

namespace writ::vault {
namespace {

constexpr std::string_view kPurpose = "writ-row-macs-v1";
constexpr std::size_t kKeySize = 32;

void put_number(Bytes& into, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    into.push_back(static_cast<std::uint8_t>(value >> shift));
}

void put_bytes(Bytes& into, BytesView bytes) {
  put_number(into, bytes.size());
  into.insert(into.end(), bytes.begin(), bytes.end());
}

void put_fields(Bytes& into, std::initializer_list<RowField> fields) {
  for (const auto& field : fields) {
    if (const auto* number = std::get_if<std::uint64_t>(&field)) {
      put_number(into, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&field)) {
      put_bytes(into, as_bytes(*text));
    } else {
      put_bytes(into, std::get<BytesView>(field));
    }
  }
}

// What is hashed, without an allocation for each row.
Bytes& empty_message() {
  constexpr std::size_t kKept = 65'536;
  thread_local Bytes message;
  if (message.capacity() > kKept) message = Bytes();
  message.clear();
  return message;
}

RowTag first_half(const Digest& digest) {
  RowTag tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace

RowMac RowKey::mac(std::string_view table, std::initializer_list<RowField> fields) const {
  auto& message = empty_message();
  put_bytes(message, as_bytes(table));
  put_fields(message, fields);
  const auto digest = key_.mac(message);
  RowMac out{.tag = first_half(digest), .weight = {}};
  for (auto at = out.tag.size(); at < digest.size(); ++at)
    out.weight.sum_ = out.weight.sum_ << 8 | digest[at];
  return out;
}

RowTag RowKey::mac(std::string_view set, const Tally& tally,
                   std::initializer_list<RowField> fields) const {
  auto& message = empty_message();
  put_bytes(message, as_bytes(set));
  put_number(message, static_cast<std::uint64_t>(tally.sum_ >> 64));
  put_number(message, static_cast<std::uint64_t>(tally.sum_));
  put_fields(message, fields);
  const auto digest = key_.mac(message);
  wipe(message);  // the sum
  return first_half(digest);
}

bool same(const RowTag& tag, BytesView stored) { return equal_constant_time(tag, stored); }

RowKey RowKeys::of(WorkspaceId workspace) const {
  return RowKey(crypto::hkdf_sha256(root_.reveal(), {}, workspace.raw(), kKeySize));
}

RowKeys SealKey::row_keys() const {
  return RowKeys(
      crypto::hkdf_sha256(root_.key_.reveal_key().reveal(), {}, as_bytes(kPurpose), kKeySize));
}

}  // namespace writ::vault
