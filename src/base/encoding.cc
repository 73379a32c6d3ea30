// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

namespace writ {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> reverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr auto kFromBase64 = reverse(kBase64);
constexpr auto kFromBase64Url = reverse(kBase64Url);
constexpr auto kFromHex = reverse(kHex);

std::string encode64(BytesView bytes, std::string_view alphabet, bool pad) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const auto byte : bytes) {
    group = (group << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += alphabet[(group >> bits) & 63];
    }
  }
  if (bits > 0) out += alphabet[(group << (6 - bits)) & 63];
  while (pad && out.size() % 4 != 0) out += '=';
  return out;
}

Expected<Bytes> decode64(std::string_view text, const std::array<std::uint8_t, 256>& table) {
  if (text.size() % 4 == 1) return fail(Errc::invalid_input, "not base64: impossible length");
  Bytes out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::uint8_t value = table[static_cast<std::uint8_t>(c)];
    if (value == kInvalid)
      return fail(Errc::invalid_input, "not base64: a character outside its alphabet");
    group = (group << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(group >> bits));
    }
  }
  // Left-over bits that are not zero would give one value a second spelling.
  if ((group & ((1U << bits) - 1)) != 0) {
    return fail(Errc::invalid_input, "not base64: bits after the last byte");
  }
  return out;
}

}  // namespace

std::string hex_encode(BytesView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Expected<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Errc::invalid_input, "not hexadecimal: odd length");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = kFromHex[static_cast<std::uint8_t>(text[i])];
    const auto low = kFromHex[static_cast<std::uint8_t>(text[i + 1])];
    if (high == kInvalid || low == kInvalid) {
      return fail(Errc::invalid_input, "not hexadecimal: digits are 0-9 and a-f");
    }
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::string base64_encode(BytesView bytes) { return encode64(bytes, kBase64, true); }

Expected<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Errc::invalid_input, "not base64: padding is required");
  if (text.ends_with('=')) text.remove_suffix(1);
  if (text.ends_with('=')) text.remove_suffix(1);
  return decode64(text, kFromBase64);
}

std::string base64url_encode(BytesView bytes) { return encode64(bytes, kBase64Url, false); }
Expected<Bytes> base64url_decode(std::string_view text) { return decode64(text, kFromBase64Url); }

}  // namespace writ
