// SPDX-License-Identifier: Apache-2.0
#include "audit/note.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/utf8.h"

namespace writ::audit {
namespace {

constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::string_view kSignaturePrefix = "\xe2\x80\x94 ";  // U+2014 and a space

std::unexpected<Error> not_a_note(std::string message) {
  return fail(Errc::invalid_input, std::move(message), "note");
}

// Unicode's White_Space, as far as it is not an ASCII control character.
bool is_space(char32_t c) {
  return c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

// What a note may consist of: UTF-8 without control characters other than newline.
bool is_note_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return is_control(c) && c != '\n'; }) &&
         is_utf8(text);
}

std::array<std::uint8_t, kKeyIdBytes> big_endian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::uint32_t from_big_endian(BytesView bytes) {
  std::uint32_t value = 0;
  for (const auto byte : bytes.first(kKeyIdBytes)) value = value << 8 | byte;
  return value;
}

std::string signature_line(std::string_view name, std::uint32_t key_id, BytesView signature) {
  const auto id = big_endian(key_id);
  Bytes bytes(id.begin(), id.end());
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  std::string line(kSignaturePrefix);
  line.append(name).append(" ").append(base64_encode(bytes)).append("\n");
  return line;
}

// Without its newline.
Expected<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kSignaturePrefix))
    return not_a_note("a signature line begins with no dash");
  line.remove_prefix(kSignaturePrefix.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space)))
    return not_a_note("a signature line has no key name");
  const auto bytes = base64_decode(line.substr(space + 1));
  if (!bytes || bytes->size() <= kKeyIdBytes)
    return not_a_note("a signature is not base64 of a key id and a signature");
  return NoteSignature{.name = std::string(line.substr(0, space)),
                       .key_id = from_big_endian(*bytes),
                       .signature = to_bytes(BytesView(*bytes).subspan(kKeyIdBytes))};
}

}  // namespace

std::uint32_t note_key_id(std::string_view name, BytesView public_key) {
  static constexpr std::uint8_t kSeparator[] = {0x0a, kEd25519};
  return from_big_endian(
      crypto::Sha256().update(name).update(BytesView(kSeparator)).update(public_key).finish());
}

bool is_key_name(std::string_view name) {
  if (name.empty()) return false;
  for (std::size_t at = 0; at < name.size();) {
    if (is_control(name[at]) || name[at] == '+') return false;
    const auto code_point = next_code_point(name, at);
    if (!code_point || is_space(*code_point)) return false;
  }
  return true;
}

Expected<UnverifiedNote> UnverifiedNote::parse(std::string_view bytes, const NoteLimits& limits) {
  if (bytes.size() > limits.bytes) return fail(Errc::too_large, "the note is too long", "note");
  if (!is_note_text(bytes)) return not_a_note("not UTF-8, or with control characters");
  // The last empty line ends the text; the text may have empty lines of its own.
  const auto blank = bytes.rfind("\n\n");
  if (blank == std::string_view::npos) return not_a_note("no blank line before the signatures");
  std::string text(bytes.substr(0, blank + 1));
  auto rest = bytes.substr(blank + 2);
  if (rest.empty()) return not_a_note("no signatures");

  std::vector<NoteSignature> signatures;
  while (!rest.empty()) {
    if (signatures.size() == limits.signatures)
      return fail(Errc::too_large, "the note has too many signatures", "note");
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return not_a_note("the last line does not end");
    WRIT_TRY(auto signature, parse_signature_line(rest.substr(0, end)));
    signatures.push_back(std::move(signature));
    rest.remove_prefix(end + 1);
  }
  return UnverifiedNote(std::move(text), std::move(signatures));
}

std::string UnverifiedNote::to_string() const {
  auto note = text_ + "\n";
  for (const auto& [name, key_id, signature] : signatures_)
    note += signature_line(name, key_id, signature);
  return note;
}

NoteVerifier::NoteVerifier(std::string name, crypto::Ed25519PublicKey key)
    : name_(std::move(name)), key_id_(note_key_id(name_, BytesView(key.raw()))), key_(key) {}

Expected<NoteVerifier> NoteVerifier::create(std::string name, crypto::Ed25519PublicKey key) {
  if (!is_key_name(name))
    return fail(Errc::invalid_input, "a key's name is text without spaces and '+'", "key name");
  return NoteVerifier(std::move(name), key);
}

Expected<NoteVerifier> NoteVerifier::parse(std::string_view text) {
  constexpr std::string_view kWhere = "verifier key";
  // The name has no '+', the base64 may have one.
  const auto first = text.find('+');
  const auto second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos)
    return fail(Errc::invalid_input, "not name+id+key", std::string(kWhere));
  const auto bytes = base64_decode(text.substr(second + 1));
  if (!bytes || bytes->empty())
    return fail(Errc::invalid_input, "the key is not base64", std::string(kWhere));
  if (bytes->front() != kEd25519)
    return fail(Errc::unsupported, "not an Ed25519 key", std::string(kWhere));
  WRIT_TRY(auto key, crypto::Ed25519PublicKey::from_raw(BytesView(*bytes).subspan(1)));
  WRIT_TRY(auto verifier, create(std::string(text.substr(0, first)), key));
  // Compared as a whole: the id is then this key's, in its one spelling.
  if (verifier.to_string() != text)
    return fail(Errc::invalid_input, "the id is not that of this name and key", std::string(kWhere),
                "copy the whole line again");
  return verifier;
}

std::string NoteVerifier::to_string() const {
  Bytes key{kEd25519};
  key.insert(key.end(), key_.raw().begin(), key_.raw().end());
  return name_ + "+" + hex_encode(big_endian(key_id_)) + "+" + base64_encode(key);
}

Expected<std::string> NoteVerifier::open(const UnverifiedNote& note) const {
  bool verified = false;
  for (const auto& [name, key_id, signature] : note.signatures()) {
    // Others' signatures say nothing to us, even where name or id alone is ours.
    if (name != name_ || key_id != key_id_) continue;
    if (!key_.verify(as_bytes(note.unverified_text()), signature))
      return fail(Errc::unauthenticated, "the signature of " + name_ + " does not verify", "note");
    verified = true;
  }
  if (!verified)
    return fail(Errc::unauthenticated,
                "not signed by the key " + name_ + "+" + hex_encode(big_endian(key_id_)), "note");
  return note.unverified_text();
}

Expected<NoteSigner> NoteSigner::create(std::string name, crypto::Ed25519PrivateKey key) {
  WRIT_TRY(auto verifier, NoteVerifier::create(std::move(name), key.public_key()));
  return NoteSigner(std::move(key), std::move(verifier));
}

Expected<std::string> NoteSigner::sign(std::string_view text) const {
  if (!text.ends_with('\n') || !is_note_text(text))
    return fail(Errc::invalid_input, "a note's text is UTF-8 lines without control characters",
                "note");
  return std::string(text) + "\n" +
         signature_line(verifier_.name(), verifier_.key_id(), key_.sign(as_bytes(text)));
}

}  // namespace writ::audit
