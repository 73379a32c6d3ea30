// SPDX-License-Identifier: Apache-2.0
#include "action/call.h"

#include "base/check.h"

namespace writ::action {

ProposedAction ProposedAction::propose(AuthenticatedCall call, ActionId id,
                                       std::string workspace_name,
                                       std::shared_ptr<const tools::ToolServer> server,
                                       tools::ToolRequest request, std::optional<Account> account,
                                       std::optional<std::string> idempotency_key) {
  WRIT_CHECK(server != nullptr && request.operation != nullptr);
  // The request's operation must be this server's own, for the digest speaks of both, and because
  // `server` is what keeps the operation alive.
  WRIT_CHECK(server->find_operation(request.operation->name) == request.operation);
  ProposedAction action(std::move(call));
  action.id_ = id;
  action.workspace_name_ = std::move(workspace_name);
  action.server_ = std::move(server);
  action.request_ = std::move(request);
  action.account_ = account;
  action.idempotency_key_ = std::move(idempotency_key);
  action.statement_ = canonical_statement(action.fields());
  action.digest_ = action_digest(action.statement_);
  return action;
}

Statement ProposedAction::fields() const {
  const delegation::Run& run = call_.run();
  Statement fields{.workspace = run.workspace,
                   .run = run.id,
                   .agent = run.agent,
                   .user = run.user,
                   .tool = request_.operation->name,
                   .definition = request_.operation->definition,
                   .server = server_->id(),
                   .method = request_.method,
                   .target = request_.target,
                   .arguments = &request_.arguments,
                   .credential = {},
                   .generation = 0,
                   .idempotency_key = {}};
  if (account_) {
    fields.credential = account_->credential;
    fields.generation = account_->generation;
  }
  if (idempotency_key_) fields.idempotency_key = *idempotency_key_;
  return fields;
}

}  // namespace writ::action
