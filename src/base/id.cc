// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

namespace writ::id_detail {
namespace {
// Crockford's alphabet has no i, l, o, u.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kTextSize = 26;  // 130 bits, of which the first two are zero
}  // namespace

Raw make(const Clock& clock, Random& random) {
  Raw raw{};
  random.fill(raw);
  const auto millis = static_cast<std::uint64_t>(to_unix_millis(clock.now()));
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  raw[6] = static_cast<std::uint8_t>(0x70 | (raw[6] & 0x0f));
  raw[8] = static_cast<std::uint8_t>(0x80 | (raw[8] & 0x3f));
  return raw;
}

std::string format(std::string_view prefix, const Raw& raw) {
  std::string out(prefix);
  out.reserve(prefix.size() + kTextSize);
  unsigned group = 0;
  int bits = 2;  // two leading zero bits make 130
  for (const auto byte : raw) {
    group = (group << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += kAlphabet[(group >> bits) & 31];
    }
    group &= 0xff;
  }
  return out;
}

Expected<Raw> parse(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + kTextSize) {
    return fail(Errc::invalid_input, "not an id of the form " + std::string(prefix) +
                                         " and 26 characters of 0-9 and a-z");
  }
  text.remove_prefix(prefix.size());
  Raw raw{};
  unsigned group = 0;
  int bits = -2;
  std::size_t at = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) {
      return fail(Errc::invalid_input,
                  "an id has a character outside 0-9 and a-z without i, l, o, u");
    }
    group = (group << 5) | static_cast<unsigned>(value);
    bits += 5;
    if (at == 0 && bits == 3 && value > 7) {
      return fail(Errc::invalid_input, "an id begins with a digit from 0 to 7");
    }
    if (bits >= 8) {
      bits -= 8;
      raw[at++] = static_cast<std::uint8_t>(group >> bits);
    }
    group &= 0xff;
  }
  if (raw == Raw{}) return fail(Errc::invalid_input, "the nil id names nothing");
  return raw;
}

}  // namespace writ::id_detail
