// SPDX-License-Identifier: Apache-2.0
// Whatever is asked for, at whatever time ceilings and steps shrink or grow: no run comes by
// authority that the run above it could not hand down (P1, P5, P7).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "broker/grants_testing.h"
#include "delegation/scope_generator.h"

namespace writ::broker {
namespace {

using delegation::Scope;
using delegation::ToolSet;

// JSON as an inline TOML value.
std::string toml(const Json& value) {
  if (const auto* list = value.if_array()) {
    std::string out = "[";
    for (const auto& item : *list) out += toml(item) + ",";
    return out + "]";
  }
  if (const auto* object = value.if_object()) {
    std::string out = "{";
    for (const auto& member : *object) {
      if (out.size() > 1) out += ", ";
      out += std::string(text_of(member)) + " = " + toml(member.value());
    }
    return out + "}";
  }
  return write_json(value);
}

std::string toml(const Scope& scope) {
  return "use = " + toml(scope.use.to_json()) + "\ndelegate = " + toml(scope.delegate.to_json()) +
         "\n";
}

std::string tool_server(const std::vector<std::string>& tools) {
  std::string out = "kind = \"http\"\nurl = \"https://api.example\"\n";
  for (const auto& tool : tools) {
    out += "[[operations]]\nname = \"" + tool + "\"\ntitle = \"" + tool +
           "\"\nmethod = \"GET\"\npath = \"/" + tool +
           "\"\neffect = \"read\"\n[operations.arguments]\n";
    for (const auto* argument : {"x", "y"})
      out += std::string(argument) + " = { optional = true, type = \"string\" }\n";
  }
  return out;
}

// planner → support → billing, with ceilings and steps of the test's choice.
class Chain {
 public:
  static constexpr std::array kAgents{"planner", "support", "billing"};
  static constexpr std::array kSteps{"plan", "triage", "settle"};

  Chain() {
    auto& documents = acme_.documents();
    for (const auto* agent : kAgents) {
      const auto& text = documents.at(path(agent));
      keys_.push_back(text.substr(text.find("\n[[keys]]")));
    }
    documents.at("policies/refund.cedar") = "";
    documents.at("tools/billing.toml") = tool_server({"billing.a", "billing.b"});
    documents["tools/crm.toml"] = tool_server({"crm.c"});
  }

  // Applies them as the next version.
  void declare(const std::vector<Scope>& ceilings, const std::vector<Scope>& steps) {
    auto& documents = acme_.documents();
    std::string workflow;
    for (std::size_t i = 0; i < kAgents.size(); ++i) {
      documents.at(path(kAgents[i])) =
          "role = \"r\"\nowner = \"admin\"\n[ceiling]\n" + toml(ceilings[i]) + keys_[i];
      workflow += "[[steps]]\nname = \"" + std::string(kSteps[i]) + "\"\nagent = \"" + kAgents[i] +
                  "\"\nlife = \"1h\"\n" + toml(steps[i]);
      if (i == 0) workflow += "starts = true\n";
      if (i + 1 < kSteps.size())
        workflow += "delegates_to = [\"" + std::string(kSteps[i + 1]) + "\"]\n";
    }
    documents.at("workflows/refund.toml") = workflow;
    acme_.apply();
  }

  Expected<Granted> start(delegation::ScopeRequest asked) {
    auto plan = GrantsAcme::plan();
    plan.scope = std::move(asked);
    return acme_.start_run(plan);
  }
  Expected<Granted> hand_on(std::size_t from, const Granted& parent,
                            delegation::ScopeRequest asked) {
    const AskedDelegation down{.agent = kAgents[from + 1],
                               .step = kSteps[from + 1],
                               .role = {},
                               .name = {},
                               .scope = std::move(asked)};
    WRIT_TRY(const auto token, acme_.hand_down(kAgents[from], parent, down));
    return acme_.take_over(kAgents[from + 1], token.token.text);
  }
  GrantsAcme& acme() { return acme_; }

