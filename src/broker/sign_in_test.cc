// SPDX-License-Identifier: Apache-2.0
#include "broker/sign_in.h"

#include <future>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"
#include "broker/one_time_code.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;

class SignInTest : public testing::Test, protected ControlPlane {
 protected:
  static SignInRequest::Enrol enrol(std::string_view code, const jose::Signer& key) {
    return {.code = SecretBytes::copy_of(code), .key = key.public_jwk()};
  }
  std::string invited(std::string_view user) {
    auto issued = acme.run(invite(acme.workspace(), std::string(user),
                                  acme.authority("admin", Operation::invite), signature("admin"),
                                  acme.clock(), acme.random()));
    return std::string(issued->code.reveal_text());
  }
  std::string founding_code() {
    const auto server = acme.store().workspace(WorkspaceId());
    return std::string(
        acme.run(issue_founding_code(*server, acme.clock(), acme.random()))->code.reveal_text());
  }
  Expected<SignedIn> with_code(std::string_view code, const jose::Signer& key,
                               std::string_view user, std::string_view workspace = "acme") {
    return sign_in(workspace, user, login(key, workspace, user, session_key_), enrol(code, key));
  }

  jose::Es256Signer session_key_{crypto::Es256PrivateKey::generate()};
  jose::Es256Signer new_key_{crypto::Es256PrivateKey::generate()};
};

TEST_F(SignInTest, AnEnrolledKeyOpensASessionThatIsBoundToAnother) {
  const auto alice = session("alice");
  EXPECT_EQ(use(alice)->user->name, "alice");
  EXPECT_EQ(alice.expires, acme.clock().now() + std::chrono::hours(12));
  EXPECT_EQ(entries(audit::Kind::session_opened).size(), 1U);
  // The login key is not the session's.
  TestSession stolen{.text = alice.text, .key = acme.key("alice"), .expires = {}};
  EXPECT_EQ(use(stolen).error().code, Errc::unauthenticated);
}

// Its time would tell a stranger which names are people here.
TEST_F(SignInTest, ARefusalCostsTheSameWhoeverIsNamed) {
  const jose::Ed25519Signer other_kind{crypto::Ed25519PrivateKey::generate(acme.random())};
  std::set<std::uint64_t> costs;
  const auto attempt = [&](std::string_view workspace, std::string_view user,
                           const jose::Signer& key) {
    const auto before = sign_ins.verifications();
    const auto refused =
        sign_in(workspace, user, login(key, workspace, user, session_key_), std::nullopt);
    EXPECT_FALSE(refused) << workspace << "/" << user;
    EXPECT_EQ(refused.error().code, Errc::unauthenticated);
    costs.insert(sign_ins.verifications() - before);
  };
  acme.disable("bob");
  for (const jose::Signer* key : {static_cast<const jose::Signer*>(&new_key_),
                                  static_cast<const jose::Signer*>(&other_kind)}) {
    attempt("acme", "alice", *key);   // who has a key
    attempt("acme", "bob", *key);     // who is disabled
    attempt("acme", "nobody", *key);  // who is not there
    attempt("nowhere", "alice", *key);
  }
  EXPECT_THAT(costs, testing::ElementsAre(2U)) << "one for each algorithm";
}

TEST_F(SignInTest, TheStoreHasAHashAndNoSession) {
  const auto alice = session("alice");
  for (const auto& record :
       acme.run(acme.workspace().store().list(RecordKind::session, "", 10)).value()) {
    EXPECT_THAT(record.id + record.value, testing::Not(HasSubstr(alice.text)));
  }
}

TEST_F(SignInTest, Failure8_AnAssertionIsOfUseOnce) {
  const auto assertion = login(acme.key("alice"), "acme", "alice", session_key_);
  EXPECT_TRUE(sign_in("acme", "alice", assertion).has_value());
  EXPECT_EQ(sign_in("acme", "alice", assertion).error().code, Errc::unauthenticated);
  acme.clock().advance(seconds(30));
  EXPECT_FALSE(sign_in("acme", "alice", assertion).has_value());
}

