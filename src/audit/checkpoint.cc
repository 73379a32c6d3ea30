// SPDX-License-Identifier: Apache-2.0
#include "audit/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "audit/tree.h"
#include "base/encoding.h"
#include "wire/utf8.h"

namespace writ::audit {
namespace {

std::unexpected<Error> not_a_checkpoint(std::string message) {
  return fail(Errc::invalid_input, std::move(message), "checkpoint");
}

bool is_line(std::string_view line) {
  return !line.empty() && is_utf8(line) &&
         std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// The next line, which ends in a newline; nothing at the end or where it does not end.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

Expected<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, size);
  if (result.ec != std::errc() || result.ptr != end || size > kMaxTreeSize ||
      std::to_string(size) != text)
    return not_a_checkpoint("the second line is not a tree size");
  return size;
}

}  // namespace

Expected<std::string> checkpoint_text(const Checkpoint& checkpoint) {
  if (!is_line(checkpoint.origin)) return not_a_checkpoint("the origin is not a line of text");
  if (checkpoint.size > kMaxTreeSize) return not_a_checkpoint("a log holds fewer than 2^53 leaves");
  auto text = checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
              base64_encode(checkpoint.root) + "\n";
  for (const auto& line : checkpoint.extensions) {
    if (!is_line(line)) return not_a_checkpoint("an extension is not a line of text");
    text += line + "\n";
  }
  return text;
}

Expected<Checkpoint> parse_checkpoint_text(std::string_view text) {
  const auto origin = take_line(text);
  const auto size = take_line(text);
  const auto root = take_line(text);
  if (!root) return not_a_checkpoint("fewer than three lines");
  if (!is_line(*origin)) return not_a_checkpoint("the origin is not a line of text");

  Checkpoint checkpoint;
  checkpoint.origin = *origin;
  WRIT_TRY(checkpoint.size, parse_size(*size));
  const auto bytes = base64_decode(*root);
  if (!bytes || bytes->size() != checkpoint.root.size())
    return not_a_checkpoint("the third line is not base64 of a root hash");
  std::ranges::copy(*bytes, checkpoint.root.begin());
  while (const auto line = take_line(text)) {
    if (!is_line(*line)) return not_a_checkpoint("an extension is not a line of text");
    checkpoint.extensions.emplace_back(*line);
  }
  if (!text.empty()) return not_a_checkpoint("the last line does not end");
  return checkpoint;
}

Expected<SignedCheckpoint> SignedCheckpoint::sign(const Checkpoint& checkpoint,
                                                  const NoteSigner& signer) {
  if (checkpoint.origin != signer.name())
    return not_a_checkpoint("the origin is not the name of the key that is to sign");
  WRIT_TRY(const auto text, checkpoint_text(checkpoint));
  WRIT_TRY(auto note, signer.sign(text));
  return SignedCheckpoint(checkpoint, std::move(note));
}

Expected<SignedCheckpoint> SignedCheckpoint::open(std::string_view note,
                                                  const NoteVerifier& verifier) {
  WRIT_TRY(const auto unverified, UnverifiedNote::parse(note));
  WRIT_TRY(const auto text, verifier.open(unverified));
  WRIT_TRY(auto checkpoint, parse_checkpoint_text(text));
  if (checkpoint.origin != verifier.name())
    return fail(Errc::denied, "the checkpoint is of another log than its key", "checkpoint");
  return SignedCheckpoint(std::move(checkpoint), std::string(note));
}

}  // namespace writ::audit
