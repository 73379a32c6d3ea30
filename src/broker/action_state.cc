// SPDX-License-Identifier: Apache-2.0
#include "broker/action_state.h"

#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"

namespace writ::broker {

std::string_view name(ActionPhase phase) {
  switch (phase) {
    case ActionPhase::intent:
      return "intent";
    case ActionPhase::done:
      return "done";
    case ActionPhase::failed:
      return "failed";
    case ActionPhase::unknown:
      return "unknown";
  }
  WRIT_UNREACHABLE();
}

Digest action_hmac(const vault::DigestKey& key, const Digest& digest) {
  return key.of("action", "", digest);
}

std::string idempotency_id(const vault::DigestKey& key, std::string_view run,
                           const Digest& digest) {
  return std::string(run) + ":" + hex_encode(key.of("idempotency", run, digest));
}

Json ActionState::to_json() const {
  JsonObject out{{"v", 2},
                 {"id", id.to_string()},
                 {"run", run.to_string()},
                 {"tool", tool},
                 {"digest_hmac", hex_encode(digest_hmac)},
                 {"phase", name(phase)},
                 {"resolved", resolved}};
  if (status) out["status"] = *status;
  if (approval) out["approval"] = approval->to_string();
  return out;
}

Expected<ActionState> ActionState::from_json(const Json& value) {
  ObjectReader r(value);
  r.integer("v", {.min = 2, .max = 2});
  ActionState state;
  const auto id_text = r.string("id");
  const auto run_text = r.string("run");
  state.tool = r.string("tool");
  const auto digest = r.string("digest_hmac", {.min = 64, .max = 64});
  const auto phase = r.choice("phase", {"intent", "done", "failed", "unknown"});
  state.resolved = r.boolean("resolved");
  if (const auto status = r.optional_integer("status", {.min = 100, .max = 599}))
    state.status = static_cast<int>(*status);
  const auto approval = r.optional_string("approval");
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(state.id, ActionId::parse(id_text));
  WRIT_TRY(state.run, RunId::parse(run_text));
  WRIT_TRY(const auto raw, hex_decode(digest));
  std::ranges::copy(raw, state.digest_hmac.begin());
  for (const auto candidate :
       {ActionPhase::intent, ActionPhase::done, ActionPhase::failed, ActionPhase::unknown}) {
    if (name(candidate) == phase) state.phase = candidate;
  }
  if (approval) {
    WRIT_TRY(state.approval, ApprovalId::parse(*approval));
  }
  return state;
}

}  // namespace writ::broker
