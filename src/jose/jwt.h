// SPDX-License-Identifier: Apache-2.0
// JSON Web Tokens (RFC 7519, with the advice of RFC 8725): text → UnverifiedJwt → VerifiedJwt.
//
// Only verify() makes a VerifiedJwt, and it checks the signature before it looks at a claim, so
// claims of a token that nobody signed cannot be read by accident. Every error of this file is
// unauthenticated; messages name the claim that does not fit, never its value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "jose/jwk.h"
#include "jose/jws.h"
#include "jose/signer.h"
#include "wire/json.h"

namespace writ::jose {

// A token taken apart within JwsLimits. Thread-safe.
class UnverifiedJwt {
 public:
  static Expected<UnverifiedJwt> parse(std::string_view text, const JwsLimits& limits = {});

  // For finding the key, and for nothing else: the sender may have written anything here.
  const std::string& unverified_kid() const { return jws_.kid(); }  // empty if absent
  // The `iss` claim; unauthenticated if the payload is no object with a string there.
  Expected<std::string> unverified_issuer() const;

 private:
  friend class JwtVerifier;
  explicit UnverifiedJwt(UnverifiedJws jws) : jws_(std::move(jws)) {}
  UnverifiedJws jws_;
};

// What a verifier expects. Nothing here is optional by being empty: an empty issuer, audience or
// list of types fits no token.
struct ExpectedJwt {
  enum class Audience : std::uint8_t {
    sole,    // `aud` is this one alone, as a string or a list of one
    member,  // `aud` has this one
    // Whatever `aud` says: for an issuer that looks at a token of its own, and for callers that
    // judge audiences() themselves. `audience` is then not looked at.
    any,
  };

  std::vector<std::string> types;   // `typ`, one of these; case and "application/" do not matter
  bool type_may_be_absent = false;  // as in ID tokens of many providers
  std::string issuer;
  std::string audience;
  Audience audience_rule = Audience::sole;
  std::optional<std::string> subject =
      {};  // absent: any, but always a string where the claim is there
  bool require_jti = false;
  std::optional<seconds> max_age = {};       // since `iat`, which is then required
  std::optional<seconds> max_lifetime = {};  // from `iat`, which is then required, to `exp`
  seconds leeway{5};                         // for clocks of others; 0 for our own tokens
};

// A token whose signature and claims have been checked, at the time of the check. Times are whole
// seconds, rounded down. Thread-safe.
class VerifiedJwt {
 public:
  const std::string& issuer() const { return issuer_; }
  const std::string& subject() const { return subject_; }  // empty if absent
  const std::vector<std::string>& audiences() const { return audiences_; }
  TimePoint expires_at() const { return expires_at_; }
  std::optional<TimePoint> issued_at() const { return issued_at_; }
  std::optional<TimePoint> not_before() const { return not_before_; }
  const std::string& jwt_id() const { return jwt_id_; }  // empty if absent
  const JsonObject& claims() const { return claims_; }
  // A claim that is a string, or nothing.
  std::optional<std::string> string_claim(std::string_view name) const;

  const std::optional<std::string>& type() const { return type_; }
  Algorithm algorithm() const { return algorithm_; }
  const std::string& kid() const { return kid_; }  // of the header, empty if it has none
  const std::string& key_thumbprint() const { return key_thumbprint_; }

  // Whether the token has `cnf`, so that its sender has to prove possession of a key (RFC 7800).
  bool is_sender_constrained() const { return sender_constrained_; }
  // The thumbprint of that key, from `cnf.jkt` (RFC 9449 section 6.1); empty for a bearer token and
  // for one bound in another way.
  const std::string& confirmation_thumbprint() const { return confirmation_thumbprint_; }

 private:
  friend class JwtVerifier;
  VerifiedJwt() = default;

  std::string issuer_;
  std::string subject_;
  std::vector<std::string> audiences_;
  TimePoint expires_at_;
  std::optional<TimePoint> issued_at_;
  std::optional<TimePoint> not_before_;
  std::string jwt_id_;
  JsonObject claims_;
  std::optional<std::string> type_;
  Algorithm algorithm_ = Algorithm::es256;
  std::string kid_;
  std::string key_thumbprint_;
  bool sender_constrained_ = false;
  std::string confirmation_thumbprint_;
};

Expected<VerifiedJwt> verify(const UnverifiedJwt& token, const Jwk& key,
                             const ExpectedJwt& expected, TimePoint now);
// With the key of the set that the header's kid names (JwkSet::find).
Expected<VerifiedJwt> verify(const UnverifiedJwt& token, const JwkSet& keys,
                             const ExpectedJwt& expected, TimePoint now);

// The claims once more: for a token verified earlier (P23). Says nothing of the signature or of
// whether the key is still good.
Expected<void> check_claims(const VerifiedJwt& token, const ExpectedJwt& expected, TimePoint now);

// A compact JWS with the header {alg, kid, typ}. `type` is not empty.
std::string sign_jwt(const Signer& signer, std::string_view type, const JsonObject& claims);

}  // namespace writ::jose
