// SPDX-License-Identifier: Apache-2.0
// The keys of the vault, from the outside in.
//
//   SealKey     32 bytes from a file or the service manager, never in the data directory (P22)
//     ├─ derives the RowKeys, under which the store's rows carry their MACs (row_keys.h)
//     └─ wraps the DataKey of each workspace, and the server's own private keys
//   DataKey     one a workspace; seals what the workspace keeps secret, each purpose under its own
//   associated data
//
// A sealed value, as stored; everything but the last field is also the associated data, with the
// owner's ids:
//
//   ┌─────────┬─────────┬─────────────┬──────────────────────────┐
//   │ 'W'     │ format  │ key number  │ nonce ‖ ciphertext ‖ tag │
//   │ 1 byte  │ 1 byte  │ 4 bytes BE  │ crypto/aead.h            │
//   └─────────┴─────────┴─────────────┴──────────────────────────┘
//
// The key number says under which key it was sealed, so that values can be wrapped again under a
// later one while both are in use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/id.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "crypto/aead.h"
#include "vault/row_keys.h"

namespace writ::vault {

// What a sealed value is for. A value sealed for one purpose, workspace, owner or version does not
// open for another.
struct Purpose {
  std::string_view use;    // what kind of thing: "credential", "arguments", "approval", …
  WorkspaceId workspace;   // nil for what belongs to the server
  std::string_view owner;  // the id of the record that holds it
  std::uint64_t version = 0;
};

// One symmetric key with its number. Movable; thread-safe for const use.
class SealingKey {
 public:
  SealingKey(std::uint32_t number, crypto::AeadKey key) : number_(number), key_(std::move(key)) {}

  std::uint32_t number() const { return number_; }
  Bytes seal(Random& random, BytesView plain, const Purpose& purpose) const;
  // invalid_input where the format, key number, purpose or any bit differs; it never says which
  // bit.
  Expected<SecretBytes> open(BytesView sealed, const Purpose& purpose) const;
  // A key of `size` bytes for another use than sealing: HKDF-SHA256 with `use` as its info. Who has
  // it cannot find this key, nor that of another use.
  SecretBytes derive(std::string_view use, std::size_t size) const;

 private:
  friend class SealKey;
  std::uint32_t number_;
  crypto::AeadKey key_;
};

// The root. Its bytes are read once, at start.
class SealKey {
 public:
  // `text` is 64 hexadecimal digits, as generate_text() makes them, with or without a newline at
  // the end.
  static Expected<SealKey> from_text(const SecretBytes& text);
  static SecretBytes generate_text(Random& random);

  // A new data key for the workspace, and its wrapped form for the store.
  struct NewDataKey;
  NewDataKey new_data_key(Random& random, WorkspaceId workspace) const;
  Expected<SealingKey> unwrap_data_key(BytesView wrapped, WorkspaceId workspace) const;

  // The server's own private keys (token, log), sealed under the root itself.
  Bytes seal_signing_key(Random& random, BytesView pkcs8, std::string_view key_id) const;
  Expected<SecretBytes> open_signing_key(BytesView sealed, std::string_view key_id) const;

  // The same ones each time.
  RowKeys row_keys() const;

 private:
  explicit SealKey(SealingKey root) : root_(std::move(root)) {}
  SealingKey root_;
};

struct SealKey::NewDataKey {
  SealingKey key;
  Bytes wrapped;
};

}  // namespace writ::vault