TEST_F(SignInTest, EveryPartOfAnAssertionCounts) {
  const auto& key = acme.key("alice");
  EXPECT_FALSE(sign_in("acme", "alice", login(acme.key("bob"), "acme", "alice", session_key_)));
  EXPECT_FALSE(sign_in("acme", "alice", login(key, "acme", "bob", session_key_)));
  EXPECT_FALSE(sign_in("acme", "alice", login(key, "other", "alice", session_key_)));
  EXPECT_FALSE(
      sign_in("acme", "alice", login(key, "acme", "alice", session_key_, "https://evil.example")));
  EXPECT_FALSE(
      sign_in("acme", "alice", login(key, "acme", "alice", session_key_, kUrl, seconds(61))));
  auto old = login(key, "acme", "alice", session_key_);
  acme.clock().advance(seconds(70));
  EXPECT_FALSE(sign_in("acme", "alice", old));
  // Of another type, and without a key for the session.
  JsonObject claims{{"iss", "acme/alice"},
                    {"sub", "acme/alice"},
                    {"aud", kUrl},
                    {"jti", "j"},
                    {"iat", to_unix_seconds(acme.clock().now())},
                    {"exp", to_unix_seconds(acme.clock().now()) + 60}};
  EXPECT_FALSE(sign_in("acme", "alice", jose::sign_jwt(key, kLoginType, claims)));
  claims["cnf"] = JsonObject{{"jkt", session_key_.public_jwk().thumbprint()}};
  EXPECT_FALSE(sign_in("acme", "alice", jose::sign_jwt(key, "JWT", claims)));
  EXPECT_TRUE(sign_in("acme", "alice", jose::sign_jwt(key, kLoginType, claims)));
}

// Nobody learns which workspaces and users there are.
TEST_F(SignInTest, Failure14_AnUnknownNameIsAnsweredLikeAWrongKey) {
  const auto& key = acme.key("alice");
  const auto wrong_key =
      sign_in("acme", "alice", login(new_key_, "acme", "alice", session_key_)).error();
  EXPECT_EQ(sign_in("acme", "nobody", login(key, "acme", "nobody", session_key_)).error(),
            wrong_key);
  EXPECT_EQ(sign_in("other", "alice", login(key, "other", "alice", session_key_)).error(),
            wrong_key);
  EXPECT_EQ(sign_in("acme", "olivia", login(key, "acme", "olivia", session_key_)).error(),
            wrong_key);
  EXPECT_EQ(with_code("wrong", new_key_, "olivia").error(), wrong_key);
  EXPECT_EQ(with_code("wrong", new_key_, "founder", "elsewhere").error(), wrong_key);
}

TEST_F(SignInTest, P3_ACodeEnrolsItsUsersKeyOnce) {
  const auto code = invited("olivia");
  EXPECT_FALSE(with_code(code, new_key_, "alice"));
  acme.clock().advance(seconds(1));
  ASSERT_TRUE(with_code(code, new_key_, "olivia"));
  EXPECT_EQ(entries(audit::Kind::user_enrolled).size(), 1U);
  // P40: what was asked before, this key does not decide; also after a restart.
  const auto id = acme.user_id("olivia");
  EXPECT_EQ(acme.workspace().standing(id).enrolled, acme.clock().now());
  const auto record = acme.run(acme.workspace().store().get(RecordKind::user, id.to_string()));
  EXPECT_EQ(parse_standing_record(**record)->enrolled, acme.clock().now());
  EXPECT_TRUE(sign_in("acme", "olivia", login(new_key_, "acme", "olivia", session_key_)));
  const jose::Es256Signer other{crypto::Es256PrivateKey::generate()};
  EXPECT_FALSE(with_code(code, other, "olivia"));
}

