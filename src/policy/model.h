// SPDX-License-Identifier: Apache-2.0
// Model: one version of a workspace as Cedar sees it: its policies, and its objects as entities.
//
//   Writ::User::"alice"             in its Groups and the Workspace
//   Writ::Agent::"billing"          in the Workspace
//   Writ::Step::"refund/settle"     in Writ::Workflow::"refund", in the Workspace
//   Writ::ToolServer::"billing"     in the Workspace
//   Writ::Action::"billing.refund.execute" in "tool.money", in "tool.write", in "tool.call"
//   Writ::Run::"run_…"              in its Agent, Step and Workspace; added for one evaluation
//
// The User is an attribute of the Run, never a parent, so a run inherits none of its user's
// permits. Immutable, shared between threads.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "action/call.h"
#include "cedar/entities.h"
#include "cedar/policy_set.h"
#include "delegation/workflow.h"
#include "identity/principal.h"
#include "tools/tool_server.h"

namespace writ::policy {

// What a workspace version declares, seen for the time of create() alone.
struct ModelObjects {
  std::string_view workspace;
  std::span<const std::string> groups;
  std::span<const std::shared_ptr<const identity::User>> users;
  std::span<const std::shared_ptr<const identity::Agent>> agents;
  std::span<const delegation::Workflow> workflows;
  std::span<const std::shared_ptr<const tools::ToolServer>> servers;
};

class Model {
 public:
  // invalid_input, with the policy's place, for an annotation @needs_approval that is on a permit,
  // names no group of the workspace, or names a group without a member (nobody could ever approve);
  // and, with its own place, for an entity that a policy names and `objects` does not declare.
  static Expected<Model> create(cedar::PolicySet policies, const ModelObjects& objects);

  const cedar::PolicySet& policies() const { return policies_; }
  const cedar::Entities& entities() const { return entities_; }

 private:
  Model(cedar::PolicySet policies, cedar::Entities entities)
      : policies_(std::move(policies)), entities_(std::move(entities)) {}

  cedar::PolicySet policies_;
  cedar::Entities entities_;
};

// The annotation by which a forbid says whom to ask.
inline constexpr std::string_view kNeedsApproval = "needs_approval";

cedar::EntityUid workspace_uid(std::string_view name);
cedar::EntityUid user_uid(std::string_view name);
cedar::EntityUid agent_uid(std::string_view name);
cedar::EntityUid step_uid(std::string_view workflow, std::string_view step);
cedar::EntityUid workflow_uid(std::string_view name);
cedar::EntityUid server_uid(std::string_view name);
cedar::EntityUid action_uid(std::string_view tool);

}  // namespace writ::policy
