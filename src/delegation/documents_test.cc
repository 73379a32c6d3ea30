// SPDX-License-Identifier: Apache-2.0
#include "delegation/documents.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "delegation/authority.h"
#include "wire/toml.h"

namespace writ::delegation {
namespace {

Json toml(std::string_view text) {
  auto document = parse_toml(text, "test.toml");
  EXPECT_TRUE(document.has_value()) << document.error().to_string();
  return document ? document->value() : Json();
}

AgentId agent_id(std::uint8_t n) { return AgentId(id_detail::Raw{n}); }

const Declared kDeclared{
    .agent = [](std::string_view name) -> std::optional<AgentId> {
      if (name == "planner") return agent_id(1);
      if (name == "support") return agent_id(2);
      if (name == "billing") return agent_id(3);
      return std::nullopt;
    },
    .has_tool = [](std::string_view name) { return name.starts_with("billing."); }};

Expected<Workflow> parse(std::string_view text) {
  return parse_workflow(toml(text), WorkflowId(id_detail::Raw{9}), "refund", kDeclared);
}
std::string refused(std::string_view text) {
  const auto workflow = parse(text);
  EXPECT_FALSE(workflow.has_value()) << text;
  return workflow ? "" : workflow.error().where;
}

constexpr std::string_view kWhole = R"(
description = "Refunds"
[[steps]]
name = "plan"
agent = "planner"
starts = true
life = "1h"
use = ["billing.invoice.read"]
delegate = [{ tool = "billing.refund.execute", where = { amount = { max = 500 } } }]
delegates_to = ["settle"]
[[steps]]
name = "settle"
agent = "billing"
life = "90s"
use = ["billing.refund.execute"]
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string text(kWhole);
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(WorkflowDocument, AWholeOneIsRead) {
  const auto workflow = parse(kWhole);
  ASSERT_TRUE(workflow.has_value()) << workflow.error().to_string();
  ASSERT_EQ(workflow->steps.size(), 2U);
  const Step& plan = workflow->steps[0];
  EXPECT_EQ(plan.agent, agent_id(1));
  EXPECT_TRUE(plan.starts);
  EXPECT_EQ(plan.life, std::chrono::hours(1));
  EXPECT_TRUE(plan.scope.delegate.allows("billing.refund.execute", {{"amount", 500}}));
  EXPECT_FALSE(plan.scope.use.names("billing.refund.execute"));
  EXPECT_EQ(plan.delegates_to, std::vector<std::string>{"settle"});
  const Step& settle = *workflow->step("settle");
  EXPECT_FALSE(settle.starts);
  EXPECT_TRUE(settle.scope.delegate.empty());
  EXPECT_EQ(settle.life, seconds(90));
  EXPECT_EQ(workflow->step("triage"), nullptr);
}

TEST(WorkflowDocument, P39_AStepIsForAUserUnlessItSays) {
  const auto for_of = [](std::string_view said) {
    return parse(replaced("starts = true", "starts = true\n" + std::string(said)))
        ->steps[0]
        .runs_for;
  };
  EXPECT_EQ(for_of(""), RunsFor::user);
  EXPECT_EQ(for_of("for = \"user\""), RunsFor::user);
  EXPECT_EQ(for_of("for = \"workspace\""), RunsFor::workspace);
  EXPECT_EQ(for_of("for = \"either\""), RunsFor::either);
  EXPECT_EQ(refused(replaced("starts = true", "starts = true\nfor = \"nobody\"")), "/steps/0/for");
}

TEST(WorkflowDocument, WhatDoesNotFitIsRefusedWithItsPlace) {
  EXPECT_EQ(refused("description = \"x\""), "/steps");
  EXPECT_EQ(refused("steps = []"), "/steps");
  EXPECT_EQ(refused(replaced("agent = \"billing\"", "agent = \"mallory\"")), "/steps/1/agent");
  EXPECT_EQ(refused(replaced("name = \"settle\"", "name = \"plan\"")), "/steps/1/name");
  EXPECT_EQ(refused(replaced("name = \"settle\"", "name = \"Settle\"")), "/steps/1/name");
  EXPECT_EQ(refused(replaced("\"settle\"", "\"pay\"")), "/steps/0/delegates_to/0");
  EXPECT_EQ(refused(replaced("[\"settle\"]", "[\"settle\", \"settle\"]")),
            "/steps/0/delegates_to/1");
  EXPECT_EQ(refused(replaced("life = \"90s\"", "life = \"31d\"")), "/steps/1/life");
  EXPECT_EQ(refused(replaced("life = \"90s\"", "life = \"0s\"")), "/steps/1/life");
  EXPECT_EQ(refused(replaced("life = \"90s\"", "")), "/steps/1/life");
  EXPECT_EQ(refused(replaced("life = \"90s\"", "ttl = \"90s\"\nlife = \"90s\"")), "/steps/1/ttl");
  EXPECT_EQ(refused(replaced("starts = true", "")), "/steps");
  EXPECT_EQ(refused(replaced("use = [\"billing.refund.execute\"]", "")), "/steps/1");
  EXPECT_EQ(refused(replaced("use = [\"billing.refund.execute\"]", "use = []")), "/steps/1");
  EXPECT_EQ(refused(replaced("[\"billing.refund.execute\"]", "[\"crm.contact.read\"]")),
            "/steps/1/use/0");
  EXPECT_EQ(refused(replaced("max = 500", "most = 500")), "/steps/0/delegate/0/where/amount/most");
}

TEST(WorkflowDocument, TooManyStepsAreRefused) {
  EXPECT_FALSE(
      parse_workflow(toml(kWhole), WorkflowId(), "refund", kDeclared, {.steps = 1}).has_value());
}

TEST(WorkflowDocument, TheDigestIsOfWhatItMeans) {
  const auto digest = [](std::string_view text) { return parse(text).value().digest; };
  const Digest whole = digest(kWhole);
  EXPECT_EQ(whole, digest(replaced("description = \"Refunds\"", "")));
  EXPECT_EQ(whole, digest(replaced("life = \"90s\"", "life = \"1m30s\"")));
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"max = 500", "max = 501"},
           {"life = \"90s\"", "life = \"91s\""},
           {"agent = \"billing\"", "agent = \"support\""},
           {"delegates_to = [\"settle\"]", ""},
           {"use = [\"billing.invoice.read\"]", "use = [\"billing.invoice.list\"]"}}) {
    EXPECT_NE(whole, digest(replaced(from, to))) << from;
  }
  EXPECT_NE(whole, digest(replaced("life = \"90s\"", "life = \"90s\"\nstarts = true")));
}

