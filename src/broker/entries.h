// SPDX-License-Identifier: Apache-2.0
// What the audit log says about calls: one function for each kind of entry, so that the seven
// questions can be answered from the entries and what lies beside them, and from nothing else.
// docs/log.md lists the fields.
//
// What a person may ask to have erased (arguments, results) is committed to with a salt and lies
// beside, sealed (P21):
//   sealed payload = vault seal of  salt (32 bytes) ‖ payload
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "action/call.h"
#include "approval/approval.h"
#include "audit/entry.h"
#include "broker/store.h"
#include "policy/decider.h"
#include "tools/outcome.h"
#include "vault/digest_key.h"
#include "vault/keys.h"

namespace writ::broker {

// Makes entries of one workspace; cheap. What it is given outlives it.
class EntryWriter {
 public:
  EntryWriter(WorkspaceId workspace, const vault::SealingKey& data_key, const Clock& clock,
              Random& random)
      : workspace_(workspace), data_key_(data_key), clock_(clock), random_(random) {}

  struct Payload {
    audit::PayloadCommitment commitment;
    Bytes sealed;
  };
  // `owner` is the id under which the payload is sealed, the action's or approval's.
  Payload payload(std::string_view owner, std::string_view use, BytesView bytes) const;
  // With the salt of the question that it was asked about under: one salt opens all that the log
  // says of an approved action.
  Payload payload(std::string_view owner, std::string_view use, BytesView bytes,
                  const Digest& salt) const;

  // An entry of `kind` about nothing yet.
  audit::EntryBuilder entry(audit::Kind kind) const { return {kind, clock_.now(), workspace_}; }
  // The builder's entry as a unit appends it, with digests in place of what would make it too large
  // (EntryBuilder::build_bounded()). Our own entries always build: a failure is a bug.
  static Append append(const audit::EntryBuilder& builder, std::vector<std::string> subjects,
                       Bytes sealed = {});

  // action.intent: answers who, which agent, which workflow, which credential, what scope, which
  // approval.
  Append intent(const action::AuthorizedAction& action, const approval::Approval* approval,
                const vault::DigestKey& digest_key) const;
  // action.refused, with the operand.
  Append refusal(const policy::Denied& denied) const;

  struct Ending {
    tools::Outcome outcome = tools::Outcome::unknown;
    std::optional<int> status;
    std::uint64_t response_bytes = 0;
    std::optional<std::uint64_t> credential_version;
    // SHA-256 of an opaque body, which policy never saw (P11); its HMAC is recorded.
    std::optional<Digest> request_digest{};
    std::string detail;                 // what went wrong, for unknown and failed; may be empty
    std::optional<std::string> result;  // what the caller may read again, for writes
  };
  // action.done, action.failed or action.unknown.
  Append outcome(const action::RecordedAction& action, const Ending& ending,
                 const vault::DigestKey& digest_key) const;
  // recovery.unknown: the intent of an action that had no outcome when the server stopped.
  Append recovered(ActionId action, RunId run) const;

  WorkspaceId workspace() const { return workspace_; }
  const vault::SealingKey& data_key() const { return data_key_; }

 private:
  WorkspaceId workspace_;
  const vault::SealingKey& data_key_;
  const Clock& clock_;
  Random& random_;
};

// An entry is bounded (audit::kMaxEntryBytes) and must always build, whatever an agent, an upstream
// or a document made its parts of. append() sees to that; these keep each part small enough to be
// read there. Sizes are those of the canonical form, in which a control character is six bytes.
//
// A text as it is, where it is UTF-8 of at most 1000 bytes; else its beginning as people see it.
std::string bounded_text(std::string_view text);
// `scope`, or where that is large `scope_digest`.
void set_scope(audit::EntryBuilder& entry, Json scope);
// The list under `key`, each text bounded, at most 8 KiB; how many did not fit under
// `key`_left_out.
void set_texts(audit::EntryBuilder& entry, std::string_view key,
               const std::vector<std::string>& texts);

// The subject under which find_log() finds the intents of writes and money actions that say the
// same (action::likeness), whichever run asked: "like_" and the HMAC of it.
std::string likeness_subject(const vault::DigestKey& digest_key, const Digest& likeness);

// What was sealed by payload(), if it is whole and is what the entry committed to.
struct OpenedPayload {
  Digest salt{};
  std::string text;
};
Expected<OpenedPayload> open_salted_payload(const vault::SealingKey& data_key,
                                            WorkspaceId workspace, std::string_view owner,
                                            std::string_view use, BytesView sealed,
                                            const Digest& commitment);
Expected<std::string> open_payload(const vault::SealingKey& data_key, WorkspaceId workspace,
                                   std::string_view owner, std::string_view use, BytesView sealed,
                                   const Digest& commitment);

inline constexpr std::string_view kArguments = "arguments";  // the canonical statement of an action
inline constexpr std::string_view kResult = "result";        // what a write answered

}  // namespace writ::broker
