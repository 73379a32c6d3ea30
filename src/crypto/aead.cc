// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  WRIT_CHECK(cipher != nullptr);
  return cipher;
}

OwnedCipherContext new_context() {
  OwnedCipherContext context(EVP_CIPHER_CTX_new());
  WRIT_CHECK(context != nullptr);
  return context;
}

// kMaxPlain keeps every length within OpenSSL's int.
int int_size(std::size_t size) {
  WRIT_CHECK(size <= AeadKey::kMaxPlain);
  return static_cast<int>(size);
}

// `offset` bytes are left free before the ciphertext.
Bytes seal_into(std::size_t offset, BytesView key, BytesView nonce, BytesView plain,
                BytesView associated_data) {
  WRIT_CHECK(key.size() == AeadKey::kKeySize && nonce.size() == AeadKey::kNonceSize);
  Bytes out(offset + plain.size() + AeadKey::kTagSize);
  const auto context = new_context();
  int written = 0;
  WRIT_CHECK(EVP_EncryptInit_ex2(context.get(), aes_256_gcm(), key.data(), nonce.data(), nullptr) ==
             1);
  WRIT_CHECK(EVP_EncryptUpdate(context.get(), nullptr, &written, associated_data.data(),
                               int_size(associated_data.size())) == 1);
  WRIT_CHECK(EVP_EncryptUpdate(context.get(), out.data() + offset, &written, plain.data(),
                               int_size(plain.size())) == 1);
  WRIT_CHECK(EVP_EncryptFinal_ex(context.get(), out.data() + out.size(), &written) == 1);
  WRIT_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, AeadKey::kTagSize,
                                 out.data() + offset + plain.size()) == 1);
  return out;
}

}  // namespace

AeadKey AeadKey::generate(Random& random) {
  SecretBytes key(kKeySize);
  random.fill(key.writable());
  return AeadKey(std::move(key));
}

Expected<AeadKey> AeadKey::from(SecretBytes key) {
  if (key.size() != kKeySize) return fail(Errc::invalid_input, "an AES-256 key has 32 bytes");
  return AeadKey(std::move(key));
}

Bytes AeadKey::seal(Random& random, BytesView plain, BytesView associated_data) const {
  WRIT_CHECK(!associated_data.empty());
  std::array<std::uint8_t, kNonceSize> nonce;
  random.fill(nonce);
  Bytes sealed = seal_into(kNonceSize, key_.reveal(), nonce, plain, associated_data);
  std::ranges::copy(nonce, sealed.begin());
  return sealed;
}

Expected<SecretBytes> AeadKey::open(BytesView sealed, BytesView associated_data) const {
  WRIT_CHECK(!associated_data.empty());
  if (sealed.size() < kOverhead || sealed.size() - kOverhead > kMaxPlain) {
    return fail(Errc::invalid_input, "the sealed value has an impossible size");
  }
  return aead_detail::open_with_nonce(key_.reveal(), sealed.first(kNonceSize),
                                      sealed.subspan(kNonceSize), associated_data);
}

namespace aead_detail {

Bytes seal_with_nonce(BytesView key, BytesView nonce, BytesView plain, BytesView associated_data) {
  return seal_into(0, key, nonce, plain, associated_data);
}

Expected<SecretBytes> open_with_nonce(BytesView key, BytesView nonce, BytesView ciphertext_and_tag,
                                      BytesView associated_data) {
  WRIT_CHECK(key.size() == AeadKey::kKeySize && nonce.size() == AeadKey::kNonceSize);
  if (ciphertext_and_tag.size() < AeadKey::kTagSize) {
    return fail(Errc::invalid_input, "the sealed value has an impossible size");
  }
  const CleanErrorQueue clean;
  const auto ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - AeadKey::kTagSize);
  Bytes tag = to_bytes(ciphertext_and_tag.last(AeadKey::kTagSize));
  SecretBytes plain(ciphertext.size());
  const auto context = new_context();
  std::array<std::uint8_t, 16> none;  // GCM's final step writes nothing, but wants a place
  int written = 0;
  WRIT_CHECK(EVP_DecryptInit_ex2(context.get(), aes_256_gcm(), key.data(), nonce.data(), nullptr) ==
             1);
  WRIT_CHECK(EVP_DecryptUpdate(context.get(), nullptr, &written, associated_data.data(),
                               int_size(associated_data.size())) == 1);
  WRIT_CHECK(EVP_DecryptUpdate(context.get(), plain.writable().data(), &written, ciphertext.data(),
                               int_size(ciphertext.size())) == 1);
  WRIT_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, AeadKey::kTagSize,
                                 tag.data()) == 1);
  if (EVP_DecryptFinal_ex(context.get(), none.data(), &written) != 1) {
    return fail(Errc::invalid_input,
                "the sealed value does not open: another key, another purpose, or changed bytes");
  }
  return plain;
}

}  // namespace aead_detail
}  // namespace writ::crypto