TEST(CeilingDocument, OnlyTheCeilingIsRead) {
  const auto ceiling =
      parse_ceiling(toml("role = \"x\"\n[ceiling]\nuse = [\"billing.invoice.read\"]"), kDeclared);
  ASSERT_TRUE(ceiling.has_value());
  EXPECT_TRUE(ceiling->use.names("billing.invoice.read"));
  EXPECT_TRUE(ceiling->delegate.empty());
}

TEST(CeilingDocument, WithoutOneOrWithAMistakeItIsRefused) {
  const auto where = [](std::string_view text) {
    return parse_ceiling(toml(text), kDeclared).error().where;
  };
  EXPECT_EQ(where("role = \"x\""), "/ceiling");
  EXPECT_EQ(where("[ceiling]\nuses = []"), "/ceiling/uses");
  EXPECT_EQ(where("[ceiling]\nuse = [\"crm.x\"]"), "/ceiling/use/0");
  EXPECT_EQ(where("[ceiling]\ndelegate = [{ tool = \"crm.x\" }]"), "/ceiling/delegate/0");
}

// The story's authority, read off the example's own documents.
TEST(ExampleDocuments, P1_ThePlannerHandsDownARefundThatItCannotMake) {
  const auto root = std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme";
  const auto read = [&](const std::string& file) {
    std::ifstream in(root / file);
    std::stringstream text;
    text << in.rdbuf();
    return toml(text.str());
  };
  const auto workflow =
      parse_workflow(read("workflows/refund.toml"), WorkflowId(), "refund", kDeclared).value();
  std::map<std::string, Scope> ceilings;
  for (const char* agent : {"planner", "support", "billing"}) {
    ceilings[agent] =
        parse_ceiling(read("agents/" + std::string(agent) + ".toml"), kDeclared).value();
  }
  const std::map<std::string, std::string> agent_of{
      {"plan", "planner"}, {"triage", "support"}, {"settle", "billing"}};
  const TermsOf current = [&](const delegation::Run& run) {
    return CurrentTerms{&ceilings.at(agent_of.at(run.step)), workflow.step(run.step)};
  };
  const UserId user(id_detail::Raw{1});
  Lineage lineage;
  std::uint8_t n = 0;
  for (const char* name : {"plan", "triage", "settle"}) {
    const Step& step = *workflow.step(name);
    const Scope& ceiling = ceilings.at(agent_of.at(name));
    const auto scope = lineage.runs.empty() ? start_scope({}, step, ceiling, true)
                                            : child_scope({}, lineage, step, ceiling, current);
    ASSERT_TRUE(scope.has_value()) << scope.error().message;
    delegation::Run run;
    run.id = RunId(id_detail::Raw{++n});
    run.step = name;
    run.agent = step.agent;
    run.scope = *scope;
    run.pinned = step.scope;
    run.user = user;
    if (!lineage.runs.empty()) run.parent = lineage.run().id;
    run.depth = n;
    lineage.runs.insert(lineage.runs.begin(), std::make_shared<delegation::Run>(run));
    const auto may = [&](std::string_view tool, const JsonObject& arguments = {}) {
      return authorize(lineage, tool, arguments, current).has_value();
    };
    const bool settles = run.step == "settle";
    EXPECT_TRUE(may("billing.invoice.read")) << name;
    EXPECT_EQ(may("billing.invoice.list"), run.step == "plan") << name;
    EXPECT_EQ(may("billing.refund.preview"), settles) << name;
    EXPECT_EQ(may("billing.refund.execute", {{"amount", 500'000}}), settles) << name;
    EXPECT_EQ(may("billing.headers.echo"), settles) << name;
    EXPECT_FALSE(may("billing.refund.execute", {{"amount", 500'001}})) << name;
    EXPECT_FALSE(may("billing.customer.delete")) << name;
  }
}

}  // namespace
}  // namespace writ::delegation
