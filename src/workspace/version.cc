// SPDX-License-Identifier: Apache-2.0
#include "workspace/version.h"

#include <algorithm>

namespace writ::workspace {

const AgentTerms* Version::agent(std::string_view name) const {
  const auto found = std::ranges::find(
      agents_, name, [](const auto& terms) { return std::string_view(terms.agent->name); });
  return found == agents_.end() ? nullptr : &*found;
}

const AgentTerms* Version::agent(AgentId id) const {
  const auto found =
      std::ranges::find(agents_, id, [](const auto& terms) { return terms.agent->id; });
  return found == agents_.end() ? nullptr : &*found;
}

const AgentTerms* Version::agent_by_client_id(std::string_view client_id) const {
  const auto found = std::ranges::find(agents_, client_id, [](const auto& terms) {
    return std::string_view(terms.agent->client_id);
  });
  return found == agents_.end() ? nullptr : &*found;
}

std::shared_ptr<const identity::User> Version::user(std::string_view name) const {
  const auto found = std::ranges::find(
      users_, name, [](const auto& user) { return std::string_view(user->name); });
  return found == users_.end() ? nullptr : *found;
}

std::shared_ptr<const identity::User> Version::user(UserId id) const {
  const auto found = std::ranges::find(users_, id, [](const auto& user) { return user->id; });
  return found == users_.end() ? nullptr : *found;
}

std::shared_ptr<const identity::User> Version::user(std::string_view issuer,
                                                    std::string_view subject) const {
  // A local user has no issuer, and an empty one must not find it.
  if (issuer.empty()) return nullptr;
  const auto found = std::ranges::find_if(
      users_, [&](const auto& user) { return user->issuer == issuer && user->subject == subject; });
  return found == users_.end() ? nullptr : *found;
}

const identity::Provider* Version::provider(std::string_view issuer) const {
  const auto found = std::ranges::find(
      providers_, issuer, [](const auto& provider) { return std::string_view(provider.issuer); });
  return found == providers_.end() ? nullptr : &*found;
}

std::shared_ptr<const tools::ToolServer> Version::server(std::string_view name) const {
  const auto found = std::ranges::find(
      servers_, name, [](const auto& server) { return std::string_view(server->name()); });
  return found == servers_.end() ? nullptr : *found;
}

std::shared_ptr<const tools::ToolServer> Version::server_of(std::string_view tool) const {
  const auto found = std::ranges::find_if(
      servers_, [&](const auto& server) { return server->find_operation(tool) != nullptr; });
  return found == servers_.end() ? nullptr : *found;
}

const delegation::Workflow* Version::workflow(std::string_view name) const {
  const auto found = std::ranges::find(
      workflows_, name, [](const auto& workflow) { return std::string_view(workflow.name); });
  return found == workflows_.end() ? nullptr : &*found;
}

const delegation::Workflow* Version::workflow(WorkflowId id) const {
  const auto found = std::ranges::find(workflows_, id, &delegation::Workflow::id);
  return found == workflows_.end() ? nullptr : &*found;
}

delegation::CurrentTerms Version::terms_of(const delegation::Run& run) const {
  delegation::CurrentTerms terms;
  if (const auto* current = agent(run.agent)) terms.ceiling = &current->ceiling;
  // A step that another agent runs now, or that is for others now (P39), is not this run's step any
  // more.
  if (const auto* current = workflow(run.workflow)) {
    const auto* step = current->step(run.step);
    if (step != nullptr && step->agent == run.agent && step->admits(run.user.has_value()))
      terms.step = step;
  }
  return terms;
}

delegation::TermsOf Version::terms() const {
  return [this](const delegation::Run& run) { return terms_of(run); };
}

}  // namespace writ::workspace
