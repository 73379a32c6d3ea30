// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "crypto/openssl.h"

namespace writ::crypto {

const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  WRIT_CHECK(algorithm != nullptr);
  return algorithm;
}

Digest sha256(BytesView bytes) {
  // A context of the thread's own: making one costs as much as hashing a small input.
  thread_local Sha256 hasher;
  return hasher.update(bytes).finish();
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  WRIT_CHECK(context_ != nullptr);
  WRIT_CHECK(EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1);
}

Sha256& Sha256::update(BytesView bytes) {
  WRIT_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  WRIT_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  WRIT_CHECK(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1);
  return digest;
}

void Sha256::copy(const Sha256& other) {
  WRIT_CHECK(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1);
}

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

namespace {

constexpr std::size_t kBlockSize = 64;

// RFC 2104: H(key ^ opad || H(key ^ ipad || message)).
void begin_hmac(BytesView key, Sha256& inner, Sha256& outer) {
  std::array<std::uint8_t, kBlockSize> block{};
  if (key.size() > block.size()) {
    auto digest = sha256(key);
    std::ranges::copy(digest, block.begin());
    wipe(digest);
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (auto& byte : block) byte ^= 0x36;
  inner.update(block);
  for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
  outer.update(block);
  wipe(block);
}

class Hmac {
 public:
  explicit Hmac(BytesView key) { begin_hmac(key, inner_, outer_); }

  Hmac& update(BytesView bytes) {
    inner_.update(bytes);
    return *this;
  }

  Digest finish() {
    auto inner = inner_.finish();
    outer_.update(inner);
    wipe(inner);
    return outer_.finish();
  }

 private:
  Sha256 inner_;
  Sha256 outer_;
};

}  // namespace

Digest hmac_sha256(BytesView key, BytesView bytes) { return Hmac(key).update(bytes).finish(); }

HmacKey::HmacKey(BytesView key) { begin_hmac(key, inner_, outer_); }

Digest HmacKey::mac(BytesView message) const {
  thread_local Sha256 work;
  work.copy(inner_);
  auto inner = work.update(message).finish();
  work.copy(outer_);
  work.update(inner);
  wipe(inner);
  return work.finish();
}

SecretBytes hkdf_sha256(BytesView key, BytesView salt, BytesView info, std::size_t size) {
  WRIT_CHECK(size >= 1 && size <= 255 * sizeof(Digest));
  // An absent salt is a block of zeros (RFC 5869 section 2.2), which is what HMAC makes of an empty
  // key.
  Digest extracted = hmac_sha256(salt, key);

  SecretBytes out(size);
  auto rest = out.writable();
  Digest block{};
  for (std::uint8_t counter = 1; !rest.empty(); ++counter) {
    Hmac round(extracted);
    if (counter > 1) round.update(block);
    block = round.update(info).update({&counter, 1}).finish();
    const auto taken = std::min(rest.size(), block.size());
    std::memcpy(rest.data(), block.data(), taken);
    rest = rest.subspan(taken);
  }
  wipe(block);
  wipe(extracted);
  return out;
}

}  // namespace writ::crypto
