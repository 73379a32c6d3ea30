// SPDX-License-Identifier: Apache-2.0
#include "vault/keys.h"

#include "base/encoding.h"
#include "crypto/hash.h"

namespace writ::vault {
namespace {

constexpr std::uint8_t kMagic = 'W';
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kHeaderSize = 6;
constexpr std::uint32_t kFirstKey = 1;

std::array<std::uint8_t, kHeaderSize> header(std::uint32_t number) {
  return {kMagic,
          kFormat,
          static_cast<std::uint8_t>(number >> 24),
          static_cast<std::uint8_t>(number >> 16),
          static_cast<std::uint8_t>(number >> 8),
          static_cast<std::uint8_t>(number)};
}

// Every field is preceded by its length, so that no two purposes share a form.
Bytes associated_data(BytesView head, const Purpose& purpose) {
  Bytes out = to_bytes(head);
  const auto add = [&out](BytesView field) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      out.push_back(static_cast<std::uint8_t>(field.size() >> shift));
    }
    out.insert(out.end(), field.begin(), field.end());
  };
  add(as_bytes(purpose.use));
  add(purpose.workspace.raw());
  add(as_bytes(purpose.owner));
  std::array<std::uint8_t, 8> version{};
  for (std::size_t i = 0; i < 8; ++i) {
    version[i] = static_cast<std::uint8_t>(purpose.version >> (56 - 8 * i));
  }
  add(version);
  return out;
}

}  // namespace

Bytes SealingKey::seal(Random& random, BytesView plain, const Purpose& purpose) const {
  const auto head = header(number_);
  Bytes out = to_bytes(head);
  const Bytes sealed = key_.seal(random, plain, associated_data(head, purpose));
  out.insert(out.end(), sealed.begin(), sealed.end());
  return out;
}

Expected<SecretBytes> SealingKey::open(BytesView sealed, const Purpose& purpose) const {
  const auto head = header(number_);
  if (sealed.size() < kHeaderSize || !std::equal(head.begin(), head.end(), sealed.begin())) {
    return fail(Errc::invalid_input, "a sealed value is not of this key or format");
  }
  auto opened = key_.open(sealed.subspan(kHeaderSize), associated_data(head, purpose));
  if (!opened) {
    return fail(Errc::invalid_input, "a sealed " + std::string(purpose.use) +
                                         " does not open: it was changed, or moved from elsewhere");
  }
  return opened;
}

SecretBytes SealingKey::derive(std::string_view use, std::size_t size) const {
  return crypto::hkdf_sha256(key_.reveal_key().reveal(), {}, as_bytes(use), size);
}

Expected<SealKey> SealKey::from_text(const SecretBytes& text) {
  constexpr std::size_t kDigits = 2 * crypto::AeadKey::kKeySize;
  std::string_view digits = text.reveal_text();
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  if (digits.size() != kDigits) {
    return fail(Errc::invalid_input, "a seal key is 64 hexadecimal digits on one line", {},
                "make one with: writ init --seal-key-file FILE");
  }
  WRIT_TRY(Bytes raw, hex_decode(digits));
  auto secret = SecretBytes::copy_of(raw);
  wipe(raw);
  WRIT_TRY(auto key, crypto::AeadKey::from(std::move(secret)));
  return SealKey(SealingKey(kFirstKey, std::move(key)));
}

SecretBytes SealKey::generate_text(Random& random) {
  SecretBytes raw(crypto::AeadKey::kKeySize);
  random.fill(raw.writable());
  std::string digits = hex_encode(raw.reveal()) + "\n";
  auto text = SecretBytes::copy_of(digits);
  wipe({reinterpret_cast<std::uint8_t*>(digits.data()), digits.size()});
  return text;
}

SealKey::NewDataKey SealKey::new_data_key(Random& random, WorkspaceId workspace) const {
  SealingKey key(kFirstKey, crypto::AeadKey::generate(random));
  Bytes wrapped = root_.seal(random, key.key_.reveal_key().reveal(),
                             {.use = "data-key",
                              .workspace = workspace,
                              .owner = workspace.to_string(),
                              .version = kFirstKey});
  return {std::move(key), std::move(wrapped)};
}

Expected<SealingKey> SealKey::unwrap_data_key(BytesView wrapped, WorkspaceId workspace) const {
  WRIT_TRY(auto raw, root_.open(wrapped, {.use = "data-key",
                                          .workspace = workspace,
                                          .owner = workspace.to_string(),
                                          .version = kFirstKey}));
  WRIT_TRY(auto key, crypto::AeadKey::from(std::move(raw)));
  return SealingKey(kFirstKey, std::move(key));
}

Bytes SealKey::seal_signing_key(Random& random, BytesView pkcs8, std::string_view key_id) const {
  return root_.seal(random, pkcs8, {.use = "signing-key", .workspace = {}, .owner = key_id});
}

Expected<SecretBytes> SealKey::open_signing_key(BytesView sealed, std::string_view key_id) const {
  return root_.open(sealed, {.use = "signing-key", .workspace = {}, .owner = key_id});
}

}  // namespace writ::vault
