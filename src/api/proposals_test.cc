// SPDX-License-Identifier: Apache-2.0
// Proposals over HTTP (P40): who leaves documents, and who sees and signs them.
#include "protocol/proposals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/testing.h"

namespace writ::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class ProposalsApiTest : public testing::Test, public ApiServer {
 protected:
  ProposalsApiTest() { add_person("ci", "roles = [\"proposer\"]"); }

  std::string documents_with(const std::string& user,
                             std::optional<protocol::VersionName> base = std::nullopt) {
    auto documents = acme.documents();
    documents["workspace.toml"] += "\n[users." + user + "]\n";
    return write_json(
        protocol::ApplyRequest{.documents = documents, .base = base, .signed_by_admin = {}}
            .to_json());
  }
  protocol::ProposalItem proposed(const std::string& user = "erin") {
    const auto seen = as("ci", "POST", "/v1/proposals", documents_with(user));
    EXPECT_EQ(seen.status, 201) << seen.body;
    return read<protocol::ProposeAnswer>(seen).proposal.value_or(protocol::ProposalItem());
  }
  static std::string path_of(const protocol::ProposalItem& item) {
    return "/v1/proposals/" + item.id.to_string();
  }
  std::string approval_of(const protocol::ProposalView& view, const std::string& name) {
    return write_json(protocol::ProposalDecision{
        .signed_by_admin =
            apply_signature(name, view.from, view.digest, protocol::write_messages(view.changes)),
        .denial = {}}.to_json());
  }
};

TEST_F(ProposalsApiTest, P40_APipelineProposesAndAnAdminSigns) {
  EXPECT_EQ(as("ci", "POST", "/v1/apply", documents_with("erin")).status, 403);
  const auto item = proposed();
  EXPECT_EQ(item.state, "pending");
  EXPECT_EQ(item.widening, 1U);
  EXPECT_THAT(read<protocol::ProposalList>(as("admin", "GET", "/v1/proposals")).proposals,
              SizeIs(1));
  const auto view = read<protocol::ProposalView>(as("admin", "GET", path_of(item)));
  ASSERT_THAT(view.changes, SizeIs(1));
  EXPECT_EQ(view.changes[0].what, "user erin");
  EXPECT_THAT(entries(audit::Kind::payload_read), SizeIs(1)) << "that it was read is in the log";

  // A session alone signs nothing.
  const auto unsigned_ =
      as("admin", "POST", path_of(item) + "/decisions", approval_of(view, "bob"));
  EXPECT_EQ(unsigned_.status, 403);
  EXPECT_THAT(unsigned_.body, HasSubstr("key-required"));
  const auto done = as("admin", "POST", path_of(item) + "/decisions", approval_of(view, "admin"));
  ASSERT_EQ(done.status, 200) << done.body;
  const auto after = read<protocol::ProposalItem>(done);
  EXPECT_EQ(after.state, "applied");
  EXPECT_EQ(after.version, acme.workspace().version()->number());
  EXPECT_EQ(after.decided_by, "admin");
  EXPECT_NE(acme.workspace().version()->user("erin"), nullptr);
  // Its proposer sees that it was.
  EXPECT_EQ(read<protocol::ProposalItem>(as("ci", "GET", path_of(item))).state, "applied");
  EXPECT_THAT(read<protocol::ProposalList>(as("ci", "GET", "/v1/proposals")).proposals, SizeIs(0));
}

// What the documents of now say is what the difference would tell.
TEST_F(ProposalsApiTest, P40_WhoProposesSeesNothingOfTheDocumentsOfNow) {
  const auto answer = as("ci", "POST", "/v1/proposals",
                         R"({"documents":{"workspace.toml":"name = \"acme\"\n[users.admin]\n)"
                         R"(roles = [\"admin\"]\n"}})");
  EXPECT_EQ(answer.status, 201) << answer.body;
  const auto item = read<protocol::ProposeAnswer>(answer).proposal.value();
  for (const auto& seen : {answer, as("ci", "GET", path_of(item)), as("ci", "GET", "/v1/proposals"),
                           as("olivia", "GET", path_of(item))}) {
    EXPECT_THAT(seen.body, Not(HasSubstr("billing"))) << seen.status;
    EXPECT_THAT(seen.body, Not(HasSubstr("\"changes\""))) << seen.status;
  }
  // Nor where another version is current than the one that it was made from.
  const auto moved =
      as("ci", "POST", "/v1/proposals",
         documents_with("erin", protocol::VersionName{.version = 1, .digest = Digest{1}}));
  EXPECT_EQ(moved.status, 409) << moved.body;
  EXPECT_EQ(moved.json().at("changes"), Json(JsonArray()));
}

