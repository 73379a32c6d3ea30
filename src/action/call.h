// SPDX-License-Identifier: Apache-2.0
// The step types of a tool call, in the order of the way of a call (docs/architecture.md):
//
//   AuthenticatedCall → ProposedAction → AuthorizedAction → (ReadyUpstream) → RecordedAction
//
// Each can be made only by the step before it: the constructors are private, and the one friend is
// the function that has just proved what the type says. So no path skips a step: the vault opens a
// credential for a RecordedAction alone, and there is no RecordedAction without a durable intent.
// All are movable values that share what is immutable (runs, servers); none is for concurrent use.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "action/digest.h"
#include "base/id.h"
#include "delegation/run.h"
#include "identity/principal.h"
#include "tools/request.h"
#include "tools/tool_server.h"

namespace writ::broker {
class Authenticator;
class Calls;
}  // namespace writ::broker
namespace writ::policy {
class Decider;
}

namespace writ::action {

// The proof of the sender's key that came with a call: its `jti`, hashed, becomes durable with the
// intent (P8).
struct ProofId {
  Digest digest{};
  TimePoint expires;
  TimePoint made{};  // its `iat`
};

// Step 1: a token that verified, its sender's proof, and a run, ancestors and keys that are alive.
class AuthenticatedCall {
 public:
  const delegation::Lineage& lineage() const { return lineage_; }
  const delegation::Run& run() const { return lineage_.run(); }
  const identity::Agent& agent() const { return *agent_; }
  // The user of the run; nullptr for a run of the workspace.
  const identity::User* user() const { return user_.get(); }
  const std::optional<ProofId>& proof() const { return proof_; }
  // When the request arrived: the token's expiry counted then (P17).
  TimePoint arrived() const { return arrived_; }

 private:
  friend class broker::Authenticator;
  AuthenticatedCall() = default;

  delegation::Lineage lineage_;
  std::shared_ptr<const identity::Agent> agent_;
  std::shared_ptr<const identity::User> user_;
  std::optional<ProofId> proof_;
  TimePoint arrived_;
};

// The account that a call will act under at the upstream: which credential, and which generation of
// its account. A rotation keeps the generation, and with it pending approvals; another account is
// another generation (P12).
struct Account {
  CredentialId credential;
  std::uint64_t generation = 1;
  friend bool operator==(const Account&, const Account&) = default;
};

// Step 2: what the call would do, in canonical form, and the digest of it. Anyone may propose;
// nothing is allowed yet.
class ProposedAction {
 public:
  // `server` must hold the operation that `request` matched. `account` is absent where the server
  // needs none.
  static ProposedAction propose(AuthenticatedCall call, ActionId id, std::string workspace_name,
                                std::shared_ptr<const tools::ToolServer> server,
                                tools::ToolRequest request, std::optional<Account> account,
                                std::optional<std::string> idempotency_key);

  const AuthenticatedCall& call() const { return call_; }
  ActionId id() const { return id_; }
  const std::string& workspace_name() const { return workspace_name_; }
  const tools::ToolServer& server() const { return *server_; }
  const tools::Operation& operation() const { return *request_.operation; }
  const tools::ToolRequest& request() const { return request_; }
  const std::optional<Account>& account() const { return account_; }
  const std::optional<std::string>& idempotency_key() const { return idempotency_key_; }
  // P12: equal digests are the same action; an approval binds this and nothing else.
  const Digest& digest() const { return digest_; }
  // The canonical JSON that the digest is taken over: what an approver is shown.
  const std::string& statement() const { return statement_; }
  // Of action::likeness(): computed when asked, as only approvals need it.
  Digest likeness() const { return action::likeness(fields()); }

 private:
  explicit ProposedAction(AuthenticatedCall call) : call_(std::move(call)) {}
  Statement fields() const;  // views of the members

  AuthenticatedCall call_;
  ActionId id_;
  std::string workspace_name_;
  std::shared_ptr<const tools::ToolServer> server_;
  tools::ToolRequest request_;
  std::optional<Account> account_;
  std::optional<std::string> idempotency_key_;
  std::string statement_;
  Digest digest_{};
};

// Step 3: every operand of the rule allows it, under one version of the workspace, on the condition
// that a person of each of `approvals()` has approved this digest. The set is empty only where no
// policy asks; never from an error.
class AuthorizedAction {
 public:
  const ProposedAction& proposed() const { return proposed_; }
  const std::set<std::string>& approvals() const { return approvals_; }
  std::uint64_t workspace_version() const { return workspace_version_; }
  // Ids of the permits that allowed it, and of the forbids that ask for approval: for the record.
  const std::vector<std::string>& policies() const { return policies_; }

 private:
  friend class policy::Decider;
  explicit AuthorizedAction(ProposedAction proposed) : proposed_(std::move(proposed)) {}

  ProposedAction proposed_;
  std::set<std::string> approvals_;
  std::uint64_t workspace_version_ = 0;
  std::vector<std::string> policies_;
};

// Steps 5 and 6: its approval is consumed and its intent is durable. The only key to the vault.
// It cannot be copied, so one intent is one key.
class RecordedAction {
 public:
  RecordedAction(RecordedAction&&) noexcept = default;
  RecordedAction& operator=(RecordedAction&&) noexcept = default;
  RecordedAction(const RecordedAction&) = delete;
  RecordedAction& operator=(const RecordedAction&) = delete;

  const AuthorizedAction& authorized() const { return authorized_; }
  const ProposedAction& proposed() const { return authorized_.proposed(); }
  ActionId id() const { return proposed().id(); }
  // Where the intent stands in the workspace's log.
  std::uint64_t log_index() const { return log_index_; }
  const std::optional<ApprovalId>& approval() const { return approval_; }

 private:
  friend class broker::Calls;
  RecordedAction(AuthorizedAction authorized, std::uint64_t log_index,
                 std::optional<ApprovalId> approval)
      : authorized_(std::move(authorized)), log_index_(log_index), approval_(approval) {}

  AuthorizedAction authorized_;
  std::uint64_t log_index_;
  std::optional<ApprovalId> approval_;
};

}  // namespace writ::action
