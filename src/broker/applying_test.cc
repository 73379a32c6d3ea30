// SPDX-License-Identifier: Apache-2.0
#include "broker/applying.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"
#include "broker/grants_testing.h"
#include "broker/startup.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ApplyingTest : public testing::Test, protected ControlPlane {
 protected:
  std::expected<Applied, NotApplied> apply(workspace::Documents documents, bool dry_run = false) {
    auto ask = dry_run ? ApplyAsk{.documents = std::move(documents),
                                  .dry_run = true,
                                  .base = {},
                                  .signature = {}}
                       : signed_apply("admin", std::move(documents));
    return acme.run(applying.apply(acme.workspace(), std::move(ask),
                                   acme.authority("admin", Operation::apply)));
  }
  std::string problems(workspace::Documents documents) {
    const auto out = apply(std::move(documents));
    if (out) return "none";
    std::string text = out.error().error.to_string();
    for (const auto& problem : out.error().problems) text += problem.to_string() + "\n";
    return text;
  }
  static workspace::Documents replaced(workspace::Documents documents, const std::string& path,
                                       std::string_view from, std::string_view to) {
    auto& text = documents.at(path);
    text.replace(text.find(from), from.size(), to);
    return documents;
  }
  // Without the agent billing, and the step that is its own.
  static workspace::Documents without_billing(workspace::Documents documents) {
    documents.erase("agents/billing.toml");
    auto& workflow = documents.at("workflows/refund.toml");
    workflow.erase(workflow.rfind("[[steps]]"));
    workflow.replace(workflow.find("delegates_to = [\"settle\"]"), 25, "delegates_to = []");
    auto& policies = documents.at("policies/refund.cedar");
    for (auto at = policies.find("@id(\"billing-"); at != policies.npos;
         at = policies.find("@id(\"billing-", at)) {
      if (policies.compare(at, 28, "@id(\"billing-managers-may-use") == 0) {
        ++at;
        continue;
      }
      policies.erase(at, policies.find(';', at) + 1 - at);
    }
    return documents;
  }
  std::uint64_t version() { return acme.workspace().version()->number(); }
  std::uint64_t stored_version() {
    return acme
        .run(acme.workspace().store().get(RecordKind::workspace, acme.workspace().id().to_string()))
        .value()
        ->revision;
  }
};

TEST_F(ApplyingTest, P5_WhatIsPublishedIsDurableAndInTheLog) {
  auto documents = acme.documents();
  documents["workspace.toml"] += "\n[users.erin]\n";
  const auto applied = apply(documents);
  ASSERT_TRUE(applied.has_value()) << problems(documents);
  EXPECT_TRUE(applied->changed);
  EXPECT_EQ(applied->version, 2U);
  EXPECT_EQ(version(), 2U);
  EXPECT_EQ(stored_version(), 2U);
  EXPECT_EQ(acme.workspace().documents(), documents);
  const auto record = acme.run(acme.workspace().store().get(RecordKind::workspace,
                                                            acme.workspace().id().to_string()))
                          .value();
  EXPECT_EQ(parse_workspace_record(record->value)->documents, documents);
  const auto log = entries(audit::Kind::workspace_applied);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("version"), Json(2));
  EXPECT_EQ(log[0].at("by_name"), Json("admin"));
  EXPECT_EQ(log[0].at("changes"), Json(JsonArray{"added user erin"}));
}

TEST_F(ApplyingTest, P5_NothingChangesWhereTheDocumentsAreTheSame) {
  (void)acme.authority("admin", Operation::apply);  // its session is a commit
  const auto commits = acme.store().commits();
  EXPECT_FALSE(apply(acme.documents())->changed);
  EXPECT_EQ(acme.store().commits(), commits);
  EXPECT_EQ(version(), 1U);
}

