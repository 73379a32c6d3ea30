// SPDX-License-Identifier: Apache-2.0
#include "cli/render_actions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/apply.h"
#include "protocol/message_generators.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename T>
T an_id(std::uint8_t last) {
  return T(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, last});
}

TEST(RenderExplanation, GivesTheAnswersInTheirOrder) {
  const protocol::Explanation explanation{
      .action = an_id<ActionId>(1),
      .answers = {{.question = "Who requested this?",
                   .answer = "Alice, by a token of the identity provider corp that she gave to the "
                             "planner at noon.",
                   .facts = {{"user", "usr_1"}, {"role", "billing-managers"}}},
                  {.question = "Which agent executed it?",
                   .answer = "billing.",
                   .facts = {{"parents", JsonArray{"run_1", "run_2"}},
                             {"chain", JsonArray{JsonObject{{"agent", "billing"}, {"n", 1}},
                                                 JsonObject{{"agent", "planner"}, {"n", 2}}}},
                             {"none", JsonArray()}}}}};
  EXPECT_EQ(render_explanation(explanation, {}), R"(act_01081g8186e00r0081040g2081

1 Who requested this?
  Alice, by a token of the identity provider corp that she gave to the planner
  at noon.
    user  usr_1
    role  billing-managers

2 Which agent executed it?
  billing.
    parents  run_1, run_2
    chain    agent billing, n 1
             agent planner, n 2
    none     none
)");
}

// What is printed is a few times what came, whatever came.
TEST(RenderExplanation, P48_NoAnswerPrintsManyTimesItsSize) {
  JsonObject long_name{{std::string(1'000'000, 'n'), 1}};
  JsonObject many;
  for (int i = 0; i < 20'000; ++i) many["fact" + std::to_string(i)] = i;
  auto both = many;
  both[std::string(1'000'000, 'n')] = 1;
  JsonArray objects(50'000, JsonObject());
  JsonArray words(50'000, JsonObject{{"a b c d e f", 1}});
  Json deep = 1;
  for (int i = 0; i < 60; ++i) deep = JsonArray{std::move(deep), 1, 1, 1};
  for (const auto& facts :
       {long_name, many, both, JsonObject{{"objects", objects}}, JsonObject{{"words", words}},
        JsonObject{{"deep", deep}}, JsonObject{{"text", std::string(1'000'000, ' ')}}}) {
    const protocol::Explanation explanation{
        .action = an_id<ActionId>(1),
        .answers = {{.question = "Why?", .answer = std::string(1'000'000, 'a'), .facts = facts}}};
    EXPECT_LT(render_explanation(explanation, {}).size(), 1'000'000U);
  }
}

TEST(RenderExplanation, WhatIsLeftOutIsSaid) {
  JsonObject facts;
  for (int i = 0; i < 103; ++i) facts["fact" + std::to_string(i)] = i;
  facts["fact0"] = JsonArray(203, JsonObject{{"n", 1}});
  const protocol::Explanation explanation{
      .action = an_id<ActionId>(1),
      .answers = {{.question = "Why?", .answer = "So.", .facts = facts}}};
  EXPECT_THAT(render_explanation(explanation, {}),
              AllOf(HasSubstr("… 3 more facts; --json has all"),
                    HasSubstr("… 3 more lines; --json has all")));
}

TEST(RenderAction, AnUnknownOneSaysWhatToDo) {
  protocol::ActionView action{.id = an_id<ActionId>(1),
                              .run = an_id<RunId>(1),
                              .tool = "billing.refund.execute",
                              .phase = "unknown",
                              .status = 504,
                              .result = std::nullopt};
  EXPECT_THAT(render_action(action, {}), HasSubstr("writ action resolve"));
  action.phase = "done";
  action.result = JsonObject{{"id", "re_1"}};
  EXPECT_THAT(render_action(action, {}), HasSubstr("\"re_1\""));
}

TEST(RenderApprovals, SaysWhoIsWaitedFor) {
  protocol::ApprovalItem approval;
  approval.id = an_id<ApprovalId>(1);
  approval.state = "pending";
  approval.agent = "billing";
  approval.run_name = "Settle 17";
  approval.user = "alice";
  approval.title = "Refund 120.00 EUR";
  approval.missing = {"finance", "controllers"};
  approval.expires = parse_time("2026-11-25T12:15:00Z").value();
  EXPECT_EQ(render_approvals({.approvals = {approval}}, {}),
            R"(apr_01081g8186e00r0081040g2081  pending until 2026-11-25T12:15:00.000Z
  Refund 120.00 EUR
  agent billing, run Settle 17, for alice
  waits for finance, controllers

To see one exactly and decide it: writ approve APPROVAL, or writ deny
)");
  EXPECT_EQ(render_approvals({}, {}), "Nothing waits for approval.\n");
}

TEST(RenderAll, NoTextFromTheServerDrivesTheTerminal) {
  EXPECT_TRUE(rc::check("nothing unseen", [] {
    namespace any = protocol::testing;
    auto text = render_explanation(any::any<protocol::Explanation>(), {}) +
                render_approvals(any::any<protocol::ApprovalList>(), {}) +
                render_difference(any::any<protocol::ApplyAnswer>().changes, {}) +
                render_findings(any::any<protocol::WorkspaceView>().findings, {}) +
                render_credentials(any::any<protocol::WorkspaceView>().credentials, {}) +
                render_action(any::any<protocol::ActionView>(), {});
    std::erase(text, '\n');
    RC_ASSERT(visible_text(text) == text);
  }));
}

}  // namespace
}  // namespace writ::cli
