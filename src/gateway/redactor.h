// SPDX-License-Identifier: Apache-2.0
// Redactor: masks an injected secret in what comes back, in each of its usual spellings, across any
// cut of the stream (protocol.md P18, failures.md 22). The second line: the first is that only
// declared operations are reachable.
//
// A few Knuth-Morris-Pratt automata run side by side, one for each way of writing:
//   as it is
//   with any of its characters as %XX, \uXXXX, \xXX or another JSON escape, mixed in any way
//   in hex of either case
//   in base64 or base64url at each of three alignments, itself escaped or not
// Escapes are read as the stream goes, so partial and mixed encodings need no patterns of their
// own. Each automaton knows where its possible match begins; only bytes from the earliest of these
// on are held back, so a stream is never delayed by a fixed window. At the edges of base64 at most
// four bits of the secret's first byte can stand in a character shared with what is before it; that
// character stays.
//
// A masked stretch becomes one short marker, which says nothing of the secret's length. The marker
// is made of characters that the secret does not have, so cutting a match out never makes another.
//
// What is held of the secret and of possible matches lies in secret memory and is wiped. Not
// thread-safe: one for each response.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/secret_bytes.h"
#include "gateway/lane.h"

namespace writ::gateway {

class Redactor {
 public:
  // Masks nothing until add().
  Redactor();
  ~Redactor();
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  // Before the first push(). The vault refuses secrets so short that they would match by accident;
  // an empty one is ignored.
  void add(const SecretBytes& secret);
  bool empty() const { return lanes_.empty(); }

  // Appends to `out` what may leave of `piece` and of what was held back before.
  void push(BytesView piece, Bytes& out);
  // The stream has ended: appends the rest.
  void finish(Bytes& out);
  // A text that is whole, such as a field's value; not in the middle of a stream.
  std::string masked(std::string_view text);

  // How many stretches were masked so far.
  std::uint64_t count() const { return count_; }
  // How many bytes are held back.
  std::size_t held() const { return held_size_; }

 private:
  struct Masked {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };

  // While no lane is within a possible match: how many bytes from the front begin none.
  std::size_t free_bytes(BytesView piece) const;
  void feed(std::uint8_t byte);
  // Up to where a possible match from `start` on holds nothing back.
  std::uint64_t free_from(std::uint64_t start) const;
  void mask(std::uint64_t from, std::uint64_t to);
  void hold(BytesView bytes);
  void release(std::uint64_t until, Bytes& out);

  std::vector<Lane> lanes_;
  std::string marker_ = "[redacted]";
  std::bitset<256> characters_;  // of the secrets
  Starts starts_;
  bool idle_ = true;  // no lane is within a possible match

  std::uint64_t at_ = 0;    // bytes of the stream seen
  std::uint64_t sent_ = 0;  // of these, let go or masked away
  SecretBytes held_;        // the bytes from sent_ to at_, at its front
  std::size_t held_size_ = 0;
  std::deque<Masked> masked_;  // in order, apart, beyond sent_
  bool in_masked_ = false;     // the byte before sent_ was masked
  std::uint64_t count_ = 0;
};

}  // namespace writ::gateway
