// SPDX-License-Identifier: Apache-2.0
// What the audit log says about grants. Each is found by its run, a run's birth and a delegation by
// the parent run too, so that a tree of runs can be read from the log alone. docs/log.md lists the
// fields.
#pragma once

#include <string_view>

#include "broker/access_tokens.h"
#include "broker/clients.h"
#include "broker/entries.h"

namespace writ::broker {

// run.started. `delegation` is the jti of the delegation token that was redeemed, or empty.
Append run_started(const EntryWriter& writer, const delegation::Run& run,
                   const AuthenticatedClient& client, std::uint64_t workspace_version,
                   std::string_view delegation);

// run.ended: the run's parent ended as it began, so that nothing of it was ever known.
Append run_stillborn(const EntryWriter& writer, const delegation::Run& run);

// run.delegated: a delegation token was made for `agent`.
Append run_delegated(const EntryWriter& writer, const delegation::Run& parent,
                     const identity::Agent& agent, const AskedDelegation& asked,
                     const DelegationToken& token);

// grant.issued: an access token and, with it, a refresh token were made.
Append grant_issued(const EntryWriter& writer, const delegation::Run& run, const AccessToken& token,
                    std::string_view flow);

// grant.refused: a client that proved who it is was refused; `run` where one is concerned.
Append grant_refused(const EntryWriter& writer, const AuthenticatedClient& client,
                     std::string_view flow, const Error& error, std::optional<RunId> run);

// token.revoked: the client gave up a token of its own, and its run with it.
Append token_revoked(const EntryWriter& writer, const AuthenticatedClient& client, RunId run,
                     std::string_view token);

}  // namespace writ::broker
