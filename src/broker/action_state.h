// SPDX-License-Identifier: Apache-2.0
// ActionState: how far a write or money action has come, as its record holds it. A plain value.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/id.h"
#include "wire/json.h"

namespace writ::broker {

// Every intent ends in one of the last three (I6).
enum class ActionPhase { intent, done, failed, unknown };

std::string_view name(ActionPhase phase);

struct ActionState {
  ActionId id;
  RunId run;
  std::string tool;
  Digest digest{};
  ActionPhase phase = ActionPhase::intent;
  std::optional<int> status;           // the upstream's, where it answered
  std::optional<ApprovalId> approval;  // the one that it consumed
  bool resolved = false;               // an operator settled an unknown

  Json to_json() const;
  static Expected<ActionState> from_json(const Json& value);
};

}  // namespace writ::broker
