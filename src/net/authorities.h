// SPDX-License-Identifier: Apache-2.0
// Authorities: whose certificates vouch for an upstream: the system's, and those that the server's
// operator has named in writ.toml. They are read into memory by load() alone, never while a
// connection is made: no document and no peer makes a loop open a file (protocol.md P48).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/tls.h"

namespace writ::net {

// Thread-safe. Until load() nobody is trusted.
class Authorities {
 public:
  using Context = std::shared_ptr<const TlsClientContext>;
  using Files = std::map<std::string, std::filesystem::path, std::less<>>;

  // Reads the system's authorities and `files` anew. Blocks: never on a loop. A name whose file
  // cannot be used has no authorities from then on, so that what was taken away is trusted no
  // longer; the error is the first such, and all the rest is in force.
  Expected<void> load(const Files& files);

  // The same object for as long as the certificates are the same. unavailable where they could not
  // be read; not_found for a name that writ.toml does not have.
  Expected<Context> system() const;
  Expected<Context> named(std::string_view name) const;

 private:
  struct Entry {
    std::vector<Bytes> certificates;
    Expected<Context> context;
  };
  static Entry make(Expected<std::vector<Bytes>> certificates, const Entry* before);
  static Expected<Context> not_read();

  mutable std::mutex mutex_;
  Entry system_{{}, not_read()};
  std::map<std::string, Entry, std::less<>> named_;
};

// The DER of the certificates of one PEM file, which is a bundle of up to 4 MiB.
Expected<std::vector<Bytes>> read_authorities(const std::filesystem::path& file);
// Of the file and the folders that OpenSSL was built with, or SSL_CERT_FILE and SSL_CERT_DIR name.
std::vector<Bytes> read_system_authorities();

}  // namespace writ::net
