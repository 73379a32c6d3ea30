// SPDX-License-Identifier: Apache-2.0
// Api: /v1, the logs at /log, and the page that a question's URL opens at /approvals.
//
// Every request goes one way: its route is found, who sends it is proved, what it is about is
// looked up, broker::decide() says whether it may (P3). Then its body is read, and after the last
// byte it is decided again, as of then; only what passes both does a handler see, and what it
// commits has the second decision for a condition (P35). A read is decided once more before it is
// answered. Whatever is under way when the session or run ends is cut: the body, a wait, the answer
// to a read. The two requests that need no proof, signing in and the page, stand apart, by name.
// The workspace is that of the session or token: no path of /v1 names one (P10).
//
// Refusals of those who proved who they are go to the audit log, each one; those of strangers are
// counted and sampled (P25).
#pragma once

#include <deque>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "api/endpoints.h"
#include "api/routes.h"
#include "broker/refusal_sampler.h"
#include "net/http_server.h"

namespace writ::api {

// Thread-safe. The parts outlive it.
class Api {
 public:
  // `public_url` without a slash at its end: what proofs are checked against (P28).
  Api(const Parts& parts, std::string public_url);

  // A path, or a target.
  bool owns(std::string_view path) const;
  Task<void> handle(net::ServerRequest& request, net::ServerResponse& response);

 private:
  Task<Handled> answer(net::ServerRequest& request);
  Task<Handled> answer(net::ServerRequest& request, Match match);
  // Takes the request's part of its sender's share, until nobody has the pointer.
  Expected<std::shared_ptr<const void>> admit(const Asked& asked, Takes takes);
  Expected<Asked> authenticate(net::ServerRequest& request, broker::Operation operation);
  Task<Expected<void>> read_body(Asked& asked, Takes takes);
  // Who asks, as of now, and whether they still may; the refusal where not.
  std::expected<void, net::Problem> decide_again(Asked& asked, broker::Operation operation,
                                                 const broker::ControlSubject& subject);
  void note_refusal(const Asked& asked, broker::Operation operation, broker::ControlVerdict why);
  Expected<Asked> authenticate_agent(net::ServerRequest& request,
                                     const net::Credentials& credentials, std::string_view url);
  // The subject of the decision, with the objects in `asked`; nothing where there is no such thing.
  Task<Expected<std::optional<broker::ControlSubject>>> look_up(Asked& asked, About about);
  Expected<void> use_proof(const action::ProofId& proof);

  const Parts parts_;
  const std::string public_url_;
  Endpoints endpoints_;
  broker::RefusalSampler strangers_;
  const TimePoint began_;
  std::mutex mutex_;
  std::set<Digest> proofs_;  // of agents; under mutex_, as is:
  std::deque<std::pair<TimePoint, Digest>> proof_ends_;
};

}  // namespace writ::api
