// SPDX-License-Identifier: Apache-2.0
#include "jose/jwt.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace writ::jose {
namespace {

std::unexpected<Error> refuse(std::string message) {
  return fail(Errc::unauthenticated, std::move(message));
}

std::unexpected<Error> refuse_claim(std::string_view claim, std::string_view why) {
  return fail(Errc::unauthenticated, "the token's " + std::string(claim) + " " + std::string(why),
              std::string(claim));
}

Expected<JsonObject> claims_of(BytesView payload, const JwsLimits& limits) {
  auto claims = parse_json_object(as_text(payload), {.bytes = limits.text,
                                                     .depth = limits.depth,
                                                     .values = limits.values,
                                                     .members = limits.values,
                                                     .string_bytes = limits.text});
  if (!claims) return refuse("the token's claims are not a JSON object: " + claims.error().message);
  return claims;
}

// Empty if absent; a string otherwise, and not an empty one.
Expected<std::string> text_claim(const JsonObject& claims, std::string_view name) {
  const Json* value = claims.if_contains(name);
  if (value == nullptr) return std::string();
  if (!value->is_string() || value->get_string().empty()) {
    return refuse_claim(name, "is not a text");
  }
  return std::string(text_of(value->get_string()));
}

// RFC 7519 section 2, NumericDate: seconds, possibly with a fraction, which is dropped.
Expected<std::optional<TimePoint>> date_claim(const JsonObject& claims, std::string_view name) {
  constexpr std::int64_t kYear9999 = 253'402'300'799;
  const Json* value = claims.if_contains(name);
  if (value == nullptr) return std::nullopt;
  double number = -1;
  if (value->is_int64()) number = static_cast<double>(value->get_int64());
  if (value->is_double()) number = std::floor(value->get_double());
  if (!(number >= 0 && number <= static_cast<double>(kYear9999))) {
    return refuse_claim(name, "is not a time in seconds");
  }
  return from_unix_seconds(static_cast<std::int64_t>(number));
}

// RFC 7519 section 4.1.3: one string or a list of them.
Expected<std::vector<std::string>> audience_claim(const JsonObject& claims) {
  constexpr std::size_t kMost = 64;
  const Json* value = claims.if_contains("aud");
  std::vector<std::string> audiences;
  if (value == nullptr) return audiences;
  const auto add = [&](const Json& one) {
    if (!one.is_string() || one.get_string().empty()) return false;
    audiences.emplace_back(text_of(one.get_string()));
    return true;
  };
  const auto* list = value->if_array();
  const bool good =
      list != nullptr ? list->size() <= kMost && std::ranges::all_of(*list, add) : add(*value);
  if (!good) return refuse_claim("aud", "is neither a text nor a short list of texts");
  return audiences;
}

}  // namespace

Expected<UnverifiedJwt> UnverifiedJwt::parse(std::string_view text, const JwsLimits& limits) {
  WRIT_TRY(auto jws, UnverifiedJws::parse(text, limits));
  return UnverifiedJwt(std::move(jws));
}

Expected<std::string> UnverifiedJwt::unverified_issuer() const {
  WRIT_TRY(const auto claims, claims_of(jws_.unverified_payload(), jws_.limits()));
  WRIT_TRY(auto issuer, text_claim(claims, "iss"));
  if (issuer.empty()) return refuse_claim("iss", "is missing");
  return issuer;
}

std::optional<std::string> VerifiedJwt::string_claim(std::string_view name) const {
  const Json* value = claims_.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(text_of(value->get_string()));
}

// The one maker of VerifiedJwt.
class JwtVerifier {
 public:
  static Expected<VerifiedJwt> verify(const UnverifiedJwt& token, const Jwk& key,
                                      const ExpectedJwt& expected, TimePoint now) {
    const auto& jws = token.jws_;
    WRIT_TRY(const auto payload, jws.verify(key));
    WRIT_TRY(auto jwt, read(payload, jws));
    jwt.type_ = jws.type();
    jwt.algorithm_ = key.algorithm();
    jwt.kid_ = jws.kid();
    jwt.key_thumbprint_ = key.thumbprint();
    WRIT_TRY_VOID(check_claims(jwt, expected, now));
    return jwt;
  }

