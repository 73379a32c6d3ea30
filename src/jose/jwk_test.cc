// SPDX-License-Identifier: Apache-2.0
#include "jose/jwk.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/fake_random.h"

namespace writ::jose {
namespace {

// RFC 9449 section 4.1.
constexpr std::string_view kEc =
    R"({"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",)"
    R"("y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"})";
// RFC 8037 appendix A.2.
constexpr std::string_view kEd =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
// RFC 7638 section 3.1.
constexpr std::string_view kRsa =
    R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu)"
    R"(hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj)"
    R"(QR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vM)"
    R"(QFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB",)"
    R"("alg":"RS256","kid":"2011-04-29"})";

const JwkRules kForeign{.algorithms = {Algorithm::es256, Algorithm::rs256}};

Json json(std::string_view text) { return parse_json(text).value(); }

// kEc with one member set to a JSON text, or removed if that is empty.
Json changed(std::string_view member, std::string_view value, std::string_view base = kEc) {
  auto object = json(base).as_object();
  if (value.empty()) {
    object.erase(member);
  } else {
    object[member] = json(value);
  }
  return object;
}

Errc refusal(const Json& key, const JwkRules& rules = {}) {
  const auto parsed = Jwk::from_json(key, rules);
  EXPECT_FALSE(parsed);
  return parsed ? Errc::internal : parsed.error().code;
}

TEST(Jwk, ThumbprintsAreThoseOfTheStandards) {
  EXPECT_EQ(Jwk::from_json(json(kEc)).value().thumbprint(),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
  EXPECT_EQ(Jwk::from_json(json(kEd)).value().thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_EQ(Jwk::from_json(json(kRsa), kForeign).value().thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

TEST(Jwk, WhatIsWrittenReadsAsTheSameKey) {
  for (const auto text : {kEc, kEd, kRsa}) {
    const JwkRules rules{.algorithms = {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256}};
    const auto key = Jwk::from_json(json(text), rules).value().with_kid("k1");
    const auto again = Jwk::from_json(key.to_json(), rules);
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(*again, key);
    EXPECT_EQ(again->kid(), "k1");
    EXPECT_EQ(again->algorithm(), key.algorithm());
  }
}

TEST(Jwk, PrivateAndSymmetricKeysAreRefusedLoudly) {
  for (const auto member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    EXPECT_EQ(refusal(changed(member, R"("AAAA")")), Errc::invalid_input) << member;
  }
  EXPECT_EQ(refusal(json(R"({"kty":"oct","k":"AAAA"})")), Errc::invalid_input);
}

TEST(Jwk, MalformedKeysAreRefused) {
  EXPECT_EQ(refusal(json("[]")), Errc::invalid_input);
  EXPECT_EQ(refusal(json("{}")), Errc::invalid_input);
  for (const auto member : {"kty", "x", "y"}) {
    EXPECT_EQ(refusal(changed(member, "")), Errc::invalid_input) << member;
    EXPECT_EQ(refusal(changed(member, "7")), Errc::invalid_input) << member;
  }
  EXPECT_EQ(refusal(changed("kid", "7")), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("kid", R"("")")), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("kid", '"' + std::string(257, 'k') + '"')), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("use", "7")), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("key_ops", R"("verify")")), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("x", '"' + std::string(5000, 'A') + '"')), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("x", R"("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs=")")),
            Errc::invalid_input)
      << "padded";
}

TEST(Jwk, AKeyOffItsCurveIsRefused) {
  EXPECT_EQ(refusal(changed("y", R"("8VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")")),
            Errc::invalid_input);
  // The same numbers with a leading zero byte, and cut short.
  EXPECT_EQ(refusal(changed("x", '"' + base64url_encode(Bytes(33, 0)) + '"')), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("x", '"' + base64url_encode(Bytes(31, 1)) + '"')), Errc::invalid_input);
  EXPECT_EQ(refusal(changed("x", '"' + base64url_encode(Bytes(32, 0)) + '"', kEd)),
            Errc::invalid_input);
}

