// SPDX-License-Identifier: Apache-2.0
// Kind: what an audit entry records. The names are in the log for ever: none is renamed or reused.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace writ::audit {

enum class Kind {
  log_opened,
  workspace_applied,
  user_invited,
  user_enrolled,
  user_disabled,
  user_enabled,
  user_token_issued,
  session_opened,
  session_ended,
  control_refused,
  payload_read,
  run_started,
  run_delegated,
  run_revoked,
  run_ended,
  grant_issued,
  grant_refused,
  action_intent,
  action_done,
  action_failed,
  action_unknown,
  action_refused,
  action_resolved,
  approval_requested,
  approval_decided,
  approval_expired,
  credential_added,
  credential_rotated,
  credential_destroyed,
  token_revoked,
  recovery_unknown,
  clock_reset,
  store_upgraded,
  anchor_accepted,
  user_recovered,
  proposal_requested,
  proposal_decided,
  proposal_expired,
};

inline constexpr std::array kKinds{
    Kind::log_opened,         Kind::workspace_applied,    Kind::user_invited,
    Kind::user_enrolled,      Kind::user_disabled,        Kind::user_enabled,
    Kind::user_token_issued,  Kind::session_opened,       Kind::session_ended,
    Kind::control_refused,    Kind::payload_read,         Kind::run_started,
    Kind::run_delegated,      Kind::run_revoked,          Kind::run_ended,
    Kind::grant_issued,       Kind::grant_refused,        Kind::action_intent,
    Kind::action_done,        Kind::action_failed,        Kind::action_unknown,
    Kind::action_refused,     Kind::action_resolved,      Kind::approval_requested,
    Kind::approval_decided,   Kind::approval_expired,     Kind::credential_added,
    Kind::credential_rotated, Kind::credential_destroyed, Kind::token_revoked,
    Kind::recovery_unknown,   Kind::clock_reset,          Kind::store_upgraded,
    Kind::anchor_accepted,    Kind::user_recovered,       Kind::proposal_requested,
    Kind::proposal_decided,   Kind::proposal_expired,
};

// "action.intent"
std::string_view name(Kind kind);
Expected<Kind> parse_kind(std::string_view text);

}  // namespace writ::audit
