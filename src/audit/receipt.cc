// SPDX-License-Identifier: Apache-2.0
#include "audit/receipt.h"

#include <algorithm>
#include <utility>

#include "audit/tile.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::audit {
namespace {

constexpr std::int64_t kVersion = 2;
constexpr std::string_view kArguments = "arguments";  // the commitment that a statement opens
constexpr std::string_view kType = "writ-receipt";
constexpr std::size_t kMaxProof = 53;    // levels of the largest tree
constexpr std::size_t kDigestText = 44;  // base64 of 32 bytes
constexpr std::size_t kMaxNoteBytes = NoteLimits{}.bytes;

// Of P20: the approver's signature is over it.
Digest approval_commitment(const Opening& opening) {
  return crypto::Sha256()
      .update(BytesView(opening.salt))
      .update(BytesView(crypto::sha256(opening.statement)))
      .finish();
}

Expected<void> check_opening(const Entry& entry, const Opening& opening) {
  const auto commitment = entry.commitment(kArguments);
  if (!commitment || !opens_commitment(*commitment, opening.salt, as_bytes(opening.statement))) {
    return fail(Errc::denied, "the entry does not commit to the receipt's statement", "/statement");
  }
  const auto object = entry.json();
  if (const auto* approved = object.if_contains("commitment");
      approved != nullptr && *approved != Json(hex_encode(approval_commitment(opening)))) {
    return fail(Errc::denied, "what was approved is not the receipt's statement", "/statement");
  }
  return {};
}

Expected<std::optional<Opening>> read_opening(ObjectReader& reader) {
  const bool has_salt = reader.has("salt");
  if (has_salt != reader.has("statement")) {
    return fail(Errc::invalid_input, "salt and statement go together",
                has_salt ? "/statement" : "/salt");
  }
  if (!has_salt) return std::optional<Opening>();
  Opening opening;
  const auto salt = hex_decode(reader.string("salt", {.max = 64}));
  opening.statement = reader.string("statement", {.max = kMaxReceiptStatement});
  if (!salt || salt->size() != opening.salt.size())
    return fail(Errc::invalid_input, "not 32 bytes in hexadecimal", "/salt");
  std::ranges::copy(*salt, opening.salt.begin());
  return std::optional(std::move(opening));
}

}  // namespace

Expected<Receipt> Receipt::issue(const Entry& entry, std::uint64_t index, Proof proof,
                                 const SignedCheckpoint& checkpoint,
                                 std::optional<Opening> opening) {
  WRIT_TRY_VOID(verify_inclusion(index, checkpoint.size(), leaf_hash(entry.bytes()), proof,
                                 checkpoint.root()));
  Receipt receipt;
  receipt.entry_ = entry.text();
  receipt.index_ = index;
  receipt.proof_ = std::move(proof);
  receipt.checkpoint_ = checkpoint.note();
  if (opening) {
    WRIT_TRY_VOID(check_opening(entry, *opening));
  }
  receipt.opening_ = std::move(opening);
  return receipt;
}

Expected<Receipt> Receipt::parse(std::string_view json, const ReceiptLimits& limits) {
  WRIT_TRY(
      const auto object,
      parse_json_object(json, {.bytes = limits.bytes, .depth = 2, .string_bytes = limits.bytes}));
  ObjectReader reader(object);
  const auto version = reader.integer("v");
  const auto type = reader.string("type");
  auto entry = reader.string("entry", {.max = kMaxEntryBytes});
  const auto index = reader.integer("index", {.min = 0});
  const auto proof =
      reader.strings("proof", {.max = kMaxProof}, {.min = kDigestText, .max = kDigestText});
  auto checkpoint = reader.string("checkpoint", {.max = kMaxNoteBytes});
  // Another version may have other members: say that first.
  if (reader.ok() && type != kType) return fail(Errc::invalid_input, "not a receipt", "/type");
  if (reader.ok() && version != 1 && version != kVersion)
    return fail(Errc::unsupported, "a receipt of another version", "/v",
                "use the release that wrote it, or a later one");
  std::optional<Opening> opening;
  if (reader.ok() && version > 1) {
    WRIT_TRY(opening, read_opening(reader));
  }
  WRIT_TRY_VOID(reader.finish());

  Receipt receipt;
  receipt.opening_ = std::move(opening);
  receipt.entry_ = std::move(entry);
  receipt.index_ = static_cast<std::uint64_t>(index);
  for (std::size_t i = 0; i < proof.size(); ++i) {
    const auto bytes = base64_decode(proof[i]);
    Digest digest;
    if (!bytes || bytes->size() != digest.size())
      return fail(Errc::invalid_input, "not base64 of a hash", json_pointer("/proof", i));
    std::ranges::copy(*bytes, digest.begin());
    receipt.proof_.push_back(digest);
  }
  receipt.checkpoint_ = std::move(checkpoint);
  return receipt;
}

std::string Receipt::to_json() const {
  JsonArray proof;
  for (const auto& digest : proof_) proof.emplace_back(base64_encode(digest));
  JsonObject object;
  object["v"] = kVersion;
  object["type"] = boost::json::string_view(kType.data(), kType.size());
  object["entry"] = entry_;
  object["index"] = index_;
  object["proof"] = std::move(proof);
  object["checkpoint"] = checkpoint_;
  if (opening_) {
    object["salt"] = hex_encode(opening_->salt);
    object["statement"] = opening_->statement;
  }
  return canonical_json(object);
}

Expected<VerifiedReceipt> Receipt::verify(const NoteVerifier& verifier) const {
  // The signature first: nothing else in the receipt is worth reading without it.
  WRIT_TRY(auto checkpoint, SignedCheckpoint::open(checkpoint_, verifier));
  WRIT_TRY_VOID(verify_inclusion(index_, checkpoint.size(), leaf_hash(as_bytes(entry_)), proof_,
                                 checkpoint.root()));
  WRIT_TRY(auto entry, Entry::parse(as_bytes(entry_)));
  if (opening_) {
    WRIT_TRY_VOID(check_opening(entry, *opening_));
  }
  return VerifiedReceipt(std::move(entry), index_, std::move(checkpoint), opening_);
}

}  // namespace writ::audit
