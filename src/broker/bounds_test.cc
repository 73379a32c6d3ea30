// SPDX-License-Identifier: Apache-2.0
// P37: open questions and living runs are bounded, and nobody uses up another's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/grants_testing.h"
#include "broker/history.h"
#include "broker/startup.h"

namespace writ::broker {
namespace {

SharedLimits with_questions(ShareLimits questions) {
  auto out = Acme::roomy();
  out.questions = questions;
  return out;
}
SharedLimits with_runs(ShareLimits runs) {
  auto out = Acme::roomy();
  out.runs = runs;
  return out;
}

class Questions {
 public:
  explicit Questions(const SharedLimits& limits)
      : acme({.per_second = 100'000, .burst = 100'000}, limits) {}

  // The question, or the limit that was met.
  std::expected<Approvals::Shared, std::string> ask(const delegation::Run& run,
                                                    const std::string& key,
                                                    std::int64_t amount = 12'000) {
    acme.preview(run, amount);
    const auto stopped = acme.run(
        acme.calls().prepare(acme.workspace(), acme.refund(run, key, amount), dialer_, {}));
    EXPECT_FALSE(stopped);
    if (const auto* needed = std::get_if<ApprovalNeeded>(&stopped.error())) return needed->approval;
    const auto* error = std::get_if<Error>(&stopped.error());
    const auto met = error == nullptr ? std::nullopt : exceeded(*error);
    return std::unexpected(met ? met->limit : "another error");
  }
  Share::Held held(const delegation::Run& run) {
    return acme.shares().questions.held(holder_of(run));
  }

  Acme acme;

