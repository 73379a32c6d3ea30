// SPDX-License-Identifier: Apache-2.0
#include "gateway/secret_text.h"

#include <algorithm>
#include <cstdint>

namespace writ::gateway {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_unreserved(std::uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Of what is to be encoded and lies at `before`; zero bits before and after it.
SecretBytes base64_at(BytesView bytes, std::size_t before) {
  const std::size_t all = before + bytes.size();
  SecretBytes out((all + 2) / 3 * 4);
  auto* to = out.writable().data();
  const auto at = [&](std::size_t i) -> std::uint32_t {
    return i < before || i >= all ? 0 : bytes[i - before];
  };
  for (std::size_t i = 0; i < all; i += 3) {
    const auto group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (unsigned k = 0; k < 4; ++k) {
      // The third and fourth characters of a group stand for its second and third bytes.
      const bool is_padding = k >= 2 && i + k - 1 >= all;
      *to++ = static_cast<std::uint8_t>(is_padding ? '=' : kBase64[group >> (18 - 6 * k) & 63]);
    }
  }
  return out;
}

}  // namespace

SecretBytes joined(std::string_view first, const SecretBytes& second) {
  SecretBytes out(first.size() + second.size());
  std::ranges::copy(first, out.writable().begin());
  std::ranges::copy(second.reveal(), out.writable().begin() + first.size());
  return out;
}

SecretBytes base64_of(const SecretBytes& secret) { return base64_at(secret.reveal(), 0); }

SecretBytes hex_of(const SecretBytes& secret) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  SecretBytes out(secret.size() * 2);
  auto* to = out.writable().data();
  for (const auto byte : secret.reveal()) {
    *to++ = static_cast<std::uint8_t>(kDigits[byte >> 4]);
    *to++ = static_cast<std::uint8_t>(kDigits[byte & 15]);
  }
  return out;
}

SecretBytes decimal_of(const SecretBytes& secret) {
  SecretBytes out(secret.size() * 4);
  auto* to = out.writable().data();
  for (const auto byte : secret.reveal()) {
    if (to != out.writable().data()) *to++ = ',';
    if (byte >= 100) *to++ = static_cast<std::uint8_t>('0' + byte / 100);
    if (byte >= 10) *to++ = static_cast<std::uint8_t>('0' + byte / 10 % 10);
    *to++ = static_cast<std::uint8_t>('0' + byte % 10);
  }
  out.truncate(static_cast<std::size_t>(to - out.writable().data()));
  return out;
}

SecretBytes percent_encoded(const SecretBytes& secret) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto bytes = secret.reveal();
  SecretBytes out(bytes.size() + 2 * static_cast<std::size_t>(std::ranges::count_if(
                                         bytes, [](auto byte) { return !is_unreserved(byte); })));
  auto* to = out.writable().data();
  for (const auto byte : bytes) {
    if (is_unreserved(byte)) {
      *to++ = byte;
      continue;
    }
    *to++ = '%';
    *to++ = static_cast<std::uint8_t>(kDigits[byte >> 4]);
    *to++ = static_cast<std::uint8_t>(kDigits[byte & 15]);
  }
  return out;
}

Base64Core base64_core(const SecretBytes& secret, std::size_t before) {
  const auto encoded = base64_at(secret.reveal(), before);
  // The first characters also hold bits of what stands before.
  const std::size_t skipped = before == 0 ? 0 : before + 1;
  return {.text = SecretBytes::copy_of(encoded.reveal().subspan(skipped)),
          .certain = (before + secret.size()) * 8 / 6 - skipped};
}

}  // namespace writ::gateway
