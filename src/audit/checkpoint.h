// SPDX-License-Identifier: Apache-2.0
// Checkpoints (c2sp.org/tlog-checkpoint v1): a log's size and root, signed by the log as a note.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "base/bytes.h"
#include "base/error.h"

namespace writ::audit {

struct Checkpoint {
  std::string origin;  // which log; equals the name of the key that signs
  std::uint64_t size = 0;
  Digest root{};
  std::vector<std::string> extensions;  // opaque lines; Writ writes none

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The note's text: origin, decimal size, base64 root, extensions, a line each. invalid_input where
// a line is empty or holds a control character, or the size is over kMaxTreeSize.
Expected<std::string> checkpoint_text(const Checkpoint& checkpoint);
// The inverse; one spelling. A text that parses has proved nothing: see SignedCheckpoint.
Expected<Checkpoint> parse_checkpoint_text(std::string_view text);

// SignedCheckpoint: a checkpoint whose signature by its log's key was made or verified here.
// Immutable.
class SignedCheckpoint {
 public:
  // invalid_input where the origin is not the signer's name.
  static Expected<SignedCheckpoint> sign(const Checkpoint& checkpoint, const NoteSigner& signer);
  // unauthenticated where the key did not sign it, denied where it speaks of another log than the
  // key's name says, invalid_input where it is no checkpoint.
  static Expected<SignedCheckpoint> open(std::string_view note, const NoteVerifier& verifier);

  const std::string& origin() const { return checkpoint_.origin; }
  std::uint64_t size() const { return checkpoint_.size; }
  const Digest& root() const { return checkpoint_.root; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const std::string& note() const { return note_; }  // the signed bytes, as stored and served

 private:
  SignedCheckpoint(Checkpoint checkpoint, std::string note)
      : checkpoint_(std::move(checkpoint)), note_(std::move(note)) {}

  Checkpoint checkpoint_;
  std::string note_;
};

}  // namespace writ::audit
