// SPDX-License-Identifier: Apache-2.0
// Spellings: for tests and the fuzz target, how honest encoders write a secret. Each is a row of
// the table in docs/threat-model.md and is masked. What an encoder may choose (which characters it
// escapes, widths, cases) comes from dice.
#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/encoding.h"

namespace writ::gateway {

// Numbers that a seed decides.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}
  std::size_t below(std::size_t bound) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ >> 16) % bound;
  }
  bool coin() { return below(2) == 0; }
  template <typename T, std::size_t N>
  T one_of(const T (&list)[N]) {
    return list[below(N)];
  }

 private:
  std::uint64_t state_;
};

namespace spelling_detail {

inline std::string printed(const char* format, unsigned value) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}
inline unsigned code(char c) { return static_cast<unsigned char>(c); }

// Some characters, or all, by `escape`; never one that `must` names as it is.
template <typename EscapeOne>
std::string some(std::string_view secret, Dice& dice, std::string_view must,
                 const EscapeOne& escape) {
  const auto every = 1 + dice.below(4);
  std::string out;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const bool escaped = i % every == 0 || must.contains(secret[i]);
    out += escaped ? escape(secret[i]) : std::string(1, secret[i]);
  }
  return out;
}

inline std::string json_string(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    if (c == '\r') out += "\\r";
    if (c != '\n' && c != '\r') out += c;
  }
  return out;
}

inline std::string percent(char c, Dice& dice) {
  return printed(dice.coin() ? "%%%02x" : "%%%02X", code(c));
}

inline std::string entity(char c, Dice& dice) {
  static constexpr std::pair<char, std::string_view> kNames[] = {
      {'&', "amp"},   {'<', "lt"},  {'>', "gt"},   {'"', "quot"},
      {'\'', "apos"}, {'/', "sol"}, {'+', "plus"}, {'=', "equals"}};
  for (const auto& [named, name] : kNames) {
    if (named == c && dice.coin()) return "&" + std::string(name) + ";";
  }
  const std::string zeros(dice.below(5), '0');
  if (dice.coin()) return "&#" + zeros + std::to_string(code(c));
  return (dice.coin() ? "&#x" : "&#X") + zeros + printed(dice.coin() ? "%x" : "%X", code(c));
}

inline std::string html(std::string_view secret, Dice& dice) {
  // Without a semicolon where no digit follows.
  const auto every = 1 + dice.below(4);
  std::string out;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    if (i % every != 0 && !std::string_view("&<>\"'").contains(secret[i])) {
      out += secret[i];
      continue;
    }
    const auto one = entity(secret[i], dice);
    const bool may_lack =
        i + 1 < secret.size() && !std::isxdigit(static_cast<int>(code(secret[i + 1]))) &&
        secret[i + 1] != ';' && i % every == 0 && !one.ends_with(';') && every > 1;
    out += one;
    if (!one.ends_with(';') && !(may_lack && dice.coin())) out += ';';
  }
  return out;
}

inline std::string lines(std::string_view text, Dice& dice, std::size_t width) {
  const auto* const end = dice.coin() ? "\n" : "\r\n";
  const std::string indent(dice.coin() ? 0 : dice.below(5), ' ');
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += width) {
    if (at > 0) out += end + indent;
    out += text.substr(at, width);
  }
  return out;
}

// At one of the three alignments, within other text.
inline std::string base64(std::string_view secret, Dice& dice) {
  const auto text = std::string(std::string_view("Bearer: ").substr(dice.below(8))) +
                    std::string(secret) + (dice.coin() ? "\",tail" : "");
  return dice.coin() ? base64_encode(as_bytes(text)) : base64url_encode(as_bytes(text));
}

inline std::string quoted_printable(std::string_view secret, Dice& dice) {
  const auto width = 1 + dice.below(20);
  const auto* const end = dice.coin() ? "=\n" : "=\r\n";
  const auto every = 1 + dice.below(4);
  std::string out;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    if (i > 0 && i % width == 0) out += end;
    const bool escaped = secret[i] == '=' || i % every == 0;
    out += escaped ? printed(dice.coin() ? "=%02X" : "=%02x", code(secret[i]))
                   : std::string(1, secret[i]);
  }
  return out;
}

inline std::string hex(std::string_view secret, Dice& dice, std::string_view before,
                       std::string_view between) {
  const auto* const format = dice.coin() ? "%02x" : "%02X";
  std::string out;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    if (i > 0) out += between;
    if (i > 0) out += before;
    out += printed(format, code(secret[i]));
  }
  return out;
}

inline std::string wide(std::string_view secret, std::size_t before, std::size_t after) {
  std::string out;
  for (const char c : secret) out += std::string(before, '\0') + c + std::string(after, '\0');
  return out;
}

}  // namespace spelling_detail

struct Spelling {
  std::string_view encoding;  // as the table names it
  std::string (*write)(std::string_view secret, Dice& dice);
};