// With the one loop of these tests held up, nothing could be revoked.
TEST_F(ApplyingTest, P48_DocumentsAreCheckedOffTheLoop) {
  const auto run = acme.refund_chain();
  auto documents = acme.documents();
  documents["workspace.toml"] += "\n[users.erin]\n";
  auto ask = signed_apply("admin", documents);
  auto by = acme.authority("admin", Operation::apply);
  build_random.hold();
  OneShot<bool> done;
  spawn(acme.loop(),
        [](Applying& to, LiveWorkspace& workspace, ApplyAsk what, Authority whom,
           OneShot<bool> out) -> Task<void> {
          out.set((co_await to.apply(workspace, std::move(what), std::move(whom))).has_value());
        }(applying, acme.workspace(), std::move(ask), std::move(by), done));
  build_random.wait_for_one();
  EXPECT_TRUE(acme.run(revocations.revoke(acme.workspace(), std::vector{run->id},
                                          {.by = "server", .by_name = {}, .reason = {}})));
  EXPECT_FALSE(acme.workspace().runs().alive(run->id, acme.clock().now()));
  EXPECT_EQ(version(), 1U);
  build_random.go_on();
  EXPECT_EQ(acme.run(done.wait()), true);
  EXPECT_EQ(version(), 2U);
}

TEST_F(ApplyingTest, P39_TheFirstApplySinceTheRuleMakesStepsForUsersAndEndsOtherRuns) {
  auto documents = acme.documents();
  auto& workflow = documents.at("workflows/refund.toml");
  workflow.replace(workflow.find("for = \"user\"\n"), 13, "");
  auto old = workspace::build_version(acme.workspace().id(), 2, documents, acme.workspace().names(),
                                      acme.clock(), acme.random(), workspace::Rules::first);
  ASSERT_TRUE(old) << old.error().front().to_string();
  acme.put(RecordKind::workspace, acme.workspace().id().to_string(), 1,
           to_record(WorkspaceRecord{documents, old->names, workspace::Rules::first}));
  acme.workspace().publish(old->version, documents, old->names);
  const auto alices = acme.refund_chain();
  const auto nobodys = acme.start("plan", nullptr);

  const auto applied = apply(documents);
  ASSERT_TRUE(applied.has_value()) << problems(documents);
  EXPECT_EQ(applied->version, 3U);
  EXPECT_EQ(applied->changes.size(), 3U) << "each step, for a user from now on";
  EXPECT_THAT(applied->revoked, UnorderedElementsAre(nobodys->id));
  EXPECT_TRUE(acme.workspace().runs().alive(alices->id, acme.clock().now()));
  EXPECT_FALSE(apply(documents)->changed);
}

TEST_F(ApplyingTest, P5_ADryRunChangesNothing) {
  const auto run = acme.refund_chain();
  const auto dry = apply(without_billing(acme.documents()), true);
  ASSERT_TRUE(dry.has_value()) << problems(without_billing(acme.documents()));
  EXPECT_THAT(dry->revoked, UnorderedElementsAre(run->id));
  EXPECT_FALSE(dry->changes.empty());
  EXPECT_EQ(version(), 1U);
  EXPECT_EQ(stored_version(), 1U);
  EXPECT_TRUE(acme.workspace().runs().alive(run->id, acme.clock().now()));
}

TEST_F(ApplyingTest, P5_WhatIsAbsentIsDisabledAndItsRunsAreRevokedBeforeTheAnswer) {
  const auto run = acme.refund_chain();
  const auto parent = *run->parent;
  const auto applied = apply(without_billing(acme.documents()));
  ASSERT_TRUE(applied.has_value());
  EXPECT_THAT(applied->revoked, UnorderedElementsAre(run->id));
  EXPECT_FALSE(acme.workspace().runs().alive(run->id, acme.clock().now()));
  EXPECT_TRUE(acme.workspace().runs().alive(parent, acme.clock().now()));
  EXPECT_EQ(acme.workspace().version()->agent("billing"), nullptr);
  const auto log = entries(audit::Kind::run_revoked);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_THAT(std::string(text_of(log[0].at("reason").as_string())), HasSubstr("version 2"));
}

TEST_F(ApplyingTest, P5_ANameThatComesBackIsTheSameObject) {
  const auto documents = acme.documents();
  const auto id = acme.workspace().version()->agent("billing")->agent->id;
  ASSERT_TRUE(apply(without_billing(documents)).has_value());
  ASSERT_TRUE(apply(documents).has_value());
  EXPECT_EQ(acme.workspace().version()->agent("billing")->agent->id, id);
}

