// SPDX-License-Identifier: Apache-2.0
#include "policy/model.h"

#include <algorithm>

#include "policy/references.h"

namespace writ::policy {
namespace {

cedar::EntityUid uid(std::string_view type, std::string_view id) {
  return {"Writ::" + std::string(type), std::string(id)};
}

cedar::Entity entity(cedar::EntityUid name, std::vector<cedar::EntityUid> parents,
                     cedar::Record attributes = {}) {
  return {.uid = std::move(name),
          .attributes = std::move(attributes),
          .tags = {},
          .parents = std::move(parents)};
}

std::string_view effect_group(tools::Effect effect) {
  switch (effect) {
    case tools::Effect::read:
      return "tool.read";
    case tools::Effect::write:
      return "tool.write";
    case tools::Effect::money:
      break;
  }
  return "tool.money";
}

Expected<void> check_annotations(const cedar::PolicySet& policies, const ModelObjects& objects) {
  for (const auto& policy : policies.policies()) {
    const auto* group = policy->annotation(kNeedsApproval);
    if (group == nullptr) continue;
    const auto place = policy->body().place();
    if (policy->effect() == cedar::Effect::permit) {
      return fail(Errc::invalid_input,
                  "@needs_approval stands on a permit, where it would ask nobody", place,
                  "write it on a forbid, which says when to ask");
    }
    if (std::ranges::find(objects.groups, *group) == objects.groups.end()) {
      return fail(
          Errc::invalid_input,
          "@needs_approval names the group " + quoted_extract(*group) + ", which is not declared",
          place, "declare it in workspace.toml under [groups]");
    }
    if (std::ranges::none_of(objects.users,
                             [&](const auto& user) { return user->in_group(*group); })) {
      return fail(
          Errc::invalid_input,
          "@needs_approval names the group " + quoted_extract(*group) + ", which has no members",
          place, "nobody could ever approve; add a member in workspace.toml");
    }
  }
  return {};
}

}  // namespace

cedar::EntityUid workspace_uid(std::string_view name) { return uid("Workspace", name); }
cedar::EntityUid user_uid(std::string_view name) { return uid("User", name); }
cedar::EntityUid agent_uid(std::string_view name) { return uid("Agent", name); }
cedar::EntityUid workflow_uid(std::string_view name) { return uid("Workflow", name); }
cedar::EntityUid step_uid(std::string_view workflow, std::string_view step) {
  return uid("Step", std::string(workflow) + "/" + std::string(step));
}
cedar::EntityUid server_uid(std::string_view name) { return uid("ToolServer", name); }
cedar::EntityUid action_uid(std::string_view tool) { return uid("Action", tool); }

Expected<Model> Model::create(cedar::PolicySet policies, const ModelObjects& objects) {
  WRIT_TRY_VOID(check_annotations(policies, objects));
  const auto workspace = workspace_uid(objects.workspace);
  std::vector<cedar::Entity> list;
  list.push_back(entity(workspace, {}, {{"suspended", false}}));
  for (const auto& group : objects.groups) list.push_back(entity(uid("Group", group), {workspace}));
  for (const auto& user : objects.users) {
    std::vector<cedar::EntityUid> parents{workspace};
    for (const auto& group : user->groups) parents.push_back(uid("Group", group));
    list.push_back(entity(user_uid(user->name), std::move(parents), {{"workspace", workspace}}));
  }
  for (const auto& agent : objects.agents) {
    const auto owner =
        std::ranges::find(objects.users, agent->owner, [](const auto& user) { return user->id; });
    cedar::Record attributes{{"workspace", workspace}, {"role", agent->role}};
    if (owner != objects.users.end()) attributes.set("owner", user_uid((*owner)->name));
    list.push_back(entity(agent_uid(agent->name), {workspace}, std::move(attributes)));
  }
  for (const auto& workflow : objects.workflows) {
    list.push_back(entity(workflow_uid(workflow.name), {workspace}));
    for (const auto& step : workflow.steps) {
      list.push_back(entity(step_uid(workflow.name, step.name), {workflow_uid(workflow.name)}));
    }
  }
  list.push_back(entity(action_uid("tool.call"), {}));
  list.push_back(entity(action_uid("tool.read"), {action_uid("tool.call")}));
  list.push_back(entity(action_uid("tool.write"), {action_uid("tool.call")}));
  list.push_back(entity(action_uid("tool.money"), {action_uid("tool.write")}));
  for (const auto& server : objects.servers) {
    list.push_back(entity(server_uid(server->name()), {workspace},
                          {{"workspace", workspace}, {"environment", server->environment()}}));
    for (const auto& operation : server->operations()) {
      list.push_back(
          entity(action_uid(operation.name), {action_uid(effect_group(operation.effect))}));
    }
  }
  WRIT_TRY(auto entities, cedar::Entities::create(std::move(list)));
  WRIT_TRY_VOID(check_references(policies, entities));
  return Model(std::move(policies), std::move(entities));
}

}  // namespace writ::policy
