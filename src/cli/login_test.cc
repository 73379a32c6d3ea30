// SPDX-License-Identifier: Apache-2.0
#include "cli/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/api_client.h"
#include "cli/files.h"
#include "cli/testing_people.h"
#include "cli/testing_server.h"
#include "crypto/random.h"
#include "jose/dpop.h"
#include "jose/jwt.h"

namespace writ::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::identity_of;
using testing::kCheap;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedPerson;
using testing::Seen;
using testing::TempDirectory;
using testing::TestServer;

constexpr auto kPassphrase = "correct horse battery";

class LoginTest : public ::testing::Test {
 public:
  LoginTest() {
    server_.answer_with([this](const Seen&) { return reply_; });
    const protocol::SessionOpened opened{
        .session = SecretBytes::copy_of("opaque-session"),
        .expires = std::chrono::floor<seconds>(clock_.now() + std::chrono::hours(12)),
        .user = {.id = UserId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 0, 0x80}),
                 .name = "bob",
                 .roles = {},
                 .groups = {"finance"}},
        .workspace = "acme"};
    reply_ = Reply::json(opened.to_json(), 201);
  }

  Expected<Session> enrol(ScriptedPerson& person) {
    return login(*http_, home_.path(), person,
                 {.identity = bob(), .code = SecretBytes::copy_of("code-1"), .cost = kCheap},
                 clock_, random_);
  }
  Expected<Session> sign_in(ScriptedPerson& person) {
    return login(*http_, home_.path(), person, {.identity = bob()}, clock_, random_);
  }
  // The key that the last enrolment sent.
  jose::Jwk sent_key() const {
    const auto sent = protocol::OpenSession::from_json(server_.last().json()).value();
    return jose::Jwk::from_json(Json(*sent.key)).value();
  }
  Expected<jose::VerifiedJwt> verified_assertion(const protocol::OpenSession& sent,
                                                 const jose::Jwk& key) const {
    return jose::verify(jose::UnverifiedJwt::parse(sent.assertion).value(), key,
                        {.types = {std::string(protocol::kLoginType)},
                         .issuer = "acme/bob",
                         .audience = server_.origin(),
                         .subject = "acme/bob",
                         .require_jti = true,
                         .max_lifetime = seconds(60)},
                        clock_.now());
  }
  static Reply lose_the_answer(const Seen&) { return {.status = 502, .body = "{}"}; }
  static Reply unauthenticated() {
    return Reply::json({{"type", "https://writ.dev/problems/unauthenticated"},
                        {"status", 401},
                        {"title", "Unauthorized"},
                        {"detail", "the code is not good"}},
                       401);
  }
  Identity bob() const { return identity_of(server_.url()); }
  std::filesystem::path key_path() const { return user_key_path(home_.path(), bob()); }

  SystemClock clock_;
  crypto::SystemRandom random_;
  TempDirectory home_;
  Reply reply_;
  TestServer server_;
  std::unique_ptr<Http> http_ = Http::create(clock_, {}).value();
};

TEST_F(LoginTest, P20_ACodeEnrolsANewKeyUnderAPassphraseAskedTwice) {
  ScriptedPerson person({kPassphrase, kPassphrase});
  const auto session = enrol(person);
  ASSERT_TRUE(session) << session.error().to_string();
  EXPECT_EQ(person.prompts.size(), 2U);

  const auto sent = protocol::OpenSession::from_json(server_.last().json());
  ASSERT_TRUE(sent) << sent.error().to_string();
  EXPECT_EQ(sent->workspace, "acme");
  EXPECT_EQ(sent->user, "bob");
  EXPECT_EQ(*sent->code, SecretBytes::copy_of("code-1"));
  const auto key = jose::Jwk::from_json(Json(*sent->key)).value();
  const auto verified = verified_assertion(*sent, key);
  ASSERT_TRUE(verified) << verified.error().to_string();
  EXPECT_EQ(verified->confirmation_thumbprint(),
            jose::read_private_jwk(session->key).value().public_jwk().thumbprint());

  const auto stored = load_user_key(home_.path(), bob());
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->public_jwk(), key);
  EXPECT_TRUE(Sessions(home_.path()).find({}, clock_.now()));
}