TEST_F(SignInTest, P40_AKeyEnrolledAnewCountsFromThen) {
  const auto id = acme.user_id("bob");
  acme.clock().advance(std::chrono::hours(1));
  ASSERT_TRUE(with_code(invited("bob"), new_key_, "bob").has_value());
  EXPECT_EQ(acme.workspace().standing(id).enrolled, acme.clock().now());
}

TEST_F(SignInTest, P35_ACodeIsOfNoUseToWhoIsDisabled) {
  ASSERT_TRUE(acme.run(
      users.disable(acme.workspace(), "bob", acme.authority("admin", Operation::disable_user))));
  // One that was made since.
  const auto code = invited("bob");
  EXPECT_EQ(with_code(code, new_key_, "bob").error().code, Errc::unauthenticated);
  EXPECT_TRUE(entries(audit::Kind::user_enrolled).empty());
}

TEST_F(SignInTest, Failure28_ACodeWithSpacesIsAnotherCode) {
  const auto code = invited("olivia");
  EXPECT_FALSE(with_code(code + " ", new_key_, "olivia"));
  EXPECT_FALSE(with_code(" " + code, new_key_, "olivia"));
  EXPECT_FALSE(with_code(code + "\n", new_key_, "olivia"));
  EXPECT_TRUE(with_code(code, new_key_, "olivia"));
}

TEST_F(SignInTest, ACodeEndsWithItsDayAndWithALaterOne) {
  const auto first = invited("olivia");
  const auto second = invited("olivia");
  EXPECT_FALSE(with_code(first, new_key_, "olivia"));
  acme.clock().advance(kEnrolmentLife);
  EXPECT_FALSE(with_code(second, new_key_, "olivia"));
}

TEST_F(SignInTest, P5_AUserWhoComesBackHasNeitherTheKeyNorTheCodeOfBefore) {
  const auto documents = acme.documents();
  const auto apply = [&](workspace::Documents of) {
    return acme
        .run(applying.apply(acme.workspace(), signed_apply("admin", std::move(of)),
                            acme.authority("admin", Operation::apply)))
        .has_value();
  };
  const auto to_bob = invited("bob");
  const auto to_olivia = invited("olivia");  // who has no key
  auto without = documents;
  for (const auto* user : {"[users.bob]", "[users.olivia]"}) {
    auto& text = without.at("workspace.toml");
    const auto at = text.find(user);
    text.erase(at, text.find("\n\n", at) + 2 - at);
  }
  const auto bob = acme.user_id("bob");
  ASSERT_TRUE(apply(without));
  // As a server that starts finds it.
  const auto record =
      acme.run(acme.workspace().store().get(RecordKind::user, bob.to_string())).value();
  EXPECT_FALSE(parse_standing_record(*record)->key);
  EXPECT_EQ(acme.workspace().standing(bob).revision, record->revision);
  ASSERT_TRUE(apply(documents));
  ASSERT_EQ(acme.user_id("bob"), bob);
  EXPECT_EQ(
      sign_in("acme", "bob", login(acme.key("bob"), "acme", "bob", session_key_)).error().code,
      Errc::unauthenticated);
  EXPECT_EQ(with_code(to_bob, new_key_, "bob").error().code, Errc::unauthenticated);
  EXPECT_EQ(with_code(to_olivia, new_key_, "olivia").error().code, Errc::unauthenticated);
  EXPECT_TRUE(with_code(invited("bob"), new_key_, "bob"));
}

TEST_F(SignInTest, TheEnrolledKeyMustHaveSignedTheAssertion) {
  const auto code = invited("olivia");
  EXPECT_FALSE(sign_in("acme", "olivia", login(acme.key("bob"), "acme", "olivia", session_key_),
                       enrol(code, new_key_)));
}

TEST_F(SignInTest, P4_OneKeyDoesNotStandForTwo) {
  EXPECT_EQ(with_code(invited("olivia"), acme.key("bob"), "olivia").error().code, Errc::conflict);
  EXPECT_EQ(with_code(invited("olivia"), acme.key("billing"), "olivia").error().code,
            Errc::conflict);
}

