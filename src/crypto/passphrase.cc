// SPDX-License-Identifier: Apache-2.0
#include "crypto/passphrase.h"

#include <algorithm>

#include <sodium.h>

#include "base/check.h"

namespace writ::crypto {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSaltSize = crypto_pwhash_argon2id_SALTBYTES;
constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kKeySize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kSaltAt = 1 + 4 + 4;
constexpr std::size_t kNonceAt = kSaltAt + kSaltSize;
constexpr std::size_t kHeaderSize = kNonceAt + kNonceSize;

void put_uint32(Bytes& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t get_uint32(BytesView bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

// The header is fixed in size and the caller's associated data follows it, so no two pairs of them
// give the same bytes.
Bytes authenticated(BytesView header, BytesView associated_data) {
  Bytes out = to_bytes(header);
  out.insert(out.end(), associated_data.begin(), associated_data.end());
  return out;
}

Expected<SecretBytes> derive(const SecretBytes& passphrase, BytesView salt,
                             const PassphraseCost& cost) {
  WRIT_CHECK(sodium_init() >= 0);  // idempotent and thread-safe
  if (passphrase.empty()) return fail(Errc::invalid_input, "the passphrase is empty");
  constexpr std::uint32_t kMinMemoryKib = crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024;
  if (cost.operations < crypto_pwhash_argon2id_OPSLIMIT_MIN || cost.memory_kib < kMinMemoryKib) {
    return fail(Errc::invalid_input, "the cost is below what Argon2id takes");
  }
  SecretBytes key(kKeySize);
  if (crypto_pwhash_argon2id(key.writable().data(), key.size(), passphrase.reveal_text().data(),
                             passphrase.size(), salt.data(), cost.operations,
                             std::size_t{cost.memory_kib} * 1024,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return fail(Errc::unavailable, "not enough memory to stretch the passphrase");
  }
  return key;
}

}  // namespace

Expected<Bytes> seal_with_passphrase(Random& random, const SecretBytes& passphrase, BytesView plain,
                                     BytesView associated_data, const PassphraseCost& cost) {
  WRIT_CHECK(!associated_data.empty());
  Bytes out{kVersion};
  put_uint32(out, cost.operations);
  put_uint32(out, cost.memory_kib);
  out.resize(kHeaderSize);
  random.fill(std::span(out).subspan(kSaltAt));

  const BytesView header = out;
  WRIT_TRY(const auto key, derive(passphrase, header.subspan(kSaltAt, kSaltSize), cost));
  const Bytes context = authenticated(header, associated_data);
  out.resize(kHeaderSize + plain.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kHeaderSize, nullptr, plain.data(),
                                             plain.size(), context.data(), context.size(), nullptr,
                                             out.data() + kNonceAt, key.reveal().data());
  return out;
}

Expected<SecretBytes> open_with_passphrase(const SecretBytes& passphrase, BytesView sealed,
                                           BytesView associated_data,
                                           const PassphraseLimits& limits) {
  WRIT_CHECK(!associated_data.empty());
  if (sealed.size() < kHeaderSize + kTagSize || sealed.size() > limits.max_sealed_size) {
    return fail(Errc::invalid_input, "not a value sealed with a passphrase: impossible size");
  }
  if (sealed[0] != kVersion) {
    return fail(Errc::invalid_input, "sealed with a passphrase in a form this version cannot read");
  }
  const PassphraseCost cost{.operations = get_uint32(sealed.subspan(1)),
                            .memory_kib = get_uint32(sealed.subspan(5))};
  // Before anything is computed: the file decides neither our memory nor our time.
  if (cost.operations > limits.max_operations || cost.memory_kib > limits.max_memory_kib) {
    return fail(Errc::invalid_input, "the sealed value asks for more memory or time than allowed");
  }
  const auto header = sealed.first(kHeaderSize);
  const auto ciphertext = sealed.subspan(kHeaderSize);
  WRIT_TRY(const auto key, derive(passphrase, header.subspan(kSaltAt, kSaltSize), cost));
  const Bytes context = authenticated(header, associated_data);
  SecretBytes plain(ciphertext.size() - kTagSize);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(
          plain.writable().data(), nullptr, nullptr, ciphertext.data(), ciphertext.size(),
          context.data(), context.size(), header.data() + kNonceAt, key.reveal().data()) != 0) {
    return fail(Errc::unauthenticated, "the passphrase does not open this value");
  }
  return plain;
}

}  // namespace writ::crypto
