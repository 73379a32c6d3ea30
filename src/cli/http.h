// SPDX-License-Identifier: Apache-2.0
// Http: requests from the command line to one server, each waited for. Certificates are always
// verified; plaintext is for loopback alone (P28); a redirect is an answer like any other and never
// followed, so what is meant for one origin reaches no other.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "net/dns_resolver.h"
#include "net/http_client.h"
#include "wire/url.h"

namespace writ::cli {

// "https://writ.example" as a URL without path and query; invalid_input for anything else, and for
// http to a host that is not this machine.
Expected<Url> parse_server_url(std::string_view text);

struct HttpRequest {
  std::string method = "GET";
  std::string target;  // origin-form
  Fields fields{};
  std::vector<net::SecretField> secret_fields{};  // tokens
  SecretBytes body{};
  std::string content_type{};                   // of the body, where there is one
  milliseconds answer_within{30'000};           // from the request's end to the answer's head
  std::size_t max_body = std::size_t{8} << 20;  // of the answer; too_large beyond
};

struct HttpAnswer {
  int status = 0;
  Fields fields;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  // The one value of a field; empty where it is absent or stands there twice.
  std::string field(std::string_view name) const;
};

// Thread-safe. Has a loop and a thread of its own.
class Http {
 public:
  struct Options {
    std::string ca_file{};  // PEM; empty is the system's store
    // Told of each answer, on the thread that asked, before it is returned.
    std::function<void(const HttpAnswer&)> on_answer{};
    // Waits; null sleeps.
    std::function<void(milliseconds)> pause{};
  };
  // How often a request is made at most, where the server asks for another try, and for how long
  // each pause may be.
  static constexpr int kTries = 4;
  static constexpr seconds kLongestPause{3};
  // invalid_input, naming the file, where `ca_file` cannot be read.
  static Expected<std::unique_ptr<Http>> create(const Clock& clock, Options options);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // unavailable where the server cannot be reached (with the next step as hint), unknown_outcome
  // where it was lost after the request had been sent.
  Expected<HttpAnswer> send(const Url& server, HttpRequest request);
  // The same, and again while the server says that it has done nothing and when to come back (its
  // own 503 with Retry-After): for a second after its start, say, it cannot tell whether a proof is
  // new. `make` makes each request anew, its proof too. The last answer is returned.
  Expected<HttpAnswer> send_until_served(const Url& server,
                                         const std::function<Expected<HttpRequest>()>& make);

 private:
  Http(const Clock& clock, Options options, std::shared_ptr<const net::TlsClientContext> tls);
  // Of `ca_file`; else the system's, which are read when the first https server is asked.
  Expected<std::shared_ptr<const net::TlsClientContext>> tls();
  Task<Expected<HttpAnswer>> exchange(Url server, std::shared_ptr<const net::TlsClientContext> tls,
                                      HttpRequest request);

  Options options_;
  std::mutex mutex_;
  std::shared_ptr<const net::TlsClientContext> tls_;  // under mutex_
  std::shared_ptr<const net::EgressRules> rules_;
  Loop loop_;
  net::DnsResolver resolver_;
  net::Dialer dialer_;
  net::HttpClient client_;
};

}  // namespace writ::cli
