// SPDX-License-Identifier: Apache-2.0
// Receipt: a statement about an action that anyone who holds the log's public key can check with no
// server: the entry, its place, the proof that it is there, and the checkpoint that says so.
//
//   {"checkpoint":"<signed note>","entry":"<the entry's bytes, as text>","index":7,
//    "proof":["<base64>",…],"type":"writ-receipt","v":1}
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/checkpoint.h"
#include "audit/entry.h"
#include "audit/note.h"
#include "audit/proof.h"
#include "base/error.h"

namespace writ::audit {

struct ReceiptLimits {
  std::size_t bytes = 262144;
};

// VerifiedReceipt: only Receipt::verify() and issue() make it. Immutable.
class VerifiedReceipt {
 public:
  const Entry& entry() const { return entry_; }
  std::uint64_t index() const { return index_; }
  const SignedCheckpoint& checkpoint() const { return checkpoint_; }

 private:
  friend class Receipt;
  VerifiedReceipt(Entry entry, std::uint64_t index, SignedCheckpoint checkpoint)
      : entry_(std::move(entry)), index_(index), checkpoint_(std::move(checkpoint)) {}

  Entry entry_;
  std::uint64_t index_;
  SignedCheckpoint checkpoint_;
};

// Receipt: as received, proving nothing until verify(). Immutable.
class Receipt {
 public:
  // Checks the proof before it leaves: denied where it does not lead to the checkpoint's root.
  static Expected<Receipt> issue(const Entry& entry, std::uint64_t index, Proof proof,
                                 const SignedCheckpoint& checkpoint);

  static Expected<Receipt> parse(std::string_view json, const ReceiptLimits& limits = {});
  std::string to_json() const;  // RFC 8785

  // With a pinned key: unauthenticated where the checkpoint is not this key's, denied where the
  // entry is not at its place in that tree, invalid_input where the entry is none.
  Expected<VerifiedReceipt> verify(const NoteVerifier& verifier) const;

 private:
  Receipt() = default;

  std::string entry_;
  std::uint64_t index_ = 0;
  Proof proof_;
  std::string checkpoint_;
};

}  // namespace writ::audit
