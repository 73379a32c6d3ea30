// SPDX-License-Identifier: Apache-2.0
#include "broker/authority.h"

#include "base/check.h"

namespace writ::broker {

Authority::Authority(Sessions& sessions, Session session, Operation operation,
                     ControlSubject subject)
    : sessions_(&sessions),
      session_(std::move(session)),
      operation_(operation),
      subject_(std::move(subject)),
      caller_{.user = session_.user, .run = nullptr} {}

Expected<Authority> Authority::decide(Sessions& sessions, const Session& session,
                                      Operation operation, ControlSubject subject) {
  WRIT_TRY(auto now, sessions.again(session, operation));
  Authority out(sessions, std::move(now), operation, std::move(subject));
  switch (broker::decide(operation, out.caller_, out.subject_)) {
    case ControlVerdict::allowed:
      return out;
    case ControlVerdict::denied:
      return fail(Errc::denied, "you may not do this any more");
    case ControlVerdict::hidden:
      break;
  }
  return fail(Errc::not_found, "not yours to see any more");
}

void Authority::bind(Operation operation, Unit& unit) const {
  WRIT_CHECK(operation == operation_);
  unit.checks.push_back({RecordKind::user, user().id.to_string(), session_.standing});
  unit.checks.push_back({RecordKind::session, session_.id, Session::kAliveRevision});
  unit.checks.push_back(
      {RecordKind::workspace, session_.workspace->id().to_string(), session_.version});
}

bool Authority::is_moved(const Error& error) const {
  return error.code == Errc::conflict &&
         (error.where == revision_conflict(RecordKind::user, user().id.to_string()) ||
          error.where == revision_conflict(RecordKind::session, session_.id) ||
          error.where ==
              revision_conflict(RecordKind::workspace, session_.workspace->id().to_string()));
}

Error Authority::moved() {
  return fail(Errc::conflict, "you or the workspace changed at the same moment", {},
              "look again, and repeat it if it is still needed")
      .error();
}

Expected<Authority> Authority::again() const {
  return decide(*sessions_, session_, operation_, subject_);
}

}  // namespace writ::broker
