// SPDX-License-Identifier: Apache-2.0
#include "policy/decider.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "cedar/authorizer.h"
#include "policy/input.h"

namespace writ::broker {

// Stands in for the friend that alone makes the first step.
class Authenticator {
 public:
  static action::AuthenticatedCall authenticate(delegation::Lineage lineage,
                                                std::shared_ptr<const identity::Agent> agent,
                                                std::shared_ptr<const identity::User> user) {
    action::AuthenticatedCall call;
    call.lineage_ = std::move(lineage);
    call.agent_ = std::move(agent);
    call.user_ = std::move(user);
    return call;
  }
};

}  // namespace writ::broker

namespace writ::policy {
namespace {

using delegation::Operand;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kPermitBoth = R"(
@id("users") permit (principal is Writ::User, action, resource);
@id("runs") permit (principal is Writ::Run, action, resource);
)";

class Decision : public testing::Test {
 protected:
  Decision() {
    alice_ = user("alice", {"managers"});
    bob_ = user("bob", {"finance"});
    carol_ = user("carol", {"controllers"});
    agent_ = [&] {
      identity::Agent agent;
      agent.id = AgentId::make(clock_, random_);
      agent.name = "billing";
      agent.role = "Settles refunds";
      agent.owner = bob_->id;
      return std::make_shared<const identity::Agent>(std::move(agent));
    }();
    const delegation::ToolSet all({{"billing.pay", {}}, {"billing.read", {}}, {"billing.put", {}}});
    scope_ = {.use = all, .delegate = {}};
    step_ = {.name = "settle",
             .agent = agent_->id,
             .scope = scope_,
             .life = seconds(900),
             .delegates_to = {},
             .starts = true};
    run_.id = RunId::make(clock_, random_);
    run_.workspace = WorkspaceId::make(clock_, random_);
    run_.name = "settle-1";
    run_.role = agent_->role;
    run_.agent = agent_->id;
    run_.agent_name = "billing";
    run_.workflow = WorkflowId::make(clock_, random_);
    run_.workflow_name = "refund";
    run_.step = "settle";
    run_.scope = scope_;
    run_.pinned = scope_;
    run_.user = alice_->id;
    run_.user_name = "alice";
    run_.started = clock_.now();
    run_.ends = clock_.now() + seconds(900);
  }

  std::shared_ptr<const identity::User> user(std::string name, std::vector<std::string> groups) {
    identity::User out;
    out.id = UserId::make(clock_, random_);
    out.name = std::move(name);
    out.groups = std::move(groups);
    return std::make_shared<const identity::User>(std::move(out));
  }
  static JsonObject operation(std::string_view name, std::string_view effect, std::string_view body,
                              JsonObject arguments = {}) {
    JsonObject out{{"name", name},     {"title", "t"},
                   {"method", "POST"}, {"path", "/" + std::string(name)},
                   {"body", body},     {"effect", effect}};
    if (effect != "read") out["compensable"] = false;
    if (!arguments.empty()) out["arguments"] = std::move(arguments);
    return out;
  }
  std::shared_ptr<const tools::ToolServer> server() {
    if (server_ == nullptr) {
      const JsonObject document{
          {"kind", "http"},
          {"url", "https://api.example.com"},
          {"operations",
           JsonArray{operation("billing.pay", "money", "json",
                               {{"amount", JsonObject{{"type", "number"}}},
                                {"extra", JsonObject{{"type", JsonArray{"null", "string", "array"}},
                                                     {"items", JsonObject{{"type", "integer"}}},
                                                     {"optional", true}}}}),
                     operation("billing.read", "read", "none"),
                     operation("billing.put", "write", "opaque")}}};
      auto parsed = tools::parse_tool_server(document, ServerId(id_detail::Raw{1}), "billing");
      EXPECT_TRUE(parsed.has_value()) << parsed.error().to_string();
      server_ = std::make_shared<const tools::ToolServer>(std::move(*parsed));
    }
    return server_;
  }
  Expected<Model> model(std::string_view policies) {
    auto set = cedar::parse_policies(policies, "policies/test.cedar");
    EXPECT_TRUE(set.has_value()) << set.error().to_string();
    const std::vector<std::string> groups{"managers", "finance", "controllers", "nobody"};
    const std::vector users{alice_, bob_, carol_};
    const std::vector agents{agent_};
    delegation::Workflow workflow;
    workflow.id = run_.workflow;
    workflow.name = "refund";
    workflow.steps = {step_};
    const std::vector workflows{workflow};
    const std::vector servers{server()};
    return Model::create(std::move(*set), {.workspace = "acme",
                                           .groups = groups,
                                           .users = users,
                                           .agents = agents,
                                           .workflows = workflows,
                                           .servers = servers});
  }

