// SPDX-License-Identifier: Apache-2.0
// OAuthServer: for tests, the authorization server as it would run: the example workspace of
// broker/grants_testing.h behind a net::HttpServer on a port of its own. Its public URL is another
// than where it listens, so that a check against Host would be seen.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/grants_testing.h"
#include "net/testing.h"
#include "oauth/authorization_server.h"
#include "oauth/token_exchange.h"
#include "observe/capture.h"
#include "wire/url.h"

namespace writ::oauth {

struct Seen {
  int status = 0;
  std::string head;
  std::string body;

  JsonObject json() const { return parse_json_object(body).value_or(JsonObject()); }
  // A member that is a text, or the JSON of another one; empty where there is none.
  std::string member(std::string_view name) const {
    const auto object = json();
    const auto* value = object.if_contains(name);
    if (value == nullptr) return {};
    return value->is_string() ? std::string(text_of(value->get_string())) : write_json(*value);
  }
  std::string error() const { return std::to_string(status) + " " + member("error"); }
  bool has_field(std::string_view line) const {
    return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
  }
};

class OAuthServer {
 public:
  explicit OAuthServer(broker::RateLimits rates = {.per_second = 100'000, .burst = 100'000})
      : acme_(rates) {
    loops_.start();
    server_ = net::HttpServer::create(
                  loops_, {.address = asio::ip::make_address("127.0.0.1")},
                  [this](net::ServerRequest& request, net::ServerResponse& response) {
                    return oauth_.handle(request, response);
                  },
                  acme_.log(), metrics_)
                  .value();
  }
  ~OAuthServer() {
    server_.reset();  // while the loops run
    loops_.stop();
  }
  OAuthServer(const OAuthServer&) = delete;
  OAuthServer& operator=(const OAuthServer&) = delete;

  broker::GrantsAcme& acme() { return acme_; }
  observe::CapturingMetrics& metrics() { return metrics_; }
  AuthorizationServer& oauth() { return oauth_; }

  Seen send(std::string_view text) {
    auto socket = net::testing::RawSocket::connect_to(server_->port());
    WRIT_CHECK(socket.send(text));
    const auto all = socket.read_all();
    const auto end = all.find("\r\n\r\n");
    WRIT_CHECK(end != std::string::npos);
    Seen out{.head = all.substr(0, end + 2), .body = all.substr(end + 4)};
    out.status = std::stoi(all.substr(9, 3));
    return out;
  }
  Seen get(std::string_view target) {
    return send("GET " + std::string(target) +
                " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  }
  // `fields` are whole lines with their CRLF.
  Seen post(std::string_view target, std::string_view body, std::string_view fields = {},
            std::string_view type = "application/x-www-form-urlencoded") {
    return send("POST " + std::string(target) +
                " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: " +
                std::string(type) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                std::string(fields) + "\r\n" + std::string(body));
  }

  using Pairs = std::vector<std::pair<std::string, std::string>>;
  static std::string encode(const Pairs& pairs) {
    Form form;
    for (const auto& [name, value] : pairs) form.add(name, value);
    return form.encode();
  }
  Pairs authenticated(std::string_view agent, Pairs pairs) {
    pairs.emplace_back("client_assertion_type", jose::kClientAssertionType);
    pairs.emplace_back("client_assertion", acme_.assertion(agent));
    return pairs;
  }
  std::string proof_field(std::string_view agent, std::string_view path = "/oauth/token") {
    return "DPoP: " +
           acme_.proof(acme_.key(agent), std::string(broker::Acme::kIssuer) + std::string(path)) +
           "\r\n";
  }
  // By the agent, with an assertion and a proof.
  Seen ask(std::string_view agent, Pairs pairs, std::string_view path = "/oauth/token") {
    return post(path, encode(authenticated(agent, std::move(pairs))), proof_field(agent, path));
  }

  static Pairs with_resource(Pairs pairs) {
    pairs.emplace_back("resource", broker::Acme::kAudience);
    return pairs;
  }
  Pairs start_request(std::string subject_token,
                      std::string details =
                          R"([{"type":"writ_run","workspace":"acme","workflow":"refund",)"
                          R"("step":"plan","name":"refund inv_1"}])") {
    return with_resource({{"grant_type", std::string(kTokenExchange)},
                          {"subject_token", std::move(subject_token)},
                          {"subject_token_type", std::string(kJwtUri)},
                          {"authorization_details", std::move(details)}});
  }
  static Pairs hand_down_request(std::string access_token, std::string details) {
    return {{"grant_type", std::string(kTokenExchange)},
            {"subject_token", std::move(access_token)},
            {"subject_token_type", std::string(kAccessTokenUri)},
            {"authorization_details", std::move(details)}};
  }
  static Pairs take_over_request(std::string delegation_token) {
    return with_resource({{"grant_type", std::string(kTokenExchange)},
                          {"subject_token", std::move(delegation_token)},
                          {"subject_token_type", std::string(kJwtUri)}});
  }
  static Pairs refresh_request(std::string token) {
    return {{"grant_type", "refresh_token"}, {"refresh_token", std::move(token)}};
  }
  Seen start() { return ask("planner", start_request(acme_.user_token())); }

 private:
  broker::GrantsAcme acme_;
  observe::CapturingMetrics metrics_;
  AuthorizationServer oauth_{{.clients = acme_.clients(),
                              .grants = acme_.grants(),
                              .keys = acme_.token_keys(),
                              .clock = acme_.clock(),
                              .random = acme_.random(),
                              .log = acme_.log(),
                              .metrics = metrics_},
                             std::string(broker::Acme::kIssuer)};
  LoopPool loops_{acme_.clock(), 1};
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace writ::oauth