 private:
  FakeDialer dialer_;
};

TEST(QuestionBounds, P37_ARunsAnAgentsAndAWorkspacesQuestionsAreBounded) {
  Questions q(with_questions({.server = 100, .workspace = 5, .agent = 3, .run = 2}));
  const auto first = q.acme.refund_chain();
  const auto second = q.acme.refund_chain();
  ASSERT_TRUE(q.ask(*first, "k1"));
  ASSERT_TRUE(q.ask(*first, "k2"));
  EXPECT_EQ(q.ask(*first, "k3").error(), "questions_per_run");
  // Another run is no way around the agent's bound.
  ASSERT_TRUE(q.ask(*second, "k1"));
  EXPECT_EQ(q.ask(*second, "k2").error(), "questions_per_agent");
  // The same question again is none.
  EXPECT_TRUE(q.ask(*second, "k1"));
  EXPECT_EQ(q.held(*first), (Share::Held{.server = 3, .workspace = 3, .member = 3, .run = 2}));
}

TEST(QuestionBounds, P37_TheirTextsAreBoundedTogether) {
  auto limits = Acme::roomy();
  limits.question_bytes = {.server = 100'000, .workspace = 50'000, .agent = 1'500};
  Questions q(limits);
  const auto run = q.acme.refund_chain();
  int asked = 0;
  std::string met;
  for (int i = 0; i < 20 && met.empty(); ++i) {
    auto question = q.ask(*run, "k" + std::to_string(i));
    if (question)
      ++asked;
    else
      met = question.error();
  }
  EXPECT_GE(asked, 1);
  EXPECT_LT(asked, 4);
  EXPECT_EQ(met, "question_bytes_per_agent");
  // What could not be had whole leaves nothing taken.
  EXPECT_EQ(q.held(*run).member, static_cast<std::uint64_t>(asked));
}

TEST(QuestionBounds, P37_WhatEndsGivesItsShareBackAndWhatTakesAnothersPlaceTakesNoMore) {
  Questions q(with_questions({.server = 100, .workspace = 10, .agent = 2, .run = 1}));
  const auto run = q.acme.refund_chain();
  const auto old = q.ask(*run, "k1").value();
  q.acme.rotate_credential(false);
  const auto next = q.ask(*run, "k1");
  ASSERT_TRUE(next) << next.error();
  EXPECT_NE((*next)->id, old->id);
  EXPECT_EQ(q.held(*run).member, 1U);
  ASSERT_TRUE(q.acme.decide(**next, "bob", {"finance"}, approval::Verdict::deny));
  EXPECT_EQ(q.held(*run), Share::Held());
  // A denial stands although its question takes nothing any more.
  EXPECT_EQ(q.ask(*run, "k1").error(), "another error");

  ASSERT_TRUE(q.ask(*run, "k2", 11'000));
  ASSERT_TRUE(q.acme.run(q.acme.approvals().cancel(q.acme.workspace(), {run->id})));
  EXPECT_EQ(q.held(*run), Share::Held());
}

TEST(QuestionBounds, P37_QuestionsThatEndedKeepBoundedMemory) {
  Questions q(Acme::roomy());
  std::vector<Approvals::Shared> questions;
  for (int i = 0; i < 300; ++i) {
    const auto run = q.acme.refund_chain();
    questions.push_back(q.ask(*run, "k").value());
    ASSERT_TRUE(q.acme.run(q.acme.approvals().cancel(q.acme.workspace(), {run->id})));
  }
  std::size_t known = 0;
  for (const auto& each : questions)
    known += q.acme.approvals().find(q.acme.workspace(), each->id) != nullptr ? 1 : 0;
  EXPECT_EQ(known, 256U);
  // The store still tells how it ended.
  const auto first =
      q.acme.run(find_approval(q.acme.workspace(), q.acme.approvals(), questions.front()->id));
  ASSERT_TRUE(first && *first != nullptr);
  EXPECT_TRUE(approval::is_final((*first)->state));
}

class RunBounds : public testing::Test {
 protected:
  static std::string limit(const Error& error) {
    const auto met = exceeded(error);
    EXPECT_EQ(error.code, Errc::rate_limited) << error.to_string();
    return met ? met->limit : error.to_string();
  }
};

TEST_F(RunBounds, P37_AnAgentsLivingRunsAreBoundedHoweverTheyBegin) {
  GrantsAcme acme({.per_second = 100'000, .burst = 100'000},
                  with_runs({.server = 100, .workspace = 50, .agent = 2}));
  const auto first = acme.start_run();
  ASSERT_TRUE(first);
  ASSERT_TRUE(acme.start_run());
  EXPECT_EQ(limit(acme.start_run().error()), "runs_per_agent");
  // Another agent's are its own; and what it could not redeem is not handed down.
  std::vector<std::string> tokens;
  tokens.reserve(3);
  for (int i = 0; i < 3; ++i)
    tokens.push_back(acme.hand_down("planner", *first, GrantsAcme::to_support())->token.text);
  ASSERT_TRUE(acme.take_over("support", tokens[0]));
  ASSERT_TRUE(acme.take_over("support", tokens[1]));
  EXPECT_EQ(limit(acme.take_over("support", tokens[2]).error()), "runs_per_agent");
  EXPECT_EQ(limit(acme.hand_down("planner", *first, GrantsAcme::to_support()).error()),
            "runs_per_agent");

  // An end gives the place back, of all that ends with it; the token that was refused is not used.
  ASSERT_TRUE(acme.run(acme.revocations().revoke(acme.workspace(), {first->run},
                                                 {.by = "server", .by_name = {}, .reason = {}})));
  ASSERT_TRUE(acme.start_run());
  EXPECT_EQ(acme.shares().runs.held(
                {.workspace = acme.workspace().id(),
                 .member = acme.workspace().version()->agent("support")->agent->id.raw()}),
            (Share::Held{.server = 2, .workspace = 2}));
}

TEST_F(RunBounds, P37_AWorkspacesLivingRunsAreBounded) {
  GrantsAcme acme({.per_second = 100'000, .burst = 100'000},
                  with_runs({.server = 100, .workspace = 2, .agent = 2}));
  const auto first = acme.start_run().value();
  ASSERT_TRUE(acme.take_over(
      "support", acme.hand_down("planner", first, GrantsAcme::to_support())->token.text));
  EXPECT_EQ(limit(acme.start_run().error()), "runs_per_workspace");
}

TEST_F(RunBounds, P37_WhatARestartFindsCountsEvenBeyondABoundThatWasLowered) {
  GrantsAcme acme;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(acme.start_run());
  Shares shares(with_runs({.server = 100, .workspace = 50, .agent = 2}));
  Approvals approvals(acme.clock(), acme.random(), shares);
  Live live;
  ASSERT_TRUE(acme.run(load_live({.store = acme.store(),
                                  .seal_key = acme.seal_key(),
                                  .live = live,
                                  .approvals = approvals,
                                  .shares = shares,
                                  .clock = acme.clock(),
                                  .random = acme.random(),
                                  .log = acme.log()})));
  const auto workspace = live.find("acme");
  ASSERT_EQ(workspace->runs().all().size(), 3U);
  const auto holder = holder_of(*workspace->runs().all().front());
  EXPECT_EQ(shares.runs.held(holder).member, 3U);
  EXPECT_FALSE(shares.runs.check(holder));
}

}  // namespace
}  // namespace writ::broker