TEST_F(ApplyingTest, P9_TheRunsOfAUserWhoIsGoneEnd) {
  const auto bobs = acme.start("plan", "bob");
  const auto alices = acme.start("plan", "alice");
  auto documents = replaced(acme.documents(), "workspace.toml",
                            "[users.alice]\ndisplay = \"Alice Archer\"\n"
                            "groups = [\"billing-managers\", \"finance\"]\n",
                            "");
  const auto before = session("alice");
  const auto applied = apply(std::move(documents));
  ASSERT_TRUE(applied.has_value()) << applied.error().error.to_string();
  EXPECT_THAT(applied->revoked, UnorderedElementsAre(alices->id));
  EXPECT_TRUE(acme.workspace().runs().alive(bobs->id, acme.clock().now()));
  EXPECT_FALSE(use(before));
  ASSERT_TRUE(apply(acme.documents()).has_value());
  EXPECT_FALSE(use(before)) << "a session does not come back with the name";
}

TEST_F(ApplyingTest, P5_AllProblemsAtOnceAndNothingOfIt) {
  auto documents = acme.documents();
  documents["agents/billing.toml"].insert(0, "surprise = 1\n");
  documents["policies/refund.cedar"] += "\npermit (";
  documents["notes.txt"] = "hello";
  const auto text = problems(documents);
  EXPECT_THAT(text, HasSubstr("agents/billing.toml:1:"));
  EXPECT_THAT(text, HasSubstr("policies/refund.cedar:"));
  EXPECT_THAT(text, HasSubstr("notes.txt"));
  EXPECT_EQ(version(), 1U);
  EXPECT_EQ(stored_version(), 1U);
}

TEST_F(ApplyingTest, AWorkspaceKeepsItsName) {
  EXPECT_THAT(
      problems(replaced(acme.documents(), "workspace.toml", "name = \"acme\"", "name = \"other\"")),
      HasSubstr("workspace.toml:3:"));
}

TEST_F(ApplyingTest, P3_AnApplyThatLeavesNoAdminWithAKeyIsRefused) {
  auto documents = replaced(acme.documents(), "workspace.toml", "roles = [\"admin\", \"operator\"]",
                            "roles = [\"operator\"]");
  EXPECT_THAT(problems(documents), HasSubstr("nobody could administer"));
  // An admin without a key is none.
  documents["workspace.toml"] += "\n[users.nora]\nroles = [\"admin\"]\n";
  EXPECT_THAT(problems(documents), HasSubstr("nobody could administer"));
  EXPECT_EQ(version(), 1U);
}

TEST_F(ApplyingTest, P4_AnAgentsKeyIsNotAPersons) {
  acme.enrol("bob", acme.key("billing").public_jwk());
  auto documents = acme.documents();
  documents["workspace.toml"] += "\n[users.erin]\n";
  EXPECT_THAT(problems(documents), HasSubstr("agents/billing.toml: a key of this agent"));
}

TEST_F(ApplyingTest, P3_AnApplyDoesNotCountOnAnAdminWhoIsDisabledMeanwhile) {
  acme.edit("workspace.toml", "[users.carol]\n", "[users.carol]\nroles = [\"admin\"]\n");
  const auto documents = replaced(acme.documents(), "workspace.toml",
                                  "roles = [\"admin\", \"operator\"]", "roles = [\"operator\"]");
  acme.store().hold_commits();
  auto disabled = std::async([&] {
    return acme.run(
        users.disable(acme.workspace(), "carol", acme.authority("admin", Operation::disable_user)));
  });
  while (acme.store().held() < 1) std::this_thread::yield();
  auto applied = std::async([&] { return apply(documents); });
  while (acme.store().held() < 2) std::this_thread::yield();
  acme.store().release_commits();
  EXPECT_TRUE(disabled.get().has_value());
  const auto refused = applied.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error.code, Errc::conflict);
  EXPECT_TRUE(remaining_admin(acme.workspace(), *acme.workspace().version()));
}

TEST_F(ApplyingTest, P5_WhatWasNotRevokedWhenItWasPublishedIsWhenItIsAppliedAgain) {
  const auto run = acme.refund_chain();
  // The server died after the commit of the version.
  acme.documents() = without_billing(acme.documents());
  acme.apply();
  ASSERT_TRUE(acme.workspace().runs().alive(run->id, acme.clock().now()));
  const auto again = apply(acme.documents());
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->changed);
  EXPECT_THAT(again->revoked, UnorderedElementsAre(run->id));
  EXPECT_FALSE(acme.workspace().runs().alive(run->id, acme.clock().now()));
}

