// SPDX-License-Identifier: Apache-2.0
// ActionState: how far a write or money action has come, as its record holds it. A plain value.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/id.h"
#include "vault/digest_key.h"
#include "wire/json.h"

namespace writ::broker {

// Every intent ends in one of the last three (I6).
enum class ActionPhase { intent, done, failed, unknown };

std::string_view name(ActionPhase phase);

// What the record keeps of an action's digest, to be compared with that of another call under the
// same key; it confirms no guess (P38).
Digest action_hmac(const vault::DigestKey& key, const Digest& digest);

// The id of the record of an idempotency key:  run_… ":" hex HMAC  of its SHA-256.
std::string idempotency_id(const vault::DigestKey& key, std::string_view run, const Digest& digest);

// Stored form, version 2:
//   {"approval"?:"apr_…","digest_hmac":hex,"id":"act_…","phase":"done","resolved":false,
//    "run":"run_…","status"?:201,"tool":"…","v":2}
struct ActionState {
  ActionId id;
  RunId run;
  std::string tool;
  Digest digest_hmac{};  // action_hmac() of the action's digest
  ActionPhase phase = ActionPhase::intent;
  std::optional<int> status;           // the upstream's, where it answered
  std::optional<ApprovalId> approval;  // the one that it consumed
  bool resolved = false;               // an operator settled an unknown

  Json to_json() const;
  static Expected<ActionState> from_json(const Json& value);
};

}  // namespace writ::broker