TEST(Jwk, OtherKindsUsesAndAlgorithmsAreUnsupported) {
  EXPECT_EQ(refusal(changed("kty", R"("ec")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("crv", R"("P-384")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("crv", R"("Ed25519")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("crv", R"("X25519")", kEd)), Errc::unsupported);
  EXPECT_EQ(refusal(changed("alg", R"("RS256")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("alg", R"("HS256")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("alg", R"("none")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("use", R"("enc")")), Errc::unsupported);
  EXPECT_EQ(refusal(changed("key_ops", R"(["encrypt"])")), Errc::unsupported);
  EXPECT_TRUE(Jwk::from_json(changed("key_ops", R"(["verify"])")));
}

TEST(Jwk, RsaIsTakenOnlyWhereItIsAskedForAndItsAlgorithmIsSettled) {
  EXPECT_EQ(refusal(json(kRsa)), Errc::unsupported);
  EXPECT_EQ(Jwk::from_json(json(kRsa), kForeign).value().algorithm(), Algorithm::rs256);
  EXPECT_EQ(refusal(changed("alg", R"("PS256")", kRsa), kForeign), Errc::unsupported);
  EXPECT_EQ(refusal(changed("alg", R"("RS512")", kRsa), kForeign), Errc::unsupported);
  // Without alg: the only one that the rules have, if there is only one.
  EXPECT_TRUE(Jwk::from_json(changed("alg", "", kRsa), kForeign));
  const JwkRules both{.algorithms = {Algorithm::rs256, Algorithm::ps256}};
  EXPECT_EQ(refusal(changed("alg", "", kRsa), both), Errc::unsupported);
  EXPECT_EQ(refusal(json(kEd), kForeign), Errc::unsupported) << "not asked for";
}

Json set_of(std::initializer_list<Json> keys) {
  JsonObject object;
  object["keys"] = JsonArray(keys.begin(), keys.end());
  return object;
}

TEST(JwkSet, LeavesOutWhatItCannotUseAndRefusesWhatIsWrong) {
  const auto enc = changed("use", R"("enc")");
  const auto keys = JwkSet::from_json(set_of({enc, json(kRsa), json(kEd)}), kForeign).value();
  ASSERT_EQ(keys.keys().size(), 1U);
  EXPECT_EQ(keys.find("2011-04-29"), &keys.keys()[0]);
  const auto bad = JwkSet::from_json(set_of({json(kEc), changed("x", "7")}));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().where, "/keys/1/x");
  EXPECT_FALSE(JwkSet::from_json(json(R"({"keys":{}})")));
  EXPECT_FALSE(JwkSet::from_json(json("{}")));
  EXPECT_FALSE(JwkSet::from_json(json("[]")));
}

TEST(JwkSet, AKidTwiceIsRefused) {
  const auto a = changed("kid", R"("a")");
  const auto b = changed("kid", R"("a")", kEd);
  EXPECT_FALSE(JwkSet::from_json(set_of({a, b})));
}

TEST(JwkSet, IsBounded) {
  JsonArray many(65, json(kEc));
  JsonObject object;
  object["keys"] = many;
  const auto parsed = JwkSet::from_json(object);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::too_large);
}

TEST(JwkSet, FindsByKidAndWithoutOneOnlyASingleKey) {
  const auto a = Jwk::from_json(changed("kid", R"("a")")).value();
  const auto b = Jwk::from_json(changed("kid", R"("b")", kEd)).value();
  const auto one = JwkSet::of({a}).value();
  const auto two = JwkSet::of({a, b}).value();
  EXPECT_EQ(two.find("b")->thumbprint(), b.thumbprint());
  EXPECT_EQ(two.find("c"), nullptr);
  EXPECT_EQ(two.find(""), nullptr);
  EXPECT_NE(one.find(""), nullptr);
  EXPECT_EQ(JwkSet().find(""), nullptr);
  EXPECT_EQ(two.find_thumbprint(a.thumbprint())->kid(), "a");
  EXPECT_EQ(two.find_thumbprint(""), nullptr);
  EXPECT_EQ(JwkSet::from_json(two.to_json()).value().keys(), two.keys());
}

}  // namespace
}  // namespace writ::jose
