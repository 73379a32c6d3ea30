// SPDX-License-Identifier: Apache-2.0
#include "gateway/dialer.h"

#include <string>
#include <vector>

#include "base/encoding.h"

namespace writ::gateway {

Expected<Routes::Route> Routes::make(const tools::ToolServer& server) {
  const auto allowed = server.allow_addresses();
  auto rules = net::EgressRules::create(std::vector<std::string>(allowed.begin(), allowed.end()),
                                        server.only_allowed_addresses());
  // The document was checked at apply; what does not parse here allows nothing.
  if (!rules) return fail(Errc::unavailable, "allow_addresses cannot be read", server.name());
  Route route{.rules = std::make_shared<const net::EgressRules>(std::move(*rules)), .tls = nullptr};
  if (server.authorities().source == tools::Authorities::Source::document) {
    WRIT_TRY(route.tls, net::TlsClientContext::create(server.authorities().certificates));
  }
  return route;
}

std::optional<Routes::Route> Routes::find(const tools::ToolServer& server) {
  const std::lock_guard lock(mutex_);
  const auto found = routes_.find(server.definition());
  return found == routes_.end() ? std::nullopt : std::optional(found->second);
}

void Routes::keep(const tools::ToolServer& server, const Route& route) {
  const std::lock_guard lock(mutex_);
  // Definitions that are not current any more are not looked for again.
  if (routes_.size() >= kMaxRoutes) routes_.clear();
  routes_.emplace(server.definition(), route);
}

Expected<net::Upstream> Routes::route(const tools::ToolServer& server) {
  const auto& authorities = server.authorities();
  if (authorities.source == tools::Authorities::Source::file) {
    return fail(Errc::denied,
                "the tool server's document names a file for its certificates, and no such file "
                "is read",
                "tools/" + server.name() + ".toml: ca_file",
                "nothing was sent; an admin writes the certificates into ca, or names them with "
                "ca_name, and applies");
  }
  auto route = find(server);
  if (!route) {
    // Made outside the lock, which all workspaces share.
    WRIT_TRY(route, make(server));
    keep(server, *route);
  }
  auto tls = route->tls;
  if (server.url().is_https() && tls == nullptr) {
    auto trusted = authorities.source == tools::Authorities::Source::named
                       ? authorities_.named(authorities.name)
                       : authorities_.system();
    if (!trusted) {
      return fail(Errc::unavailable, "the tool server's certificate authorities cannot be had",
                  server.name(), trusted.error().to_string());
    }
    tls = std::move(*trusted);
  }
  return net::Upstream{.scheme = server.url().scheme,
                       .host = server.url().host,
                       .port = server.url().port,
                       .binding = server.id().to_string() + ":" + hex_encode(server.definition()),
                       .rules = route->rules,
                       .tls = std::move(tls)};
}

Task<Expected<std::unique_ptr<broker::Upstream>>> CallDialer::dial(
    const action::AuthorizedAction& action) {
  const auto& server = action.proposed().server();
  auto upstream = routes_.route(server);
  if (!upstream) {
    log_.error("gateway.no_route",
               {{"server", server.name()}, {"why", upstream.error().to_string()}});
    if (upstream.error().code == Errc::denied) co_return std::unexpected(upstream.error());
    co_return fail(Errc::unavailable, "the tool server cannot be reached", server.name(),
                   "nothing was sent; an operator finds the cause in the log");
  }
  upstream->owner = action.proposed().call().run().workspace.to_string();
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