 private:
  static std::string path(const char* agent) { return "agents/" + std::string(agent) + ".toml"; }
  GrantsAcme acme_;
  std::vector<std::string> keys_;
};

// A step or ceiling that holds nothing at all is no document that applies.
std::vector<Scope> three_scopes() {
  const auto something = rc::gen::suchThat(delegation::wide_scope_generator(), [](const Scope& s) {
    return !s.use.tools().empty() || !s.delegate.tools().empty();
  });
  return {*something, *something, *something};
}

// All that there is, something of it, or anything at all.
delegation::ScopeRequest some_request(const Scope& available) {
  const auto one = [](const ToolSet& all) -> std::optional<ToolSet> {
    switch (delegation::pick(6)) {
      case 0:
      case 1:
      case 2:
        return std::nullopt;
      case 3:
      case 4:
        return all.intersect(*delegation::tool_set_generator());
      default:
        return *delegation::tool_set_generator();
    }
  };
  return {.use = one(available.use), .delegate = one(available.delegate)};
}

// Every call that `inner` allows is one that `outer` allows: said of calls, not by the algebra that
// grants are made with.
void expect_within(const ToolSet& inner, const ToolSet& outer) {
  for (const auto& call : delegation::universe_of_calls()) {
    if (inner.allows(call.tool, call.arguments)) RC_ASSERT(outer.allows(call.tool, call.arguments));
  }
}

void expect_narrowing(const delegation::Lineage& lineage, const workspace::Version& version) {
  const auto terms = version.terms();
  for (std::size_t i = 0; i < lineage.runs.size(); ++i) {
    const auto& run = *lineage.runs[i];
    if (i + 1 == lineage.runs.size()) break;
    const auto& parent = *lineage.runs[i + 1];
    expect_within(run.scope.use, parent.scope.delegate);
    expect_within(run.scope.delegate, parent.scope.delegate);
    RC_ASSERT(run.ends <= parent.ends);
    const auto now = delegation::effective_scope(lineage, terms);
    expect_within(now.use, terms(parent).ceiling->delegate);
  }
}

void check_one_chain(Chain& chain) {
  auto& acme = chain.acme();
  chain.declare(three_scopes(), three_scopes());
  auto first = chain.start(some_request(*delegation::wide_scope_generator()));
  RC_PRE(first.has_value());

  std::vector<Granted> grants;
  grants.push_back(std::move(first).value());
  for (std::size_t level = 0; level + 1 < Chain::kAgents.size(); ++level) {
    // Anyone's terms may change between two hops.
    if (delegation::pick(3) == 0) chain.declare(three_scopes(), three_scopes());
    const auto lineage =
        acme.workspace().runs().alive(grants.back().run, acme.clock().now()).value();
    const auto available =
        delegation::effective_scope(lineage, acme.workspace().version()->terms()).delegate;
    auto next = chain.hand_on(level, grants.back(),
                              some_request({.use = available, .delegate = available}));
    if (!next) break;
    const auto child = acme.workspace().runs().find(next->run);
    expect_within(child->scope.use, available);
    expect_within(child->scope.delegate, available);
    grants.push_back(std::move(*next));
  }
  RC_CLASSIFY(grants.size() == 2, "two runs");
  RC_CLASSIFY(grants.size() == 3, "three runs");

  // Whatever is declared afterwards, the tokens that follow say what is left of it.
  chain.declare(three_scopes(), three_scopes());
  const auto version = acme.workspace().version();
  for (std::size_t level = 0; level < grants.size(); ++level) {
    const auto lineage =
        acme.workspace().runs().alive(grants[level].run, acme.clock().now()).value();
    expect_narrowing(lineage, *version);
    const auto again = acme.go_on(Chain::kAgents[level], grants[level].refresh);
    if (!again) continue;
    const auto said = ToolSet::parse(again->access.details.at("use"), "").value();
    for (const auto& call : delegation::universe_of_calls()) {
      RC_ASSERT(
          said.allows(call.tool, call.arguments) ==
          delegation::authorize(lineage, call.tool, call.arguments, version->terms()).has_value());
    }
  }
}

TEST(GrantsProperty, P1_NoChildsAuthorityExceedsWhatItsParentMayHandDown) {
  Chain chain;
  EXPECT_TRUE(rc::check([&chain] { check_one_chain(chain); }));
}

}  // namespace
}  // namespace writ::broker
