// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificates.h"

#include <memory>
#include <string>

#include <openssl/pem.h>

#include "base/check.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

// What PEM_read_bio() hands out. It asks for no passphrase: it decrypts nothing.
struct Block {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
};

bool is_certificate(const Block& block) {
  const auto* at = block.data;
  const std::unique_ptr<X509, Freed<X509_free>> parsed(d2i_X509(nullptr, &at, block.size));
  return parsed != nullptr && at == block.data + block.size;
}

}  // namespace

Expected<std::vector<Bytes>> read_certificates(std::string_view pem,
                                               const CertificateLimits& limits) {
  if (pem.size() > limits.bytes) {
    return fail(Errc::too_large,
                "certificates have at most " + std::to_string(limits.bytes) + " bytes");
  }
  const CleanErrorQueue clean;
  const std::unique_ptr<BIO, Freed<BIO_free>> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  WRIT_CHECK(text != nullptr);
  std::vector<Bytes> out;
  for (;;) {
    Block block;
    if (PEM_read_bio(text.get(), &block.name, &block.header, &block.data, &block.size) != 1) {
      // Without another block the text has ended; anything else is a block that is broken.
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && !out.empty()) return out;
      return fail(Errc::invalid_input, "cannot be read as PEM certificates", {},
                  "a certificate stands between -----BEGIN CERTIFICATE----- and "
                  "-----END CERTIFICATE-----");
    }
    if (std::string_view(block.name) != PEM_STRING_X509) {
      return fail(Errc::invalid_input, "has a block that is not a certificate", {},
                  "give the certificates of authorities alone, and never a private key");
    }
    if (!is_certificate(block)) {
      return fail(Errc::invalid_input,
                  "certificate " + std::to_string(out.size() + 1) + " cannot be read");
    }
    if (out.size() == limits.count) {
      return fail(Errc::too_large, "more than " + std::to_string(limits.count) + " certificates");
    }
    out.emplace_back(block.data, block.data + block.size);
  }
}

}  // namespace writ::crypto
