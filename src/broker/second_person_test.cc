// SPDX-License-Identifier: Apache-2.0
#include "broker/second_person.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/control_testing.h"
#include "broker/recover.h"

namespace writ::broker {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Why = NotApplied::Why;

// finance is admin, alice and bob. dora is admin too and not of it; ci proposes.
class SecondPersonTest : public testing::Test, protected ControlPlane {
 protected:
  SecondPersonTest() {
    auto& text = root(acme.documents());
    replace(text, "roles = [\"admin\", \"operator\"]",
            "roles = [\"admin\", \"operator\"]\ngroups = [\"finance\"]");
    text += "\n[users.ci]\nroles = [\"proposer\"]\n\n[users.dora]\nroles = [\"admin\"]\n";
    acme.apply();
    for (const auto* name : {"ci", "dora"}) acme.enrol(name, key_of(name).public_jwk());
  }
  static std::string& root(workspace::Documents& documents) {
    return documents.at("workspace.toml");
  }
  static void replace(std::string& text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    WRIT_CHECK(at != text.npos);
    text.replace(at, from.size(), to);
  }
  static workspace::Documents naming(workspace::Documents documents, const std::string& group) {
    replace(root(documents), "[approvals]\n", "[approvals]\napply = \"" + group + "\"\n");
    return documents;
  }
  void name_finance() {
    acme.documents() = naming(acme.documents(), "finance");
    acme.apply();
    base_ = version();
  }
  workspace::Documents with(std::string_view from, std::string_view to) {
    auto out = acme.documents();
    replace(root(out), from, to);
    return out;
  }
  workspace::Documents wider() { return with("[users.ci]", "[users.erin]\n[users.ci]"); }

  const jose::Es256Signer& key_of(const std::string& name) {
    if (name != "ci" && name != "dora") return acme.key(name);
    return more_keys_.try_emplace(name, crypto::Es256PrivateKey::generate()).first->second;
  }
  std::expected<Applied, NotApplied> apply(workspace::Documents documents) {
    return acme.run(applying.apply(acme.workspace(), signed_apply("admin", std::move(documents)),
                                   acme.authority("admin", Operation::apply)));
  }
  std::string problem_of(workspace::Documents documents) {
    const auto out = apply(std::move(documents));
    if (out || out.error().problems.empty()) return "none";
    return out.error().problems.front().to_string();
  }
  Proposals::Shared proposed(std::string_view by, workspace::Documents documents) {
    auto out = acme.run(proposals.propose(acme.workspace(), std::move(documents), std::nullopt,
                                          acme.authority(by, Operation::propose)));
    WRIT_CHECK(out.has_value());
    return *out;
  }
  // As control decides for this person, or as if it had let through whoever is admin.
  Authority authority(const Proposals::Shared& proposal, const std::string& name,
                      bool as_admin = false) {
    return acme.authority(name, Operation::decide_proposal,
                          as_admin ? ControlSubject{} : subject_of(acme.workspace(), *proposal));
  }
  std::expected<Proposals::Shared, NotApplied> approve(const Proposals::Shared& proposal,
                                                       const std::string& name, Authority by) {
    const auto seen = acme.run(
        proposals.look(acme.workspace(), *proposal, acme.authority("dora", Operation::apply)));
    if (!seen) return std::unexpected(seen.error());
    JsonArray changes;
    for (const auto& change : seen->changes) changes.emplace_back(change.to_json());
    const approval::ApplyStatement statement{.workspace = acme.workspace().id(),
                                             .base_version = seen->base.number,
                                             .base = seen->base.digest,
                                             .digest = seen->digest,
                                             .difference = approval::difference_digest(changes),
                                             .fresh = freshness()};
    const SignedDifference given{
        .difference = statement.difference,
        .by = {.fresh = statement.fresh,
               .signature = key_of(name).sign(as_bytes(approval::canonical_apply(statement)))}};
    return acme.run(proposals.approve(acme.workspace(), proposal, given, std::move(by), ""));
  }
  std::optional<Why> refusal(const Proposals::Shared& proposal, const std::string& name,
                             bool as_admin = false) {
    const auto out = approve(proposal, name, authority(proposal, name, as_admin));
    return out ? std::nullopt : std::optional(out.error().why);
  }
  Expected<IssuedCode> try_invite(std::string_view user) {
    return acme.run(invite(acme.workspace(), std::string(user),
                           acme.authority("admin", Operation::invite), signature("admin"),
                           acme.clock(), acme.random()));
  }
  Expected<SignedIn> use_code(const IssuedCode& issued, std::string_view user) {
    const jose::Es256Signer key(crypto::Es256PrivateKey::generate());
    return sign_in("acme", user, login(key, "acme", user, session_key_),
                   SignInRequest::Enrol{.code = SecretBytes::copy_of(issued.code.reveal_text()),
                                        .key = key.public_jwk()});
  }
  std::uint64_t version() { return acme.workspace().version()->number(); }

