// SPDX-License-Identifier: Apache-2.0
// Gap: what may stand between two characters of a match without ending it.
//
//   one line break (LF, CR or CRLF), after it blanks or an event stream's "data:"
//   "=" before it, as quoted-printable breaks a line
//   NUL, up to three at once: the other bytes of UTF-16 and UTF-32
//   blanks, in base64 and lists of numbers
//   separators and "0x" between the bytes of hex
//
// A blank line ends a match, so the end of an event is never held back. The characters come as they
// are read: a line break in a JSON string is an escape. Small values. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/escape.h"
#include "gateway/redaction_plan.h"

namespace writ::gateway {

// The most bytes from one character of a match to the next.
inline constexpr std::size_t kLongestGap = 256;
inline constexpr std::uint8_t kMostNuls = 3;

inline bool gap_has_blanks(RedactionPlan::Form form) { return form != RedactionPlan::Form::raw; }

inline bool is_separator(RedactionPlan::Form form, int value) {
  if (value == ' ' || value == '\t') return gap_has_blanks(form);
  return form == RedactionPlan::Form::hex && value > 0 &&
         std::string_view(":-,;._|/\"'").contains(static_cast<char>(value));
}

// Whether something may begin with this byte that is no character of the match and does not end it.
inline bool may_interrupt(RedactionPlan::Form form, std::uint8_t byte) {
  return byte == 0 || byte == '\r' || byte == '\n' || Escape::is_lead(byte) ||
         is_separator(form, byte) || (form == RedactionPlan::Form::hex && byte == '0');
}

class Gap {
 public:
  // Of a match in this form; `whole` where the next character begins a byte of hex.
  std::optional<Gap> step(RedactionPlan::Form form, bool whole, int value) const {
    const bool separates = is_separator(form, value) && (whole || value == ' ' || value == '\t');
    switch (state_) {
      case State::none:
      case State::blank:
        if (value == '=' && state_ == State::none) return Gap(State::soft);
        if (value == '\r') return Gap(State::cr);
        if (value == '\n') return Gap(State::line);
        break;
      case State::soft:
        if (value == ' ' || value == '\t') return *this;
        if (value == '\r') return Gap(State::cr);
        if (value == '\n') return Gap(State::line);
        return std::nullopt;
      case State::cr:
        if (value == '\n') return Gap(State::line);
        [[fallthrough]];
      case State::line:
        if (value == 'd') return Gap(State::data, 1);
        if (value == ' ' || value == '\t') return Gap(State::line);
        break;
      case State::data:
        if (value != kData[letters_]) return std::nullopt;
        if (letters_ + 1U == kData.size()) return Gap(State::field);
        return Gap(State::data, static_cast<std::uint8_t>(letters_ + 1));
      case State::field:
        if (value == ' ' || value == '\t') return *this;
        break;
      case State::zero:
        if (value == 'x' || value == 'X') return Gap(State::prefix);
        return std::nullopt;
      case State::prefix:
        return std::nullopt;
    }
    const bool broken = state_ == State::cr || state_ == State::line || state_ == State::field;
    if (separates) return Gap(broken ? State::field : State::blank);
    if (value == '0' && whole && form == RedactionPlan::Form::hex) return Gap(State::zero);
    return std::nullopt;
  }

  // Whether the next character of the match may follow.
  bool may_end() const {
    return state_ != State::soft && state_ != State::data && state_ != State::zero;
  }

  std::uint32_t state() const { return static_cast<std::uint32_t>(state_) << 8 | letters_; }

  Gap() = default;

 private:
  enum class State : std::uint8_t { none, soft, cr, line, data, field, blank, zero, prefix };
  static constexpr std::string_view kData = "data:";

  explicit Gap(State state, std::uint8_t letters = 0) : state_(state), letters_(letters) {}

  State state_ = State::none;
  std::uint8_t letters_ = 0;  // of "data:"
};

}  // namespace writ::gateway
