// SPDX-License-Identifier: Apache-2.0
// Authority: that a person may do one operation, decided after the last byte of the request that
// asks for it (P35). A use case of the control plane that commits takes one, and bind() makes it a
// condition of the commit: the person stands as then, the session lives, the workspace is at the
// same version. So nobody who was disabled, removed, signed out or lost a role in between commits
// anything, whatever was decided before.
//
// Nothing else makes an Authority than the decision itself.
#pragma once

#include <memory>

#include "broker/control.h"
#include "broker/sessions.h"

namespace writ::broker {

class Authority {
 public:
  // unauthenticated where the session holds no more, denied and not_found as decide() says.
  // `sessions` outlives the authority.
  static Expected<Authority> decide(Sessions& sessions, const Session& session, Operation operation,
                                    ControlSubject subject);

  const Caller& caller() const { return caller_; }
  const identity::User& user() const { return *caller_.user; }
  const Session& session() const { return session_; }
  Sessions& sessions() const { return *sessions_; }
  LiveWorkspace& workspace() const { return *session_.workspace; }

  // Adds the conditions to a unit of the operation that was decided; of another one is a bug.
  void bind(Operation operation, Unit& unit) const;
  // Whether a commit with these conditions may have failed because of them.
  bool is_moved(const Error& error) const;
  // conflict, for whoever is told of it.
  static Error moved();
  // Decided anew, as of now: for a commit that must not fail because something else moved.
  Expected<Authority> again() const;

 private:
  Authority(Sessions& sessions, Session session, Operation operation, ControlSubject subject);

  Sessions* sessions_;
  Session session_;
  Operation operation_;
  ControlSubject subject_;
  Caller caller_;
};

}  // namespace writ::broker
