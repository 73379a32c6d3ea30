// SPDX-License-Identifier: Apache-2.0
// Lane: the inside of redactor.h: one automaton for one way of writing one secret, fed a byte at a
// time. Of one thread.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"

namespace writ::gateway {

// Which two bytes a match of any lane can begin with: all that is looked at between matches.
struct Starts {
  std::array<std::uint8_t, 256> row{};          // of the first byte; 0: none begins so
  std::vector<std::bitset<256>> second = {{}};  // by row
  bool backslash = false;  // some lane that reads a backslash as itself begins with one

  std::bitset<256>& after(std::uint8_t first) {
    if (row[first] == 0) {
      row[first] = static_cast<std::uint8_t>(second.size());
      second.emplace_back();
    }
    return second[row[first]];
  }
  // `next` is null at the end of what has come.
  bool may_begin(std::uint8_t first, const std::uint8_t* next) const {
    return row[first] != 0 && (next == nullptr || second[row[first]][*next]);
  }
};

namespace lane_detail {

inline constexpr int kNoByte = 256;  // a character that no secret has

// How a lane reads the stream before it compares.
struct Reading {
  bool percent = false;
  bool backslash = false;
  enum class Fold : std::uint8_t { none, lower, base64 } fold = Fold::none;
};

inline int folded(Reading::Fold fold, int value) {
  if (fold == Reading::Fold::lower && value >= 'A' && value <= 'Z') return value + 32;
  if (fold == Reading::Fold::base64) {
    if (value == '-') return '+';
    if (value == '_') return '/';
  }
  return value;
}

// Calls `use` with each byte that folds to `value`.
template <typename Use>
void unfolded(Reading::Fold fold, std::uint8_t value, const Use& use) {
  use(value);
  if (fold == Reading::Fold::lower && value >= 'a' && value <= 'z') {
    use(static_cast<std::uint8_t>(value - 32));
  }
  if (fold == Reading::Fold::base64 && value == '+') use(std::uint8_t{'-'});
  if (fold == Reading::Fold::base64 && value == '/') use(std::uint8_t{'_'});
}

inline constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
inline constexpr std::string_view kAfterBackslash = "\"'\\/bfnrtux";

inline int hex_value(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline int short_escape(std::uint8_t c) {
  switch (c) {
    case '"':
    case '\'':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return -1;
  }
}

// An escape that may be under way: "%", "%4", "\", "\u00"… At most five bytes.
class Escape {
 public:
  bool open() const { return size_ > 0; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  void begin(std::uint8_t byte) {
    bytes_[0] = byte;
    size_ = 1;
  }
  void clear() { size_ = 0; }

  enum class Step : std::uint8_t { goes_on, complete, broken };
  // Takes a byte that may follow; `value` of a complete one.
  Step step(std::uint8_t byte, int& value) {
    if (size_ == 1 && bytes_[0] == '\\') {
      if (byte == 'u' || byte == 'x') return keep(byte);
      value = short_escape(byte);
      return value < 0 ? Step::broken : Step::complete;
    }
    if (hex_value(byte) < 0) return Step::broken;
    const std::size_t prefix = bytes_[0] == '%' ? 1 : 2;
    const std::size_t digits = bytes_[0] == '\\' && bytes_[1] == 'u' ? 4 : 2;
    if (size_ + 1 < prefix + digits) return keep(byte);
    value = 0;
    for (std::size_t i = prefix; i < size_; ++i) value = value * 16 + hex_value(bytes_[i]);
    value = value * 16 + hex_value(byte);
    if (value > 0xFF) value = kNoByte;
    return Step::complete;
  }

 private:
  Step keep(std::uint8_t byte) {
    bytes_[size_++] = byte;
    return Step::goes_on;
  }

  std::array<std::uint8_t, 6> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace lane_detail

// One way of writing one secret. A match is complete from `certain` characters of the pattern on
// and grows with those that follow.
class Lane {
 public:
  Lane(SecretBytes pattern, std::size_t certain, lane_detail::Reading reading)
      : pattern_(std::move(pattern)),
        text_(pattern_.reveal()),
        certain_(certain),
        reading_(reading),
        fall_(text_.size() + 1, 0) {
    for (std::size_t i = 1, k = 0; i < text_.size(); ++i) {
      while (k > 0 && text_[i] != text_[k]) k = fall_[k];
      if (text_[i] == text_[k]) ++k;
      fall_[i + 1] = static_cast<std::uint32_t>(k);
    }
    if (decodes()) widths_.resize(text_.size());
  }
  Lane(Lane&&) noexcept = default;
  Lane& operator=(Lane&&) = delete;
  // Where a pattern repeats itself says something about it too.
  ~Lane() { wipe({reinterpret_cast<std::uint8_t*>(fall_.data()), fall_.size() * sizeof fall_[0]}); }

  bool idle() const { return state_ == 0 && !escape_.open(); }
  // Where the possible match under way begins.
  std::uint64_t start() const { return read_ - span_; }
  // The lane is idle, and the stream is at `at`.
  void skip_to(std::uint64_t at) { read_ = at; }

  void add_to(Starts& starts) const {
    // After any other byte a match begun with the first is over, and nothing is left of it. An
    // escape is always read to its end, so that its characters never count as others.
    lane_detail::unfolded(reading_.fold, text_[0], [&](std::uint8_t first) {
      auto& second = starts.after(first);
      if (text_.size() == 1) {
        second.set();
        return;
      }
      lane_detail::unfolded(reading_.fold, text_[1], [&](std::uint8_t byte) { second.set(byte); });
      if (reading_.percent) second.set('%');
      if (reading_.backslash) second.set('\\');
    });
    if (text_[0] == '\\' && !reading_.backslash) starts.backslash = true;
    if (reading_.percent) {
      for (const char c : lane_detail::kHexDigits)
        starts.after('%').set(static_cast<std::uint8_t>(c));
    }
    if (reading_.backslash) {
      for (const char c : lane_detail::kAfterBackslash)
        starts.after('\\').set(static_cast<std::uint8_t>(c));
    }
  }

  // Calls `found(from, to)` for each match, and each time that one grows.
  template <typename Found>
  void feed(std::uint8_t byte, const Found& found) {
    if (!decodes()) {
      take(byte, 1, found);
      return;
    }
    while (escape_.open()) {
      int value = 0;
      const auto size = escape_.bytes().size();
      switch (escape_.step(byte, value)) {
        case lane_detail::Escape::Step::goes_on:
          return;
        case lane_detail::Escape::Step::complete:
          escape_.clear();
          take(value, static_cast<std::uint8_t>(size + 1), found);
          return;
        case lane_detail::Escape::Step::broken:
          break;
      }
      // Not an escape after all: its bytes stand for themselves. None but the first can begin one.
      std::array<std::uint8_t, 6> literal{};
      const auto bytes = escape_.bytes();
      std::ranges::copy(bytes, literal.begin());
      escape_.clear();
      for (std::size_t i = 0; i < size; ++i) take(literal[i], 1, found);
    }
    if (is_lead(byte)) {
      escape_.begin(byte);
    } else {
      take(byte, 1, found);
    }
  }

  void reset() {
    state_ = 0;
    span_ = 0;
    read_ = 0;
    escape_.clear();
  }

 private:
  bool decodes() const { return reading_.percent || reading_.backslash; }
  bool is_lead(std::uint8_t byte) const {
    return (reading_.percent && byte == '%') || (reading_.backslash && byte == '\\');
  }

  // Characters of the match under way stand in widths_ as in a ring; the oldest go first.
  void fall() {
    const std::size_t next = fall_[state_];
    if (!decodes()) {
      span_ = next;
    } else {
      for (std::size_t i = next; i < state_; ++i) {
        span_ -= widths_[oldest_];
        oldest_ = oldest_ + 1 == widths_.size() ? 0 : oldest_ + 1;
      }
    }
    state_ = next;
  }

  template <typename Found>
  void take(int value, std::uint8_t width, const Found& found) {
    value = lane_detail::folded(reading_.fold, value);
    read_ += width;
    while (state_ > 0 && text_[state_] != value) fall();
    if (text_[state_] != value) {
      span_ = 0;
      return;
    }
    if (decodes()) widths_[(oldest_ + state_) % widths_.size()] = width;
    span_ += width;
    if (++state_ >= certain_) found(start(), read_);
    // The next match may begin within this one.
    if (state_ == text_.size()) fall();
  }

  SecretBytes pattern_;
  BytesView text_;
  std::size_t certain_;
  lane_detail::Reading reading_;
  std::vector<std::uint32_t> fall_;  // by length of a prefix: its longest border

  std::size_t state_ = 0;             // characters of the pattern matched
  std::uint64_t read_ = 0;            // bytes of the stream taken, an open escape not counted
  std::uint64_t span_ = 0;            // bytes of the match under way
  std::vector<std::uint8_t> widths_;  // bytes of each of its characters
  std::size_t oldest_ = 0;
  lane_detail::Escape escape_;
};

}  // namespace writ::gateway
