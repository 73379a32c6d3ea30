// SPDX-License-Identifier: Apache-2.0
// room: jose
// Tokens, DPoP proofs and keys. A text that parses as a token is the one spelling of its parts; one
// that verifies under the key below is the very text that this key's signer makes of its signed
// part (Ed25519 is deterministic), so nothing else can be accepted; a key that parses is the same
// key when written and read again.
#include "base/check.h"
#include "base/encoding.h"
#include "base/fake_clock.h"
#include "jose/dpop.h"
#include "jose/jwt.h"
#include "jose/signer.h"

namespace {

using namespace writ;
using namespace writ::jose;

const Ed25519Signer& signer() {
  static const Ed25519Signer signer(
      *crypto::Ed25519PrivateKey::from_seed(SecretBytes::copy_of(Bytes(32, 7))), "fuzz");
  return signer;
}

void check_token(std::string_view text, TimePoint now) {
  const auto jws = UnverifiedJws::parse(text);
  if (jws) {
    const auto last = text.rfind('.');
    const auto first = text.find('.');
    const auto payload = text.substr(first + 1, last - first - 1);
    WRIT_CHECK(base64url_encode(jws->unverified_payload()) == payload);
    WRIT_CHECK(base64url_encode(*base64url_decode(text.substr(0, first))) == text.substr(0, first));
    if (jws->verify(signer().public_jwk())) {
      const auto signature = signer().sign(as_bytes(text.substr(0, last)));
      WRIT_CHECK(base64url_encode(signature) == text.substr(last + 1));
    }
  }
  if (const auto jwt = UnverifiedJwt::parse(text)) {
    (void)jwt->unverified_issuer();
    const ExpectedJwt expected{.types = {"at+jwt"},
                               .issuer = "https://writ.example",
                               .audience = "https://writ.example/tools/acme/billing"};
    const auto verified = verify(*jwt, signer().public_jwk(), expected, now);
    WRIT_CHECK(!verified || check_claims(*verified, expected, now).has_value());
  }
  const ExpectedProof expected{
      .method = "GET", .url = "https://writ.example/tools", .access_token = std::nullopt};
  if (const auto proof = verify_dpop_proof(text, expected, now)) {
    WRIT_CHECK(!proof->jti().empty() && proof->thumbprint().size() == 43);
  }
}

void check_key(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return;
  const JwkRules rules{.algorithms = {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256}};
  if (const auto key = Jwk::from_json(*json, rules)) {
    const auto again = Jwk::from_json(key->to_json(), rules);
    WRIT_CHECK(again && *again == *key && again->kid() == key->kid());
    WRIT_CHECK(!key->to_json().contains("d"));
  }
  if (const auto set = JwkSet::from_json(*json, rules)) {
    const auto again = JwkSet::from_json(set->to_json(), rules);
    WRIT_CHECK(again && again->keys() == set->keys());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const FakeClock clock;
  check_token(text, clock.now());
  check_key(text);
  return 0;
}
