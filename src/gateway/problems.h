// SPDX-License-Identifier: Apache-2.0
// Problems: how the tool proxy answers where it has no response of the upstream to pass on. One
// function for each stage: answer_to() before the first byte left, the others after.
//
// Types of problem documents (RFC 9457), all under https://writ.dev/problems/:
//   invalid-input          400  `where` names the place: "/ARGUMENT", "query", "header NAME" or
//                               "body"
//   unauthenticated        401  with WWW-Authenticate: DPoP and Bearer (RFC 9449, 6750, 9728);
//                               use_dpop_nonce is never asked for
//   denied                 403  `operand` names which operand of the rule refused: "run's scope"
//   approval-required      403  `approval`, `approval_url`, `groups`, `expires`: a human decides;
//                               then the same request with the same Idempotency-Key goes on
//   not-found              404  one and the same document for all that is not there, or elsewhere
//   action-in-flight       409  the same key again while its action runs; `action`, Retry-After
//   conflict               409  the state moved on
//   too-large              413  `limit` where it is a bound of writ.toml
//   unsupported-media-type 415
//   idempotency-key-reused 422  the key was used for another action
//   rate-limited           429  Retry-After; `limit`: its key in writ.toml
//   outcome-unknown        502  `action`: sent, and nobody knows what became of it; do not retry
//   upstream-failed        502  a read that got no whole answer; safe to send again
//   response-withheld      502  the upstream answered, and the answer cannot be passed on safely
//   not-delivered          503  nothing was sent; safe to send again
//   about:blank            500  our own fault; the cause is in the log
// A known action (P14) that has ended is no problem: 200 and {"action","state","status","result",
// "replayed":true}, "result" where it was kept; an unknown one is outcome-unknown.
//
// Every answer about an action carries Writ-Action. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/id.h"
#include "broker/calls.h"
#include "net/answer.h"
#include "wire/http_fields.h"

namespace writ::gateway {

struct Answer {
  int status = 500;
  std::variant<net::Problem, JsonObject> body;
  Fields fields;
};

// What answers say of the request that they are for. Views for the time of the call.
struct Asked {
  std::string_view public_url;
  std::string_view resource;  // "/tools/acme/billing"
  // Whether it carried credentials: a challenge says what was wrong with them only then.
  bool presented = false;
};

// `result` of a known action, as Calls::result() gives it.
Answer answer_to(const broker::Stopped& stopped, const Asked& asked,
                 const std::optional<std::string>& result = std::nullopt);

// The one answer for a workspace, server or operation that is not there (P10, failures.md 14).
Answer not_found();

// After the intent. `status` of the upstream where it is known.
Answer outcome_unknown(ActionId action);
Answer upstream_failed(ActionId action, std::string detail);
Answer response_withheld(ActionId action, tools::Outcome outcome, int status, std::string detail);
Answer not_delivered(ActionId action, std::string detail);
// The run ended between the intent and the first byte (P15).
Answer stopped_before_sending(ActionId action, std::string detail);

inline constexpr std::string_view kActionField = "Writ-Action";

Task<void> send(net::ServerResponse& response, Answer answer);

}  // namespace writ::gateway
