// SPDX-License-Identifier: Apache-2.0
// Dialer: step 4 of a call over net/: a connection to the tool server, its address judged (P19) and
// its TLS verified, kept ones used again, and not one application byte sent (P15).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "async/cancel.h"
#include "broker/upstream.h"
#include "net/authorities.h"
#include "net/http_client.h"
#include "observe/log.h"
#include "tools/tool_server.h"

namespace writ::gateway {

// What CallDialer gives as a broker::Upstream. Of one loop.
class DialledUpstream final : public broker::Upstream {
 public:
  explicit DialledUpstream(net::Exchange made) : exchange(std::move(made)) {}
  net::Exchange exchange;
};

// How each definition of a tool server is dialled: its exceptions and its authorities. Equal
// definitions share connections, others never do. Opens no file. Thread-safe; what it is given
// outlives it.
class Routes {
 public:
  Routes(net::HttpClient& client, const net::Authorities& authorities)
      : client_(client), authorities_(authorities) {}

  // denied where the document names a file for its certificates, which is not read (P48);
  // unavailable where writ.toml does not have the authorities that it names.
  Expected<net::Upstream> route(const tools::ToolServer& server);
  net::HttpClient& client() const { return client_; }

 private:
  struct Route {
    std::shared_ptr<const net::EgressRules> rules;
    std::shared_ptr<const net::TlsClientContext> tls;  // of the document's own certificates
  };
  static constexpr std::size_t kMaxRoutes = 4096;

  static Expected<Route> make(const tools::ToolServer& server);
  std::optional<Route> find(const tools::ToolServer& server);
  void keep(const tools::ToolServer& server, const Route& route);

  net::HttpClient& client_;
  const net::Authorities& authorities_;
  std::mutex mutex_;
  std::map<Digest, Route> routes_;  // by the server's definition
};

// For one call. `run_ended` is registered with the connection from the dial on, so before the
// claim: once the cancellation is acknowledged no byte follows (I4). What it is given outlives it.
class CallDialer final : public broker::Dialer {
 public:
  CallDialer(Routes& routes, CancelToken run_ended, observe::Log& log)
      : routes_(routes), run_ended_(std::move(run_ended)), log_(log) {}

  // Errors: as broker::Dialer says; the address that was refused is in the log, not in the error.
  Task<Expected<std::unique_ptr<broker::Upstream>>> dial(
      const action::AuthorizedAction& action) override;

 private:
  Routes& routes_;
  CancelToken run_ended_;
  observe::Log& log_;
};

}  // namespace writ::gateway
