// SPDX-License-Identifier: Apache-2.0
// Delivery: steps 7 to 9 of a recorded call: the credential into the request, the request to the
// upstream, its response to the agent without the credential, and the outcome.
//
// The outcome of a write or of money is durable before the last piece of its response leaves (P16).
// An agent that goes away after the claim changes nothing for these: the call finishes, and what it
// answered is kept (P17). A run that is revoked, or whose time is over, cuts both sides; the
// connection was registered with its cancellation at the dial (I4).
#pragma once

#include <optional>
#include <string>

#include "broker/calls.h"
#include "broker/steps.h"
#include "crypto/hash.h"
#include "gateway/body_screen.h"
#include "gateway/dialer.h"
#include "gateway/problems.h"
#include "gateway/redactor.h"
#include "net/http_server.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::gateway {

// What every delivery of a proxy uses; outlives them.
struct DeliveryParts {
  broker::Calls& calls;
  const broker::Authenticator& authenticator;
  const Clock& clock;
  observe::Log& log;
  observe::Counter* outcomes[3];  // by tools::Outcome
  broker::StepProbe* steps = nullptr;
  std::size_t kept_result = std::size_t{64} << 10;  // bytes of a write's response that are kept
};

struct DeliveryRequest {
  std::string base;         // the tool server's URL at the proxy
  std::string traceparent;  // of the request that leaves
  Fields answer_fields;     // for whatever the answer is
};

class Delivery {
 public:
  // All references outlive the delivery; `sendable` was dialled by a CallDialer.
  Delivery(const DeliveryParts& parts, broker::LiveWorkspace& workspace, broker::Sendable sendable,
           DeliveryRequest about, net::ServerRequest& request, net::ServerResponse& response);

  // To the end. Whatever happens, the outcome has been recorded, or could not be and the agent was
  // told "unknown" (I6).
  Task<tools::Outcome> run();

 private:
  using Step = Expected<void>;

  Step check_alive() const;
  Expected<net::OutgoingRequest> make_request();
  Task<Step> send();
  Task<Step> send_opaque(net::OutgoingRequest request);
  // The body, up to its end or to where it is withheld, through the screen to the agent.
  Task<Expected<Withheld>> pass_on();
  Task<Step> drain();
  // To the agent, unless it has gone.
  Task<void> emit(BytesView piece);
  Task<void> finish_response(BytesView last);

  Task<tools::Outcome> not_sent(const Error& error);
  Task<tools::Outcome> lost(const Error& error);
  Task<tools::Outcome> withheld(const net::ResponseHead& head, Withheld withheld);
  Task<tools::Outcome> ended(const net::ResponseHead& head);
  Task<bool> record(tools::Outcome outcome, std::string detail);
  Task<void> answer(Answer answer);
  void keep(BytesView piece);
  std::string kept_result() const;

  const action::RecordedAction& action() const { return sendable_.action; }
  const action::ProposedAction& proposed() const { return action().proposed(); }
  const tools::Operation& operation() const { return proposed().operation(); }
  bool is_read() const { return operation().effect == tools::Effect::read; }
  // Whether what the upstream answers says nothing of what it did; then the agent is told so, and
  // does not get the answer (P16).
  bool leaves_unknown() const;
  bool run_over() const { return run_ended_.cancelled(); }

  const DeliveryParts& parts_;
  broker::LiveWorkspace& workspace_;
  broker::Sendable sendable_;
  net::Exchange& exchange_;
  DeliveryRequest about_;
  net::ServerRequest& request_;
  net::ServerResponse& response_;
  CancelToken run_ended_;

  Redactor redactor_;
  std::optional<BodyScreen> screen_;
  std::optional<std::uint64_t> credential_version_;
  std::optional<crypto::Sha256> request_hash_;
  std::optional<int> status_;
  std::string content_type_;
  std::uint64_t received_ = 0;
  Fields fields_;  // of the response to the agent
  Bytes ready_;    // redacted and not yet sent
  Bytes kept_;     // of a write's response
  bool cut_kept_ = false;
  bool gone_ = false;  // the agent
};

}  // namespace writ::gateway