// Each of them is masked.
inline const std::vector<Spelling>& masked_spellings() {
  using namespace spelling_detail;
  static const std::vector<Spelling> all = {
      {"as it is", [](std::string_view s, Dice&) { return std::string(s); }},
      {"percent-encoding",
       [](std::string_view s, Dice& d) {
         return some(s, d, "%", [&](char c) { return percent(c, d); });
       }},
      {"percent-encoding, twice",
       [](std::string_view s, Dice& d) {
         return some(s, d, "%", [&](char c) { return "%25" + percent(c, d).substr(1); });
       }},
      {"JSON escapes",
       [](std::string_view s, Dice& d) {
         return some(s, d, "\"\\", [&](char c) {
           if ((c == '"' || c == '\\' || c == '/') && d.coin()) return std::string{'\\', c};
           return printed(d.coin() ? "\\u%04x" : "\\u%04X", code(c));
         });
       }},
      {"JSON inside a JSON string",
       [](std::string_view s, Dice& d) {
         auto text = some(s, d, "\"\\", [&](char c) {
           if ((c == '"' || c == '\\' || c == '/') && d.coin()) return std::string{'\\', c};
           return printed(d.coin() ? "\\u%04x" : "\\u%04X", code(c));
         });
         for (auto more = 1 + d.below(2); more > 0; --more) text = json_string(text);
         return text;
       }},
      {"escapes of programming languages",
       [](std::string_view s, Dice& d) {
         return some(s, d, "\\%", [&](char c) {
           static constexpr const char* kFormats[] = {"\\x%02x",   "\\x%02X", "\\x{%x}", "\\u{%x}",
                                                      "\\u{00%X}", "\\U%08x", "%%u%04X"};
           return printed(d.one_of(kFormats), code(c));
         });
       }},
      {"octal escapes",
       [](std::string_view s, Dice& d) {
         return some(s, d, "\\", [&](char c) { return printed("\\%03o", code(c)); });
       }},
      {"HTML entities", html},
      {"HTML entities, escaped twice",
       [](std::string_view s, Dice& d) {
         std::string out;
         for (const char c : html(s, d)) out += c == '&' ? "&amp;" : std::string(1, c);
         return out;
       }},
      {"HTML inside a JSON string",
       [](std::string_view s, Dice& d) {
         std::string out;
         for (const char c : html(s, d)) {
           if (c == '\\') out += "\\\\";
           if (c == '&') out += d.coin() ? "\\u0026" : "&";
           if (c != '\\' && c != '&') out += c;
         }
         return out;
       }},
      {"base64 and base64url", base64},
      {"base64 in lines",
       [](std::string_view s, Dice& d) {
         static constexpr std::size_t kWidths[] = {76, 64, 60, 16, 4, 3, 1};
         return lines(base64(s, d), d, d.one_of(kWidths));
       }},
      {"base64 in lines inside a JSON string",
       [](std::string_view s, Dice& d) {
         static constexpr std::size_t kWidths[] = {76, 64, 16, 5};
         return json_string(lines(base64(s, d), d, d.one_of(kWidths)));
       }},
      {"base64, escaped",
       [](std::string_view s, Dice& d) {
         std::string out;
         for (const char c : base64(s, d)) {
           const bool sign = c == '+' || c == '/' || c == '=';
           static constexpr const char* kFormats[] = {"%%%02X", "\\u%04x", "&#%u;", "=%02X"};
           out += sign ? printed(d.one_of(kFormats), code(c)) : std::string(1, c);
         }
         return out;
       }},
      {"quoted-printable", quoted_printable},
      {"hex", [](std::string_view s, Dice& d) { return hex(s, d, "", ""); }},
      {"hex with separators",
       [](std::string_view s, Dice& d) {
         static constexpr std::string_view kBetween[] = {" ",  ":",    "-",   ", ",
                                                         "\n", "\r\n", "\\n", "."};
         static constexpr std::string_view kBefore[] = {"", "0x", "", "0X"};
         return hex(s, d, d.one_of(kBefore), d.one_of(kBetween));
       }},
      {"a list of its bytes as decimal numbers",
       [](std::string_view s, Dice& d) {
         static constexpr std::string_view kBetween[] = {",", ", ", " ", ",\n  ", "; "};
         const auto between = d.one_of(kBetween);
         std::string out;
         for (const char c : s) {
           if (!out.empty()) out += between;
           out += std::to_string(code(c));
         }
         return out;
       }},
      {"line breaks within it",
       [](std::string_view s, Dice& d) { return lines(s, d, 1 + d.below(20)); }},
      {"`data:` lines of one event",
       [](std::string_view s, Dice& d) {
         const auto width = 1 + d.below(20);
         const std::string between =
             std::string(d.coin() ? "\n" : "\r\n") + (d.coin() ? "data: " : "data:");
         std::string out;
         for (std::size_t at = 0; at < s.size(); at += width) {
           if (at > 0) out += between;
           out += s.substr(at, width);
         }
         return out;
       }},
      {"UTF-16 and UTF-32 that nobody declared",
       [](std::string_view s, Dice& d) {
         static constexpr std::size_t kNuls[][2] = {{1, 0}, {0, 1}, {3, 0}, {0, 3}};
         const auto& nuls = kNuls[d.below(4)];
         return wide(s, nuls[0], nuls[1]);
       }},
  };
  return all;
}

}  // namespace writ::gateway