  std::expected<action::AuthorizedAction, Denied> decide(std::string_view policies,
                                                         std::string_view tool = "billing.pay",
                                                         JsonObject arguments = {{"amount", 5}}) {
    auto built = model(policies);
    EXPECT_TRUE(built.has_value()) << built.error().to_string();
    const auto* found = server()->find_operation(tool);
    if (found->name != "billing.pay") arguments.clear();
    auto request = tools::render_request(*found, std::move(arguments));
    EXPECT_TRUE(request.has_value()) << request.error().to_string();
    auto call =
        broker::Authenticator::authenticate({{std::make_shared<const delegation::Run>(run_)}},
                                            agent_, run_.user ? user_of_run_() : nullptr);
    auto proposed =
        action::ProposedAction::propose(std::move(call), ActionId(id_detail::Raw{8}), "acme",
                                        server(), std::move(*request), std::nullopt, "key");
    return Decider(std::make_shared<const Model>(std::move(*built)), 7)
        .decide(
            std::move(proposed),
            [this](const delegation::Run&) {
              return delegation::CurrentTerms{.ceiling = &scope_, .step = &step_};
            },
            clock_.now());
  }
  // The operand that refused; nothing where it is allowed.
  std::optional<Operand> refused(std::string_view policies, std::string_view tool = "billing.pay",
                                 JsonObject arguments = {{"amount", 5}}) {
    const auto decided = decide(policies, tool, std::move(arguments));
    return decided ? std::nullopt : std::optional(decided.error().refusal.operand);
  }
  static std::string with(std::string_view more) {
    return std::string(kPermitBoth) + std::string(more);
  }