TEST_F(LoginTest, AnEnrolledKeySignsInWithItsPassphrase) {
  ScriptedPerson first({kPassphrase, kPassphrase});
  ASSERT_TRUE(enrol(first));
  ScriptedPerson again({kPassphrase});
  ASSERT_TRUE(sign_in(again));
  const auto sent = protocol::OpenSession::from_json(server_.last().json()).value();
  EXPECT_FALSE(sent.code);

  ScriptedPerson wrong({"incorrect horse battery"});
  const auto before = server_.seen().size();
  const auto refused = sign_in(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_EQ(server_.seen().size(), before) << "nothing was sent";
  EXPECT_THAT(refused.error().to_string(), Not(HasSubstr("incorrect horse")));
}

TEST_F(LoginTest, P20_AWeakPassphraseIsRefusedAndTwoMustAgree) {
  ScriptedPerson person({"short", kPassphrase, "another passphrase", "short"});
  const auto refused = enrol(person);
  ASSERT_FALSE(refused);
  EXPECT_THAT(person.shown, HasSubstr("too short"));
  EXPECT_THAT(person.shown, HasSubstr("differ"));
  EXPECT_TRUE(server_.seen().empty());
  EXPECT_FALSE(std::filesystem::exists(key_path()));
}

TEST_F(LoginTest, P20_ARefusedKeyIsRemovedAndTheOlderOneWasNeverGone) {
  ScriptedPerson first({kPassphrase, kPassphrase});
  ASSERT_TRUE(enrol(first));
  const auto old = read_file(key_path(), 100'000).value();
  std::string meanwhile;
  server_.answer_with([&](const Seen&) {
    meanwhile = read_file(key_path(), 100'000).value_or("");
    return unauthenticated();
  });
  ScriptedPerson second({kPassphrase, kPassphrase});
  const auto refused = enrol(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_THAT(refused.error().hint, HasSubstr("ask for a new one"));
  EXPECT_EQ(meanwhile, old) << "while the server had not answered";
  EXPECT_EQ(read_file(key_path(), 100'000).value(), old);
  EXPECT_TRUE(PendingKeys(home_.path(), bob()).all().empty());
}

TEST_F(LoginTest, P20_TwoLostAnswersLoseNoKey) {
  ScriptedPerson first({kPassphrase, kPassphrase});
  ASSERT_TRUE(enrol(first));
  const auto enrolled = load_user_key(home_.path(), bob())->public_jwk();
  server_.answer_with(lose_the_answer);
  ScriptedPerson second({kPassphrase, kPassphrase});
  ASSERT_FALSE(enrol(second));
  const auto taken = sent_key();
  ScriptedPerson third({"", kPassphrase, kPassphrase});
  const auto lost = enrol(third);
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().hint, HasSubstr("run writ login again"));
  EXPECT_FALSE(sent_key() == taken) << "Enter makes another key";
  EXPECT_EQ(load_user_key(home_.path(), bob())->public_jwk(), enrolled);
  EXPECT_EQ(PendingKeys(home_.path(), bob()).all().size(), 2U);

  // The server took the first of the two: signing in finds it.
  server_.answer_with([&](const Seen& seen) {
    const auto sent = protocol::OpenSession::from_json(seen.json()).value();
    return verified_assertion(sent, taken) ? reply_ : unauthenticated();
  });
  ScriptedPerson again({kPassphrase, kPassphrase, kPassphrase});
  const auto session = sign_in(again);
  ASSERT_TRUE(session) << session.error().to_string();
  EXPECT_EQ(load_user_key(home_.path(), bob())->public_jwk(), taken);
  const auto older = UserKey::parse(read_file(key_path().string() + ".old", 100'000).value());
  EXPECT_EQ(older->public_jwk(), enrolled);
}

TEST_F(LoginTest, P20_ACodeWhoseAnswerWasLostIsTriedAgainWithTheSameKey) {
  for (const bool was_taken : {false, true}) {
    std::filesystem::remove_all(home_ / "keys");
    server_.answer_with(lose_the_answer);
    ScriptedPerson first({kPassphrase, kPassphrase});
    ASSERT_FALSE(enrol(first));
    const auto key = sent_key();
    EXPECT_FALSE(std::filesystem::exists(key_path()));
    EXPECT_THAT(load_user_key(home_.path(), bob()).error().message, HasSubstr("not finished"));
    server_.answer_with([&](const Seen& seen) {
      const auto sent = protocol::OpenSession::from_json(seen.json()).value();
      return was_taken && sent.code ? unauthenticated() : reply_;
    });
    ScriptedPerson again({kPassphrase});
    const auto session = enrol(again);
    ASSERT_TRUE(session) << session.error().to_string();
    EXPECT_EQ(load_user_key(home_.path(), bob())->public_jwk(), key);
    EXPECT_TRUE(PendingKeys(home_.path(), bob()).all().empty());
  }
}

TEST_F(LoginTest, KeysWhoseEnrolmentWasLostAreBounded) {
  const PendingKeys pending(home_.path(), bob());
  for (std::size_t i = 0; i <= PendingKeys::kMost; ++i) {
    const auto key =
        UserKey::generate(bob(), SecretBytes::copy_of(kPassphrase), random_, kCheap).value();
    EXPECT_EQ(pending.keep(key).has_value(), i < PendingKeys::kMost);
  }
}

TEST_F(LoginTest, LogoutEndsTheSessionAtTheServerFirst) {
  ScriptedPerson person({kPassphrase, kPassphrase});
  const auto session = enrol(person).value();
  reply_ = Reply{.status = 503, .body = "{}"};
  EXPECT_FALSE(logout(*http_, home_.path(), session, clock_, random_));
  EXPECT_EQ(Sessions(home_.path()).all().size(), 1U);
  reply_ = Reply{.status = 204, .body = ""};
  EXPECT_TRUE(logout(*http_, home_.path(), session, clock_, random_));
  EXPECT_EQ(server_.last().method, "DELETE");
  EXPECT_EQ(server_.last().target, "/v1/session");
  EXPECT_TRUE(Sessions(home_.path()).all().empty());
}

TEST_F(LoginTest, EachRequestHasAProofOfTheSessionsKey) {
  const auto session = testing::session_for(bob(), clock_.now() + std::chrono::hours(1));
  auto client = ApiClient::create(*http_, session, clock_, random_).value();
  reply_ = Reply{.body = "{}"};
  ASSERT_TRUE(client.send("GET", "/v1/runs?a=1"));
  ASSERT_TRUE(client.send("GET", "/v1/runs?a=1"));
  std::vector<std::string> ids;
  for (const auto& seen : server_.seen()) {
    EXPECT_EQ(seen.field("authorization"), "DPoP session-text");
    const auto proof = jose::verify_dpop_proof(
        seen.field("dpop"),
        {.method = "GET", .url = server_.origin() + "/v1/runs", .access_token = "session-text"},
        clock_.now());
    ASSERT_TRUE(proof) << proof.error().to_string();
    EXPECT_EQ(proof->thumbprint(),
              jose::read_private_jwk(session.key).value().public_jwk().thumbprint());
    ids.push_back(proof->jti());
  }
  EXPECT_NE(ids[0], ids[1]);
}

TEST_F(LoginTest, AnEndedSessionSaysHowToSignInAgain) {
  const auto session = testing::session_for(bob(), clock_.now() + std::chrono::hours(1));
  auto client = ApiClient::create(*http_, session, clock_, random_).value();
  reply_ = Reply::json({{"status", 401}, {"detail", "no such session\x1b"}}, 401);
  const auto ended = client.send("GET", "/v1/runs");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::unauthenticated);
  EXPECT_EQ(ended.error().message, "no such session\\u001b");
  EXPECT_EQ(ended.error().hint, "sign in again: writ login --server " + server_.origin() +
                                    " --workspace acme --user bob");
  reply_ = Reply{.body = "[1,2"};
  const auto odd = client.get<protocol::WhoAmI>("/v1/session");
  ASSERT_FALSE(odd);
  EXPECT_THAT(odd.error().message, HasSubstr("not understood"));
}

}  // namespace
}  // namespace writ::cli
