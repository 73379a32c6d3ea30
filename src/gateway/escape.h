// SPDX-License-Identifier: Apache-2.0
// Escape: reads one escaped character, a byte at a time.
//
//   %41  %u0041                       URLs, and JavaScript's escape()
//   =41                               quoted-printable
//   \u0041  \u{41}  \U00000041        JSON and programming languages
//   \x41  \x{41}  \101                C, Python, Perl
//   \n  \r  \t  \"  \-                the short ones; a backslash before any other sign
//   &#65;  &#0065  &#x41;  &amp;      HTML
//
// Hexadecimal digits may be of either case. Where a semicolon or further digits may follow, the
// character is complete and may go on: the caller tries both. Of values above 0xFF it reads no more
// than it must to see that they are.
//
// Small values, without memory of their own. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>

namespace writ::gateway {

class Escape {
 public:
  Escape() = default;

  // Whether an escape can begin with this byte: % = \ &
  static bool is_lead(int byte) {
    return byte == '%' || byte == '=' || byte == '\\' || byte == '&';
  }
  // `lead` is one.
  static Escape begin(std::uint8_t lead);

  // Calls `use` with all pairs of bytes that may follow `lead` in an escape for `value`, some of
  // them perhaps twice. A value that is the lead of another escape is followed by how that goes on.
  enum class For : std::uint8_t { character, lead };
  using Beginning = std::function<void(std::uint8_t second, std::uint8_t third)>;
  static void beginnings(std::uint8_t lead, std::uint8_t value, For what, const Beginning& use);

  bool open() const { return kind_ != Kind::none; }

  struct Step;
  // Takes the next byte of an open escape.
  Step step(std::uint8_t byte) const;

  // Equal for equal states: which bytes would complete it.
  std::uint32_t state() const {
    return static_cast<std::uint32_t>(kind_) << 24 | std::uint32_t{digits_} << 16 | value_;
  }

 private:
  enum class Kind : std::uint8_t {
    none,
    percent,
    equals,
    backslash,
    hex2,    // after \x
    hex4,    // after \u or %u
    hex8,    // after \U
    braces,  // after \u{ or \x{
    octal,
    ampersand,
    decimal,      // after &#
    hexadecimal,  // after &#x
    name,         // after & and a letter
  };

  Escape(Kind kind, std::uint8_t digits, std::uint16_t value)
      : kind_(kind), digits_(digits), value_(value) {}
  Step read(std::uint8_t byte) const;
  Step digit_of(std::uint8_t byte, std::uint8_t digits) const;
  Step step_name(std::uint8_t byte) const;

  Kind kind_ = Kind::none;
  std::uint8_t digits_ = 0;  // read so far, of a name its letters; counts no further than it must
  std::uint16_t value_ = 0;  // of a name, the first that begins so
};

// Both at once where the character is complete and may go on.
struct Escape::Step {
  int value = -1;     // of the complete character
  Escape next;        // open where it goes on
  bool lead = false;  // the character may be the lead of another escape
};

}  // namespace writ::gateway
