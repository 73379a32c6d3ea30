// SPDX-License-Identifier: Apache-2.0
#include "delegation/run.h"

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::delegation {
namespace {

Run example() {
  FakeClock clock;
  FakeRandom random;
  Run run;
  run.id = RunId::make(clock, random);
  run.workspace = WorkspaceId::make(clock, random);
  run.name = "settle-4711";
  run.role = "Settles refunds";
  run.agent = AgentId::make(clock, random);
  run.agent_name = "billing";
  run.workflow = WorkflowId::make(clock, random);
  run.workflow_name = "refund";
  run.workflow_digest.fill(0xab);
  run.step = "settle";
  run.scope.use = ToolSet({{"billing.invoice.read", {}}});
  run.pinned = {.use = ToolSet({{"billing.invoice.read", {}}, {"billing.refund.preview", {}}}),
                .delegate = ToolSet({{"billing.invoice.read", {}}})};
  run.user = UserId::make(clock, random);
  run.user_name = "alice";
  run.parent = RunId::make(clock, random);
  run.depth = 3;
  run.grant = GrantId::make(clock, random);
  run.started = clock.now();
  run.ends = clock.now() + milliseconds(900'001);
  run.key_thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
  run.client_key = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
  run.user_token.emplace().fill(0x07);
  run.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  return run;
}

TEST(Run, ARunSurvivesItsRecord) {
  const delegation::Run run = example();
  const auto again = Run::from_json(parse_json(write_json(run.to_json())).value());
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(*again, run);
}

TEST(Run, ARunOfTheWorkspaceSurvivesItsRecord) {
  delegation::Run run = example();
  run.user.reset();
  run.user_name.clear();
  run.parent.reset();
  run.depth = 1;
  run.key_thumbprint.clear();
  run.client_key.clear();
  run.user_token.reset();
  run.trace_id.clear();
  const auto again = Run::from_json(parse_json(write_json(run.to_json())).value());
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(*again, run);
}

TEST(Run, ARecordThatIsNotWholeIsRefusedWithItsPlace) {
  const JsonObject whole = example().to_json().as_object();
  for (const auto& member : whole) {
    const auto name = text_of(member);
    if (name == "parent" || name == "key_thumbprint" || name == "client_key" ||
        name == "user_token" || name == "trace_id") {
      continue;
    }
    JsonObject lacks = whole;
    lacks.erase(name);
    EXPECT_FALSE(Run::from_json(lacks).has_value()) << name;
    JsonObject wrong = whole;
    wrong[name] = nullptr;
    EXPECT_EQ(Run::from_json(wrong).error().where, json_pointer("", name));
  }
  JsonObject newer = whole;
  newer["v"] = 2;
  EXPECT_EQ(Run::from_json(newer).error().where, "/v");
  JsonObject more = whole;
  more["use"] = JsonArray();
  EXPECT_EQ(Run::from_json(more).error().where, "/use");
  JsonObject deep = whole;
  deep["depth"] = kMaxDepth + 1;
  EXPECT_EQ(Run::from_json(deep).error().where, "/depth");
}

}  // namespace
}  // namespace writ::delegation
