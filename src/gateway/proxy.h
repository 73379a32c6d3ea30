// SPDX-License-Identifier: Apache-2.0
// Proxy: the HTTP tool proxy, /tools/{workspace}/{server}/…
//
// A request is authenticated before its body is read, named by the tool server's document, decided,
// held for a human where it says `Prefer: wait=N` (RFC 7240), and delivered. Whatever the document
// does not declare ends here. problems.h lists the answers that are not the upstream's.
//
//   Proxy proxy(parts, {.public_url = "https://writ.example"});
//   if (proxy.owns(request.target())) co_await proxy.handle(request, response);
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "broker/authenticator.h"
#include "broker/calls.h"
#include "broker/live.h"
#include "broker/refusal_sampler.h"
#include "broker/steps.h"
#include "gateway/delivery.h"
#include "gateway/dialer.h"
#include "gateway/place.h"
#include "gateway/problems.h"
#include "net/answer.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "observe/log.h"
#include "observe/metrics.h"

namespace writ::gateway {

// All of them outlive the proxy.
struct ProxyParts {
  const broker::Live& live;
  const broker::Authenticator& authenticator;
  broker::Calls& calls;
  net::HttpClient& client;
  const net::Authorities& authorities;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  observe::Metrics& metrics;
  broker::StepProbe* steps = nullptr;  // for fault tests
};

struct ProxyOptions {
  std::string public_url;  // without a slash at its end; what tokens and proofs are checked against
  seconds longest_wait{300};                        // that a `Prefer: wait` is honoured
  std::size_t kept_result = std::size_t{64} << 10;  // bytes of a write's response that are kept
};

// Thread-safe; each call runs on its own loop, which is one of the client's.
class Proxy {
 public:
  Proxy(const ProxyParts& parts, ProxyOptions options);

  static bool owns(std::string_view target) { return target.starts_with(kToolsPrefix); }
  Task<void> handle(net::ServerRequest& request, net::ServerResponse& response);

 private:
  // What the request is answered with; nothing where it was answered already or nobody waits.
  using Answered = std::optional<Answer>;

  Task<Answered> serve(net::ServerRequest& request, net::ServerResponse& response);
  Expected<action::AuthenticatedCall> authenticate(const broker::LiveWorkspace* workspace,
                                                   const Place& place,
                                                   const net::Credentials& credentials,
                                                   std::string_view method) const;
  // Takes the call's share, reads its body and matches it.
  Task<std::expected<broker::Matched, Answer>> match(
      net::ServerRequest& request, const Place& place, action::AuthenticatedCall call,
      std::shared_ptr<const tools::ToolServer> server, const Asked& asked) const;
  Task<Answered> perform(net::ServerRequest& request, net::ServerResponse& response,
                         broker::LiveWorkspace& workspace, const Place& place,
                         broker::Matched matched, const Asked& asked);
  Task<Answered> stopped(broker::LiveWorkspace& workspace, const broker::Stopped& stopped,
                         const Asked& asked) const;

  const ProxyParts parts_;
  const ProxyOptions options_;
  const DeliveryParts delivery_;
  Routes routes_;
  broker::RefusalSampler refusals_;
  observe::Counter& stopped_;
};

}  // namespace writ::gateway