TEST_F(ApplyingTest, P9_WhatACrashLeftAliveEndsAtStartAndDoesNotComeBack) {
  const auto lost = acme.refund_chain("bob");
  const auto bobs = *acme.workspace().runs().find(*lost->parent)->parent;
  const auto carols = acme.start("plan", "carol");
  const auto alices = acme.start("plan", "alice");
  acme.disable("carol");
  acme.documents() = without_billing(acme.documents());
  acme.apply();
  EXPECT_THAT(acme.run(applying.catch_up(acme.workspace())).value(),
              UnorderedElementsAre(lost->id, carols->id));
  acme.enrol("carol", acme.key("carol").public_jwk());
  const auto now = acme.clock().now();
  EXPECT_FALSE(acme.workspace().runs().alive(carols->id, now));
  EXPECT_TRUE(acme.workspace().runs().alive(alices->id, now));
  EXPECT_TRUE(acme.workspace().runs().alive(bobs, now));
}

// Support's key is another one in the documents from then on.
void replace_supports_key(Acme& acme) {
  auto& text = acme.documents().at("agents/support.toml");
  text.erase(text.find("\n[[keys]]"));
  text += "\n[[keys]]\n";
  const auto other = crypto::Es256PrivateKey::generate();
  for (const auto& member : jose::Es256Signer(other, "k2").public_jwk().to_json())
    text += std::string(text_of(member)) + " = " + write_json(member.value()) + '\n';
}

// Whoever took the key may have begun the run, and its tokens are bound to another key of theirs.
TEST(Applying, P23_WithAnAgentsKeyEndTheRunsThatItBegan) {
  GrantsAcme acme;
  auto& sessions = acme.sessions();
  Builds builds;
  Applying applying(acme.approvals(), sessions, acme.revocations(), builds, acme.clock(),
                    acme.random());
  const auto apply = [&](bool dry_run) {
    auto ask = signed_apply(acme, applying, "admin", acme.documents());
    ask.dry_run = dry_run;
    return acme.run(applying.apply(acme.workspace(), std::move(ask),
                                   acme.authority("admin", Operation::apply)));
  };
  const auto granted = acme.refund_grant();
  const auto support = *acme.workspace().runs().find(granted.run)->parent;
  const auto planner = *acme.workspace().runs().find(support)->parent;

  replace_supports_key(acme);
  EXPECT_THAT(apply(true)->revoked, UnorderedElementsAre(support, granted.run));
  const auto applied = apply(false);
  ASSERT_TRUE(applied.has_value());
  EXPECT_THAT(applied->revoked, UnorderedElementsAre(support, granted.run));
  EXPECT_FALSE(acme.workspace().runs().alive(support, acme.clock().now()));
  EXPECT_TRUE(acme.workspace().runs().alive(planner, acme.clock().now()));
}

TEST(Applying, P23_RunsThatALostKeyBeganEndAtStartToo) {
  GrantsAcme acme;
  Sessions sessions(acme.live(), acme.time(), acme.stops(), acme.clock(), acme.random());
  const auto granted = acme.refund_grant();
  const auto support = *acme.workspace().runs().find(granted.run)->parent;
  const auto planner = *acme.workspace().runs().find(support)->parent;
  // The server died after the commit of the version.
  replace_supports_key(acme);
  acme.apply();
  Live live;
  Approvals approvals(acme.clock(), acme.random(), acme.shares());
  const auto loaded = acme.run(load_live({.store = acme.store(),
                                          .seal_key = acme.seal_key(),
                                          .live = live,
                                          .approvals = approvals,
                                          .shares = acme.shares(),
                                          .clock = acme.clock(),
                                          .random = acme.random(),
                                          .log = acme.log()}));
  ASSERT_TRUE(loaded.has_value());
  const auto restarted = live.find("acme");
  Revocations revocations(approvals, acme.stops(), acme.clock(), acme.random(), acme.log());
  Builds builds;
  Applying applying(approvals, sessions, revocations, builds, acme.clock(), acme.random());
  EXPECT_THAT(acme.run(applying.catch_up(*restarted)).value(),
              UnorderedElementsAre(support, granted.run));
  EXPECT_TRUE(restarted->runs().alive(planner, acme.clock().now()));
  // And in the server of before, by the same documents once more.
  Applying again(acme.approvals(), sessions, acme.revocations(), builds, acme.clock(),
                 acme.random());
  const auto applied =
      acme.run(again.apply(acme.workspace(), signed_apply(acme, again, "admin", acme.documents()),
                           acme.authority("admin", Operation::apply)));
  ASSERT_TRUE(applied.has_value());
  EXPECT_FALSE(applied->changed);
  EXPECT_FALSE(acme.workspace().runs().alive(support, acme.clock().now()));
}

