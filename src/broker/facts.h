// SPDX-License-Identifier: Apache-2.0
// Facts: that an operation which others require (tools::Requirement) is done, for the bound
// arguments, in one run (P2). A fact is a record whose id any later claim can name, so the claim
// checks it in its own commit. The id is  run_… ":" hex HMAC  of operation and arguments, so that
// the record confirms no guess of them (P38).
#pragma once

#include <string>
#include <vector>

#include "action/call.h"
#include "broker/store.h"
#include "vault/digest_key.h"

namespace writ::broker {

// The ids of the facts that `action`, once done, makes true: one for each way in which an operation
// of its server requires it.
std::vector<std::string> facts_made(const vault::DigestKey& key,
                                    const action::ProposedAction& action);

// The ids that would satisfy `requirement` for `action`: one for the run and each of its ancestors.
std::vector<std::string> facts_wanted(const vault::DigestKey& key,
                                      const action::ProposedAction& action,
                                      const tools::Requirement& requirement);

// The id of the fact about this digest: of {"operation":…,"same":{…}} in RFC 8785 form.
std::string fact_id(const vault::DigestKey& key, std::string_view run, const Digest& digest);

}  // namespace writ::broker
