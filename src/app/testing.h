// SPDX-License-Identifier: Apache-2.0
// For tests: a folder of its own, a server in it on a free port of this machine, and requests to
// it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "app/config.h"
#include "app/seal_key_file.h"
#include "app/server.h"
#include "base/check.h"
#include "crypto/random.h"
#include "net/testing.h"
#include "observe/capture.h"
#include "store/sqlite_store.h"

namespace writ::app::testing {

// Removed when it goes.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "writ-app-XXXXXX").string();
    WRIT_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}
inline void write_text(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

// A server on data that outlives it, so that it can be started again.
class TestServer {
 public:
  TestServer() {
    WRIT_CHECK(make_seal_key(folder_ / "seal.key", random_).has_value());
    // Closed at once: a server starts on a store that is there.
    WRIT_CHECK(store::open_sqlite(
                   {.directory = (folder_ / "data").string()},
                   load_seal_key(folder_ / "seal.key", folder_ / "data", true).value().row_keys(),
                   clock_, log_)
                   .has_value());
  }

  ServerConfig config() const {
    ServerConfig out;
    out.port = 0;
    out.data = folder_ / "data";
    out.seal_key_file = folder_ / "seal.key";
    out.anchor = folder_ / "anchor";
    out.loops = 2;
    return out;
  }
  Expected<void> start(ServerConfig config, ServerOptions options = {}) {
    server_.reset();
    auto started = Server::start(
        std::move(config), {.clock = clock_, .random = random_, .log = log_, .metrics = metrics_},
        options);
    if (!started) return std::unexpected(std::move(started).error());
    server_ = std::move(*started);
    return {};
  }
  Expected<void> start() { return start(config()); }
  void stop() { server_.reset(); }

  const TemporaryFolder& folder() const { return folder_; }
  Server& server() { return *server_; }
  observe::CapturingLog& log() { return log_; }

  // The whole response to a request without a body.
  std::string get(std::string_view target, std::string_view more_fields = {}) const {
    auto socket = net::testing::RawSocket::connect_to(server_->port());
    socket.send("GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
                std::string(more_fields) + "Connection: close\r\n\r\n");
    return socket.read_all();
  }

 private:
  SystemClock clock_;
  crypto::SystemRandom random_;
  observe::CapturingLog log_;
  PrometheusMetrics metrics_;
  TemporaryFolder folder_;
  std::unique_ptr<Server> server_;
};

}  // namespace writ::app::testing
