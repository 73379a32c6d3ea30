// SPDX-License-Identifier: Apache-2.0
#include "cli/http.h"

#include <charconv>
#include <csignal>
#include <optional>
#include <thread>

#include "net/authorities.h"
#include "wire/json.h"

namespace writ::cli {
namespace {

// The person has named this server: its address is not for the egress guard to judge. Metadata
// services stay out of reach even so.
std::shared_ptr<const net::EgressRules> anywhere() {
  return std::make_shared<const net::EgressRules>(
      net::EgressRules::create({"0.0.0.0/0", "::/0"}).value());
}

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  if (host_kind(host) == HostKind::name) return false;
  const auto bare = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(bare, failed);
  return !failed && net::classify(address) == net::AddressKind::loopback;
}

// What the server's own 503 asks for. One of a proxy between may come after the request was served.
std::optional<seconds> asked_pause(const HttpAnswer& answer) {
  if (answer.status != 503 || answer.field("Content-Type") != "application/problem+json")
    return std::nullopt;
  const auto text = answer.field("Retry-After");
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return seconds(value);
}

Error explained(Error error, const Url& server) {
  if (error.code == Errc::unavailable) {
    error.message = "cannot reach " + server.origin() + ": " + error.message;
    error.hint = "is it running there? name another server with --server URL";
  } else if (error.code == Errc::unknown_outcome) {
    error.message = "the answer of " + server.origin() + " did not arrive: " + error.message;
    error.hint = "the request may have been carried out: look before you repeat it";
  }
  return error;
}

}  // namespace

Expected<Url> parse_server_url(std::string_view text) {
  auto url = parse_url(text);
  if (!url) {
    return fail(Errc::invalid_input,
                quoted_extract(text) + " is no server's URL: " + url.error().message, {},
                "a server's URL looks like https://writ.example.com");
  }
  if (url->path != "/" || url->query) {
    return fail(Errc::invalid_input, "a server's URL has no path: " + quoted_extract(text), {},
                "write " + url->origin());
  }
  if (!url->is_https() && !is_this_machine(url->host)) {
    return fail(Errc::invalid_input,
                "plain http is for this machine alone: " + quoted_extract(text), {},
                "write https://" + url->authority());
  }
  return url;
}

std::string HttpAnswer::field(std::string_view name) const {
  const auto value = fields.get_unique(name);
  return value && *value ? std::string(**value) : std::string();
}

Http::Http(const Clock& clock, Options options, std::shared_ptr<const net::TlsClientContext> tls)
    : options_(std::move(options)),
      tls_(std::move(tls)),
      rules_(anywhere()),
      loop_(clock),
      resolver_(loop_),
      dialer_(resolver_),
      client_(loop_, dialer_,
              {.response = {}, .kept_per_upstream = 4, .kept = 4, .keep_for = seconds(10)}) {
  // Signals are for the thread that talks with the person: a loop's thread takes none.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  loop_.start("writ-http");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Http::~Http() { loop_.stop(); }

Expected<std::unique_ptr<Http>> Http::create(const Clock& clock, Options options) {
  std::shared_ptr<const net::TlsClientContext> tls;
  if (!options.ca_file.empty()) {
    WRIT_TRY(const auto authorities, net::read_authorities(options.ca_file));
    WRIT_TRY(tls, net::TlsClientContext::create(authorities));
  }
  return std::unique_ptr<Http>(new Http(clock, std::move(options), std::move(tls)));
}

Expected<HttpAnswer> Http::send(const Url& server, HttpRequest request) {
  std::shared_ptr<const net::TlsClientContext> trusted;
  if (server.is_https()) {
    WRIT_TRY(trusted, tls());
  }
  auto answer = run_on(loop_, exchange(server, std::move(trusted), std::move(request)));
  if (!answer) return std::unexpected(explained(std::move(answer).error(), server));
  if (options_.on_answer) options_.on_answer(*answer);
  return answer;
}

Expected<std::shared_ptr<const net::TlsClientContext>> Http::tls() {
  const std::lock_guard lock(mutex_);
  if (tls_ == nullptr) {
    WRIT_TRY(tls_, net::TlsClientContext::create(net::read_system_authorities()));
  }
  return tls_;
}

Expected<HttpAnswer> Http::send_until_served(const Url& server,
                                             const std::function<Expected<HttpRequest>()>& make) {
  for (int attempt = 1;; ++attempt) {
    WRIT_TRY(auto request, make());
    auto answer = send(server, std::move(request));
    if (!answer || attempt == kTries) return answer;
    const auto pause = asked_pause(*answer);
    if (!pause || *pause > kLongestPause) return answer;
    if (options_.pause) {
      options_.pause(*pause);
    } else {
      std::this_thread::sleep_for(*pause);
    }
  }
}

Task<Expected<HttpAnswer>> Http::exchange(Url server,
                                          std::shared_ptr<const net::TlsClientContext> tls,
                                          HttpRequest request) {
  const net::Upstream upstream{.scheme = server.scheme,
                               .host = server.host,
                               .port = server.port,
                               .binding = "command line",
                               .rules = rules_,
                               .tls = std::move(tls)};
  const net::ExchangeOptions options{
      .timeouts = {.head = request.answer_within,
                   .total = request.answer_within + std::chrono::minutes(2)},
      .cancel = {}};
  WRIT_CO_TRY(auto exchange, co_await client_.connect(upstream, options));
  net::OutgoingRequest outgoing{.method = request.method,
                                .target = request.target,
                                .host = server.authority(),
                                .fields = std::move(request.fields),
                                .secret_fields = std::move(request.secret_fields)};
  if (!request.content_type.empty()) {
    WRIT_CO_TRY_VOID(outgoing.fields.set("Content-Type", request.content_type));
  }
  WRIT_CO_TRY_VOID(co_await exchange.send(std::move(outgoing), request.body.reveal()));
  WRIT_CO_TRY(auto head, co_await exchange.receive_head());
  WRIT_CO_TRY(const auto body, co_await exchange.receive_all(request.max_body));
  co_return HttpAnswer{
      .status = head.status, .fields = std::move(head.fields), .body = to_text(body)};
}

}  // namespace writ::cli
