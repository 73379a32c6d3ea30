// SPDX-License-Identifier: Apache-2.0
// Grants: how authority comes to be (P6, P7, P9, P26): a run begins for a user or for the
// workspace, hands a narrower part of itself down, is taken over by another agent, and goes on.
//
// Each use is one grouped commit: the client's assertion and proof are consumed, what was read is
// checked to be still so, the new run, grants and entries are written; only then is a token
// answered. Where the workspace moved meanwhile, everything is decided again. A refusal of a client
// that proved who it is is in the log before the client hears of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_bytes.h"
#include "broker/access_tokens.h"
#include "broker/asked.h"
#include "broker/clients.h"
#include "broker/grant_record.h"
#include "broker/revocations.h"
#include "broker/subject_tokens.h"
#include "broker/time_guard.h"
#include "observe/log.h"

namespace writ::broker {

// Places of Error::where, beside those of clients.h, asked.h and subject_tokens.h.
inline constexpr std::string_view kResourcePlace = "resource";
inline constexpr std::string_view kRefreshPlace = "refresh_token";

struct GrantLimits {
  // Runs that one token of a user may begin (P6).
  std::int64_t runs_per_user_token = 16;
  std::size_t resources = 16;
};

struct Granted {
  AccessToken access;
  SecretBytes refresh;  // text; good until the run's end
  bool bound = false;   // whether the tokens are bound to a key: token_type DPoP, else Bearer
  RunId run;
  TimePoint run_ends;
};

struct Delegated {
  DelegationToken token;
  JsonObject details;  // what was granted
};

struct GrantParts {
  const AccessTokens& tokens;
  const SubjectTokens& subjects;
  Revocations& revocations;
  Shares& shares;
  const TimeGuard& time;
  const Clock& clock;
  Random& random;
  observe::Log& log;
  GrantLimits limits{};
};

// Thread-safe. What the constructor takes outlives it. Errors name their place: kClientPlace and
// kProofPlace where client or proof do not hold, kSubjectPlace and kRefreshPlace for the token that
// was presented, kResourcePlace, kDetailsPlace; conflict where what was granted ended before it
// could be answered; unavailable where nothing was done; rate_limited, with exceeded() of shares.h,
// where the agent or the workspace has as many living runs as it may (P37).
class Grants {
 public:
  explicit Grants(GrantParts parts) : parts_(parts) {}

  // `trace_id`: 32 hexadecimal digits (observe/trace_context.h).
  Task<Expected<Granted>> start_for_user(AuthenticatedClient client, AskedRun asked,
                                         SubjectKind kind, std::string subject_token,
                                         std::vector<std::string> resources, std::string trace_id);
  Task<Expected<Granted>> start_for_workspace(AuthenticatedClient client, AskedRun asked,
                                              std::vector<std::string> resources,
                                              std::string trace_id);

  // `access_token` is the delegating run's own, presented with a proof by the run's key.
  Task<Expected<Delegated>> hand_down(AuthenticatedClient client, std::string access_token,
                                      AskedDelegation asked);
  Task<Expected<Granted>> take_over(AuthenticatedClient client, std::string delegation_token,
                                    std::vector<std::string> resources);
  // Empty `resources`: those of the grant; others must be among them (RFC 8707 section 2.2).
  Task<Expected<Granted>> go_on(AuthenticatedClient client, SecretBytes refresh_token,
                                std::vector<std::string> resources);

  // What the token is and may do now, as members of an RFC 7662 answer; nothing for one that is not
  // good any more, not ours, or another client's.
  Task<Expected<std::optional<JsonObject>>> introspect(AuthenticatedClient client,
                                                       SecretBytes token);
  // Ends the run of an access or refresh token of this client. Any other token changes nothing, and
  // the client is told no difference (RFC 7009 section 2.2).
  Task<Expected<void>> revoke(AuthenticatedClient client, SecretBytes token);

 private:
  using SharedRun = std::shared_ptr<const delegation::Run>;

  // Who is refused what, for the log.
  struct Refusing {
    const AuthenticatedClient& client;
    std::string_view flow;
    std::optional<RunId> run{};
  };
  // What a commit needs of a run that is about to begin.
  struct Birth {
    SharedRun run;
    delegation::Lineage lineage;  // with the run at its head
    Unit unit;                    // with what it depends on
    std::string delegation;       // the jti that is redeemed, or empty
  };
  struct Tokens {
    AccessToken access;
    SecretBytes refresh;
    Put record;  // of the refresh token
  };

  // Each of these is one try under one version of the workspace; a conflict about what moved
  // meanwhile means: again.
  Task<Expected<Granted>> start(AuthenticatedClient client, AskedRun asked,
                                std::optional<VerifiedSubject> subject,
                                std::vector<std::string> resources, std::string trace_id);
  Task<Expected<Granted>> start_once(const AuthenticatedClient& client, const AskedRun& asked,
                                     const std::optional<VerifiedSubject>& subject,
                                     const std::vector<std::string>& resources,
                                     const std::string& trace_id);
  Task<Expected<Delegated>> hand_down_once(const AuthenticatedClient& client, RunId run,
                                           const AskedDelegation& asked);
  Task<Expected<Granted>> take_over_once(const AuthenticatedClient& client,
                                         const HandedDown& handed,
                                         const std::vector<std::string>& resources);
  Task<Expected<Granted>> go_on_once(const AuthenticatedClient& client, const Record& record,
                                     const RefreshGrant& grant,
                                     const std::vector<std::string>& resources);

  // Makes the run and its first tokens durable, then alive, then known to its agent.
  Task<Expected<Granted>> begin(const AuthenticatedClient& client,
                                const workspace::Version& version, Birth birth,
                                const std::vector<std::string>& resources, std::string_view flow);
  // Publishes a run that has just become durable, unless an ancestor, its user or its agent ended
  // while it did: then it is ended too.
  Task<Expected<void>> publish(LiveWorkspace& workspace, SharedRun run, Share::Slot slot);

  // The run and its ancestors, alive, of agents and a user that stand in `version`; else denied at
  // `place`.
  Expected<delegation::Lineage> standing(const LiveWorkspace& workspace,
                                         const workspace::Version& version, RunId run,
                                         std::string_view place) const;
  Expected<Tokens> make_tokens(GrantId grant, const delegation::Lineage& lineage,
                               const workspace::Version& version,
                               const std::vector<std::string>& resources) const;
  Expected<void> check_resources(const std::vector<std::string>& resources,
                                 const workspace::Version& version) const;
  // The refusal, once it is recorded; or why it could not be, or that the assertion was used
  // before.
  Task<Error> refused(Refusing refusing, Error error);
  // How the entry of a refusal came to be written, or not.
  struct Recorded {
    bool assertion_used = false;  // the request was replayed as a whole
    bool proof_used = false;
    std::optional<Error> failed{};  // the store's answer where nothing was written
  };
  Task<Recorded> record_refusal(Refusing refusing, Error error);
  Task<Error> end_reused(Refusing refusing, RunId run);

  EntryWriter writer(const LiveWorkspace& workspace) const {
    return {workspace.id(), workspace.data_key(), parts_.clock, parts_.random};
  }

  GrantParts parts_;
};

}  // namespace writ::broker