 private:
  static Expected<VerifiedJwt> read(BytesView payload, const UnverifiedJws& jws) {
    VerifiedJwt jwt;
    WRIT_TRY(jwt.claims_, claims_of(payload, jws.limits()));
    WRIT_TRY(jwt.issuer_, text_claim(jwt.claims_, "iss"));
    WRIT_TRY(jwt.subject_, text_claim(jwt.claims_, "sub"));
    WRIT_TRY(jwt.jwt_id_, text_claim(jwt.claims_, "jti"));
    WRIT_TRY(jwt.audiences_, audience_claim(jwt.claims_));
    WRIT_TRY(const auto expires_at, date_claim(jwt.claims_, "exp"));
    if (!expires_at) return refuse_claim("exp", "is missing");
    jwt.expires_at_ = *expires_at;
    WRIT_TRY(jwt.issued_at_, date_claim(jwt.claims_, "iat"));
    WRIT_TRY(jwt.not_before_, date_claim(jwt.claims_, "nbf"));
    if (const Json* confirmation = jwt.claims_.if_contains("cnf")) {
      const auto* object = confirmation->if_object();
      if (object == nullptr) return refuse_claim("cnf", "is not an object");
      jwt.sender_constrained_ = true;
      WRIT_TRY(jwt.confirmation_thumbprint_, text_claim(*object, "jkt"));
    }
    return jwt;
  }
};

Expected<VerifiedJwt> verify(const UnverifiedJwt& token, const Jwk& key,
                             const ExpectedJwt& expected, TimePoint now) {
  if (!token.unverified_kid().empty() && !key.kid().empty() &&
      token.unverified_kid() != key.kid()) {
    return refuse("the token is signed with another key than the one expected");
  }
  return JwtVerifier::verify(token, key, expected, now);
}

Expected<VerifiedJwt> verify(const UnverifiedJwt& token, const JwkSet& keys,
                             const ExpectedJwt& expected, TimePoint now) {
  const Jwk* key = keys.find(token.unverified_kid());
  if (key == nullptr) return refuse("the token's key is not one of its issuer's");
  return JwtVerifier::verify(token, *key, expected, now);
}

Expected<void> check_claims(const VerifiedJwt& token, const ExpectedJwt& expected, TimePoint now) {
  const auto& type = token.type();
  const bool type_fits =
      type ? std::ranges::any_of(expected.types,
                                 [&](const auto& wanted) { return type_matches(*type, wanted); })
           : expected.type_may_be_absent;
  if (!type_fits) return refuse("the token's typ is not the one expected here");

  if (expected.issuer.empty() || token.issuer() != expected.issuer) {
    return refuse_claim("iss", "is not the issuer expected here");
  }
  const auto& audiences = token.audiences();
  // Of a token read by this file no audience is empty, so an empty expectation fits none.
  using Audience = ExpectedJwt::Audience;
  const bool member = std::ranges::find(audiences, expected.audience) != audiences.end();
  const bool sole = expected.audience_rule == Audience::member || audiences.size() == 1;
  if (expected.audience_rule != Audience::any && (!member || !sole))
    return refuse_claim("aud", "is not the audience expected here");
  if (expected.subject && (token.subject().empty() || token.subject() != *expected.subject)) {
    return refuse_claim("sub", "is not the subject expected here");
  }
  if (expected.require_jti && token.jwt_id().empty()) return refuse_claim("jti", "is missing");

  const auto issued_at = token.issued_at();
  if (now >= token.expires_at() + expected.leeway) return refuse_claim("exp", "is past");
  if (token.not_before() && *token.not_before() > now + expected.leeway) {
    return refuse_claim("nbf", "is not reached yet");
  }
  if (issued_at && *issued_at > now + expected.leeway) {
    return refuse_claim("iat", "lies in the future");
  }
  if ((expected.max_age || expected.max_lifetime) && !issued_at) {
    return refuse_claim("iat", "is missing");
  }
  if (expected.max_age && now - *issued_at > *expected.max_age + expected.leeway) {
    return refuse_claim("iat", "is too long ago");
  }
  if (expected.max_lifetime && token.expires_at() - *issued_at > *expected.max_lifetime) {
    return refuse_claim("exp", "is too long after iat");
  }
  return {};
}

std::string sign_jwt(const Signer& signer, std::string_view type, const JsonObject& claims) {
  WRIT_CHECK(!type.empty());
  JsonObject header;
  header["typ"] = type;
  if (!signer.public_jwk().kid().empty()) header["kid"] = signer.public_jwk().kid();
  return sign_jws(signer, std::move(header), write_json(claims));
}

}  // namespace writ::jose
