// SPDX-License-Identifier: Apache-2.0
#include "audit/kind.h"

namespace writ::audit {

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::log_opened:
      return "log.opened";
    case Kind::workspace_applied:
      return "workspace.applied";
    case Kind::user_invited:
      return "user.invited";
    case Kind::user_enrolled:
      return "user.enrolled";
    case Kind::user_disabled:
      return "user.disabled";
    case Kind::user_enabled:
      return "user.enabled";
    case Kind::user_token_issued:
      return "user.token_issued";
    case Kind::session_opened:
      return "session.opened";
    case Kind::session_ended:
      return "session.ended";
    case Kind::control_refused:
      return "control.refused";
    case Kind::payload_read:
      return "payload.read";
    case Kind::run_started:
      return "run.started";
    case Kind::run_delegated:
      return "run.delegated";
    case Kind::run_revoked:
      return "run.revoked";
    case Kind::run_ended:
      return "run.ended";
    case Kind::grant_issued:
      return "grant.issued";
    case Kind::grant_refused:
      return "grant.refused";
    case Kind::action_intent:
      return "action.intent";
    case Kind::action_done:
      return "action.done";
    case Kind::action_failed:
      return "action.failed";
    case Kind::action_unknown:
      return "action.unknown";
    case Kind::action_refused:
      return "action.refused";
    case Kind::action_resolved:
      return "action.resolved";
    case Kind::approval_requested:
      return "approval.requested";
    case Kind::approval_decided:
      return "approval.decided";
    case Kind::approval_expired:
      return "approval.expired";
    case Kind::credential_added:
      return "credential.added";
    case Kind::credential_rotated:
      return "credential.rotated";
    case Kind::credential_destroyed:
      return "credential.destroyed";
    case Kind::token_revoked:
      return "token.revoked";
    case Kind::recovery_unknown:
      return "recovery.unknown";
    case Kind::clock_reset:
      return "clock.reset";
    case Kind::store_upgraded:
      return "store.upgraded";
    case Kind::anchor_accepted:
      return "anchor.accepted";
    case Kind::user_recovered:
      return "user.recovered";
    case Kind::proposal_requested:
      return "proposal.requested";
    case Kind::proposal_decided:
      return "proposal.decided";
    case Kind::proposal_expired:
      return "proposal.expired";
  }
  std::unreachable();
}

Expected<Kind> parse_kind(std::string_view text) {
  for (const auto kind : kKinds)
    if (name(kind) == text) return kind;
  return fail(Errc::invalid_input, "not a kind of audit entry", "kind");
}

}  // namespace writ::audit
