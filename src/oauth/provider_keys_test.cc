// SPDX-License-Identifier: Apache-2.0
// P6: a provider's keys, over real sockets. The test speaks for the provider.
#include "oauth/provider_keys.h"

#include <future>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "jose/signer.h"
#include "net/testing.h"
#include "observe/capture.h"

namespace writ::oauth {
namespace {

// Of a key that nobody has any more: openssl genrsa 2048.
constexpr std::string_view kModulus =
    "2AgS_xuDeM3_QrV08tG8vUS6PCCRORVon4xYnW5BxqBuWYIhU3af-TuoHX01Y3CfU0qnPtqbiuQCy59-"
    "dks74vqeph39ENPPs54BtWiaD5gsefVDd-GJlN_O1TCjltgg7QRL1uMfIc9ZdMWp33HgOQ8_nIdYrPZw"
    "3vJO5P-BHCFgEyngsSbGemPoXtOCELTDiWaZGlxvzgItqWXNPgFAQNbv6PjJWSYQKMAX4oxw3sLIptx8"
    "1C4C4N69ecr_pnZH83-_9a9h6-4xuCegNCN2FNxFSe2oqvtmZuwDUY8ByM3FaSnh4QoM2DRM1CIx-irn"
    "0_doKGWs9yYlI3MpPk_tVQ";

class ProviderKeysTest : public testing::Test {
 public:
  ~ProviderKeysTest() override {
    client_.cut();
    keys_.stop();
    loop_.stop();
  }

 protected:
  ProviderKeysTest() {
    loop_.start("keys");
    provider_.name = "corp";
    provider_.issuer = "http://127.0.0.1:" + std::to_string(listener_.port());
    provider_.algorithms = {"ES256"};
    provider_.allow_addresses = {"127.0.0.1/32"};
  }

  // Answers the next requests, one connection each, and remembers their targets.
  std::jthread answer(std::vector<std::string> responses) {
    return std::jthread([this, responses = std::move(responses)] {
      for (const auto& response : responses) {
        auto socket = listener_.accept();
        const auto head = socket.read_through("\r\n\r\n");
        targets_.push_back(head.substr(0, head.find(" HTTP")));
        socket.send(response);
      }
    });
  }
  static std::string ok(std::string_view body, std::string_view fields = {}) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n" + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  std::string discovery(std::string_view issuer, std::string_view jwks_uri) const {
    return ok(write_json(JsonObject{{"issuer", issuer}, {"jwks_uri", jwks_uri}, {"other", 1.5}}));
  }
  std::string discovery() const { return discovery(provider_.issuer, provider_.issuer + "/keys"); }
  static std::string key_set(const jose::Signer& signer, std::string_view fields = {}) {
    return ok(write_json(jose::JwkSet::of({signer.public_jwk()}).value().to_json()), fields);
  }

  Expected<std::shared_ptr<const jose::JwkSet>> ask(std::string kid = "one") {
    return run_on(loop_, keys_.keys(provider_, std::move(kid)));
  }
  // Whether there are keys, asked for without waiting here.
  std::future<bool> asking() {
    auto done = std::make_shared<std::promise<bool>>();
    auto future = done->get_future();
    spawn(loop_,
          [](FetchedProviderKeys& of, identity::Provider about,
             std::shared_ptr<std::promise<bool>> out) -> Task<void> {
            out->set_value((co_await of.keys(std::move(about), "one")).has_value());
          }(keys_, provider_, std::move(done)));
    return future;
  }
  void refresh() {
    run_on(loop_, [](FetchedProviderKeys& keys) -> Task<void> {
      keys.refresh();
      co_return;
    }(keys_));
  }
  // Until a fetch in the background has failed.
  void wait_for_failure() {
    while (!log_.find("provider.keys_not_fetched")) std::this_thread::yield();
  }

