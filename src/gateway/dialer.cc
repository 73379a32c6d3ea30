// SPDX-License-Identifier: Apache-2.0
#include "gateway/dialer.h"

#include <string>
#include <vector>

#include "base/encoding.h"

namespace writ::gateway {

Expected<Routes::Route> Routes::make(const tools::ToolServer& server) const {
  const auto allowed = server.allow_addresses();
  auto rules = net::EgressRules::create(std::vector<std::string>(allowed.begin(), allowed.end()),
                                        server.only_allowed_addresses());
  // The document was checked at apply; what does not parse here allows nothing.
  if (!rules) return fail(Errc::unavailable, "allow_addresses cannot be read", server.name());
  Route route{.rules = std::make_shared<const net::EgressRules>(std::move(*rules)), .tls = nullptr};
  if (!server.url().is_https()) return route;
  if (!server.ca_file() && system_tls_ != nullptr) {
    route.tls = system_tls_;
    return route;
  }
  auto tls = net::TlsClientContext::create({.ca_file = server.ca_file().value_or("")});
  if (!tls) {
    return fail(Errc::unavailable, "the tool server's certificate authorities cannot be read",
                server.name(), tls.error().to_string());
  }
  route.tls = std::move(*tls);
  return route;
}

Expected<net::Upstream> Routes::route(const tools::ToolServer& server) {
  const std::lock_guard lock(mutex_);
  auto found = routes_.find(server.definition());
  if (found == routes_.end()) {
    WRIT_TRY(auto made, make(server));
    if (!server.ca_file() && made.tls != nullptr) system_tls_ = made.tls;
    // Definitions that are not current any more are not looked for again.
    if (routes_.size() >= kMaxRoutes) routes_.clear();
    found = routes_.emplace(server.definition(), std::move(made)).first;
  }
  return net::Upstream{.scheme = server.url().scheme,
                       .host = server.url().host,
                       .port = server.url().port,
                       .binding = server.id().to_string() + ":" + hex_encode(server.definition()),
                       .rules = found->second.rules,
                       .tls = found->second.tls};
}

Task<Expected<std::unique_ptr<broker::Upstream>>> CallDialer::dial(
    const action::AuthorizedAction& action) {
  const auto& server = action.proposed().server();
  auto upstream = routes_.route(server);
  if (!upstream) {
    log_.error("gateway.no_route",
               {{"server", server.name()}, {"why", upstream.error().to_string()}});
    co_return fail(Errc::unavailable, "the tool server cannot be reached", server.name(),
                   "nothing was sent; an operator finds the cause in the log");
  }
  const auto& timeouts = server.timeouts();
  auto exchange = co_await routes_.client().connect(std::move(*upstream),
                                                    {.timeouts = {.connect = timeouts.connect,
                                                                  .head = timeouts.first_byte,
                                                                  .idle = timeouts.idle,
                                                                  .total = timeouts.total},
                                                     .cancel = run_ended_});
  if (!exchange) {
    // Names and addresses of the inside are the operator's to see.
    log_.warning("gateway.not_dialled",
                 {{"server", server.name()}, {"why", exchange.error().to_string()}});
    if (exchange.error().code == Errc::denied) {
      co_return fail(Errc::denied, "the tool server has an address that may not be dialled",
                     server.name(), "an operator finds the address in the log");
    }
    co_return fail(Errc::unavailable, "the tool server cannot be reached", server.name(),
                   "nothing was sent; safe to send again");
  }
  co_return std::unique_ptr<broker::Upstream>(
      std::make_unique<DialledUpstream>(std::move(*exchange)));
}

}  // namespace writ::gateway
