// SPDX-License-Identifier: Apache-2.0
#include "broker/applying.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ApplyingTest : public testing::Test, protected ControlPlane {
 protected:
  std::expected<Applied, NotApplied> apply(workspace::Documents documents, bool dry_run = false) {
    return acme.run(
        applying.apply(acme.workspace(), std::move(documents), dry_run, caller("admin")));
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
  const auto commits = acme.store().commits();
  EXPECT_FALSE(apply(acme.documents())->changed);
  EXPECT_EQ(acme.store().commits(), commits);
  EXPECT_EQ(version(), 1U);
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
                            "groups = [\"billing-managers\"]\n",
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

TEST_F(ApplyingTest, P5_NothingIsHalfPublishedWhereTheCommitFails) {
  const auto run = acme.refund_chain();
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