  FakeClock clock_;
  FakeRandom random_;
  std::shared_ptr<const identity::User> alice_, bob_, carol_;
  std::function<std::shared_ptr<const identity::User>()> user_of_run_ = [this] { return alice_; };
  std::shared_ptr<const identity::Agent> agent_;
  delegation::Scope scope_;
  delegation::Step step_;
  delegation::Run run_;
  std::shared_ptr<const tools::ToolServer> server_;
};

TEST_F(Decision, NothingIsAllowedByDefault) {
  EXPECT_EQ(refused(""), Operand::user);
  EXPECT_EQ(refused(R"(permit (principal is Writ::User, action, resource);)"), Operand::policy);
}

TEST_F(Decision, BothEvaluationsAllowOrNothingIs) {
  const auto decided = decide(kPermitBoth);
  ASSERT_TRUE(decided.has_value());
  EXPECT_THAT(decided->approvals(), IsEmpty());
  EXPECT_EQ(decided->workspace_version(), 7U);
  EXPECT_THAT(decided->policies(), ElementsAre("users", "runs"));
  EXPECT_EQ(refused(R"(permit (principal is Writ::Run, action, resource);)"), Operand::user);
  EXPECT_EQ(refused(with(R"(forbid (principal is Writ::User, action, resource);)")), Operand::user);
  EXPECT_EQ(refused(with(R"(forbid (principal is Writ::Run, action, resource);)")),
            Operand::policy);
}

// cedar.md: a run never inherits its user's permits.
TEST_F(Decision, ARunHasNoneOfItsUsersPermits) {
  EXPECT_EQ(refused(R"(permit (principal == Writ::User::"alice", action, resource);
                       permit (principal in Writ::Group::"managers", action, resource);)"),
            Operand::policy);
  EXPECT_EQ(refused(R"(permit (principal in Writ::Group::"managers", action, resource);
                       permit (principal in Writ::Agent::"billing", action, resource)
                       when { principal.user == Writ::User::"alice" };)"),
            std::nullopt);
}

TEST_F(Decision, ARunOfTheWorkspaceSkipsTheUser) {
  run_.user.reset();
  run_.user_name.clear();
  step_.runs_for = delegation::RunsFor::workspace;
  EXPECT_EQ(refused(R"(permit (principal is Writ::Run, action, resource);)"), std::nullopt);
  EXPECT_EQ(refused(""), Operand::policy);
  // There is no user attribute that a policy could take for one.
  EXPECT_EQ(refused(R"(permit (principal is Writ::Run, action, resource)
                       when { principal.user == Writ::User::"alice" };)"),
            Operand::policy);
}

TEST_F(Decision, AUserWhoIsGoneIsNotSkipped) {
  user_of_run_ = [] { return nullptr; };
  EXPECT_EQ(refused(kPermitBoth), Operand::user);
}

// --- P4

TEST_F(Decision, P4_SatisfiedForbidsThatAskNameAllTheGroups) {
  const auto decided = decide(with(R"(
      @id("a") @needs_approval("finance") forbid (principal is Writ::Run, action, resource);
      @id("b") @needs_approval("controllers") forbid (principal is Writ::Run, action, resource)
        when { context.input.amount > 3 };
      @id("c") @needs_approval("managers") forbid (principal is Writ::Run, action, resource)
        when { context.input.amount > 100 };)"));
  ASSERT_TRUE(decided.has_value());
  EXPECT_THAT(decided->approvals(), ElementsAre("controllers", "finance"));
  EXPECT_THAT(decided->policies(), ElementsAre("users", "a", "b", "runs"));
}

TEST_F(Decision, P4_WhatTheUsersEvaluationAsksForCountsToo) {
  const auto decided = decide(with(R"(
      @needs_approval("controllers") forbid (principal is Writ::User, action, resource);
      @needs_approval("finance") forbid (principal is Writ::Run, action, resource);)"));
  ASSERT_TRUE(decided.has_value());
  EXPECT_THAT(decided->approvals(), ElementsAre("controllers", "finance"));
}

TEST_F(Decision, P4_AForbidThatDoesNotAskRefusesWhateverTheOthersAsk) {
  const auto decided = decide(with(R"(
      @id("ask") @needs_approval("finance") forbid (principal is Writ::Run, action, resource);
      @id("no") forbid (principal is Writ::Run, action, resource);)"));
  ASSERT_FALSE(decided.has_value());
  EXPECT_EQ(decided.error().refusal.operand, Operand::policy);
  EXPECT_THAT(decided.error().policies, ElementsAre("no"));
  EXPECT_THAT(decided.error().refusal.message, HasSubstr("forbidden by no"));
}

TEST_F(Decision, P4_AnApprovalIsNoPermit) {
  EXPECT_EQ(refused(R"(permit (principal is Writ::User, action, resource);
      @needs_approval("finance") forbid (principal is Writ::Run, action, resource);)"),
            Operand::policy);
}

TEST_F(Decision, P4_AnAnnotationThatNobodyCouldAnswerIsRefusedAtApply) {
  const auto refused_model = [&](std::string_view policy) {
    const auto built = model(policy);
    return built ? "" : built.error().where + " " + built.error().message;
  };
  EXPECT_THAT(refused_model(R"(@needs_approval("finance") permit (principal, action, resource);)"),
              HasSubstr("stands on a permit"));
  EXPECT_THAT(refused_model(R"(@needs_approval("none") forbid (principal, action, resource);)"),
              HasSubstr("is not declared"));
  EXPECT_THAT(refused_model(R"(@needs_approval("nobody") forbid (principal, action, resource);)"),
              HasSubstr("has no members"));
  EXPECT_THAT(refused_model(R"(@needs_approval("") forbid (principal, action, resource);)"),
              HasSubstr("policies/test.cedar:1:"));
}

// A policy that names what is not there matches nothing, without a word: a hole where it forbids.
TEST_F(Decision, WhatAPolicyNamesIsDeclaredOrItIsRefusedAtApply) {
  const auto refused_model = [&](std::string_view policy) {
    const auto built = model(policy);
    return built ? "" : built.error().where + " " + built.error().message;
  };
  for (const auto* mistyped :
       {R"(Writ::Action::"billing.pya")", R"(Writ::Agent::"biling")", R"(Writ::Group::"finances")",
        R"(Writ::User::"alcie")", R"(Writ::Step::"settle")", R"(Writ::Step::"refund/setle")",
        R"(Writ::Workflow::"refunds")", R"(Writ::ToolServer::"biling")",
        R"(Writ::Workspace::"other")", R"(Action::"billing.pay")", R"(Writ::Tool::"billing")"}) {
    for (const auto* policy :
         {"forbid (principal == X, action, resource);",
          "forbid (principal in X, action, resource);",
          "forbid (principal is Writ::Run in X, action, resource);",
          "forbid (principal, action == X, resource);",
          "forbid (principal, action in X, resource);",
          "forbid (principal, action in [Writ::Action::\"billing.pay\", X], resource);",
          "forbid (principal, action, resource == X);",
          "forbid (principal, action, resource) when { principal in X };",
          "forbid (principal, action, resource) unless { [X].contains(action) };",
          "forbid (principal, action, resource) when { {a: if false then X else 1} has a };",
          "forbid (principal, action, resource) when { true || !(resource is Writ::Run in X) };",
          "@needs_approval(\"finance\") forbid (principal, action == X, resource);"}) {
      std::string text = policy;
      text.replace(text.find('X'), 1, mistyped);
      if (!cedar::parse_policies(text, "")) continue;  // Cedar has actions alone in that place
      EXPECT_THAT(refused_model(text), testing::StartsWith("policies/test.cedar:1:")) << text;
      EXPECT_THAT(refused_model(text), HasSubstr("could never match")) << text;
    }
  }
  EXPECT_EQ(refused_model("permit (principal, action, resource)\n"
                          "when { principal.depth < 3 &&\n"
                          "  action == Writ::Action::\"billing.pya\" };"),
            "policies/test.cedar:3:13 the policy names Writ::Action::\"billing.pya\", which is not "
            "declared, so it could never match");
  for (const auto* policy : {"forbid (principal is Writ::Rnu, action, resource);",
                             "forbid (principal, action, resource is ToolServer);",
                             "forbid (principal, action, resource) when { principal is User };"}) {
    EXPECT_THAT(refused_model(policy), HasSubstr("which does not exist")) << policy;
  }
}

TEST_F(Decision, WhatIsDeclaredMayBeNamedAndARunOfAnyId) {
  for (const auto* named :
       {R"(Writ::Action::"billing.pay")", R"(Writ::Action::"tool.call")",
        R"(Writ::Action::"tool.read")", R"(Writ::Action::"tool.write")",
        R"(Writ::Action::"tool.money")", R"(Writ::Agent::"billing")", R"(Writ::Group::"nobody")",
        R"(Writ::User::"carol")", R"(Writ::Step::"refund/settle")", R"(Writ::Workflow::"refund")",
        R"(Writ::ToolServer::"billing")", R"(Writ::Workspace::"acme")", R"(Writ::Run::"run_1")"}) {
    const auto built = model(
        "forbid (principal, action, resource) when { principal == " + std::string(named) + " };");
    EXPECT_TRUE(built.has_value()) << named << built.error().to_string();
  }
}

// --- failures.md 15

TEST_F(Decision, AnyErrorInAnyPolicyIsADenialWhateverTheOthersSay) {
  for (const auto* erring :
       {R"(@id("e") forbid (principal, action, resource) when { context.input.nothing };)",
        R"(@id("e") permit (principal, action, resource) when { context.input.nothing };)",
        R"(@id("e") @needs_approval("finance") forbid (principal, action, resource)
           when { context.input.amount < "x" };)",
        R"(@id("e") forbid (principal, action, resource)
           when { Writ::User::"alice".nothing == "x" };)",
        R"(@id("e") permit (principal, action, resource)
           when { 9223372036854775807 + context.input.amount > 0 };)"}) {
    const auto decided = decide(with(erring));
    ASSERT_FALSE(decided.has_value()) << erring;
    EXPECT_EQ(decided.error().refusal.operand, Operand::user);
    ASSERT_EQ(decided.error().errors.size(), 1U);
    EXPECT_THAT(decided.error().errors[0], testing::StartsWith("e: "));
    // The agent is told that an error refuses, never which.
    EXPECT_THAT(decided.error().refusal.message, testing::Not(HasSubstr("nothing")));
  }
}

TEST_F(Decision, AnErrorThatConcernsTheRunAloneRefusesTheRun) {
  EXPECT_EQ(refused(with(R"(forbid (principal is Writ::Run, action, resource)
                            when { principal.nothing };)")),
            Operand::policy);
}

// --- the structural half comes first

TEST_F(Decision, TheStructuralOperandIsNamed) {
  run_.scope.use = delegation::ToolSet({{"billing.read", {}}});
  EXPECT_EQ(refused(kPermitBoth), Operand::scope);
  run_.scope = scope_;
  scope_.use = delegation::ToolSet({{"billing.read", {}}});
  EXPECT_EQ(refused(kPermitBoth), Operand::ceiling);
}

TEST_F(Decision, P11_AnOpaqueBodyCannotBeApproved) {
  EXPECT_EQ(refused(kPermitBoth, "billing.put"), std::nullopt);
  EXPECT_EQ(refused(with(R"(@needs_approval("finance") forbid (principal is Writ::Run, action,
                            resource);)"),
                    "billing.put"),
            Operand::policy);
}

// --- what policy sees

TEST_F(Decision, ToolsAreActionsInTheGroupOfTheirEffect) {
  const auto only = [](std::string_view group) {
    return "permit (principal, action in Writ::Action::\"" + std::string(group) + "\", resource);";
  };
  for (const auto& [group, read, put, pay] :
       std::initializer_list<std::tuple<const char*, bool, bool, bool>>{
           {"tool.call", true, true, true},
           {"tool.read", true, false, false},
           {"tool.write", false, true, true},
           {"tool.money", false, false, true},
           {"billing.read", true, false, false}}) {
    EXPECT_EQ(!refused(only(group), "billing.read"), read) << group;
    EXPECT_EQ(!refused(only(group), "billing.put"), put) << group;
    EXPECT_EQ(!refused(only(group), "billing.pay"), pay) << group;
  }
}

TEST_F(Decision, MoneyIsAnIntegerOfMinorUnitsAndAFractionIsADecimal) {
  const auto amount = [](std::string_view condition) {
    return "permit (principal, action, resource) when { " + std::string(condition) + " };";
  };
  EXPECT_EQ(refused(amount("context.input.amount == 12000"), "billing.pay", {{"amount", 12'000}}),
            std::nullopt);
  EXPECT_EQ(refused(amount("context.input.amount <= 9007199254740991"), "billing.pay",
                    {{"amount", kMaxJsonInteger}}),
            std::nullopt);
  // 1.0 is the integer 1, whoever spells it how.
  EXPECT_EQ(refused(amount("context.input.amount == 1"), "billing.pay", {{"amount", 1.0}}),
            std::nullopt);
  EXPECT_EQ(refused(amount("context.input.amount.lessThan(decimal(\"0.6\"))"), "billing.pay",
                    {{"amount", 0.5}}),
            std::nullopt);
  // A decimal is never compared as an integer: that errs, and an error refuses.
  EXPECT_EQ(refused(amount("context.input.amount < 1"), "billing.pay", {{"amount", 0.5}}),
            Operand::user);
}

TEST_F(Decision, WhatPolicyCannotSeeExactlyItIsNotAskedToAllow) {
  EXPECT_EQ(refused(kPermitBoth, "billing.pay", {{"amount", 0.00001}}), Operand::policy);
  EXPECT_EQ(refused(kPermitBoth, "billing.pay", {{"amount", 1e300}}), Operand::policy);
  EXPECT_EQ(refused(kPermitBoth, "billing.pay", {{"amount", 1}, {"extra", nullptr}}),
            Operand::policy);
  EXPECT_EQ(refused(kPermitBoth, "billing.pay", {{"amount", 1}, {"extra", JsonArray{1, 2}}}),
            std::nullopt);
}

// On a loop's thread, so a long name must not be written again for each value under it.
TEST_F(Decision, ALongArgumentNameIsNotPaidForByEachValueUnderIt) {
  const auto proposed_with = [&](std::size_t name_bytes) {
    JsonArray list;
    for (int i = 0; i < 20'000; ++i) list.emplace_back(i % 7);
    auto request =
        tools::render_request(*server()->find_operation("billing.pay"), JsonObject{{"amount", 5}});
    request->arguments["labels"] = JsonObject{{std::string(name_bytes, 'k'), std::move(list)}};
    return action::ProposedAction::propose(
        broker::Authenticator::authenticate({{std::make_shared<const delegation::Run>(run_)}},
                                            agent_, alice_),
        ActionId(id_detail::Raw{8}), "acme", server(), std::move(*request), std::nullopt, "key");
  };
  const auto best_of = [&](std::size_t name_bytes) {
    const auto proposed = proposed_with(name_bytes);
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      StepBudget budget(cedar::kDecisionSteps);
      EXPECT_TRUE(call_context(proposed, clock_.now(), budget).has_value());
      best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  EXPECT_LT(best_of(600'000), 10 * best_of(1));

  auto request =
      tools::render_request(*server()->find_operation("billing.pay"), JsonObject{{"amount", 5}});
  request->arguments["labels"] =
      JsonObject{{std::string(600'000, 'k'), JsonArray{0, JsonObject{{"a/b", nullptr}}}}};
  StepBudget budget(cedar::kDecisionSteps);
  const auto refused = call_context(
      action::ProposedAction::propose(
          broker::Authenticator::authenticate({{std::make_shared<const delegation::Run>(run_)}},
                                              agent_, alice_),
          ActionId(id_detail::Raw{8}), "acme", server(), std::move(*request), std::nullopt, "key"),
      clock_.now(), budget);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().where, testing::StartsWith("/labels/\"kkk"));
  EXPECT_THAT(refused.error().where, testing::EndsWith("/1/a~1b"));
  EXPECT_LT(refused.error().where.size(), 200U);
}

// A thousand policies that each walk the longest text that a request may bring.
TEST_F(Decision, P48_AnExpensiveDecisionIsRefusedWithinItsBudget) {
  std::string heavy;
  for (int i = 0; i < 1000; ++i) {
    heavy +=
        "forbid (principal, action, resource) when { context.input has extra && "
        "context.input.extra like \"*x*y*z" +
        std::to_string(i) + "\" };\n";
  }
  const JsonObject small{{"amount", 5}, {"extra", "short"}};
  EXPECT_EQ(refused(with(heavy), "billing.pay", small), std::nullopt);

  const JsonObject large{{"amount", 5}, {"extra", std::string(std::size_t{1} << 20, 'x')}};
  const auto decided = decide(with(heavy), "billing.pay", large);
  ASSERT_FALSE(decided.has_value());
  EXPECT_EQ(decided.error().refusal.operand, Operand::user);
  EXPECT_THAT(decided.error().refusal.message, HasSubstr("takes more than 4000000 steps"));
  // What was not evaluated is not reported one by one.
  EXPECT_EQ(decided.error().errors.size(), 1U);
}

TEST_F(Decision, P48_ArgumentsAreReadWithinTheBudgetToo) {
  auto request =
      tools::render_request(*server()->find_operation("billing.pay"), JsonObject{{"amount", 5}});
  JsonArray list;
  for (int i = 0; i < 50'000; ++i) list.emplace_back(i);
  request->arguments["list"] = std::move(list);
  const auto proposed = action::ProposedAction::propose(
      broker::Authenticator::authenticate({{std::make_shared<const delegation::Run>(run_)}}, agent_,
                                          alice_),
      ActionId(id_detail::Raw{8}), "acme", server(), std::move(*request), std::nullopt, "key");
  StepBudget enough(cedar::kDecisionSteps);
  EXPECT_TRUE(call_context(proposed, clock_.now(), enough).has_value());
  EXPECT_GT(enough.spent(), 50'000U * 16U);
  StepBudget little(enough.spent() - 1);
  const auto refused = call_context(proposed, clock_.now(), little);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::too_large);
}

TEST_F(Decision, TheRunIsInItsAgentStepAndWorkspaceAndKnowsItsTime) {
  EXPECT_EQ(refused(R"(
      permit (principal is Writ::User, action, resource);
      permit (principal is Writ::Run, action, resource == Writ::ToolServer::"billing") when {
        principal in Writ::Agent::"billing" && principal in Writ::Step::"refund/settle" &&
        principal in Writ::Workflow::"refund" && principal in Writ::Workspace::"acme" &&
        principal.name == "settle-1" && principal.depth == 1 &&
        principal.role == "Settles refunds" && principal.grant.delegator == principal.user &&
        context.session.now < principal.ends && context.session.step == Writ::Step::"refund/settle" &&
        resource.workspace == principal.workspace
      };)"),
            std::nullopt);
}

}  // namespace
}  // namespace writ::policy
