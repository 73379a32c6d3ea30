// SPDX-License-Identifier: Apache-2.0
// What the API tells of what has happened: traces, the seven answers, receipts, the log.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/api.h"
#include "api/testing.h"
#include "audit/receipt.h"
#include "base/encoding.h"
#include "protocol/actions.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/credentials.h"
#include "protocol/log.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"
#include "protocol/workspace.h"

namespace writ::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class EvidenceTest : public testing::Test, public ApiServer {};

TEST_F(EvidenceTest, ATraceShowsTheTreeOfRunsThatLiveAndThatHaveEnded) {
  const auto run = acme.refund_chain();
  (void)refund(*run, tools::Outcome::done);
  ASSERT_EQ(
      as("alice", "POST", "/v1/runs/" + run->id.to_string() + "/revoke", "{\"reason\":\"over\"}")
          .status,
      200);
  const auto trace =
      read<protocol::Trace>(as("olivia", "GET", "/v1/runs/" + run->id.to_string() + "/trace"));
  EXPECT_EQ(trace.run.state, "revoked");
  ASSERT_EQ(trace.actions.size(), 2U);
  EXPECT_EQ(trace.actions[0].tool, "billing.refund.preview");
  EXPECT_EQ(trace.actions[1].phase, "done");
  ASSERT_EQ(trace.approvals.size(), 1U);
  EXPECT_THAT(trace.approvals[0].decided_by, ElementsAre("bob approved"));
}

TEST_F(EvidenceTest, TheSevenAnswersInTheirOrder) {
  const auto run = acme.refund_chain();
  const auto action = refund(*run, tools::Outcome::done);
  const auto path = "/v1/actions/" + action.to_string();
  const auto seen = as("alice", "GET", path + "/explain");
  const auto told = read<protocol::Explanation>(seen);
  ASSERT_EQ(told.answers.size(), 7U) << seen.body;
  EXPECT_THAT(told.answers[0].answer, HasSubstr("alice"));
  EXPECT_THAT(told.answers[0].answer, HasSubstr("planner began"));
  EXPECT_THAT(told.answers[1].answer, HasSubstr("billing"));
  EXPECT_THAT(told.answers[1].answer, HasSubstr("handed down by support"));
  EXPECT_THAT(told.answers[2].answer, HasSubstr("step settle of workflow refund"));
  EXPECT_THAT(told.answers[3].answer, HasSubstr("billing-api-key, account 1, version 1"));
  EXPECT_THAT(told.answers[4].answer, HasSubstr("billing.refund.execute (amount "));
  EXPECT_THAT(told.answers[5].answer, HasSubstr("bob approved it for finance"));
  EXPECT_THAT(told.answers[6].answer, HasSubstr("POST /v1/refunds"));
  EXPECT_THAT(told.answers[6].answer, HasSubstr("12000"));
  EXPECT_EQ(told.answers[6].facts.at("result"), Json(JsonObject{{"refund", "ref_1"}}));
  EXPECT_EQ(entries(audit::Kind::payload_read).size(), 1U);

  // P21: erased, and said to be.
  for (const auto& row : acme.run(acme.workspace().store().read_log(0, 1000)).value())
    ASSERT_TRUE(acme.run(acme.workspace().store().erase_sealed(row.index)).has_value());
  const auto later = as("alice", "GET", path + "/explain").body;
  EXPECT_THAT(later, HasSubstr("arguments that were erased since"));
  EXPECT_THAT(later, Not(HasSubstr("12000")));
}

TEST_F(EvidenceTest, ARefusedActionIsExplainedToo) {
  const auto run = acme.start("plan");
  broker::FakeDialer dialer;
  auto stopped =
      acme.run(acme.calls().prepare(acme.workspace(), acme.refund(*run, "k"), dialer, {}));
  const auto action = std::get<broker::Refused>(stopped.error()).action;
  const auto told = read<protocol::Explanation>(
      as("alice", "GET", "/v1/actions/" + action.to_string() + "/explain"));
  ASSERT_EQ(told.answers.size(), 7U);
  EXPECT_THAT(told.answers[2].answer, HasSubstr("refused it"));
  EXPECT_THAT(told.answers[6].answer, HasSubstr("nothing was sent"));
}

