// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 (ECDHE and AEAD alone) and 1.3, by OpenSSL directly on the socket. Only net/tls* know
// OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "net/stream.h"

struct ssl_ctx_st;

namespace writ::net {

// Contexts are immutable once made, thread-safe, and outlive nothing: the transports made from
// them share what they need.
class TlsServerContext {
 public:
  struct Options {
    std::string certificate_file;  // PEM, the leaf first, then its chain
    std::string key_file;          // PEM, not encrypted
  };
  // Errors name the file that cannot be read. invalid_input for a key that is encrypted, for nobody
  // is asked for a passphrase, and for one that is not the certificate's. Blocks: never on a loop.
  static Expected<std::shared_ptr<const TlsServerContext>> create(const Options& options);

  std::unique_ptr<Transport> transport(int socket) const;

  explicit TlsServerContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

class TlsClientContext {
 public:
  // Trusts these certificates (DER) and no other; none trusts nobody. invalid_input for one that
  // cannot be read.
  static Expected<std::shared_ptr<const TlsClientContext>> create(
      const std::vector<Bytes>& authorities);

  // Always verifies the chain and that the certificate is `host`'s: a name, or the text of an
  // address without brackets. Its subject alternative names decide, and its common name never
  // does (RFC 9525 section 2). There is no way to turn that off.
  Expected<std::unique_ptr<Transport>> transport(int socket, const std::string& host) const;

  explicit TlsClientContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

// Where this OpenSSL looks for the system's authorities: a PEM file, and folders with a colon
// between.
struct CertificatePlaces {
  std::string file;
  std::string folder;
};
CertificatePlaces system_certificate_places();

}  // namespace writ::net
