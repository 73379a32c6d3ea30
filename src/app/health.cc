// SPDX-License-Identifier: Apache-2.0
#include "app/health.h"

#include <algorithm>

#include "net/answer.h"

namespace writ::app {
namespace {

// ::ffff:127.0.0.1 is 127.0.0.1.
net::Address plain(const net::Address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address;
}

bool was_forwarded(const Fields& fields) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"},
      [&](std::string_view name) { return fields.contains(name); });
}

}  // namespace

void Health::add(std::string name, Check check) {
  checks_.emplace_back(std::move(name), std::move(check));
}

std::vector<Health::Trouble> Health::troubles() const {
  if (stopping_.load(std::memory_order_relaxed))
    return {{"server", fail(Errc::unavailable, "the server is stopping").error()}};
  if (!started_.load(std::memory_order_acquire))
    return {{"server", fail(Errc::unavailable, "the server is starting").error()}};
  std::vector<Trouble> out;
  for (const auto& [name, check] : checks_) {
    if (auto well = check(); !well) out.push_back({name, std::move(well).error()});
  }
  return out;
}

bool Health::owns(std::string_view target) {
  const auto path = net::path_of(target);
  return path == "/healthz" || path == "/readyz" || path == "/metrics";
}

bool Health::is_local(const net::ServerRequest& request) const {
  const auto peer = plain(request.peer().address());
  return peer.is_loopback() && !net::any_contains(options_.proxies, peer) &&
         !was_forwarded(request.fields());
}

bool Health::may_read_metrics(const net::ServerRequest& request) const {
  const auto peer = plain(request.peer().address());
  return is_local(request) ||
         (net::any_contains(options_.metrics_allow, peer) && !was_forwarded(request.fields()));
}

Task<void> Health::handle(net::ServerRequest& request, net::ServerResponse& response) {
  const auto path = net::path_of(request.target());
  if (request.method() != "GET" && request.method() != "HEAD") {
    Fields fields;
    (void)fields.add("Allow", "GET, HEAD");
    co_await net::send_problem(response,
                               {.status = 405, .type = {}, .detail = "this can only be read"},
                               std::move(fields));
    co_return;
  }
  if (path == "/metrics") {
    if (!may_read_metrics(request)) {
      co_await net::send_problem(response, {.status = 404, .type = {}});
      co_return;
    }
    const auto text = metrics_.text();
    co_await net::send_bytes(response, 200, PrometheusMetrics::kContentType, as_bytes(text));
    co_return;
  }
  if (path == "/healthz") {
    co_await net::send_json(response, 200, {{"alive", true}});
    co_return;
  }
  const auto all = troubles();
  JsonArray reasons;
  for (const auto& trouble : all) {
    JsonObject reason{{"part", trouble.name}};
    if (is_local(request)) {
      reason["detail"] = trouble.error.message;
      if (!trouble.error.where.empty()) reason["where"] = trouble.error.where;
      if (!trouble.error.hint.empty()) reason["hint"] = trouble.error.hint;
    }
    reasons.push_back(std::move(reason));
  }
  co_await net::send_json(response, all.empty() ? 200 : 503,
                          {{"ready", all.empty()}, {"reasons", std::move(reasons)}});
}

}  // namespace writ::app