  std::uint64_t base_ = 0;
  std::map<std::string, jose::Es256Signer> more_keys_;
  jose::Es256Signer session_key_{crypto::Es256PrivateKey::generate()};
};

TEST_F(SecondPersonTest, P40_WhatWidensWaitsForASecondPersonOfTheGroup) {
  name_finance();
  const auto refused = apply(wider());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().why, Why::needs_second);
  EXPECT_THAT(refused.error().error.message, HasSubstr("group finance"));
  EXPECT_THAT(refused.error().changes, SizeIs(1));
  EXPECT_EQ(version(), base_);

  // bob is no admin.
  const auto asked = proposed("admin", wider());
  const auto done = approve(asked, "bob", authority(asked, "bob"));
  ASSERT_TRUE(done.has_value()) << done.error().error.to_string();
  EXPECT_EQ(version(), base_ + 1);
  const auto applied = entries(audit::Kind::workspace_applied);
  ASSERT_THAT(applied, SizeIs(1));
  EXPECT_EQ(applied[0].at("by_name"), Json("bob"));
  EXPECT_EQ(applied[0].at("proposed_by_name"), Json("admin"));
  EXPECT_EQ(applied[0].at("group"), Json("finance"));
  EXPECT_EQ(entries(audit::Kind::proposal_decided).at(0).at("group"), Json("finance"));
}

TEST_F(SecondPersonTest, P40_WhatOnlyNarrowsWaitsForNobody) {
  name_finance();
  EXPECT_TRUE(apply(with("request_life = \"15m\"", "request_life = \"10m\"")).has_value());
  EXPECT_EQ(version(), base_ + 1);
}

TEST_F(SecondPersonTest, P40_NobodyDecidesWhatTheyProposedThemselves) {
  name_finance();
  const auto asked = proposed("admin", wider());
  EXPECT_FALSE(acme.try_authority("admin", Operation::decide_proposal,
                                  subject_of(acme.workspace(), *asked)));
  EXPECT_EQ(refusal(asked, "admin", true), Why::needs_second);
  EXPECT_EQ(version(), base_);
  EXPECT_EQ(refusal(asked, "alice"), std::nullopt);
}

TEST_F(SecondPersonTest, P40_AnAdminWhoIsNotOfTheGroupIsNoSecondPerson) {
  name_finance();
  const auto asked = proposed("ci", wider());
  EXPECT_FALSE(
      acme.try_authority("dora", Operation::decide_proposal, subject_of(acme.workspace(), *asked)));
  EXPECT_EQ(refusal(asked, "dora", true), Why::needs_second);
  EXPECT_EQ(version(), base_);
  EXPECT_EQ(refusal(asked, "admin"), std::nullopt);
}

TEST_F(SecondPersonTest, P40_TheGroupInForceDecidesItsOwnChangeAndRemoval) {
  name_finance();
  const auto removed = with("apply = \"finance\"\n", "");
  const auto changed = with("apply = \"finance\"", "apply = \"controllers\"");
  for (const auto& documents : {removed, changed}) {
    const auto refused = apply(documents);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().why, Why::needs_second);
  }
  // Not the group of afterwards.
  const auto asked = proposed("admin", changed);
  EXPECT_FALSE(acme.try_authority("carol", Operation::decide_proposal,
                                  subject_of(acme.workspace(), *asked)));
  EXPECT_EQ(refusal(asked, "bob"), std::nullopt);
  EXPECT_EQ(acme.workspace().version()->approvals().apply, "controllers");
}

