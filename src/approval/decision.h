// SPDX-License-Identifier: Apache-2.0
// What an approver sees and what an approver signs (protocol.md P20, failures.md 24). Both sides
// use this file: the server to check, the command line to show, digest and sign. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

namespace writ::approval {

enum class Verdict : std::uint8_t { approve, deny };
std::string_view name(Verdict verdict);  // "approve", "deny"
Expected<Verdict> parse_verdict(std::string_view text);

// What a decision is about: one action, a plan of several, an apply of documents, or a request to
// another route of /v1.
enum class Subject : std::uint8_t { action, plan, apply, route };
std::string_view name(Subject subject);  // "action", "plan", "apply", "route"
Expected<Subject> parse_subject(std::string_view text);

// SHA-256(salt ‖ digest). Entries of the log carry it in place of the digest: who has the salt and
// what was shown computes it again, and without the salt nobody confirms a guess (P38).
Digest commitment(const Digest& salt, const Digest& digest);

// The fields of a decision. `groups` are those for which the person decides: sorted, unique; empty
// of a route alone, which no group decides.
struct DecisionStatement {
  WorkspaceId workspace;
  std::string approval;  // the question's id; empty where nobody asked, and then it has no member
  Subject subject = Subject::action;
  Digest commitment{};  // computed from what was shown and the question's salt
  Verdict verdict = Verdict::deny;
  std::vector<std::string> groups;
  Bytes nonce;        // the request's
  TimePoint expires;  // the request's
};

// The bytes that are signed with ES256: RFC 8785 of
// {"approval":"apr_…","commitment":hex,"decision":"approve","expiry":"2026-01-02T03:04:05.678Z",
//  "groups":[…],"nonce":base64url,"subject":"action","tag":"writ-approval-v2","workspace":"wsp_…"}
// A route's has no "approval".
std::string canonical_decision(const DecisionStatement& statement);

// An action's statement as a person reads it, and its digest. One function makes both from the same
// bytes, so what is signed is what was shown.
struct Shown {
  // One field a line, "arguments.amount: 12000"; texts as quoted_text() writes them. Nothing is
  // left out or shortened.
  std::vector<std::string> lines;
  Digest digest{};
};
// What is shown at most, in bytes: a path is repeated for each value under it, so a short statement
// can have a long showing. What nobody would read to its end nobody is asked about.
inline constexpr std::size_t kMaxShownBytes = std::size_t{1} << 20;

// too_large beyond kMaxShownBytes; invalid_input unless the bytes are exactly the canonical form of
// a "writ-action-v1" statement: what has two readings is not shown at all.
Expected<Shown> show_statement(std::string_view statement);

}  // namespace writ::approval
