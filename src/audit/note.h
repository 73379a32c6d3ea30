// SPDX-License-Identifier: Apache-2.0
// Signed notes (c2sp.org/signed-note v1.0.0) with Ed25519 (type 0x01): text that is worth nothing
// until a known key's signature over it has been verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/ed25519.h"

namespace writ::audit {

struct NoteLimits {
  std::size_t bytes = 65536;
  std::size_t signatures = 32;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes signature;
  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

// SHA-256(name || 0x0A || 0x01 || public key)[:4], big-endian.
std::uint32_t note_key_id(std::string_view name, BytesView public_key);

// Non-empty UTF-8 without Unicode space, control characters or '+'.
bool is_key_name(std::string_view name);

// UnverifiedNote: a note by its syntax alone. parse() accepts what to_string() writes and nothing
// else, so a note has one spelling.
class UnverifiedNote {
 public:
  static Expected<UnverifiedNote> parse(std::string_view bytes, const NoteLimits& limits = {});

  const std::string& unverified_text() const { return text_; }  // ends in a newline
  const std::vector<NoteSignature>& signatures() const { return signatures_; }
  std::string to_string() const;

 private:
  UnverifiedNote(std::string text, std::vector<NoteSignature> signatures)
      : text_(std::move(text)), signatures_(std::move(signatures)) {}

  std::string text_;
  std::vector<NoteSignature> signatures_;
};

// NoteVerifier: a key to pin, with its name. Text form "name+hex key id+base64(0x01 || key)".
class NoteVerifier {
 public:
  // invalid_input where the name is not a key name.
  static Expected<NoteVerifier> create(std::string name, crypto::Ed25519PublicKey key);
  // invalid_input also where the key id does not belong to name and key; unsupported for another
  // signature type than Ed25519.
  static Expected<NoteVerifier> parse(std::string_view text);
  std::string to_string() const;

  const std::string& name() const { return name_; }
  std::uint32_t key_id() const { return key_id_; }

  // The text of a note that this key signed. unauthenticated where no signature is this key's, and
  // where any signature with this name and key id fails, even if another one holds.
  Expected<std::string> open(const UnverifiedNote& note) const;

 private:
  NoteVerifier(std::string name, crypto::Ed25519PublicKey key);

  std::string name_;
  std::uint32_t key_id_;
  crypto::Ed25519PublicKey key_;
};

// NoteSigner: a private key with its name. Move-only.
class NoteSigner {
 public:
  static Expected<NoteSigner> create(std::string name, crypto::Ed25519PrivateKey key);

  const std::string& name() const { return verifier_.name(); }
  const NoteVerifier& verifier() const { return verifier_; }

  // The whole note with one signature. The text is UTF-8, not empty, ends in a newline and has no
  // other control characters, else invalid_input.
  Expected<std::string> sign(std::string_view text) const;

 private:
  NoteSigner(crypto::Ed25519PrivateKey key, NoteVerifier verifier)
      : key_(std::move(key)), verifier_(std::move(verifier)) {}

  crypto::Ed25519PrivateKey key_;
  NoteVerifier verifier_;
};

}  // namespace writ::audit
