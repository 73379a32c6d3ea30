// SPDX-License-Identifier: Apache-2.0
// What an apply says, and a proposal that becomes one, in the shapes of protocol/.
#pragma once

#include <vector>

#include "broker/applying.h"
#include "net/answer.h"
#include "protocol/apply.h"

namespace writ::api {

protocol::VersionName name_of(const broker::VersionName& version);
std::vector<protocol::Change> shown(const std::vector<workspace::Change>& changes);
broker::SignedDifference as_signed_difference(protocol::ApplySignature given);
// With the difference of now where that is why.
net::Problem problem_of(const broker::NotApplied& failed);

}  // namespace writ::api
