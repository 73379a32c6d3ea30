// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "crypto/certificates.h"
#include "net/regular_file.h"
#include "wire/url.h"

namespace writ::net {
namespace {

constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// The first error of this thread's queue, which it empties.
std::string openssl_error() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no further reason";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

struct SslDelete {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDelete>;

class TlsTransport final : public Transport {
 public:
  TlsTransport(SslPtr ssl, std::shared_ptr<ssl_ctx_st> context)
      : context_(std::move(context)), ssl_(std::move(ssl)) {}

  Result handshake() override {
    ERR_clear_error();
    return result(SSL_do_handshake(ssl_.get()), 0);
  }

  Result read(std::span<std::uint8_t> into) override {
    ERR_clear_error();
    std::size_t size = 0;
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &size);
    return result(done, size);
  }

  Result write(std::span<const BytesView> pieces) override {
    ERR_clear_error();
    std::size_t size = 0;
    const int done = SSL_write_ex(ssl_.get(), pieces[0].data(), pieces[0].size(), &size);
    return result(done, size);
  }

  Result peek() override {
    ERR_clear_error();
    std::uint8_t byte = 0;
    std::size_t size = 0;
    const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
    return result(done, size);
  }

  void shut_write() override {
    ERR_clear_error();
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  std::string failure() const override { return failure_; }

 private:
  Result result(int returned, std::size_t size) {
    const int system_error = errno;
    switch (SSL_get_error(ssl_.get(), returned)) {
      case SSL_ERROR_NONE:
        return {.step = Step::done, .bytes = size};
      case SSL_ERROR_WANT_READ:
        return {.step = Step::want_read, .bytes = 0};
      case SSL_ERROR_WANT_WRITE:
        return {.step = Step::want_write, .bytes = 0};
      case SSL_ERROR_ZERO_RETURN:
        return {.step = Step::closed, .bytes = 0};
      case SSL_ERROR_SYSCALL:
        broken_ = true;
        failure_ = system_error != 0 ? std::generic_category().message(system_error)
                                     : "the connection ended without TLS's goodbye";
        return {.step = Step::failed, .bytes = 0};
      default:
        break;
    }
    broken_ = true;
    // Why a chain or a name does not verify helps more than "certificate verify failed".
    const auto verified = SSL_get_verify_result(ssl_.get());
    failure_ = "TLS: " + openssl_error();
    if (verified != X509_V_OK) {
      failure_ += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
    }
    return {.step = Step::failed, .bytes = 0};
  }

  std::shared_ptr<ssl_ctx_st> context_;
  SslPtr ssl_;
  std::string failure_;
  bool broken_ = false;  // SSL_shutdown may not follow a fatal error
};

Expected<std::shared_ptr<ssl_ctx_st>> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  std::shared_ptr<ssl_ctx_st> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kCiphers12) != 1) {
    return fail(Errc::internal, "OpenSSL cannot make a TLS context: " + openssl_error());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

SslPtr make_ssl(const std::shared_ptr<ssl_ctx_st>& context, int socket) {
  SslPtr ssl(SSL_new(context.get()));
  // Without memory there is no way on.
  WRIT_CHECK(ssl != nullptr && SSL_set_fd(ssl.get(), socket) == 1);
  return ssl;
}

// Clients of other protocols are refused, clients without ALPN are served.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpn.data(), kAlpn.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

struct X509Delete {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using CertificatePtr = std::unique_ptr<X509, X509Delete>;

CertificatePtr parsed(const Bytes& der) {
  const auto* at = der.data();
  return CertificatePtr(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

Expected<void> use_chain(ssl_ctx_st* context, const std::string& file) {
  WRIT_TRY(const auto text, read_regular_file(file, kMaxFile));
  auto chain = crypto::read_certificates(text, {.bytes = kMaxFile, .count = 32});
  if (!chain) {
    chain.error().where = file;
    return std::unexpected(std::move(chain).error());
  }
  bool leaf = true;
  for (const auto& der : *chain) {
    const auto certificate = parsed(der);
    const bool used = leaf ? SSL_CTX_use_certificate(context, certificate.get()) == 1
                           : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
    if (!used)
      return fail(Errc::invalid_input, "cannot be used as a certificate: " + openssl_error(), file);
    leaf = false;
  }
  return {};
}

// Instead of OpenSSL's own, which asks on the terminal.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Expected<void> use_key(ssl_ctx_st* context, const std::string& file) {
  WRIT_TRY(const auto text, read_secret_file(file, kMaxFile));
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(
      BIO_new_mem_buf(text.reveal().data(), static_cast<int>(text.size())), BIO_free);
  bool encrypted = false;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(source.get(), nullptr, refuse_passphrase, &encrypted), EVP_PKEY_free);
  if (encrypted) {
    ERR_clear_error();
    return fail(Errc::invalid_input,
                "the TLS key is encrypted, and the server asks nobody for a passphrase", file,
                "keep a key without one, mode 0600: openssl pkey -in KEY -out PLAIN_KEY");
  }
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return fail(Errc::invalid_input,
                "cannot be used as the certificate's PEM private key: " + openssl_error(), file);
  }
  return {};
}

}  // namespace

Expected<std::shared_ptr<const TlsServerContext>> TlsServerContext::create(const Options& options) {
  WRIT_TRY(auto context, make_context(TLS_server_method()));
  WRIT_TRY_VOID(use_chain(context.get(), options.certificate_file));
  WRIT_TRY_VOID(use_key(context.get(), options.key_file));
  SSL_CTX_set_alpn_select_cb(context.get(), select_protocol, nullptr);
  return std::make_shared<const TlsServerContext>(std::move(context));
}

std::unique_ptr<Transport> TlsServerContext::transport(int socket) const {
  auto ssl = make_ssl(context_, socket);
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsTransport>(std::move(ssl), context_);
}

Expected<std::shared_ptr<const TlsClientContext>> TlsClientContext::create(
    const std::vector<Bytes>& authorities) {
  WRIT_TRY(auto context, make_context(TLS_client_method()));
  auto* store = SSL_CTX_get_cert_store(context.get());
  for (const auto& der : authorities) {
    const auto certificate = parsed(der);
    if (certificate == nullptr || X509_STORE_add_cert(store, certificate.get()) != 1) {
      return fail(Errc::invalid_input,
                  "cannot be used as a certificate authority: " + openssl_error());
    }
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Returns 0 for success, unlike its neighbours.
  if (SSL_CTX_set_alpn_protos(context.get(), kAlpn.data(), kAlpn.size()) != 0) {
    return fail(Errc::internal, "OpenSSL cannot set ALPN: " + openssl_error());
  }
  return std::make_shared<const TlsClientContext>(std::move(context));
}

Expected<std::unique_ptr<Transport>> TlsClientContext::transport(int socket,
                                                                 const std::string& host) const {
  auto ssl = make_ssl(context_, socket);
  SSL_set_connect_state(ssl.get());
  auto* parameters = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  // An address is matched against the certificate's addresses alone, and has no SNI (RFC 6066
  // section 3).
  const bool is_name = host_kind(host) == HostKind::name && host.find(':') == std::string::npos;
  const bool set = is_name ? SSL_set1_host(ssl.get(), host.c_str()) == 1 &&
                                 SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1
                           : X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  // Without the name nothing would be checked against it.
  if (host.empty() || !set) {
    return fail(Errc::invalid_input, "cannot be checked against a certificate", host);
  }
  return std::make_unique<TlsTransport>(std::move(ssl), context_);
}

CertificatePlaces system_certificate_places() {
  return {.file = X509_get_default_cert_file(), .folder = X509_get_default_cert_dir()};
}

}  // namespace writ::net