TEST_F(EvidenceTest, P21_AReceiptIsCheckedWithThePinnedKeyAlone) {
  const auto run = acme.refund_chain();
  const auto action = refund(*run, tools::Outcome::done);
  const auto path = "/v1/actions/" + action.to_string() + "/receipt";
  EXPECT_EQ(as("alice", "GET", path).status, 503) << "nothing is signed yet";
  for (int i = 0; i < 300; ++i) {
    const audit::EntryBuilder entry(audit::Kind::session_ended, acme.clock().now(),
                                    acme.workspace().id());
    acme.workspace().store().append_later({broker::EntryWriter::append(entry, {})});
  }
  sign_log();
  for (const auto* of : {"", "?of=intent", "?of=outcome"}) {
    const auto seen = as("alice", "GET", path + of);
    ASSERT_EQ(seen.status, 200) << seen.body;
    const auto receipt = audit::Receipt::parse(seen.body);
    ASSERT_TRUE(receipt.has_value());
    const auto verified = receipt->verify(log_key());
    ASSERT_TRUE(verified.has_value()) << verified.error().to_string();
    EXPECT_EQ(verified->entry().subjects().action, action);
    EXPECT_EQ(verified->entry().kind(), std::string_view(of) == "?of=outcome"
                                            ? audit::Kind::action_done
                                            : audit::Kind::action_intent);
    // P20: what was approved and done, while it exists.
    ASSERT_EQ(verified->opening().has_value(), std::string_view(of) != "?of=outcome");
    if (verified->opening()) EXPECT_THAT(verified->opening()->statement, HasSubstr("12000"));
  }
  EXPECT_EQ(entries(audit::Kind::payload_read).size(), 2U) << "one for each that said it";
  // P38: after an erasure it proves the entry alone.
  for (const auto& row : acme.run(acme.workspace().store().read_log(0, 1000)).value())
    ASSERT_TRUE(acme.run(acme.workspace().store().erase_sealed(row.index)).has_value());
  const auto bare = audit::Receipt::parse(as("alice", "GET", path).body);
  ASSERT_TRUE(bare.has_value());
  EXPECT_FALSE(bare->says_what());
  EXPECT_TRUE(bare->verify(log_key()).has_value());
  EXPECT_EQ(entries(audit::Kind::payload_read).size(), 2U);
  EXPECT_EQ(as("alice", "GET", path + "?of=all").status, 400);
}

TEST_F(EvidenceTest, P21_AReceiptIsWaitedForWhereTheClientPrefers) {
  const auto run = acme.refund_chain();
  const auto action = refund(*run, tools::Outcome::done);
  const auto path = "/v1/actions/" + action.to_string() + "/receipt";
  const auto fields = fields_of(session_of("alice"), "GET", path) + "Prefer: wait=10\r\n";
  Seen seen;
  {
    const std::jthread asks([&] { seen = request("GET", path, fields); });
    sign_log();
  }
  EXPECT_EQ(seen.status, 200) << seen.body;
}

TEST_F(EvidenceTest, P16_AnUnknownOutcomeIsSettledOnce) {
  const auto run = acme.refund_chain();
  const auto action = refund(*run, tools::Outcome::unknown);
  const auto path = "/v1/actions/" + action.to_string();
  EXPECT_EQ(as("alice", "GET", path).text("phase"), "unknown");
  const std::string body = "{\"outcome\":\"done\",\"detail\":\"seen in the bank's list\"}";
  EXPECT_EQ(as("opal", "POST", path + "/resolve", "{\"outcome\":\"done\",\"detail\":\"\"}").status,
            400);
  const auto settled = read<protocol::ActionView>(as("opal", "POST", path + "/resolve", body));
  EXPECT_EQ(settled.phase, "done");
  EXPECT_TRUE(settled.resolved);
  EXPECT_EQ(as("opal", "POST", path + "/resolve", body).status, 409);
  const auto log = entries(audit::Kind::action_resolved);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log[0].at("by_name"), Json("opal"));
  EXPECT_THAT(as("alice", "GET", path + "/explain").body, HasSubstr("opal settled afterwards"));
}

TEST_F(EvidenceTest, TheLogIsReadByNumberAndAsTiles) {
  for (int i = 0; i < 300; ++i) {
    const audit::EntryBuilder entry(audit::Kind::session_ended, acme.clock().now(),
                                    acme.workspace().id());
    acme.workspace().store().append_later({broker::EntryWriter::append(entry, {})});
  }
  (void)session_of("olivia");
  sign_log();
  const auto view = read<protocol::LogView>(as("olivia", "GET", "/v1/log"));
  EXPECT_EQ(view.key, log_key().to_string());
  EXPECT_EQ(view.size, 301U);
  const auto leaves =
      read<protocol::LogLeaves>(as("olivia", "GET", "/v1/log/leaves?from=290&count=256"));
  ASSERT_EQ(leaves.leaves.size(), 11U);
  EXPECT_EQ(leaves.leaves[0].leaf, audit::leaf_hash(as_bytes(leaves.leaves[0].entry)));
  EXPECT_EQ(as("olivia", "GET", "/v1/log/leaves?from=x&count=1").status, 400);
  EXPECT_EQ(as("olivia", "GET", "/v1/log/tiles/0/0").body.size(), 256U * 32);
  EXPECT_EQ(as("olivia", "GET", "/v1/log/tiles/0/1").status, 404);
  EXPECT_EQ(as("olivia", "GET", "/v1/log/checkpoints/0").body, view.checkpoint);
  EXPECT_EQ(as("olivia", "GET", "/v1/log/checkpoints/1").status, 404);

  EXPECT_EQ(as("olivia", "GET", "/log/acme/checkpoint").body, view.checkpoint);
  EXPECT_EQ(as("olivia", "GET", "/log/acme/tile/0/001.p/45").body.size(), 45U * 32);
  EXPECT_EQ(as("olivia", "GET", "/log/acme/tile/1/000.p/1").body.size(), 32U);
  EXPECT_EQ(as("olivia", "GET", "/log/acme/tile/0/001").status, 404);
  const auto bundle = as("olivia", "GET", "/log/acme/tile/entries/001.p/45").body;
  EXPECT_EQ(audit::parse_bundle(as_bytes(bundle), 45)->size(), 45U);
  EXPECT_EQ(as("olivia", "GET", "/log/acme/tile/0/1").status, 404);
}

}  // namespace
}  // namespace writ::api
