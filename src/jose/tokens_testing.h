// SPDX-License-Identifier: Apache-2.0
// For this room's tests: tokens of any shape, well signed or not.
#pragma once

#include <string>
#include <string_view>

#include "base/encoding.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "jose/dpop.h"
#include "jose/jwt.h"
#include "jose/signer.h"

namespace writ::jose {

inline JsonObject object(std::string_view text) { return parse_json_object(text).value(); }

// Header and payload as given, signed whatever they say.
inline std::string signed_parts(const Signer& signer, std::string_view header,
                                std::string_view payload) {
  std::string text = base64url_encode(as_bytes(header)) + '.' + base64url_encode(as_bytes(payload));
  return text + '.' + base64url_encode(signer.sign(as_bytes(text)));
}

// `text` with the first occurrence of `from` replaced.
inline std::string with(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

// A service with a key, its clock and its tokens.
struct Issuer {
  Issuer() {
    claims["iss"] = "https://writ.example";
    claims["sub"] = "usr_1";
    claims["aud"] = "https://writ.example/tools/acme/billing";
    claims["jti"] = "j1";
    claims["iat"] = now();
    claims["exp"] = now() + 600;
  }

  std::int64_t now() const { return to_unix_seconds(clock.now()); }
  std::string token() const { return sign_jwt(signer, "at+jwt", claims); }
  JwkSet keys() const { return JwkSet::of({signer.public_jwk()}).value(); }
  Expected<VerifiedJwt> verify(std::string_view text) const {
    WRIT_TRY(const auto parsed, UnverifiedJwt::parse(text));
    return jose::verify(parsed, keys(), expected, clock.now());
  }
  // One claim set to a JSON text, or left out if that is empty.
  Expected<VerifiedJwt> verify_with(std::string_view claim, std::string_view value) const {
    JsonObject changed = claims;
    changed.erase(claim);
    if (!value.empty()) changed[claim] = parse_json(value).value();
    return verify(sign_jwt(signer, "at+jwt", changed));
  }

  FakeClock clock;
  FakeRandom random;
  Es256Signer signer{crypto::Es256PrivateKey::generate(), "k1"};
  JsonObject claims;
  ExpectedJwt expected{.types = {"at+jwt"},
                       .issuer = "https://writ.example",
                       .audience = "https://writ.example/tools/acme/billing"};
};

}  // namespace writ::jose
