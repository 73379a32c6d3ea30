// SPDX-License-Identifier: Apache-2.0
// Redactor: masks injected secrets in what comes back, however they are spelled and across any cut
// of the stream (protocol.md P18, failures.md 22). The second line: the first is that only declared
// operations are reachable. docs/threat-model.md lists what is looked for and what is not.
//
//   Redactor redactor;
//   redactor.add(RedactionPlan::of(secret));
//   redactor.push(piece, out);  // as often as there are pieces
//   redactor.finish(out);
//   if (redactor.unclear()) …   // the whole is to be withheld
//
// A nondeterministic automaton: from each place where a match may begin, each reading of the bytes
// is followed that is still possible. A reading is a pattern of the plan (redaction_plan.h), how
// many of its characters were read, the escape that is open (escape.h) and what stands between two
// characters (gap.h). An escape that stands for a lead begins the next, so that escapes may be
// escaped again: \\u0041, &amp;#65;, %2541, \u0026quot;. Where no reading is left, the stream is
// passed over to the next place.
//
// Only the bytes from the earliest reading on are held back, so a stream is never delayed by a
// fixed window. Where a reading cannot be followed to its end (padding without end, too many
// readings at once), the stream is unclear: nothing more comes out, and what it is a part of is to
// be withheld.
//
// A masked stretch becomes one short marker, which says nothing of the secret's length. It begins
// and ends with characters that the secret does not have, so cutting a match out never makes
// another. In base64 at most four bits of the secret's first byte can stand in a character shared
// with what is before it; that character stays.
//
// Possible matches are held in secret memory and wiped. Not thread-safe: one for each response.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "gateway/escape.h"
#include "gateway/gap.h"
#include "gateway/redaction_plan.h"

namespace writ::gateway {

class Redactor {
 public:
  // Masks nothing until add().
  Redactor() = default;
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  // Before the first push().
  void add(std::shared_ptr<const RedactionPlan> plan);
  bool empty() const { return plans_.empty(); }

  // Appends to `out` what may leave of `piece` and of what was held back before.
  void push(BytesView piece, Bytes& out);
  // The stream has ended: appends the rest.
  void finish(Bytes& out);
  // A text that is whole, such as a field's value; not in the middle of a stream. One that is
  // unclear is masked whole.
  std::string masked(std::string_view text);

  // Whether the stream, to its end, could not be followed.
  bool unclear() const { return unclear_; }
  // How many stretches were masked so far.
  std::uint64_t count() const { return count_; }
  // How many bytes are held back.
  std::size_t held() const { return held_size_; }

 private:
  static constexpr std::uint8_t kAnyPattern = 0xFF;
  static constexpr std::size_t kMostReadings = 64;
  static constexpr std::uint8_t kNone = 0xFF;

  struct Reading {
    std::uint64_t start = 0;
    std::uint32_t index = 0;  // of the pattern's next character
    std::uint16_t since = 0;  // bytes since the last one
    std::uint8_t plan = 0;
    std::uint8_t pattern = kAnyPattern;
    std::uint8_t nuls = 0;
    std::uint8_t below = kNone;  // another in the same slot
    Gap gap = {};
    Escape escape = {};

    // Whether the same bytes would complete it.
    bool is_like(const Reading& other) const;
    std::size_t hash() const;
  };
  struct Masked {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };

  bool idle() const { return readings_.empty(); }
  // The next place of `piece` from `from` on where a match may begin.
  std::size_t next(BytesView piece, std::size_t from);
  void feed(std::uint8_t byte);
  void step(Reading reading, std::uint8_t byte);
  // A character was read.
  void take(const Reading& reading, int value);
  void begin(std::uint8_t byte);
  void follow(const Reading& reading);
  void give_up();

  std::uint64_t earliest() const;
  // Up to where a possible match from `start` on holds nothing back.
  std::uint64_t free_from(std::uint64_t start) const;
  void mask(std::uint64_t from, std::uint64_t to);
  void hold(BytesView bytes);
  void pass(BytesView bytes, Bytes& out);
  void release(std::uint64_t until, Bytes& out);

  std::vector<std::shared_ptr<const RedactionPlan>> plans_;
  std::vector<std::size_t> next_;  // by plan: the next place in the piece under way
  std::string_view marker_ = "[redacted]";

  std::vector<Reading> readings_;         // that are possible
  std::vector<Reading> further_;          // the same after the byte under way
  std::array<std::uint8_t, 64> slots_{};  // further_ by hash: the last of each
  bool unclear_ = false;

  std::uint64_t at_ = 0;    // bytes of the stream seen
  std::uint64_t sent_ = 0;  // of these, let go or masked away
  SecretBytes held_;        // the bytes from sent_ to at_, at its front
  std::size_t held_size_ = 0;
  std::vector<Masked> masked_;  // in order, apart, beyond sent_
  bool in_masked_ = false;      // the byte before sent_ was masked
  std::uint64_t count_ = 0;
};

}  // namespace writ::gateway
