// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) over it. No function here fails: what
// could go wrong is a broken machine or a bug of the caller, and ends the process. All thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/secret_bytes.h"

struct evp_md_ctx_st;

namespace writ::crypto {

Digest sha256(BytesView bytes);
inline Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }

// Sha256: the digest of bytes that come in parts. finish() gives the digest of all parts since the
// construction or the last finish(). Not thread-safe; different objects may be used at once.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;

  Sha256& update(BytesView bytes);
  Sha256& update(std::string_view text) { return update(as_bytes(text)); }
  Digest finish();
  // Goes on from where `other` is.
  void copy(const Sha256& other);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Compare the result with equal_constant_time() where the other side is not trusted.
Digest hmac_sha256(BytesView key, BytesView bytes);

// HmacKey: HMAC-SHA-256 under one key for many messages, with the key's own blocks hashed once.
// Movable; thread-safe for const use. Compare as above.
class HmacKey {
 public:
  explicit HmacKey(BytesView key);
  Digest mac(BytesView message) const;

 private:
  Sha256 inner_;
  Sha256 outer_;
};

// RFC 5869, extract and expand. `size` is 1 to 255 * 32 bytes; anything else is a caller's bug. An
// empty salt is the RFC's default of zeros. `info` names the purpose, so that keys of different
// purposes are independent.
SecretBytes hkdf_sha256(BytesView key, BytesView salt, BytesView info, std::size_t size);

}  // namespace writ::crypto
