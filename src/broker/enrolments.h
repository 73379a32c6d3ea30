// SPDX-License-Identifier: Apache-2.0
// Enrolments: one-time codes by which people come to have a key. An admin's invitation is a record
// of its workspace; the founding code, made at `writ init`, is one of the nil workspace and makes
// the first admin of a new workspace (founding.h). Stored form, id the code's hash:
//
//   {"expires":ms,"user":"usr_…","by":"usr_…","standing":REVISION,"v":1}  an invitation
//   {"expires":ms,"founding":true,"v":1, "taken"?:{"workspace":"wsp_…","name","user","key"}}
#pragma once

#include <optional>
#include <string>

#include "base/secret_bytes.h"
#include "broker/authority.h"
#include "broker/key_signature.h"
#include "broker/live.h"

namespace writ::broker {

inline constexpr seconds kEnrolmentLife = std::chrono::hours(24);

struct IssuedCode {
  SecretBytes code;
  TimePoint expires;
};

// By whom and for what a founding code was first used: only the same may go on with it.
struct Founder {
  WorkspaceId workspace;
  std::string name;  // of the workspace
  std::string user;
  std::string key;  // thumbprint
  friend bool operator==(const Founder&, const Founder&) = default;
};

struct Enrolment {
  TimePoint expires;
  std::optional<UserId> user;  // of an invitation
  std::optional<UserId> by;    // of an invitation: the admin
  // Of an invitation: the revision of the user's standing when it was made. It ends with it, so
  // that a user who was removed has no way back in; one that names none is void.
  std::optional<std::uint64_t> standing;
  std::optional<Founder> taken;  // of a founding code in use
  std::uint64_t revision = 0;

  std::string to_record() const;
  static Expected<Enrolment> parse(const Record& record);
};

// The code's enrolment, if there is one and it has not expired; nothing else tells a wrong code
// from an old one.
Task<Expected<std::optional<Enrolment>>> find_enrolment(WorkspaceStore& store,
                                                        const SecretBytes& code, TimePoint now);

// A code for this user, given by the signature of the one who invites (P40), durable before it is
// shown; earlier ones of the same user end with it.
// not_found where the workspace has no such user; denied where the user has a key and a group
// decides applies (second_person.h).
Task<Expected<IssuedCode>> invite(LiveWorkspace& workspace, std::string user_name, Authority by,
                                  KeySignature signature, const Clock& clock, Random& random);

// The founding code of a new server; `server` is the store's handle of the nil workspace.
Task<Expected<IssuedCode>> issue_founding_code(WorkspaceStore& server, const Clock& clock,
                                               Random& random);

}  // namespace writ::broker
