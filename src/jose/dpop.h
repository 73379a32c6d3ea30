// SPDX-License-Identifier: Apache-2.0
// DPoP proofs (RFC 9449): a request signed with the sender's key, so that a stolen token is of no
// use without it. P8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/jwt.h"
#include "jose/signer.h"

namespace writ::jose {

// What the request at hand is. Views live as long as the call.
struct ExpectedProof {
  std::string_view method;  // as in the request line
  // The exact URL, from `public_url` and never from Host, without query and fragment.
  std::string_view url;
  // The access token that comes with the request; none at the token endpoint. With one, `ath` must
  // fit it.
  std::optional<std::string_view> access_token;
  seconds window{60};  // how far `iat` may be from now, either way
  // The key that the proof is probably of, which saves building it from the proof's own copy.
  const Jwk* likely_key = nullptr;
};

// Made by verify_dpop_proof() alone. Whether `jti` was seen before is the caller's to find out, for
// as long as twice the window, per key. Thread-safe.
class VerifiedProof {
 public:
  // The key that signed.
  const Jwk& key() const { return key_; }
  // RFC 7638; what a bound token has in `cnf.jkt`.
  const std::string& thumbprint() const { return key_.thumbprint(); }
  const std::string& jti() const { return jti_; }  // 1 to 128 visible ASCII characters
  TimePoint issued_at() const { return issued_at_; }
  const std::optional<std::string>& nonce() const { return nonce_; }

  // unauthenticated unless `token` is bound to the key of this proof; a bearer token is not.
  Expected<void> check_bound(const VerifiedJwt& token) const;

 private:
  friend class ProofVerifier;
  explicit VerifiedProof(Jwk key) : key_(std::move(key)) {}

  Jwk key_;
  std::string jti_;
  TimePoint issued_at_;
  std::optional<std::string> nonce_;
};

// Section 4.3, all checks but the nonce's and the replay's. `proof` is the value of the one DPoP
// header of the request. Every error is unauthenticated.
Expected<VerifiedProof> verify_dpop_proof(std::string_view proof, const ExpectedProof& expected,
                                          TimePoint now, const JwsLimits& limits = {});

// For clients. `url` without query and fragment; `nonce` as the server gave it, or empty.
std::string make_dpop_proof(const Signer& signer, std::string_view method, std::string_view url,
                            std::optional<std::string_view> access_token, const Clock& clock,
                            Random& random, std::string_view nonce = {});

// base64url(SHA-256(token)): `ath`, and the name under which a token's use may be recorded.
std::string token_hash(std::string_view token);

}  // namespace writ::jose
