// SPDX-License-Identifier: Apache-2.0
#include "policy/references.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "cedar/mentions.h"
#include "wire/json.h"

namespace writ::policy {
namespace {

struct Kind {
  std::string_view type;
  std::string_view where;  // it is declared
};

constexpr auto kKinds = std::to_array<Kind>({
    {"Writ::Action",
     "an action is an operation of tools/*.toml by its full name, or tool.call, tool.read, "
     "tool.write or tool.money"},
    {"Writ::Agent", "agents/NAME.toml declares an agent"},
    {"Writ::Group", "declare it in workspace.toml under [groups]"},
    {"Writ::Run", ""},
    {"Writ::Step", "workflows/NAME.toml declares steps; a policy names them \"WORKFLOW/STEP\""},
    {"Writ::ToolServer", "tools/NAME.toml declares a tool server"},
    {"Writ::User", "declare the user in workspace.toml under [users]"},
    {"Writ::Workflow", "workflows/NAME.toml declares a workflow"},
    {"Writ::Workspace", "workspace.toml names the workspace"},
});

Expected<void> check(const cedar::Mention& mention, std::string_view file,
                     const cedar::Entities& declared) {
  const auto refuse = [&](std::string message, std::string_view hint) {
    return fail(Errc::invalid_input, std::move(message),
                std::string(file) + ':' + std::to_string(mention.at.line) + ':' +
                    std::to_string(mention.at.column),
                std::string(hint));
  };
  const auto kind = std::ranges::find(kKinds, mention.type, &Kind::type);
  if (kind == kKinds.end()) {
    return refuse("the policy names the entity type " + quoted_extract(mention.type) +
                      ", which does not exist, so it could never match",
                  "there are Writ::User, Group, Agent, Run, Workflow, Step, ToolServer, Action and "
                  "Workspace");
  }
  if (mention.entity == nullptr || kind->type == "Writ::Run") return {};
  if (declared.find(*mention.entity) != nullptr) return {};
  return refuse("the policy names " + mention.type + "::" + quoted_extract(mention.entity->id) +
                    ", which is not declared, so it could never match",
                kind->where);
}

}  // namespace

Expected<void> check_references(const cedar::PolicySet& policies, const cedar::Entities& declared) {
  for (const auto& policy : policies.policies()) {
    Expected<void> all;
    cedar::for_each_mention(*policy, [&](const cedar::Mention& mention) {
      if (all) all = check(mention, policy->body().file, declared);
    });
    WRIT_TRY_VOID(std::move(all));
  }
  return {};
}

}  // namespace writ::policy
