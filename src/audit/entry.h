// SPDX-License-Identifier: Apache-2.0
// Entry: one record of the audit log, as the bytes that a leaf commits to: an object in RFC 8785
// form, so there is one spelling for what it says, and CR, LF or ANSI in any field stay within it.
//
//   {"action":"act_…","approval":"apr_…","at":"2026-01-02T03:04:05.000Z",
//    "commitments":{"arguments":"<base64url of a digest>"},"kind":"action.intent","run":"run_…",
//    "v":2,"workspace":"wsp_…", …fields of the kind's own}
//
// Version 2 holds no plain digest of what lies beside: commitments are salted, what is compared is
// an HMAC (P38). Entries of version 1 held `digest` and `request_sha256`; they keep their bytes,
// are read, and are not made any more.
//
// What a payload says (arguments, results) is not in the entry: a commitment is, and the payload
// lies beside, encrypted, and can be erased without breaking the tree (P21).
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "audit/kind.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/random.h"
#include "wire/json.h"

namespace writ::audit {

// PayloadCommitment: digest = SHA-256("writ-audit-payload-v1" || 0x00 || salt || payload). The
// digest goes into the entry. The salt is kept and erased with the payload: without it nobody can
// find a short payload by guessing.
struct PayloadCommitment {
  Digest salt{};
  Digest digest{};
};
PayloadCommitment commit_payload(Random& random, BytesView payload);
PayloadCommitment commit_payload(const Digest& salt, BytesView payload);
bool opens_commitment(const Digest& digest, const Digest& salt, BytesView payload);

// Whom an entry is about, for looking it up; a nil id means none.
struct EntrySubjects {
  ActionId action;
  RunId run;
  ApprovalId approval;
  friend bool operator==(const EntrySubjects&, const EntrySubjects&) = default;
};

// Of the entries that are made now.
inline constexpr int kEntryVersion = 2;

// Immutable.
class Entry {
 public:
  // Bytes that an EntryBuilder could have made: canonical, version 1 or 2, a known kind,
  // well-formed ids and time; anything else is invalid_input, unsupported for another version.
  static Expected<Entry> parse(BytesView bytes);

  int version() const { return version_; }
  Kind kind() const { return kind_; }
  TimePoint at() const { return at_; }
  const WorkspaceId& workspace() const { return workspace_; }
  const EntrySubjects& subjects() const { return subjects_; }

  // What the leaf commits to. Not empty, at most kMaxEntryBytes (tile.h).
  const std::string& text() const { return text_; }
  BytesView bytes() const { return as_bytes(text_); }

  // The whole object, reserved keys included; parsed anew on each call.
  JsonObject json() const;
  // A commitment by its name, where the entry holds it; parsed anew.
  std::optional<Digest> commitment(std::string_view name) const;

 private:
  friend class EntryBuilder;
  Entry() = default;
  int version_ = kEntryVersion;
  Kind kind_{};
  TimePoint at_;
  WorkspaceId workspace_;
  EntrySubjects subjects_;
  std::string text_;
};

// EntryBuilder: the first mistake is kept and build() returns it, so calls can be chained. Not
// thread-safe.
//
//   auto entry = EntryBuilder(Kind::action_intent, clock.now(), workspace)
//                    .action(action).run(run)
//                    .set("tool", "billing.refund.execute")
//                    .commit("arguments", commitment.digest)
//                    .build();
class EntryBuilder {
 public:
  EntryBuilder(Kind kind, TimePoint at, const WorkspaceId& workspace);

  EntryBuilder& action(const ActionId& id);
  EntryBuilder& run(const RunId& id);
  EntryBuilder& approval(const ApprovalId& id);
  // A field of the kind's own. Keys are lower-case snake_case; a reserved key, a key set twice and
  // a value that would not read back the same (not UTF-8, a number that is not finite or beyond
  // 2^53 - 1, too deep) are mistakes. No secret belongs here, and nothing that a
  // person may ask to have erased: that is what commit() is for.
  EntryBuilder& set(std::string_view key, Json value);
  template <std::convertible_to<std::string_view> Text>
  EntryBuilder& set(std::string_view key, const Text& text) {
    return set(key, Json(std::string_view(text)));
  }
  EntryBuilder& commit(std::string_view name, const Digest& digest);

  // invalid_input for a mistake above and for a time outside the years 0000 to 9999, too_large over
  // kMaxEntryBytes.
  Expected<Entry> build() const;
  // The same, and too large for nothing that a field says: while it is over kMaxEntryBytes, the
  // largest field gives way to `key`_sha256, the digest of its canonical form in hex. For entries
  // whose texts others made: what happened is recorded however long they made them.
  Expected<Entry> build_bounded() const;

  static bool is_reserved(std::string_view key);

 private:
  void put(JsonObject& object, std::string_view key, Json value);
  void mistake(std::string message, std::string_view key);

  Entry entry_;  // without its text
  JsonObject fields_;
  JsonObject commitments_;
  std::optional<Error> mistake_;
};

}  // namespace writ::audit
