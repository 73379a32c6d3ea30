// SPDX-License-Identifier: Apache-2.0
// Endpoints: what /v1 does, one function for each row of its table (docs/protocol.md). Who may do
// it is decided before any of these is called (routes.h, api.cc); they read the request, ask the
// broker, and write the answer in the shapes of protocol/.
#pragma once

#include <map>

#include "api/asked.h"
#include "api/parts.h"
#include "broker/key_signature.h"
#include "broker/readings.h"
#include "broker/receipts.h"
#include "protocol/approvals.h"
#include "protocol/proposals.h"
#include "protocol/runs.h"

namespace writ::api {

// Thread-safe.
class Endpoints {
 public:
  Endpoints(const Parts& parts, std::string public_url)
      : parts_(parts), public_url_(std::move(public_url)) {}

  // people.cc
  Task<Handled> who_am_i(Asked& asked);
  Task<Handled> sign_out(Asked& asked);
  Task<Handled> invite(Asked& asked);
  Task<Handled> disable(Asked& asked);
  Task<Handled> enable(Asked& asked);
  Task<Handled> user_token(Asked& asked);
  // signatures.cc: the signature by the caller's own key that a request for `operation` bears
  // (P40), or its refusal, recorded.
  std::expected<broker::KeySignature, net::Problem> signature_of(const Asked& asked,
                                                                 broker::Operation operation,
                                                                 const Digest& body) const;
  // For anyone: POST /v1/sessions.
  Task<Handled> open_session(net::ServerRequest& request);

  // workspace.cc
  Task<Handled> apply(Asked& asked);
  Task<Handled> workspace(Asked& asked);

  // proposals.cc
  Task<Handled> propose(Asked& asked);
  Task<Handled> proposals(Asked& asked);
  Task<Handled> proposal(Asked& asked);
  Task<Handled> decide_proposal(Asked& asked);

  // credentials.cc
  Task<Handled> add_credential(Asked& asked);
  Task<Handled> rotate_credential(Asked& asked);

  // runs.cc
  Task<Handled> runs(Asked& asked);
  Task<Handled> run(Asked& asked);
  Task<Handled> trace(Asked& asked);
  Task<Handled> revoke(Asked& asked);

  // approvals.cc
  Task<Handled> approvals(Asked& asked);
  Task<Handled> approval(Asked& asked);
  Task<Handled> decide(Asked& asked);

  // actions.cc
  Task<Handled> action(Asked& asked);
  Task<Handled> explain(Asked& asked);
  Task<Handled> receipt(Asked& asked);
  Task<Handled> resolve(Asked& asked);

  // log.cc
  Task<Handled> log(Asked& asked);
  Task<Handled> leaves(Asked& asked);
  Task<Handled> tile(Asked& asked);
  Task<Handled> checkpoint(Asked& asked);
  Task<Handled> static_log(Asked& asked);  // /log/{workspace}/…

  // clock.cc
  Task<Handled> clock(Asked& asked);
  Task<Handled> reset_clock(Asked& asked);

 private:
  // "pending" or "approved", of each run that has an open question.
  using ApprovalStates = std::map<RunId, std::string>;
  ApprovalStates approval_states(const broker::LiveWorkspace& workspace) const;
  protocol::RunView view(const broker::LiveWorkspace& workspace, const broker::KnownRun& known,
                         const ApprovalStates& approvals) const;
  // Without `recorded`, the titles of approvals are withheld.
  protocol::Trace view(const broker::LiveWorkspace& workspace, const broker::RunTrace& trace,
                       const ApprovalStates& approvals,
                       const std::optional<broker::RecordedReadings>& recorded) const;
  protocol::ApprovalView view(const approval::Approval& approval,
                              const broker::RecordedReadings& recorded) const;
  protocol::ApprovalItem item(const approval::Approval& approval) const;
  protocol::ProposalItem item(const broker::LiveWorkspace& workspace,
                              const broker::Proposal& proposal) const;
  // A place to check documents in.
  Expected<broker::Builds::SharedPlace> place_of(const Asked& asked);
  Task<Expected<broker::RecordedReadings>> record(const Asked& asked, broker::Operation operation,
                                                  std::vector<broker::Reading> readings) const;
  Task<Expected<audit::Receipt>> latest_receipt(const Asked& asked, broker::Receipted which);
  Expected<std::shared_ptr<const broker::SignedHead>> head(const Asked& asked) const;

  const Parts parts_;
  const std::string public_url_;
};

}  // namespace writ::api
