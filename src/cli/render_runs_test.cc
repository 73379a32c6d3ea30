// SPDX-License-Identifier: Apache-2.0
#include "cli/render_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/message_generators.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename T>
T an_id(std::uint8_t last) {
  return T(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, last});
}
TimePoint at(std::string_view time) {
  return parse_time("2026-11-25T" + std::string(time) + "Z").value();
}

protocol::RunView a_run(std::uint8_t last, std::string name, std::string agent) {
  protocol::RunView run;
  run.id = an_id<RunId>(last);
  run.name = std::move(name);
  run.role = "Settles refunds";
  run.agent = std::move(agent);
  run.workflow = "refund";
  run.step = "settle";
  run.user = "alice";
  run.use = parse_json(R"(["billing.invoice.read",
      {"tool":"billing.refund.execute","where":{"amount":{"max":50000,"min":1}}}])")
                .value()
                .get_array();
  run.allowed_tools = {"billing.invoice.read", "billing.refund.execute"};
  run.approval_state = "pending";
  run.started = at("12:00:00");
  run.ends = at("12:30:00");
  return run;
}

protocol::Trace a_trace() {
  protocol::Trace trace{
      .run = a_run(1, "Refund 17", "planner"), .actions = {}, .approvals = {}, .children = {}};
  trace.run.use = {};
  trace.run.allowed_tools = {};
  trace.run.approval_state = "none";
  protocol::Trace child{
      .run = a_run(2, "Settle 17", "billing"), .actions = {}, .approvals = {}, .children = {}};
  child.run.parent = trace.run.id;
  child.run.state = "revoked";
  child.run.ending = protocol::RunEnding{
      .at = at("12:20:00"), .by = "usr_x", .by_name = "bob", .reason = "wrong invoice"};
  child.actions = {{.id = an_id<ActionId>(1),
                    .tool = "billing.invoice.read",
                    .effect = "read",
                    .phase = "done",
                    .at = at("12:01:00"),
                    .status = 200,
                    .approval = std::nullopt,
                    .detail = ""},
                   {.id = an_id<ActionId>(2),
                    .tool = "billing.admin.wipe",
                    .effect = "write",
                    .phase = "refused",
                    .at = at("12:02:00"),
                    .status = std::nullopt,
                    .approval = std::nullopt,
                    .detail = "scope: it does not name the tool"},
                   {.id = an_id<ActionId>(3),
                    .tool = "billing.refund.execute",
                    .effect = "money",
                    .phase = "unknown",
                    .at = at("12:05:00"),
                    .status = 504,
                    .approval = an_id<ApprovalId>(1),
                    .detail = "",
                    .resolved = true}};
  child.approvals = {{.id = an_id<ApprovalId>(1),
                      .tool = "billing.refund.execute",
                      .title = "Refund 120.00 EUR",
                      .state = "claimed",
                      .groups = {"finance"},
                      .decided_by = {"bob approved"},
                      .at = at("12:03:00")}};
  trace.children = {child};
  return trace;
}

TEST(RenderTrace, IsATreeWithEverythingThatARunHas) {
  EXPECT_EQ(render_trace(a_trace(), {}),
            R"(Refund 17 run_01081g8186e00r0081040g2081
│ role      Settles refunds
│ agent     planner
│ step      refund / settle
│ for       alice
│ parent    none
│ use       nothing
│ delegate  nothing
│ allowed   nothing
│ approval  none
│ state     running until 2026-11-25T12:30:00.000Z
└─ Settle 17 run_01081g8186e00r0081040g2082
   │ role      Settles refunds
   │ agent     billing
   │ step      refund / settle
   │ for       alice
   │ parent    run_01081g8186e00r0081040g2081
   │ use       billing.invoice.read, billing.refund.execute (amount 1 to 50000)
   │ delegate  nothing
   │ allowed   billing.invoice.read, billing.refund.execute
   │ approval  pending
   │ state     revoked at 2026-11-25T12:20:00.000Z by bob: wrong invoice
   ├─ 12:01:00 billing.invoice.read done 200
   │           act_01081g8186e00r0081040g2081
   ├─ 12:02:00 billing.admin.wipe refused
   │           act_01081g8186e00r0081040g2082
   │           scope: it does not name the tool
   ├─ 12:03:00 approval claimed: Refund 120.00 EUR
   │           apr_01081g8186e00r0081040g2081
   │           asked of finance; bob approved
   └─ 12:05:00 billing.refund.execute unknown 504 (settled by an operator), by
               apr_01081g8186e00r0081040g2081
               act_01081g8186e00r0081040g2083
)");
}

std::size_t widest(const std::string& text) {
  std::size_t out = 0;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find('\n', from), text.size());
    out = std::max(out, columns(std::string_view(text).substr(from, end - from)));
    from = end + 1;
  }
  return out;
}

TEST(RenderTrace, FitsEightyColumnsAndLosesNothingToTheWrapping) {
  auto trace = a_trace();
  trace.children[0].run.allowed_tools.assign(20, "billing.refund.execute");
  const auto text = render_trace(trace, {});
  EXPECT_LE(widest(text), 80U) << text;
  std::size_t count = 0;
  for (auto found = text.find("billing.refund.execute"); found != std::string::npos;
       found = text.find("billing.refund.execute", found + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 20U + 2U);
}

TEST(RenderTrace, ColoursAreForATerminalAlone) {
  EXPECT_THAT(render_trace(a_trace(), {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_trace(a_trace(), {.colour = true}), HasSubstr("\x1b[32m"));
}

TEST(RenderTrace, NoTextFromTheServerDrivesTheTerminal) {
  EXPECT_TRUE(rc::check("nothing unseen and no line of its own", [] {
    const auto trace = protocol::testing::any<protocol::Trace>();
    const auto text = render_trace(trace, {}) + render_run(trace.run, {}) +
                      render_runs({.runs = {trace.run}}, {});
    // Our own line ends and lines of the tree aside, all that is there is what can be seen. Text
    // from outside has none of either.
    std::string one_line = text;
    for (const std::string_view own : {"\n", "│", "├", "└", "─"}) {
      for (auto at = one_line.find(own); at != std::string::npos; at = one_line.find(own, at))
        one_line.erase(at, own.size());
    }
    RC_ASSERT(visible_text(one_line) == one_line);
  }));
}

TEST(RenderRuns, IsATableWithoutSurprises) {
  EXPECT_EQ(render_runs({}, {}), "No runs.\n");
  EXPECT_EQ(render_runs({.runs = {a_run(1, "Refund 17", "planner")}}, {}),
            "RUN                             AGENT    FOR    STATE    NAME\n"
            "run_01081g8186e00r0081040g2081  planner  alice  running  Refund 17\n");
}

TEST(RenderRuns, ToolsOfANewerServerAreShownAsTheyAre) {
  EXPECT_EQ(tools_text(parse_json(R"([{"tool":"a.b","when":"\u202e"}])").value().get_array()),
            R"([{"tool":"a.b","when":"\u202e"}])");
}

}  // namespace
}  // namespace writ::cli
