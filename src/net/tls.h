// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 (ECDHE and AEAD alone) and 1.3, by OpenSSL directly on the socket. Only net/tls* know
// OpenSSL.
#pragma once

#include <memory>
#include <string>

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
  // invalid_input, naming the file, where a file cannot be read or the key is not the
  // certificate's.
  static Expected<std::shared_ptr<const TlsServerContext>> create(const Options& options);

  std::unique_ptr<Transport> transport(int socket) const;

  explicit TlsServerContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

class TlsClientContext {
 public:
  struct Options {
    std::string ca_file{};  // PEM; empty is the system's store
  };
  static Expected<std::shared_ptr<const TlsClientContext>> create(const Options& options);

  // Always verifies the chain and that the certificate is `host`'s: a name, or the text of an
  // address without brackets. There is no way to turn that off.
  Expected<std::unique_ptr<Transport>> transport(int socket, const std::string& host) const;

  explicit TlsClientContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace writ::net
