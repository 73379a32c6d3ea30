// SPDX-License-Identifier: Apache-2.0
#include "jose/dpop.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::jose {
namespace {

constexpr std::string_view kProofType = "dpop+jwt";
constexpr std::size_t kMaxJti = 128;

std::unexpected<Error> refuse(std::string message) {
  return fail(Errc::unauthenticated, std::move(message), "DPoP");
}

// The claim's text; empty, which no claim here may be, if it is absent or something else.
std::string_view text_claim(const JsonObject& claims, std::string_view name) {
  const Json* value = claims.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return text_of(value->get_string());
}

bool visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

// The one maker of VerifiedProof. The steps are those of RFC 9449 section 4.3.
class ProofVerifier {
 public:
  static Expected<VerifiedProof> verify(std::string_view text, const ExpectedProof& expected,
                                        TimePoint now, const JwsLimits& limits) {
    WRIT_CHECK(!expected.method.empty() && !expected.url.empty());
    auto parsed = UnverifiedJws::parse(text, limits, EmbeddedKey::required, expected.likely_key);
    if (!parsed) return refuse("the proof: " + parsed.error().message);
    const auto& jws = *parsed;
    if (!jws.type() || !type_matches(*jws.type(), kProofType)) {
      return refuse("the proof's typ is not dpop+jwt");
    }
    const auto payload = jws.verify(*jws.embedded_key());
    if (!payload) return refuse("the proof: " + payload.error().message);
    const auto claims = parse_json_object(as_text(*payload), {.bytes = limits.text,
                                                              .depth = limits.depth,
                                                              .values = limits.values,
                                                              .members = 64,
                                                              .string_bytes = limits.text});
    if (!claims) return refuse("the proof's claims are not a JSON object");

    if (text_claim(*claims, "htm") != expected.method) {
      return refuse("the proof's htm is not this request's method");
    }
    const auto htu = text_claim(*claims, "htu");
    if (htu.substr(0, htu.find_first_of("?#")) != expected.url) {
      return refuse("the proof's htu is not this request's URL");
    }
    const auto jti = text_claim(*claims, "jti");
    if (jti.empty() || jti.size() > kMaxJti || !visible_ascii(jti)) {
      return refuse("the proof's jti is not a text of 1 to 128 visible ASCII characters");
    }
    if (expected.access_token && text_claim(*claims, "ath") != token_hash(*expected.access_token)) {
      return refuse("the proof's ath is not the hash of this request's access token");
    }
    const Json* iat = claims->if_contains("iat");
    const auto seconds_of = [&]() -> std::optional<std::int64_t> {
      if (iat == nullptr) return std::nullopt;
      if (iat->is_int64()) return iat->get_int64();
      // A fraction is allowed (RFC 7519 section 2) and dropped.
      if (iat->is_double() && iat->get_double() >= 0 && iat->get_double() < 1e12) {
        return static_cast<std::int64_t>(iat->get_double());
      }
      return std::nullopt;
    }();
    const auto now_seconds = to_unix_seconds(now);
    const auto window = expected.window.count();
    if (!seconds_of || *seconds_of < now_seconds - window || *seconds_of > now_seconds + window) {
      return refuse("the proof's iat is not within " + std::to_string(window) +
                    " s of this server's time");
    }

    VerifiedProof proof(*jws.embedded_key());
    proof.jti_ = jti;
    proof.issued_at_ = from_unix_seconds(*seconds_of);
    if (claims->contains("nonce")) {
      const auto nonce = text_claim(*claims, "nonce");
      if (nonce.empty()) return refuse("the proof's nonce is not a text");
      proof.nonce_ = std::string(nonce);
    }
    return proof;
  }
};

Expected<void> VerifiedProof::check_bound(const VerifiedJwt& token) const {
  if (token.confirmation_thumbprint().empty()) {
    return refuse("the token is not bound to a DPoP key");
  }
  if (token.confirmation_thumbprint() != thumbprint()) {
    return refuse("the token is bound to another key than the proof's");
  }
  return {};
}

Expected<VerifiedProof> verify_dpop_proof(std::string_view proof, const ExpectedProof& expected,
                                          TimePoint now, const JwsLimits& limits) {
  return ProofVerifier::verify(proof, expected, now, limits);
}

std::string make_dpop_proof(const Signer& signer, std::string_view method, std::string_view url,
                            std::optional<std::string_view> access_token, const Clock& clock,
                            Random& random, std::string_view nonce) {
  std::array<std::uint8_t, 16> jti;
  random.fill(jti);
  JsonObject header;
  header["typ"] = kProofType;
  header["jwk"] = signer.public_jwk().required_members();
  JsonObject claims;
  claims["jti"] = base64url_encode(jti);
  claims["htm"] = method;
  claims["htu"] = url;
  claims["iat"] = to_unix_seconds(clock.now());
  if (access_token) claims["ath"] = token_hash(*access_token);
  if (!nonce.empty()) claims["nonce"] = nonce;
  return sign_jws(signer, std::move(header), write_json(claims));
}

std::string token_hash(std::string_view token) { return base64url_encode(crypto::sha256(token)); }

}  // namespace writ::jose
