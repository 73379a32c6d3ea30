// SPDX-License-Identifier: Apache-2.0
// UserKey: a person's own key, as it lies on disk: under a passphrase (crypto/passphrase.h), which
// is asked for each time and kept nowhere (protocol.md P20).
//
//   {"public":{JWK},"sealed":"<base64 of the sealed PKCS #8>","server":"https://writ.example",
//    "type":"writ-user-key","user":"bob","v":1,"workspace":"acme"}
//
// The members beside `sealed` are what it is sealed for: a file with another name, server or public
// key in it does not open.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "crypto/passphrase.h"
#include "jose/signer.h"
#include "wire/url.h"

namespace writ::cli {

// A user of a workspace of a server. Names are identity::is_name().
struct Identity {
  std::string server;  // its origin
  std::string workspace;
  std::string user;

  // "acme.bob@writ.example": of a file about this identity. Different identities may have equal
  // stems only where servers differ in punctuation alone; the file says which one it is.
  std::string file_stem() const;
  friend bool operator==(const Identity&, const Identity&) = default;
};

// invalid_input where a name is none.
Expected<Identity> make_identity(const Url& server, std::string_view workspace,
                                 std::string_view user);

class UserKey {
 public:
  // A new ES256 key.
  static Expected<UserKey> generate(Identity owner, const SecretBytes& passphrase, Random& random,
                                    const crypto::PassphraseCost& cost = {});

  // One that is there already, under the passphrase.
  static Expected<UserKey> seal(Identity owner, const crypto::Es256PrivateKey& key,
                                const SecretBytes& passphrase, Random& random,
                                const crypto::PassphraseCost& cost = {});

  static Expected<UserKey> parse(std::string_view text);
  std::string to_text() const;

  const Identity& owner() const { return owner_; }
  const jose::Jwk& public_jwk() const { return public_; }

  // denied where the passphrase is another or the file was changed.
  Expected<jose::Es256Signer> open(const SecretBytes& passphrase) const;

 private:
  UserKey(Identity owner, jose::Jwk public_key)
      : owner_(std::move(owner)), public_(std::move(public_key)) {}
  JsonObject about() const;  // what it is sealed for

  Identity owner_;
  jose::Jwk public_;
  Bytes sealed_;
};

// keys/STEM.json under the configuration directory.
std::filesystem::path user_key_path(const std::filesystem::path& home, const Identity& owner);

// A new key until the server has answered that it is enrolled. It lies beside the key that may
// still be the enrolled one, as keys/STEM.new-KID.json, so that a lost answer loses neither.
class PendingKeys {
 public:
  PendingKeys(const std::filesystem::path& home, Identity owner)
      : current_(user_key_path(home, owner)), owner_(std::move(owner)) {}

  // Newest first. Files that cannot be read are left out, and where they lie.
  std::vector<UserKey> all() const;
  // Durable before it returns; too_large where there are kMost already.
  Expected<void> keep(const UserKey& key) const;
  // It is enrolled: it becomes keys/STEM.json in one step, and the key before it STEM.json.old.
  Expected<void> promote(const UserKey& key) const;
  // It is certain that the server did not take it.
  Expected<void> drop(const UserKey& key) const;

  static constexpr std::size_t kMost = 16;

 private:
  std::filesystem::path path(const UserKey& key) const;

  std::filesystem::path current_;
  Identity owner_;
};

// not_found, with the next step, where there is none; denied where others may read it.
Expected<UserKey> load_user_key(const std::filesystem::path& home, const Identity& owner);

}  // namespace writ::cli