  FakeClock clock_;
  observe::CapturingLog log_;
  net::testing::RawListener listener_;
  net::testing::FakeResolver resolver_;
  net::Dialer dialer_{resolver_};
  Loop loop_{clock_, milliseconds(1)};
  net::HttpClient client_{loop_, dialer_};
  net::Authorities authorities_;
  FetchedProviderKeys keys_{client_, authorities_, clock_, log_};
  identity::Provider provider_;
  jose::Es256Signer one_{crypto::Es256PrivateKey::generate(), "one"};
  jose::Es256Signer two_{crypto::Es256PrivateKey::generate(), "two"};
  std::vector<std::string> targets_;
};

TEST_F(ProviderKeysTest, TheyAreDiscoveredOnceAndKept) {
  {
    const auto provider = answer({discovery(), key_set(one_)});
    const auto keys = ask();
    ASSERT_TRUE(keys) << keys.error().to_string();
    EXPECT_NE((*keys)->find("one"), nullptr);
  }
  EXPECT_THAT(targets_, testing::ElementsAre("GET /.well-known/openid-configuration", "GET /keys"));
  clock_.advance(seconds(299));
  EXPECT_TRUE(ask());
  EXPECT_EQ(targets_.size(), 2U);
}

TEST_F(ProviderKeysTest, ADeclaredJwksUriIsAskedDirectly) {
  provider_.jwks_uri = provider_.issuer + "/declared";
  const auto provider = answer({key_set(one_)});
  EXPECT_TRUE(ask());
}

TEST_F(ProviderKeysTest, TheyAreFetchedAgainWhenTheirTimeIsUp) {
  {
    const auto provider = answer({discovery(), key_set(one_, "Cache-Control: max-age=120\r\n")});
    ASSERT_TRUE(ask());
  }
  clock_.advance(seconds(121));
  const auto provider = answer({discovery(), key_set(two_)});
  EXPECT_NE(ask("two").value()->find("two"), nullptr);
}

TEST_F(ProviderKeysTest, TheyAreFetchedAgainInTheBackgroundAndNobodyWaits) {
  {
    const auto provider = answer({discovery(), key_set(one_)});
    ASSERT_TRUE(ask());
  }
  clock_.advance(seconds(301));
  // A provider that takes the question and says nothing: who asks meanwhile has the set before.
  EXPECT_NE(ask().value()->find("one"), nullptr);
  auto slow = listener_.accept();
  EXPECT_NE(ask().value()->find("one"), nullptr);
  slow.close();
  wait_for_failure();
  // Likewise where nobody asks.
  clock_.advance(seconds(6));
  refresh();
  const auto provider = answer({discovery(), key_set(two_)});
  EXPECT_NE(ask("two").value()->find("two"), nullptr);
}

TEST_F(ProviderKeysTest, P48_ASlowProviderHoldsATokenRequestForOneFetchAtMost) {
  // Discovery and keys have one time together, and who waited for another's fetch begins none.
  std::vector<std::future<bool>> waiting;
  waiting.reserve(3);
  for (int i = 0; i < 3; ++i) waiting.push_back(asking());
  auto slow = listener_.accept();
  slow.read_through("\r\n\r\n");
  clock_.advance(milliseconds(7'000));
  slow.send(discovery());
  auto keys = listener_.accept();
  keys.read_through("\r\n\r\n");
  clock_.advance(milliseconds(1'001));
  for (auto& each : waiting) EXPECT_FALSE(each.get());
  EXPECT_EQ(ask().error().code, Errc::unavailable) << "and is not asked again at once";
}

TEST_F(ProviderKeysTest, P34_AKeyThatCannotBeUsedDoesNotTakeTheOthersWithIt) {
  auto set = jose::JwkSet::of({one_.public_jwk()}).value().to_json();
  auto& list = set["keys"].as_array();
  list.insert(
      list.begin(),
      Json(JsonObject{{"kty", "EC"}, {"crv", "P-256"}, {"kid", "bad"}, {"x", "AA"}, {"y", "AA"}}));
  list.push_back(Json("no key"));
  auto other = two_.public_jwk().with_kid("one").to_json();
  list.push_back(std::move(other));
  list.push_back(Json(JsonObject{{"kty", "oct"}, {"kid", "symmetric"}}));
  const auto provider = answer({discovery(), ok(write_json(set))});
  const auto keys = ask();
  ASSERT_TRUE(keys) << keys.error().to_string();
  ASSERT_EQ((*keys)->keys().size(), 1U);
  EXPECT_EQ((*keys)->keys().front().thumbprint(), one_.public_jwk().thumbprint());
  const auto skipped = log_.find("provider.key_skipped");
  ASSERT_TRUE(skipped);
  EXPECT_TRUE(log_.contains("/keys/0"));
  EXPECT_TRUE(log_.contains("/keys/2"));
  EXPECT_TRUE(log_.contains("/keys/3"));
  EXPECT_FALSE(log_.contains("/keys/4")) << "one that is for something else is no fault";
}

TEST_F(ProviderKeysTest, P33_AKeyWithoutAlgIsForAllThatItsTypeAllows) {
  provider_.algorithms = {"RS256", "PS256", "ES256"};
  const auto provider = answer(
      {discovery(),
       ok(write_json(JsonObject{
           {"keys", JsonArray{JsonObject{
                        {"kty", "RSA"}, {"kid", "one"}, {"n", kModulus}, {"e", "AQAB"}}}}}))});
  const auto keys = ask();
  ASSERT_TRUE(keys) << keys.error().to_string();
  std::set<jose::Algorithm> algorithms;
  for (const auto& key : (*keys)->keys()) algorithms.insert(key.algorithm());
  EXPECT_THAT(algorithms, testing::ElementsAre(jose::Algorithm::rs256, jose::Algorithm::ps256));
}

TEST_F(ProviderKeysTest, AnUnknownKidIsLookedForAgainButSeldom) {
  {
    const auto provider = answer({discovery(), key_set(one_)});
    ASSERT_TRUE(ask());
  }
  // At once nothing is asked, whoever sends tokens with kids of his own invention.
  for (const auto* kid : {"two", "three", "four"}) EXPECT_EQ(ask(kid).value()->find(kid), nullptr);
  clock_.advance(seconds(30));
  const auto provider = answer({discovery(), key_set(two_)});
  EXPECT_NE(ask("two").value()->find("two"), nullptr);
}

TEST_F(ProviderKeysTest, WhatWasSeenLastCountsOnWhileTheProviderFails) {
  {
    const auto provider = answer({discovery(), key_set(one_)});
    ASSERT_TRUE(ask());
  }
  clock_.advance(seconds(3'599));
  {
    const auto provider = answer({"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"});
    EXPECT_NE(ask().value()->find("one"), nullptr);
    wait_for_failure();
  }
  clock_.advance(seconds(6));
  const auto provider = answer({"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"});
  EXPECT_EQ(ask().error().code, Errc::unavailable) << "and then not any more";
}

TEST_F(ProviderKeysTest, AFailureIsNotRepeatedAtOnce) {
  {
    const auto provider = answer({"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"});
    EXPECT_EQ(ask().error().code, Errc::unavailable);
  }
  EXPECT_EQ(ask().error().code, Errc::unavailable);
  EXPECT_EQ(targets_.size(), 1U);
}

TEST_F(ProviderKeysTest, TheDocumentIsOfExactlyThisIssuer) {
  const auto provider = answer({discovery("http://127.0.0.1", provider_.issuer + "/keys")});
  EXPECT_EQ(ask().error().code, Errc::unavailable);
}

TEST_F(ProviderKeysTest, KeysOfOtherAlgorithmsAreNone) {
  provider_.algorithms = {"EdDSA"};
  const auto provider = answer({discovery(), key_set(one_)});
  EXPECT_EQ(ask().error().code, Errc::unavailable);
}

TEST_F(ProviderKeysTest, RedirectsHugeAndMalformedDocumentsAreNoKeys) {
  const auto failing = [&](std::vector<std::string> responses) {
    {
      const auto provider = answer(std::move(responses));
      EXPECT_EQ(ask().error().code, Errc::unavailable);
    }
    clock_.advance(seconds(6));
  };
  failing({"HTTP/1.1 302 Found\r\nLocation: /keys\r\nContent-Length: 0\r\n\r\n"});
  failing({ok("not json")});
  failing({ok(R"({"issuer":1})")});
  failing({discovery(), ok(R"({"keys":[]})")});
  failing({discovery(), ok(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})")});
  failing({discovery(), ok(R"({"keys":")" + std::string(300 * 1024, 'a') + "\"}")});
  failing({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"});
}

TEST_F(ProviderKeysTest, P19_TheGuardIsAskedForEveryAddress) {
  // The provider's own document does not lead anywhere that the workspace has not named.
  {
    const auto provider = answer({discovery(provider_.issuer, "http://127.0.0.2/keys")});
    EXPECT_EQ(ask().error().code, Errc::unavailable);
  }
  provider_.allow_addresses = {};
  EXPECT_EQ(ask().error().code, Errc::unavailable);
  provider_.issuer = "https://login.example";
  resolver_.answer("login.example", {"10.0.0.1"});
  EXPECT_EQ(ask().error().code, Errc::unavailable);
  EXPECT_EQ(targets_.size(), 1U);
}

TEST_F(ProviderKeysTest, OneFetchServesAllWhoWait) {
  const auto provider = answer({discovery(), key_set(one_)});
  std::atomic<int> good = 0;
  std::atomic<int> left = 20;
  const OneShot<bool> done;
  for (int i = 0; i < 20; ++i) {
    spawn(loop_,
          [](FetchedProviderKeys& fetched, identity::Provider about, std::atomic<int>& granted,
             std::atomic<int>& rest, OneShot<bool> all) -> Task<void> {
            if (const auto keys = co_await fetched.keys(std::move(about), "one");
                keys && (*keys)->find("one") != nullptr)
              ++granted;
            if (--rest == 0) all.set(true);
          }(keys_, provider_, good, left, done));
  }
  (void)run_on(loop_, [](OneShot<bool> all) -> Task<bool> {
    co_return (co_await all.wait()).has_value();
  }(done));
  EXPECT_EQ(good, 20);
}

}  // namespace
}  // namespace writ::oauth