TEST_F(SecondPersonTest, P40_AKeyEnrolledAnewIsNoSecondPersonForWhatWasAskedBefore) {
  name_finance();
  const auto asked = proposed("admin", wider());
  acme.clock().advance(milliseconds(1));
  acme.enrol("bob", jose::Jwk(crypto::Es256PrivateKey::generate().public_key()));
  acme.enrol("bob", acme.key("bob").public_jwk());
  const auto refused = approve(asked, "bob", authority(asked, "bob"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error.code, Errc::denied);
  EXPECT_EQ(version(), base_);
}

TEST_F(SecondPersonTest, P35_WhoIsDisabledBeforeTheCommitPublishesNothing) {
  name_finance();
  const auto asked = proposed("admin", wider());
  auto by = authority(asked, "bob");
  acme.disable("bob");
  EXPECT_FALSE(approve(asked, "bob", std::move(by)).has_value());
  EXPECT_EQ(version(), base_);
}

TEST_F(SecondPersonTest, P40_AnAdminNamesAGroupThatCouldDecide) {
  EXPECT_EQ(apply(naming(acme.documents(), "nobodys")).error().why, Why::problems);
  // olivia has no key: whoever invites her could decide for her.
  auto keyless = acme.documents();
  replace(root(keyless), "[users.olivia]", "[users.olivia]\ngroups = [\"controllers\"]");
  const auto first = problem_of(naming(keyless, "controllers"));
  EXPECT_THAT(first, HasSubstr("olivia has enrolled no key"));
  EXPECT_THAT(first, HasSubstr("workspace.toml:")) << "with its place";
  auto empty = acme.documents();
  replace(root(empty), "[groups]\n", "[groups]\nempty = \"Nobody\"\n");
  EXPECT_THAT(problem_of(naming(empty, "empty")), HasSubstr("nobody of the group empty"));
  acme.disable("carol");
  EXPECT_THAT(problem_of(naming(acme.documents(), "controllers")),
              HasSubstr("nobody of the group controllers"));
  EXPECT_TRUE(apply(naming(acme.documents(), "finance")).has_value());
}

// The only admin is not the second person for themselves.
TEST_F(SecondPersonTest, P40_TheOnlyAdminAloneIsNoGroupThatCouldDecide) {
  auto documents = acme.documents();
  replace(root(documents), "[users.dora]\nroles = [\"admin\"]\n", "");
  replace(root(documents), "[groups]\n", "[groups]\nalone = \"One\"\n");
  replace(root(documents), "\"operator\"]\ngroups = [\"finance\"]",
          "\"operator\"]\ngroups = [\"alone\"]");
  EXPECT_THAT(problem_of(naming(documents, "alone")), HasSubstr("nobody of the group alone"));
}

TEST_F(SecondPersonTest, P40_NobodyAloneReplacesAKeyWhileAGroupDecides) {
  ASSERT_TRUE(try_invite("bob"));
  name_finance();
  const auto refused = try_invite("bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().hint, HasSubstr("remove bob by an apply"));
  EXPECT_FALSE(try_invite("admin")) << "nor one's own";
  // Who has none was let in by the group.
  const auto code = try_invite("olivia");
  ASSERT_TRUE(code);
  EXPECT_TRUE(use_code(*code, "olivia"));
}

TEST_F(SecondPersonTest, P40_ACodeFromBeforeTheGroupReplacesNoKey) {
  const auto code = try_invite("bob");
  ASSERT_TRUE(code);
  name_finance();
  const auto refused = use_code(*code, "bob");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_EQ(acme.workspace().standing(acme.user_id("bob")).key, acme.key("bob").public_jwk());
  // Who holds the server's files brings back an admin, and who decides.
  for (const auto* name : {"dora", "bob"}) {
    const auto recovered =
        acme.run(recover_admin(acme.workspace(), name, acme.clock(), acme.random()));
    ASSERT_TRUE(recovered) << recovered.error().to_string();
    EXPECT_TRUE(use_code(*recovered, name)) << name;
  }
  EXPECT_FALSE(acme.run(recover_admin(acme.workspace(), "carol", acme.clock(), acme.random())));
}

}  // namespace
}  // namespace writ::broker