TEST_F(ApplyingTest, P5_OfTwoAtOnceOneWinsAndTheOtherIsTold) {
  auto one = acme.documents();
  one["workspace.toml"] += "\n[users.erin]\n";
  auto two = acme.documents();
  two["workspace.toml"] += "\n[users.frank]\n";
  acme.store().hold_commits();
  auto first = std::async([&] { return apply(one); });
  auto second = std::async([&] { return apply(two); });
  while (acme.store().held() < 2) std::this_thread::yield();
  acme.store().release_commits();
  const auto a = first.get();
  const auto b = second.get();
  ASSERT_NE(a.has_value(), b.has_value());
  EXPECT_EQ((a ? b : a).error().error.code, Errc::conflict);
  EXPECT_EQ(version(), 2U);
  EXPECT_EQ(acme.workspace().version()->user(a ? "frank" : "erin"), nullptr);
}

// Documents in which bob is an admin too.
workspace::Documents with_bob_as_admin(workspace::Documents documents) {
  auto& text = documents.at("workspace.toml");
  const std::string_view bob = "display = \"Bob Baker\"\n";
  text.insert(text.find(bob) + bob.size(), "roles = [\"admin\"]\n");
  return documents;
}

TEST_F(ApplyingTest, P40_AWideningApplyIsSignedByTheAdminsOwnKey) {
  using Why = NotApplied::Why;
  const auto wider = with_bob_as_admin(acme.documents());
  const auto why = [&](ApplyAsk ask) -> std::optional<Why> {
    auto out = acme.run(applying.apply(acme.workspace(), std::move(ask),
                                       acme.authority("admin", Operation::apply)));
    return out ? std::nullopt : std::optional(out.error().why);
  };
  const auto good = [&] { return signed_apply("admin", wider); };

  auto ask = good();
  ask.signature.reset();
  const auto refused =
      acme.run(applying.apply(acme.workspace(), ask, acme.authority("admin", Operation::apply)));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().why, Why::needs_key);
  ASSERT_EQ(refused.error().changes.size(), 1U);
  EXPECT_EQ(refused.error().changes[0].detail, "roles: admin");
  EXPECT_EQ(why(signed_apply("bob", wider)), Why::needs_key) << "another person's key";
  ask = good();
  ask.signature->difference[0] ^= 1;
  EXPECT_EQ(why(ask), Why::needs_key) << "another difference than the one that is made";
  // What was signed for other documents.
  auto other = acme.documents();
  other["workspace.toml"] += "\n[users.erin]\n";
  ask = good();
  ask.signature = signed_apply("admin", other).signature;
  EXPECT_EQ(why(ask), Why::needs_key);
  // What was shown to the person who signed is not what is made.
  ask = good();
  auto seen = acme.run(applying.apply(
      acme.workspace(), {.documents = wider, .dry_run = true, .base = {}, .signature = {}},
      acme.authority("admin", Operation::apply)));
  ASSERT_TRUE(seen.has_value());
  seen->changes.clear();
  sign_apply(acme, ask, *seen, "admin");
  EXPECT_EQ(why(ask), Why::needs_key) << "a part of the difference was not shown";
  ask = good();
  ask.signature->by.fresh.expires += seconds(1);
  EXPECT_EQ(why(ask), Why::needs_key) << "an expiry that was not signed";
  ask = good();
  acme.clock().advance(approval::kStatementLife);
  EXPECT_EQ(why(ask), Why::needs_key) << "too late";
  EXPECT_EQ(version(), 1U);

  EXPECT_EQ(why(good()), std::nullopt);
  EXPECT_EQ(version(), 2U);
  const auto log = entries(audit::Kind::workspace_applied);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("signed_by"), Json(acme.key("admin").public_jwk().thumbprint()));
  EXPECT_EQ(log[0].at("base_version"), Json(1));
}

