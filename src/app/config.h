// SPDX-License-Identifier: Apache-2.0
// Configuration: what writ.toml says about one server. Every key has its place here; one that is
// not known is an error with file, line and column, and so is a value that could not be meant.
//
//   public_url = "https://writ.example"    what tokens and proofs are checked against (P28);
//   without
//                                          it, on loopback alone, the address that it listens on
//   listen = "127.0.0.1:8700"              an address and a port; 0 takes a free one
//   data = "data"                          the store; paths are relative to the file
//   seal_key_file = "seal.key"             never in `data` (P22); without it, the service manager's
//                                          credential "seal-key"
//   anchor = "anchor"                      where checkpoints are kept, never in `data` (P21)
//   trusted_proxies = ["10.0.0.2"]         who may stand before a plaintext listener
//   require_mlock = false
//   loops = 0                              event loops; 0: one a core
//   [tls]     certificate, key             PEM files
//   [certificates.NAME] file               PEM: authorities that tool servers may name (ca_name)
//   [log]     level, format                debug|info|warning|error, text|json
//   [limits]  connections, body_bytes, body_bytes_per_second, strangers, stranger_bytes (both with
//             _per_address), calls_per_second, burst, and what is shared: calls,
//             call_bytes, held, questions, question_bytes, proposals, proposal_bytes, runs,
//             control_requests, control_bytes, builds, each with _per_workspace and _per_agent (of
//             the last three: _per_user); calls_per_run, held_per_run, questions_per_run
//   [tokens]  rotate_after                 how long a token key signs
//   [metrics] allow                        who may read /metrics beside this machine
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "broker/rate_limiter.h"
#include "broker/shares.h"
#include "net/authorities.h"
#include "net/egress.h"
#include "net/http_server.h"
#include "observe/log.h"

namespace writ::app {

enum class LogFormat : std::uint8_t { text, json };

struct LogConfig {
  observe::Level level = observe::Level::info;
  LogFormat format = LogFormat::text;
};

struct TlsConfig {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct ServerConfig {
  std::string public_url;  // canonical, without a slash at its end; empty: where it listens
  net::Address address = boost::asio::ip::address_v4::loopback();
  std::uint16_t port = 8700;
  std::filesystem::path data;
  std::optional<std::filesystem::path> seal_key_file;
  std::filesystem::path anchor;
  std::optional<TlsConfig> tls;
  net::Authorities::Files certificates;  // by the name that documents have for them
  std::vector<std::string> trusted_proxies;
  bool require_mlock = false;
  std::size_t loops = 0;
  LogConfig log;
  net::ServerLimits listener;
  broker::RateLimits rates;
  broker::SharedLimits shares;
  milliseconds rotate_token_key_after = std::chrono::days(30);
  std::vector<net::Cidr> metrics_allow;
};

// Reads and checks everything that the text alone can tell, P28 among it. `filename` is for places
// in errors; relative paths are put under `base`.
Expected<ServerConfig> parse_config(std::string_view text, const std::string& filename,
                                    const std::filesystem::path& base);
// not_found, invalid_input as above.
Expected<ServerConfig> read_config(const std::filesystem::path& file);

// "127.0.0.1:8700", "[::1]:8700".
std::string listen_text(const net::Address& address, std::uint16_t port);

}  // namespace writ::app