TEST_F(SignInTest, P4_OneKeyDoesNotStandForTwoWhoEnrolItAtOnce) {
  const auto to_olivia = invited("olivia");
  const auto to_bob = invited("bob");
  acme.store().hold_commits();
  auto olivias = std::async([&] { return with_code(to_olivia, new_key_, "olivia"); });
  while (acme.store().held() < 1) std::this_thread::yield();
  auto bobs = std::async([&] { return with_code(to_bob, new_key_, "bob"); });
  while (acme.store().held() < 2) std::this_thread::yield();
  acme.store().release_commits();
  EXPECT_TRUE(olivias.get());
  EXPECT_FALSE(bobs.get());
  EXPECT_EQ(acme.workspace().standing(acme.user_id("olivia")).key, new_key_.public_jwk());
  EXPECT_EQ(acme.workspace().standing(acme.user_id("bob")).key, acme.key("bob").public_jwk());
}

TEST_F(SignInTest, P4_OneKeyDoesNotStandForAPersonAndAnAgentThatGetItAtOnce) {
  const auto code = invited("olivia");
  auto documents = acme.documents();
  auto& text = documents.at("agents/support.toml");
  text.erase(text.find("\n[[keys]]"));
  text += "\n[[keys]]\n";
  for (const auto& member : new_key_.public_jwk().with_kid("k2").to_json())
    text += std::string(text_of(member)) + " = " + write_json(member.value()) + '\n';
  acme.store().hold_commits();
  auto enrolled = std::async([&] { return with_code(code, new_key_, "olivia"); });
  while (acme.store().held() < 1) std::this_thread::yield();
  auto applied = std::async([&] {
    auto ask = signed_apply("admin", documents);
    return acme.run(applying.apply(acme.workspace(), std::move(ask),
                                   acme.authority("admin", Operation::apply)));
  });
  while (acme.store().held() < 2) std::this_thread::yield();
  acme.store().release_commits();
  EXPECT_TRUE(enrolled.get());
  const auto refused = applied.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error.code, Errc::conflict);
  EXPECT_EQ(acme.workspace().version()->number(), 1U);
  // And asked again it says whose the key is.
  const auto again = acme.run(applying.apply(acme.workspace(), signed_apply("admin", documents),
                                             acme.authority("admin", Operation::apply)));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().problems.size(), 1U);
}

TEST_F(SignInTest, AnotherKeyEndsTheSessionsOfTheOneBefore) {
  const auto before = session("bob");
  ASSERT_TRUE(with_code(invited("bob"), new_key_, "bob"));
  EXPECT_FALSE(use(before));
  EXPECT_FALSE(sign_in("acme", "bob", login(acme.key("bob"), "acme", "bob", session_key_)));
}

TEST_F(SignInTest, P8_AProofIsOfUseOnceAndForItsRequestAlone) {
  const auto alice = session("alice");
  const auto once = proof(alice, "GET", "/v1/runs");
  EXPECT_TRUE(use(alice, once, "GET", "/v1/runs"));
  EXPECT_FALSE(use(alice, once, "GET", "/v1/runs"));
  EXPECT_FALSE(use(alice, proof(alice, "GET", "/v1/runs"), "POST", "/v1/runs"));
  EXPECT_FALSE(use(alice, proof(alice, "GET", "/v1/runs"), "GET", "/v1/log"));
  EXPECT_FALSE(use(alice, std::nullopt));
  const auto old = proof(alice, "GET", "/v1/runs");
  acme.clock().advance(seconds(62));
  EXPECT_FALSE(use(alice, old, "GET", "/v1/runs"));
}

