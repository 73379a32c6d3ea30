// SPDX-License-Identifier: Apache-2.0
#include "broker/login.h"

#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::broker {
namespace {

std::string subject_of(const ExpectedLogin& login) {
  return std::string(login.workspace) + "/" + std::string(login.user);
}

}  // namespace

Expected<VerifiedLogin> verify_login(std::string_view assertion, const jose::Jwk& key,
                                     const ExpectedLogin& expected, TimePoint now) {
  const auto subject = subject_of(expected);
  const jose::ExpectedJwt wanted{.types = {std::string(kLoginType)},
                                 .issuer = subject,
                                 .audience = std::string(expected.public_url),
                                 .subject = subject,
                                 .require_jti = true,
                                 .max_lifetime = kMaxLoginLife};
  WRIT_TRY(const auto parsed, jose::UnverifiedJwt::parse(assertion));
  WRIT_TRY(const auto token, jose::verify(parsed, key, wanted, now));
  if (!token.issued_at())
    return fail(Errc::unauthenticated, "the assertion does not say when it was made (iat)");
  // It is stored with the session, and so of no other length than a thumbprint has (RFC 7638).
  const auto thumbprint = base64url_decode(token.confirmation_thumbprint());
  if (!thumbprint || thumbprint->size() != sizeof(Digest)) {
    return fail(Errc::unauthenticated, "the assertion names no key for the session (cnf.jkt)");
  }
  return VerifiedLogin{.session_key = token.confirmation_thumbprint(),
                       .made = *token.issued_at(),
                       .once = {.digest = crypto::Sha256()
                                              .update("writ-login-v1")
                                              .update(key.thumbprint())
                                              .update(":")
                                              .update(token.jwt_id())
                                              .finish(),
                                // Beyond the leeway within which the assertion is still accepted.
                                .expires = token.expires_at() + 2 * wanted.leeway + seconds(1)}};
}

std::string make_login(const jose::Signer& signer, const ExpectedLogin& login,
                       std::string_view session_key, const Clock& clock, Random& random,
                       seconds life) {
  std::array<std::uint8_t, 16> jti;
  random.fill(jti);
  const auto now = to_unix_seconds(clock.now());
  const auto subject = subject_of(login);
  return jose::sign_jwt(signer, kLoginType,
                        {{"iss", subject},
                         {"sub", subject},
                         {"aud", login.public_url},
                         {"jti", base64url_encode(jti)},
                         {"iat", now},
                         {"exp", now + life.count()},
                         {"cnf", JsonObject{{"jkt", session_key}}}});
}

}  // namespace writ::broker
