// SPDX-License-Identifier: Apache-2.0
// What several flows of grants.h judge alike. Pure; for this room alone.
#pragma once

#include "broker/clients.h"
#include "broker/subject_tokens.h"
#include "delegation/run.h"

namespace writ::broker {

// How often one request is decided anew because something moved under it.
inline constexpr int kMaxGrantAttempts = 4;

// Whether a commit found that the workspace or the user is not any more what was read: deciding
// again gives another answer.
inline bool has_moved(const Error& error) {
  return is_revision_conflict(error, RecordKind::workspace) ||
         is_revision_conflict(error, RecordKind::user);
}

inline std::unexpected<Error> keeps_moving(const Error& last) {
  return fail(Errc::unavailable, "the workspace changed while this was decided: " + last.message,
              {}, "safe to send again");
}

// A commit that found a run of the chain ended says so at `place`; other errors are passed on.
inline Error ended_meanwhile(Error error, std::string_view place) {
  if (!is_revision_conflict(error, RecordKind::run)) return error;
  return fail(Errc::denied, "the run, or one above it, has ended", std::string(place)).error();
}

// The run's key has signed the proof of this request, so that a stolen token is of no use without
// it; and no request chooses to go without (P8). A run without a key goes on only while its agent,
// as it stands now, is opted in to bearer tokens; else denied at `place`.
inline Expected<void> check_key(const AuthenticatedClient& client, const delegation::Run& run,
                                const identity::Agent& agent, std::string_view place) {
  const std::string proof(kProofPlace);
  if (client.proof_key() != run.key_thumbprint) {
    if (run.key_thumbprint.empty()) {
      return fail(Errc::unauthenticated, "this run's tokens are not bound to a key", proof,
                  "leave the DPoP proof out");
    }
    if (client.proof_key().empty()) {
      return fail(Errc::unauthenticated, "the DPoP proof is missing", proof,
                  "send one by the key that the run's tokens are bound to");
    }
    return fail(Errc::unauthenticated, "the run's tokens are bound to another key", proof,
                "send a proof by the key that the run began with");
  }
  if (run.key_thumbprint.empty() && agent.sender != identity::SenderConstraint::bearer)
    return fail(Errc::denied, "the agent may not use bearer tokens any more", std::string(place));
  return {};
}

}  // namespace writ::broker
