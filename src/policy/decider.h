// SPDX-License-Identifier: Apache-2.0
// Decider: step 3 of a call, the rule itself:
//   effective authority = user ∩ agent's ceiling ∩ workflow step ∩ run's scope ∩ policy
// computed anew on every call against one version of the workspace. The structural operands are
// delegation/'s; here are the two evaluations of policy, with principal User and with principal
// Run, which must both allow.
//
// An evaluation allows if some permit is satisfied, no policy erred, and each satisfied forbid
// carries
// @needs_approval("group"); those groups are then all required (P4). Anything else is a denial: an
// error in any policy too, whatever the other policies say.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "action/call.h"
#include "delegation/authority.h"
#include "policy/model.h"

namespace writ::policy {

struct Denied {
  delegation::Refusal refusal;
  std::vector<std::string>
      policies;  // ids of the forbids that refused; empty where nothing permitted
  std::vector<std::string>
      errors;  // "id: message" of the policies that erred; for the log, not the agent
  action::ProposedAction proposed;
};

// Thread-safe. Shares the model.
class Decider {
 public:
  Decider(std::shared_ptr<const Model> model, std::uint64_t workspace_version)
      : model_(std::move(model)), version_(workspace_version) {}

  // `current` gives the terms of this same workspace version.
  std::expected<action::AuthorizedAction, Denied> decide(action::ProposedAction proposed,
                                                         const delegation::TermsOf& current,
                                                         TimePoint now) const;

 private:
  std::shared_ptr<const Model> model_;
  std::uint64_t version_;
};

}  // namespace writ::policy
