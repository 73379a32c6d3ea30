// SPDX-License-Identifier: Apache-2.0
// What the API stands on. All of it outlives the API.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/applying.h"
#include "broker/authenticator.h"
#include "broker/calls.h"
#include "broker/clock_reset.h"
#include "broker/credentials.h"
#include "broker/notary.h"
#include "broker/proposals.h"
#include "broker/sign_in.h"
#include "broker/user_tokens.h"
#include "net/authorities.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::api {

struct Parts {
  broker::Live& live;
  broker::SignIns& sign_ins;
  broker::Sessions& sessions;
  broker::Users& users;
  broker::Builds& builds;
  broker::Applying& applying;
  broker::Proposals& proposals;
  broker::Credentials& credentials;
  broker::Revocations& revocations;
  broker::Approvals& approvals;
  broker::Shares& shares;
  const broker::UserTokens& user_tokens;
  const broker::Authenticator& authenticator;
  const broker::Calls& calls;
  const broker::TimeGuard& time;
  broker::ClockReset& clock_reset;
  // Of the workspace's log; null before the first checkpoint of this process.
  std::function<std::shared_ptr<const broker::SignedHead>(WorkspaceId)> head;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  observe::Metrics& metrics;
  const net::Authorities& authorities;
};

}  // namespace writ::api
