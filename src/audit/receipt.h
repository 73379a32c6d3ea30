// SPDX-License-Identifier: Apache-2.0
// Receipt: a statement about an action that anyone who holds the log's public key can check with no
// server: the entry, its place, the proof that it is there, and the checkpoint that says so.
//
//   {"checkpoint":"<signed note>","entry":"<the entry's bytes, as text>","index":7,
//    "proof":["<base64>",…],"salt":hex,"statement":"<canonical JSON>","type":"writ-receipt","v":2}
//
// Salt and statement are there while they exist: they open what the entry commits to. Without them
// the receipt still proves the entry, so whoever hands one on may leave both out. Version 1 had
// neither, and is still read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/checkpoint.h"
#include "audit/entry.h"
#include "audit/note.h"
#include "audit/proof.h"
#include "base/error.h"

namespace writ::audit {

struct ReceiptLimits {
  std::size_t bytes = std::size_t{8} << 20;
};
// A longer statement is not put into a receipt.
inline constexpr std::size_t kMaxReceiptStatement = std::size_t{1} << 20;

// What an entry's commitments are to.
struct Opening {
  Digest salt{};
  std::string statement;
};

// VerifiedReceipt: only Receipt::verify() and issue() make it. Immutable.
class VerifiedReceipt {
 public:
  const Entry& entry() const { return entry_; }
  std::uint64_t index() const { return index_; }
  const SignedCheckpoint& checkpoint() const { return checkpoint_; }
  // What was done, where the receipt says it: the entry commits to it.
  const std::optional<Opening>& opening() const { return opening_; }

 private:
  friend class Receipt;
  VerifiedReceipt(Entry entry, std::uint64_t index, SignedCheckpoint checkpoint,
                  std::optional<Opening> opening)
      : entry_(std::move(entry)),
        index_(index),
        checkpoint_(std::move(checkpoint)),
        opening_(std::move(opening)) {}

  Entry entry_;
  std::uint64_t index_;
  SignedCheckpoint checkpoint_;
  std::optional<Opening> opening_;
};

// Receipt: as received, proving nothing until verify(). Immutable.
class Receipt {
 public:
  // Checks proof and opening before they leave: denied where the proof does not lead to the
  // checkpoint's root, or the entry does not commit to the opening.
  static Expected<Receipt> issue(const Entry& entry, std::uint64_t index, Proof proof,
                                 const SignedCheckpoint& checkpoint,
                                 std::optional<Opening> opening = std::nullopt);

  static Expected<Receipt> parse(std::string_view json, const ReceiptLimits& limits = {});
  std::string to_json() const;                             // RFC 8785
  bool says_what() const { return opening_.has_value(); }  // has salt and statement

  // With a pinned key: unauthenticated where the checkpoint is not this key's, denied where the
  // entry is not at its place in that tree or does not commit to the statement, invalid_input where
  // the entry is none.
  Expected<VerifiedReceipt> verify(const NoteVerifier& verifier) const;

 private:
  Receipt() = default;

  std::string entry_;
  std::uint64_t index_ = 0;
  Proof proof_;
  std::string checkpoint_;
  std::optional<Opening> opening_;
};

}  // namespace writ::audit