TEST_F(ApplyingTest, P40_WhatOnlyNarrowsNeedsNoKey) {
  auto ask =
      signed_apply("admin", replaced(acme.documents(), "workspace.toml", "\"15m\"", "\"10m\""));
  ask.signature.reset();
  EXPECT_TRUE(
      acme.run(applying.apply(acme.workspace(), ask, acme.authority("admin", Operation::apply)))
          .has_value());
  EXPECT_EQ(version(), 2U);
}

TEST_F(ApplyingTest, P40_ANonceIsGoodOnce) {
  auto ask = signed_apply("admin", with_bob_as_admin(acme.documents()));
  const auto fresh = ask.signature->by.fresh;
  Unit unit;
  unit.once = {nonce_of(*acme.workspace().version()->user("admin"), fresh)};
  ASSERT_TRUE(acme.run(acme.workspace().store().commit(std::move(unit))));
  const auto out = acme.run(
      applying.apply(acme.workspace(), std::move(ask), acme.authority("admin", Operation::apply)));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().why, NotApplied::Why::needs_key);
  EXPECT_EQ(version(), 1U);
}

TEST_F(ApplyingTest, P40_TheCommitFindsTheKeyStillEnrolled) {
  auto ask = signed_apply("admin", with_bob_as_admin(acme.documents()));
  auto by = acme.authority("admin", Operation::apply);
  acme.store().hold_commits();
  auto enrolled = std::async(
      [&] { acme.enrol("admin", jose::Jwk(crypto::Es256PrivateKey::generate().public_key())); });
  while (acme.store().held() < 1) std::this_thread::yield();
  auto applied = std::async(
      [&] { return acme.run(applying.apply(acme.workspace(), std::move(ask), std::move(by))); });
  while (acme.store().held() < 2) std::this_thread::yield();
  acme.store().release_commits();
  enrolled.get();
  EXPECT_FALSE(applied.get().has_value());
  EXPECT_EQ(version(), 1U);
}

// Two admins who apply from the same version: the second would take back what the first did.
TEST_F(ApplyingTest, P40_AnApplyNamesTheVersionThatItWasMadeAgainst) {
  using Why = NotApplied::Why;
  auto one = acme.documents();
  one["workspace.toml"] += "\n[users.erin]\n";
  auto two = acme.documents();
  two["workspace.toml"] += "\n[users.frank]\n";
  auto second = signed_apply("admin", two);
  ASSERT_TRUE(apply(one).has_value());
  const auto late =
      acme.run(applying.apply(acme.workspace(), second, acme.authority("admin", Operation::apply)));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().why, Why::moved);
  EXPECT_EQ(late.error().base.number, 2U);
  std::vector<std::string> seen;
  for (const auto& change : late.error().changes)
    seen.push_back(std::string(name(change.how)) + " " + change.what);
  EXPECT_THAT(seen, UnorderedElementsAre("removed user erin", "added user frank"));
  // And one that names none is not guessed at.
  second.base.reset();
  EXPECT_FALSE(
      acme.run(applying.apply(acme.workspace(), second, acme.authority("admin", Operation::apply)))
          .has_value());
  EXPECT_EQ(version(), 2U);
}

TEST_F(ApplyingTest, P5_NothingIsHalfPublishedWhereTheCommitFails) {
  const auto run = acme.refund_chain();
  (void)acme.authority("admin", Operation::apply);  // its session is a commit
  acme.store().fail_next_commit(fail(Errc::unavailable, "the disk is full").error());
  const auto failed = apply(without_billing(acme.documents()));
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().error.code, Errc::unavailable);
  EXPECT_EQ(version(), 1U);
  EXPECT_NE(acme.workspace().version()->agent("billing"), nullptr);
  EXPECT_TRUE(acme.workspace().runs().alive(run->id, acme.clock().now()));
}

TEST_F(ApplyingTest, AChangeOfTextAloneSaysSo) {
  auto documents = acme.documents();
  documents["policies/refund.cedar"] += "// checked\n";
  documents["workspace.toml"] += "# and this\n";
  const auto applied = apply(documents);
  ASSERT_TRUE(applied.has_value());
  EXPECT_TRUE(applied->changed);
  EXPECT_FALSE(applied->changes.empty());
}

}  // namespace
}  // namespace writ::broker