TEST_F(ProposalsApiTest, P40_AnotherVersionIsAConflictThatShowsTheDifference) {
  const auto item = proposed();
  const auto view = read<protocol::ProposalView>(as("admin", "GET", path_of(item)));
  acme.documents()["workspace.toml"] += "\n[users.frank]\n";
  ASSERT_EQ(apply_signed().status, 200);
  const auto refused =
      as("admin", "POST", path_of(item) + "/decisions", approval_of(view, "admin"));
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("user frank"));
  EXPECT_EQ(refused.json().at("base").at("version"), Json(acme.workspace().version()->number()));
  // The apply has written it down.
  EXPECT_THAT(entries(audit::Kind::proposal_expired), SizeIs(1));
  const auto again = as("admin", "GET", path_of(item));
  EXPECT_THAT(again.body, HasSubstr("user frank")) << "what it would change now";
  EXPECT_EQ(again.text("state"), "superseded");
}

// bob is of finance and no admin; admin is not of finance.
TEST_F(ProposalsApiTest, P40_WhereAGroupDecidesASecondPersonOfItSigns) {
  acme.edit("workspace.toml", "[approvals]\n", "[approvals]\napply = \"finance\"\n");
  auto wider = acme.documents();
  wider["workspace.toml"] += "\n[users.erin]\n";
  const protocol::ApplyRequest look{
      .documents = wider, .dry_run = true, .base = {}, .signed_by_admin = {}};
  const auto seen =
      read<protocol::ApplyAnswer>(as("admin", "POST", "/v1/apply", write_json(look.to_json())));
  EXPECT_EQ(seen.asks, "finance");
  const auto refused = as("admin", "POST", "/v1/apply", signed_apply_body("admin", wider));
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_THAT(refused.text("type"), HasSubstr("second-person-required"));
  EXPECT_THAT(refused.body, HasSubstr("user erin"));

  const auto asked = as("admin", "POST", "/v1/proposals", documents_with("erin", seen.base));
  ASSERT_EQ(asked.status, 201) << asked.body;
  const auto item = read<protocol::ProposeAnswer>(asked).proposal.value();
  EXPECT_EQ(item.group, "finance");
  EXPECT_THAT(read<protocol::ProposalList>(as("bob", "GET", "/v1/proposals")).proposals, SizeIs(1));
  EXPECT_THAT(read<protocol::ProposalList>(as("carol", "GET", "/v1/proposals")).proposals,
              SizeIs(0));
  const auto view = read<protocol::ProposalView>(as("bob", "GET", path_of(item)));
  ASSERT_THAT(view.changes, SizeIs(1));
  EXPECT_THAT(as("admin", "GET", path_of(item)).body, HasSubstr("user erin"))
      << "as a dry run would show it";
  const auto decisions = path_of(item) + "/decisions";
  const auto own = as("admin", "POST", decisions, approval_of(view, "admin"));
  EXPECT_EQ(own.status, 403) << own.body;
  EXPECT_EQ(as("carol", "POST", decisions, approval_of(view, "carol")).status, 404);
  const auto done = as("bob", "POST", decisions, approval_of(view, "bob"));
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(read<protocol::ProposalItem>(done).decided_by, "bob");
  EXPECT_NE(acme.workspace().version()->user("erin"), nullptr);

  // Who has a key is not invited by one person.
  const auto invited = as_signed("admin", "POST", "/v1/users/bob/invitations", "{}");
  EXPECT_EQ(invited.status, 403) << invited.body;
  EXPECT_THAT(invited.body, HasSubstr("remove bob by an apply"));
}

TEST_F(ProposalsApiTest, P25_APipelineThatProposesAllTheTimeIsToldToWait) {
  for (int i = 0; i < broker::Proposals::kAtOnce; ++i) (void)proposed();
  const auto seen = as("ci", "POST", "/v1/proposals", documents_with("erin"));
  EXPECT_EQ(seen.status, 429) << seen.body;
  EXPECT_EQ(seen.text("limit"), "proposals_per_minute");
  EXPECT_THAT(seen.head, HasSubstr("Retry-After: 10"));
}

TEST_F(ProposalsApiTest, P40_AProposalIsSignedByNobodyBeforehand) {
  auto documents = acme.documents();
  documents["workspace.toml"] += "\n[users.erin]\n";
  EXPECT_EQ(as("admin", "POST", "/v1/proposals", signed_apply_body("admin", documents)).status,
            400);
}

}  // namespace
}  // namespace writ::api
