// SPDX-License-Identifier: Apache-2.0
// JSON Web Keys (RFC 7517, 7518 section 6, 8037), public ones only.
//
// A key and its algorithm are one: an EC P-256 key is for ES256, an Ed25519 key for EdDSA, an RSA
// key for the one of RS256 and PS256 that its record names. A token's header is compared with the
// key's algorithm and never chooses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/ed25519.h"
#include "crypto/es256.h"
#include "crypto/rsa_public_key.h"
#include "wire/json.h"

namespace writ::jose {

enum class Algorithm : std::uint8_t { es256, eddsa, rs256, ps256 };

// As in the `alg` of a header: "ES256".
std::string_view name(Algorithm algorithm);
// Exactly as spelled there; unsupported for everything else ("none" and "HS256" among it).
Expected<Algorithm> algorithm_named(std::string_view name);

class Jwk;

struct JwkRules {
  // The algorithms whose keys are taken. RSA has to be asked for: only foreign identity providers
  // use it. An RSA key that names no algorithm is taken if this list has exactly one for RSA.
  std::vector<Algorithm> algorithms = {Algorithm::es256, Algorithm::eddsa};
  std::size_t max_keys = 64;  // of a set
  std::size_t max_kid = 256;  // bytes
  // A key of P-256 that is probably meant: one with the same numbers is not built and checked anew.
  const Jwk* likely = nullptr;  // lives as long as the call
};

// A valid public key. Cheap to copy. Thread-safe.
class Jwk {
 public:
  // unsupported for a key of another kind, use or algorithm; invalid_input for one that is
  // malformed, not on its curve, or has private members ("d", "k", …). Members that are neither are
  // ignored, as RFC 7517 section 4 says.
  static Expected<Jwk> from_json(const Json& json, const JwkRules& rules = {});

  // Without a kid until with_kid().
  explicit Jwk(crypto::Es256PublicKey key);
  explicit Jwk(crypto::Ed25519PublicKey key);
  Jwk(crypto::RsaPublicKey key, crypto::RsaScheme scheme);
  Jwk with_kid(std::string kid) const;

  Algorithm algorithm() const { return algorithm_; }
  const std::string& kid() const { return kid_; }  // empty if it has none
  // RFC 7638 with SHA-256, base64url: names the key whoever's kid says what.
  const std::string& thumbprint() const { return thumbprint_; }

  // kty, crv, x, y or n, e; alg, use "sig", and kid if it has one. from_json() of it is this key.
  JsonObject to_json() const;

  // Those of RFC 7638 section 3.2: kty, crv, x, y or kty, n, e.
  JsonObject required_members() const;

  bool is_p256(BytesView x, BytesView y) const;
  bool verify(BytesView message, BytesView signature) const;

  // The same key and algorithm, whatever the kid.
  friend bool operator==(const Jwk& a, const Jwk& b) {
    return a.algorithm_ == b.algorithm_ && a.thumbprint_ == b.thumbprint_;
  }

 private:
  using Key = std::variant<crypto::Es256PublicKey, crypto::Ed25519PublicKey, crypto::RsaPublicKey>;
  Jwk(Key key, Algorithm algorithm);

  Key key_;
  Algorithm algorithm_;
  std::string kid_;
  std::string thumbprint_;
};

// JwkSet: the keys of one issuer. Every kid is of one key. An empty set verifies nothing.
// Thread-safe.
class JwkSet {
 public:
  JwkSet() = default;
  // {"keys": […]}. Keys for which from_json() says unsupported are left out (RFC 7517 section 5);
  // invalid_input for a malformed key and for a kid that occurs twice among the others; too_large
  // for more than rules.max_keys.
  static Expected<JwkSet> from_json(const Json& json, const JwkRules& rules = {});
  // invalid_input for a kid that occurs twice.
  static Expected<JwkSet> of(std::vector<Jwk> keys);

  // The key with this kid. Without a kid (empty): the only key of the set, or null if there are
  // more or none (OpenID Connect Core section 10.1).
  const Jwk* find(std::string_view kid) const;
  const Jwk* find_thumbprint(std::string_view thumbprint) const;

  const std::vector<Jwk>& keys() const { return keys_; }
  bool empty() const { return keys_.empty(); }
  JsonObject to_json() const;

 private:
  explicit JwkSet(std::vector<Jwk> keys) : keys_(std::move(keys)) {}
  std::vector<Jwk> keys_;
};

}  // namespace writ::jose
