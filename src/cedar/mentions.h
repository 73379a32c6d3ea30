// SPDX-License-Identifier: Apache-2.0
// The entities and entity types that a policy's text names, for who knows which there are.
#pragma once

#include <functional>
#include <string>

#include "cedar/entity_uid.h"
#include "cedar/policy.h"
#include "cedar/source.h"

namespace writ::cedar {

struct Mention {
  const std::string& type;
  const EntityUid* entity;  // null where the type alone is named: `is T`
  Position at;              // in the policy's file; in a scope, the policy's own
};

// Calls `visit` for each mention: the scope's, then the conditions', in their order, also in what
// an evaluation may never come to. The mention is valid during the call.
void for_each_mention(const Policy& policy, const std::function<void(const Mention&)>& visit);

}  // namespace writ::cedar