TEST_F(SignInTest, AProofIsNotForgottenWhileItCouldBeUsedAgain) {
  const auto alice = session("alice");
  FakeClock ahead(acme.clock().now() + seconds(59));
  const auto early = jose::make_dpop_proof(alice.key, "GET", std::string(kUrl) + "/v1/session",
                                           alice.text, ahead, acme.random());
  EXPECT_TRUE(use(alice, early));
  acme.clock().advance(seconds(118));
  EXPECT_FALSE(use(alice, early));
}

TEST_F(SignInTest, ARestartOpensNoWindow) {
  const auto alice = session("alice");
  const auto used = proof(alice, "GET", "/v1/session");
  ASSERT_TRUE(use(alice, used));
  acme.clock().advance(seconds(1));
  Sessions restarted(acme.live(), acme.time(), acme.stops(), acme.clock(), acme.random());
  ASSERT_TRUE(acme.run(restarted.load(acme.shared_workspace())).has_value());
  const auto again = [&](const std::string& with) {
    const auto url = std::string(kUrl) + "/v1/session";
    return restarted.authenticate(
        {.scheme = "DPoP", .token = alice.text, .proof = with, .method = "GET", .url = url});
  };
  EXPECT_EQ(again(used).error().code, Errc::unavailable)
      << "the session is good: another proof is asked for, and nobody signs in again";
  EXPECT_TRUE(again(proof(alice, "GET", "/v1/session")));
}

