// SPDX-License-Identifier: Apache-2.0
// Calls: the way of a tool call from its proposal to its outcome, steps 2 to 6 and 9
// (docs/architecture.md). Step 1 is the Authenticator's; between prepare() and finish() the gateway
// opens the credential, sends and streams (steps 7 and 8).
//
//   prepare()  name → decide → (wait for a human) → dial → claim and record in one durable commit
//   → Sendable finish()   the outcome: a write's durable before its last chunk leaves, a read's
//   rides the next group
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "broker/action_state.h"
#include "broker/approvals.h"
#include "broker/authenticator.h"
#include "broker/entries.h"
#include "broker/in_flight.h"
#include "broker/live.h"
#include "broker/steps.h"
#include "broker/time_guard.h"
#include "broker/upstream.h"
#include "observe/log.h"
#include "vault/vault.h"

namespace writ::broker {

// A request at the gateway, matched to a tool.
struct Matched {
  action::AuthenticatedCall call;
  std::shared_ptr<const tools::ToolServer> server;
  tools::ToolRequest request;
  std::optional<std::string> idempotency_key;  // 1 to 256 bytes of visible ASCII
  InFlight::Slot slot;                         // Calls::admit()'s; held until the call has ended
};

// How long a call may be held for a human, and what ends the wait (P17).
struct Hold {
  SteadyPoint deadline{};   // not after now: not at all
  CancelToken client_gone;  // a client that has gone claims nothing
};

// Why a call did not come to be sent. Each is a different answer to the agent.
struct Refused {
  ActionId action;  // of the refusal's record
  delegation::Refusal refusal;
};
struct ApprovalNeeded {
  std::shared_ptr<const approval::Approval> approval;
};
// The same run, key and digest as an action before: its state, never a second execution (P14).
struct KnownAction {
  ActionState state;
};
using Stopped = std::variant<Error, Refused, ApprovalNeeded, KnownAction>;

struct CallParts {
  const Authenticator& authenticator;
  Approvals& approvals;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  const TimeGuard& time;
  StepProbe* steps = nullptr;  // for fault tests
};

// Thread-safe; each call runs on its own loop. What the constructor takes outlives it.
class Calls {
 public:
  explicit Calls(CallParts parts, const SharedLimits& limits = {})
      : parts_(parts), in_flight_(limits) {}

  // What a call takes of its agent's share once its head is authenticated, before a byte of its
  // body is read (P37): `bytes` is what it declares, else what its operation allows. Errors:
  // rate_limited and too_large with exceeded() of shares.h.
  Expected<InFlight::Slot> admit(const action::AuthenticatedCall& call, std::uint64_t bytes) {
    return in_flight_.call(holder_of(call.run()), bytes);
  }

  // Runs steps 2 to 6. Policy is decided anew when the workspace's version moves before the commit,
  // a bounded number of times, and after every wait for a human; the request is then matched again
  // on what the workspace declares by then. A refusal is recorded before it is returned. Errors
  // among Stopped: rate_limited where too many calls of the run or its agent are held (P17),
  // unavailable while the clock is behind (P24).
  //
  // Of the store a read touches nothing before the commit of its intent. A write with an
  // idempotency key looks the key up, and an operation that `requires` another looks up what is not
  // known to be done.
  Task<std::expected<Sendable, Stopped>> prepare(LiveWorkspace& workspace, Matched matched,
                                                 Dialer& dialer, Hold hold);

  // Step 7, its first half: the one place outside vault/ where a secret is opened.
  Expected<vault::Opened> open_credential(const LiveWorkspace& workspace,
                                          const action::RecordedAction& action) const;

  // Step 9. Errors: unavailable where the outcome could not be made durable; then the caller must
  // answer "unknown". It is written as soon as the store takes it (write_unwritten()).
  Task<Expected<void>> finish(LiveWorkspace& workspace, const action::RecordedAction& action,
                              EntryWriter::Ending ending);

  // The state of a write or money action of this workspace.
  Task<Expected<std::optional<ActionState>>> state(LiveWorkspace& workspace, ActionId id) const;
  // What it answered, where it was kept: status, content type and body as JSON.
  Task<Expected<std::optional<std::string>>> result(LiveWorkspace& workspace,
                                                    const ActionState& state) const;

 private:
  template <typename T>
  using Step = std::expected<T, Stopped>;

  Task<Step<action::AuthorizedAction>> decide(LiveWorkspace& workspace, Matched& matched,
                                              ActionId id);
  Task<Step<std::optional<Approvals::Ready>>> approved(LiveWorkspace& workspace, Matched& matched,
                                                       const action::AuthorizedAction& decided,
                                                       const Hold& hold);
  Task<Step<Sendable>> record(LiveWorkspace& workspace, ReadyUpstream ready,
                              const std::optional<Approvals::Ready>& approval);
  Task<Step<void>> check_requirements(LiveWorkspace& workspace,
                                      const action::ProposedAction& proposed,
                                      std::vector<Check>& checks);
  Task<Step<void>> check_known(LiveWorkspace& workspace, Matched& matched,
                               const action::ProposedAction& proposed) const;
  Task<Step<void>> use_proof(LiveWorkspace& workspace, Matched& matched) const;
  Task<Stopped> refuse(LiveWorkspace& workspace, policy::Denied denied,
                       bool proof_used = false) const;
  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), parts_.clock, parts_.random};
  }

  CallParts parts_;
  InFlight in_flight_;
};

}  // namespace writ::broker
