// SPDX-License-Identifier: Apache-2.0
// Project Wycheproof's verdicts on JOSE. What it calls invalid is refused. What it calls valid is
// accepted where it is of a kind that Writ speaks (a compact JWS whose header names the algorithm
// of its key, one of ours), and refused where it is not (JWE, HMAC, other curves and hashes).
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/testdata.h"
#include "jose/jws.h"

namespace writ::jose {
namespace {

constexpr JsonLimits kLarge{.bytes = std::size_t{1} << 24,
                            .depth = 64,
                            .values = 1'000'000,
                            .members = 100'000,
                            .string_bytes = std::size_t{1} << 22};

const JwkRules kAll{
    .algorithms = {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256, Algorithm::ps256}};

std::optional<JsonObject> load(const std::string& name) {
  const auto path = testing_data("vectors/wycheproof/" + name);
  if (!path) return std::nullopt;
  std::ifstream file(*path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_json_object(text.str(), kLarge).value();
}

std::string text_at(const Json& object, std::string_view name) {
  const Json* value = object.as_object().if_contains(name);
  return value != nullptr && value->is_string() ? std::string(text_of(value->get_string())) : "";
}

// The way of a token through this room, without the claims.
bool accepts(const Json& key_or_set, const std::string& text) {
  Expected<JwkSet> keys = fail(Errc::internal, "not read");
  if (key_or_set.as_object().contains("keys")) {
    keys = JwkSet::from_json(key_or_set, kAll);
  } else if (auto key = Jwk::from_json(key_or_set, kAll)) {
    keys = JwkSet::of({*key});
  }
  const auto jws = UnverifiedJws::parse(text);
  if (!keys || !jws) return false;
  const Jwk* key = keys->find(jws->kid());
  return key != nullptr && jws->verify(*key).has_value();
}

bool of_our_kind(const Json& key_or_set, const std::string& text) {
  const Json* set = key_or_set.as_object().if_contains("keys");
  const Json& key = set != nullptr ? set->as_array().at(0) : key_or_set;
  const auto header = base64url_decode(text.substr(0, text.find('.')));
  const auto parsed = header ? parse_json(as_text(*header)) : Expected<Json>(JsonObject());
  const std::string alg = parsed ? text_at(*parsed, "alg") : "";
  return (alg == "ES256" || alg == "EdDSA" || alg == "RS256" || alg == "PS256") &&
         text_at(key, "alg") == alg;
}

struct Count {
  int accepted = 0;
  int refused = 0;
};

Count check(const JsonObject& file) {
  Count count;
  for (const auto& group : file.at("testGroups").as_array()) {
    const auto& parts = group.as_object();
    const Json& key = parts.contains("public") ? parts.at("public") : parts.at("private");
    for (const auto& test : parts.at("tests").as_array()) {
      const auto& members = test.as_object();
      const Json& token = members.contains("jws") ? members.at("jws") : members.at("jwe");
      const std::string text =
          token.is_string() ? std::string(text_of(token.get_string())) : write_json(token);
      const bool valid = text_at(test, "result") == "valid";
      const bool spoken = members.contains("jws") && of_our_kind(key, text);
      EXPECT_TRUE(valid || text_at(test, "result") == "invalid");
      EXPECT_EQ(accepts(key, text), valid && spoken)
          << write_json(members.at("tcId")) << ' ' << text_at(test, "comment");
      (valid && spoken ? count.accepted : count.refused) += 1;
    }
  }
  return count;
}

#define SKIP_WITHOUT(file) \
  if (!(file)) GTEST_SKIP() << "the test data directory lacks these vectors"

TEST(Wycheproof, SignatureVerdictsMatch) {
  const auto file = load("json_web_signature_test.json");
  SKIP_WITHOUT(file);
  const auto count = check(*file);
  EXPECT_EQ(count.accepted + count.refused, 401);
  EXPECT_EQ(count.accepted, 16);
}

TEST(Wycheproof, KeyVerdictsMatch) {
  const auto file = load("json_web_key_test.json");
  SKIP_WITHOUT(file);
  const auto count = check(*file);
  EXPECT_EQ(count.accepted + count.refused, 26);
  EXPECT_EQ(count.accepted, 1);
}

TEST(Wycheproof, CryptoVerdictsMatch) {
  const auto file = load("json_web_crypto_test.json");
  SKIP_WITHOUT(file);
  const auto count = check(*file);
  EXPECT_EQ(count.accepted + count.refused, 83);
  EXPECT_EQ(count.accepted, 2);
}

TEST(Wycheproof, EncryptedTokensAreNeverAccepted) {
  const auto file = load("json_web_encryption_test.json");
  SKIP_WITHOUT(file);
  const auto count = check(*file);
  EXPECT_EQ(count.refused, 139);
  EXPECT_EQ(count.accepted, 0);
}

}  // namespace
}  // namespace writ::jose