// Whoever may sign in must not be able to leave a record behind that keeps the server from
// starting.
TEST_F(SignInTest, ASessionsKeyIsAThumbprintAndNothingLonger) {
  const auto& key = acme.key("alice");
  for (const auto* jkt : {"", "x", "a b", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    const auto assertion =
        make_login(key, {.workspace = "acme", .user = "alice", .public_url = kUrl}, jkt,
                   acme.clock(), acme.random());
    EXPECT_EQ(sign_in("acme", "alice", assertion).error().code, Errc::unauthenticated) << jkt;
  }
}

TEST_F(SignInTest, ASessionThatCannotBeReadKeepsNobodyFromTheirs) {
  const auto alice = session("alice");
  Unit unit;
  unit.puts = {{RecordKind::session, std::string(64, '0'), 0, "{\"v\":2}"}};
  ASSERT_TRUE(acme.run(acme.workspace().store().commit(std::move(unit))).has_value());
  Sessions restarted(acme.live(), acme.time(), acme.stops(), acme.clock(), acme.random());
  ASSERT_TRUE(acme.run(restarted.load(acme.shared_workspace())).has_value());
  EXPECT_EQ(acme.run(acme.workspace().store().list(RecordKind::session, "", 10))->size(), 1U);
}

TEST_F(SignInTest, ASessionEndsByLogoutAndByTime) {
  const auto first = session("alice");
  ASSERT_TRUE(acme.run(sessions.end(*use(first))).has_value());
  EXPECT_FALSE(use(first));
  EXPECT_TRUE(acme.run(acme.workspace().store().list(RecordKind::session, "", 10))->empty());
  const auto second = session("alice");
  acme.clock().advance(kSessionLife);
  EXPECT_FALSE(use(second));
}

TEST_F(SignInTest, OfTooManySessionsTheOldestEnds) {
  const auto first = session("alice");
  acme.clock().advance(seconds(1));
  for (std::size_t i = 1; i < kMaxSessions; ++i) (void)session("alice");
  EXPECT_TRUE(use(first));
  const auto last = session("alice");
  EXPECT_FALSE(use(first));
  EXPECT_TRUE(use(last));
}

// Stopping needs no clock, so a key that is enrolled signs in; a code does not.
TEST_F(SignInTest, P24_WhileTheClockIsBehindOneSignsInWithAnEnrolledKeyAlone) {
  const auto code = invited("bob");
  acme.clock().set_wall(acme.clock().now() - std::chrono::hours(1));
  EXPECT_TRUE(sign_in("acme", "alice", login(acme.key("alice"), "acme", "alice", session_key_)));
  const auto enrolled = with_code(code, new_key_, "bob");
  ASSERT_FALSE(enrolled.has_value());
  EXPECT_EQ(enrolled.error().code, Errc::unavailable);
}

TEST_F(SignInTest, P9_ADisabledUserHasNoSessionAndItsRunsEnd) {
  const auto alice = session("alice");
  const auto run = acme.start("plan");
  const auto other = acme.start("plan", "bob");
  EXPECT_EQ(*acme.run(users.disable(acme.workspace(), "alice",
                                    acme.authority("admin", Operation::disable_user))),
            std::vector{run->id});
  EXPECT_FALSE(use(alice));
  EXPECT_FALSE(sign_in("acme", "alice", login(acme.key("alice"), "acme", "alice", session_key_)));
  EXPECT_TRUE(acme.workspace().runs().alive(other->id, acme.clock().now()));
  EXPECT_EQ(entries(audit::Kind::user_disabled).at(0).at("by_name"), Json("admin"));

  ASSERT_TRUE(
      acme.run(users.enable(acme.workspace(), "alice",
                            acme.authority("admin", Operation::enable_user), signature("admin")))
          .has_value());
  EXPECT_FALSE(use(alice)) << "sessions from before do not come back";
  EXPECT_TRUE(sign_in("acme", "alice", login(acme.key("alice"), "acme", "alice", session_key_)));
}

TEST_F(SignInTest, TheLastAdminIsNotDisabled) {
  EXPECT_EQ(acme.run(users.disable(acme.workspace(), "admin",
                                   acme.authority("admin", Operation::disable_user)))
                .error()
                .code,
            Errc::conflict);
}

// Each is there for the other, until one of them is not.
TEST_F(SignInTest, P3_OfTwoAdminsWhoAreDisabledAtOnceOneStays) {
  acme.edit("workspace.toml", "[users.carol]\n", "[users.carol]\nroles = [\"admin\"]\n");
  acme.edit("workspace.toml", "[users.bob]\n", "[users.bob]\nroles = [\"operator\"]\n");
  const auto by = acme.authority("bob", Operation::disable_user);
  const auto disable = [&](std::string name) {
    return acme.run(users.disable(acme.workspace(), std::move(name), by));
  };
  acme.store().hold_commits();
  auto first = std::async([&] { return disable("admin"); });
  auto second = std::async([&] { return disable("carol"); });
  // Who comes second is refused at once or at its commit; where each sees the other's stop, both
  // are.
  const auto refused = [](auto& one) {
    return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  while (acme.store().held() < 2 && !refused(first) && !refused(second)) std::this_thread::yield();
  acme.store().release_commits();
  const auto a = first.get();
  const auto b = second.get();
  EXPECT_FALSE(a && b);
  for (const auto* one : {&a, &b}) {
    if (!*one) EXPECT_EQ(one->error().code, Errc::conflict);
  }
  EXPECT_TRUE(remaining_admin(acme.workspace(), *acme.workspace().version()));
}

TEST_F(SignInTest, P3_AnInvitationIsOfNoUseWhenItsAdminIsOneNoMore) {
  acme.edit("workspace.toml", "[users.carol]\n", "[users.carol]\nroles = [\"admin\"]\n");
  const auto code = [&] {
    auto issued =
        acme.run(invite(acme.workspace(), "olivia", acme.authority("carol", Operation::invite),
                        signature("carol"), acme.clock(), acme.random()));
    return std::string(issued->code.reveal_text());
  }();
  acme.disable("carol");
  EXPECT_EQ(with_code(code, new_key_, "olivia").error().code, Errc::unauthenticated);
  acme.enrol("carol", acme.key("carol").public_jwk());
  acme.edit("workspace.toml", "[users.carol]\nroles = [\"admin\"]\n", "[users.carol]\n");
  EXPECT_EQ(with_code(code, new_key_, "olivia").error().code, Errc::unauthenticated);
  acme.edit("workspace.toml", "[users.carol]\n", "[users.carol]\nroles = [\"admin\"]\n");
  EXPECT_TRUE(with_code(code, new_key_, "olivia").has_value());
}

// --- founding

TEST_F(SignInTest, P3_TheFoundingCodeMakesAWorkspaceAndItsAdmin) {
  const auto code = founding_code();
  const auto founded = with_code(code, new_key_, "ada", "newco");
  ASSERT_TRUE(founded.has_value()) << founded.error().to_string();
  EXPECT_EQ(founded->workspace->version()->name(), "newco");
  EXPECT_TRUE(founded->user->has_role(identity::Role::admin));
  EXPECT_TRUE(founded->user->has_role(identity::Role::operator_));
  EXPECT_EQ(founded->workspace->standing(founded->user->id).enrolled, acme.clock().now());  // P40
  EXPECT_EQ(acme.live().find("newco"), founded->workspace);
  EXPECT_TRUE(sign_in("newco", "ada", login(new_key_, "newco", "ada", session_key_)));
  // It is of use once, for that workspace and for any other.
  const jose::Es256Signer other{crypto::Es256PrivateKey::generate()};
  EXPECT_FALSE(with_code(code, other, "eve", "newco"));
  EXPECT_FALSE(with_code(code, other, "eve", "evilco"));
  // What is stored is enough to start from.
  auto& store = founded->workspace->store();
  const auto id = founded->workspace->id().to_string();
  const auto key = acme.run(store.get(RecordKind::data_key, id)).value();
  EXPECT_TRUE(seal.unwrap_data_key(*parse_data_key_record(key->value), founded->workspace->id()));
  EXPECT_TRUE(
      parse_workspace_record(acme.run(store.get(RecordKind::workspace, id)).value()->value));
}

// The crash is between taking the code and making the workspace.
TEST_F(SignInTest, AFoundingThatWasCutOffGoesOnForTheSameFounderAlone) {
  const auto code = founding_code();
  const auto server = acme.store().workspace(WorkspaceId());
  auto enrolment =
      *acme.run(find_enrolment(*server, SecretBytes::copy_of(code), acme.clock().now())).value();
  enrolment.taken = Founder{.workspace = WorkspaceId::make(acme.clock(), acme.random()),
                            .name = "newco",
                            .user = "ada",
                            .key = new_key_.public_jwk().thumbprint()};
  Unit unit;
  unit.puts = {
      {RecordKind::enrolment, code_id(SecretBytes::copy_of(code)), 1, enrolment.to_record()}};
  ASSERT_TRUE(acme.run(server->commit(std::move(unit))).has_value());

  const jose::Es256Signer other{crypto::Es256PrivateKey::generate()};
  EXPECT_FALSE(with_code(code, other, "ada", "newco"));
  EXPECT_FALSE(with_code(code, new_key_, "eve", "newco"));
  EXPECT_FALSE(with_code(code, new_key_, "ada", "elsewhere"));
  const auto founded = with_code(code, new_key_, "ada", "newco");
  ASSERT_TRUE(founded.has_value());
  EXPECT_EQ(founded->workspace->id(), enrolment.taken->workspace);
}

TEST_F(SignInTest, AFoundingThatCannotBeWrittenLeavesNoWorkspace) {
  const auto code = founding_code();
  acme.store().fail_commits(fail(Errc::unavailable, "the disk is full").error());
  EXPECT_EQ(with_code(code, new_key_, "ada", "newco").error().code, Errc::unavailable);
  EXPECT_EQ(acme.live().find("newco"), nullptr);
  acme.store().fail_commits(std::nullopt);
  EXPECT_TRUE(with_code(code, new_key_, "ada", "newco").has_value());
}

TEST_F(SignInTest, ANameIsOneWorkspaces) {
  EXPECT_FALSE(with_code(founding_code(), new_key_, "ada", "acme"));
  EXPECT_EQ(with_code(founding_code(), new_key_, "ada", "Not A Name").error().code,
            Errc::invalid_input);
}

}  // namespace
}  // namespace writ::broker
