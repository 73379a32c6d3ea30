// SPDX-License-Identifier: Apache-2.0
#include "jose/token_cache.h"

#include <thread>

#include <gtest/gtest.h>

#include "jose/tokens_testing.h"

namespace writ::jose {
namespace {

class TokenCacheTest : public testing::Test {
 protected:
  auto verify(std::string_view token) {
    return cache_.verify(token, issuer_.keys(), issuer_.expected, issuer_.clock.now());
  }
  std::string token_number(int number) {
    issuer_.claims["jti"] = "j" + std::to_string(number);
    return issuer_.token();
  }

  Issuer issuer_;
  VerifiedTokenCache cache_{64};
};

TEST_F(TokenCacheTest, TheSecondTimeIsAHit) {
  const auto token = issuer_.token();
  const auto first = verify(token);
  const auto second = verify(token);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(cache_.statistics().hits, 1U);
  EXPECT_EQ(cache_.statistics().misses, 1U);
}

TEST_F(TokenCacheTest, P23_TimeIsCheckedOnEachCall) {
  const auto token = issuer_.token();
  ASSERT_TRUE(verify(token));
  issuer_.clock.advance(seconds(604));
  EXPECT_TRUE(verify(token));
  issuer_.clock.advance(seconds(1));
  EXPECT_FALSE(verify(token));
  issuer_.clock.advance(-seconds(605 + 6));
  EXPECT_FALSE(verify(token)) << "before it was issued";
}

TEST_F(TokenCacheTest, P23_AudienceIssuerAndTypeAreCheckedOnEachCall) {
  const auto token = issuer_.token();
  ASSERT_TRUE(verify(token));
  const auto good = issuer_.expected;
  issuer_.expected.audience = "https://writ.example/tools/acme/other";
  EXPECT_FALSE(verify(token));
  issuer_.expected = good;
  issuer_.expected.issuer = "https://other.example";
  EXPECT_FALSE(verify(token));
  issuer_.expected = good;
  issuer_.expected.types = {"JWT"};
  EXPECT_FALSE(verify(token));
}

TEST_F(TokenCacheTest, P23_AKeyThatIsNoLongerInTheSetIsNoLongerGood) {
  const auto token = issuer_.token();
  ASSERT_TRUE(verify(token));
  const auto now = issuer_.clock.now();
  EXPECT_FALSE(cache_.verify(token, JwkSet(), issuer_.expected, now));
  // Another key under the same name.
  const Es256Signer other(crypto::Es256PrivateKey::generate(), "k1");
  const auto replaced = JwkSet::of({other.public_jwk()}).value();
  EXPECT_FALSE(cache_.verify(token, replaced, issuer_.expected, now));
  // The same key beside a newer one.
  const auto rotated =
      JwkSet::of({other.public_jwk().with_kid("k2"), issuer_.signer.public_jwk()}).value();
  EXPECT_TRUE(cache_.verify(token, rotated, issuer_.expected, now));
}

TEST_F(TokenCacheTest, NothingThatDoesNotVerifyIsKept) {
  auto token = issuer_.token();
  token.replace(token.size() - 6, 4, "AAAA");
  EXPECT_FALSE(verify(token));
  EXPECT_FALSE(verify("x"));
  EXPECT_FALSE(verify(std::string(20'000, 'x')));
  EXPECT_FALSE(verify(issuer_.token() + "="));
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(TokenCacheTest, IsBounded) {
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(verify(token_number(i)));
  EXPECT_LE(cache_.size(), 64U);
  EXPECT_GE(cache_.size(), 48U);
}

TEST_F(TokenCacheTest, WhatIsUsedStays) {
  VerifiedTokenCache tiny(1);  // one place in each shard
  const auto token = issuer_.token();
  const auto check = [&](const std::string& text) {
    ASSERT_TRUE(tiny.verify(text, issuer_.keys(), issuer_.expected, issuer_.clock.now()));
  };
  VerifiedTokenCache roomy(16 * 8);
  const auto used = token_number(-1);
  const auto in_roomy = [&](const std::string& text) {
    ASSERT_TRUE(roomy.verify(text, issuer_.keys(), issuer_.expected, issuer_.clock.now()));
  };
  in_roomy(used);
  for (int i = 0; i < 400; ++i) {
    in_roomy(token_number(i));
    in_roomy(used);
  }
  EXPECT_EQ(roomy.statistics().hits, 400U) << "the one in use was never pushed out";
  for (int i = 0; i < 40; ++i) check(token_number(i));
  EXPECT_LE(tiny.size(), 16U);
}

TEST_F(TokenCacheTest, ManyThreadsMayUseIt) {
  std::vector<std::string> tokens;
  tokens.reserve(100);
  for (int i = 0; i < 100; ++i) tokens.push_back(token_number(i));
  const auto keys = issuer_.keys();
  const auto now = issuer_.clock.now();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 400; ++i) {
          const auto& token = tokens[(i * 7 + static_cast<std::size_t>(t)) % tokens.size()];
          if (cache_.verify(token, keys, issuer_.expected, now)) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 1600);
  EXPECT_LE(cache_.size(), 64U);
}

}  // namespace
}  // namespace writ::jose
