// SPDX-License-Identifier: Apache-2.0
// Sessions: people at the API. A session is opened with a login assertion (login.h), is bound to a
// key that the client made for it, lives twelve hours at most and ends with its user's standing:
// a user who is disabled or enrols another key has no session from before.
//
// Resident in memory and durable: the store has the hash of a session's text. Each request proves
// the session's key (DPoP). Proofs are remembered in memory for as long as they could be used
// again; for a session from before this process began, a proof from before that is refused, so that
// a restart opens no window. (A session of this process cannot have been proved before.)
//
// What is under way on a session is cut when the session ends, and when its person loses a role or
// a group (P35). The first request on a session that has ended is recorded, the others are counted.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "broker/control.h"
#include "broker/entries.h"
#include "broker/live.h"
#include "broker/stops.h"
#include "broker/time_guard.h"

namespace writ::broker {

inline constexpr seconds kSessionLife = std::chrono::hours(12);
inline constexpr std::size_t kMaxSessions = 50;  // of one user

// What a request carries; views for the time of the call.
struct PresentedSession {
  std::string_view scheme;  // "DPoP", in any case
  std::string_view token;
  std::optional<std::string_view> proof;
  std::string_view method;
  std::string_view url;  // public_url and path, without query
  Operation operation{};
};

// A session that held, and its user, when it was authenticated or looked at again.
struct Session {
  // The session's record is written once: a commit that checks for this meets its end.
  static constexpr std::uint64_t kAliveRevision = 1;

  std::string id;  // of its record
  std::shared_ptr<LiveWorkspace> workspace;
  std::shared_ptr<const identity::User> user;
  TimePoint expires;
  std::uint64_t standing = 0;  // the revision of the user's record
  std::uint64_t version = 0;   // of the workspace, which `user` is of
  CancelToken cut;             // what is under way on the session stops when it is cancelled
};

// Thread-safe. What the constructor takes outlives it.
class Sessions {
 public:
  Sessions(Live& live, const TimeGuard& time, Stops& stops, const Clock& clock, Random& random)
      : live_(live),
        time_(time),
        stops_(stops),
        clock_(clock),
        random_(random),
        began_(std::chrono::ceil<seconds>(clock.now())) {}

  // A session that is about to be: its writes go into a unit that also checks the user's record for
  // `standing` and the workspace's for its version; add() follows when that is durable.
  struct Opening {
    SecretBytes token;
    std::string id;
    UserId user;
    std::string key;             // thumbprint
    std::uint64_t standing = 0;  // the revision of the user's record that the session lives with
    TimePoint expires;
    Put put;
    Append entry;
  };
  Opening prepare(const LiveWorkspace& workspace, const identity::User& user, std::string key,
                  std::uint64_t standing) const;
  void add(const std::shared_ptr<LiveWorkspace>& workspace, const Opening& opening);
  // Ends the user's oldest sessions, so that one more is within kMaxSessions.
  Task<Expected<void>> make_room(LiveWorkspace& workspace, UserId user);

  // unauthenticated where the session, its proof or its user does not hold, in words that do not
  // tell which; rate_limited where it is used more often than proofs can be remembered; unavailable
  // while the clock is behind (P24).
  Expected<Session> authenticate(const PresentedSession& presented);
  // The same session as of now, without a proof: for the decision after a request's last byte.
  // unauthenticated where it holds no more; then the refusal is recorded, as said above.
  Expected<Session> again(const Session& session, Operation operation);

  // Signs out: gone here at once, and durably before it returns. unavailable at kStopInFile or
  // kStopInMemory where the store did not take it.
  Task<Expected<void>> end(const Session& session);
  // All sessions of a user, whose standing has changed: they hold no more anyhow; this ends them
  // here, cuts what is under way on them, and erases their records.
  Task<Expected<void>> end_all(LiveWorkspace& workspace, UserId user);
  // What was shown on the session, for the time that it lasts: so that looking twice at one
  // question is one entry of the log. Bounded; what is forgotten is recorded again.
  bool was_shown(const Session& session, const std::string& what) const;
  void shown(const Session& session, std::string what);
  // Cuts what is under way on the user's sessions, which go on. Returns when it is cut.
  Task<void> cut(const LiveWorkspace& workspace, UserId user);

  // Records what is owed of sign-outs. Cheap where nothing is. For a timer.
  Task<Expected<void>> settle(LiveWorkspace& workspace);
  // At start, before load(): a sign-out that the process before could not record.
  void resume(const LiveWorkspace& workspace, const Stop& stop);

  // At start, from the store, those that still hold; the records of the others are erased.
  Task<Expected<void>> load(std::shared_ptr<LiveWorkspace> workspace);
  // Forgets and erases what has expired. Now and then.
  Task<Expected<void>> sweep(LiveWorkspace& workspace);

 private:
  struct Entry {
    WorkspaceId workspace;
    UserId user;
    std::string key;
    std::uint64_t standing = 0;
    TimePoint expires;
    bool loaded = false;
    bool ended = false;  // remembered for its refusals, until it would have expired
    bool refused = false;
    CancelSource under_way{};
    std::set<std::string> shown{};
    std::set<Digest> proofs{};
    std::deque<std::pair<TimePoint, Digest>> proof_ends{};
  };
  static Expected<Entry> parse(const Record& record, WorkspaceId workspace);
  // With the mutex held, as are those that follow. Nothing where the session does not hold.
  std::optional<Session> hold(const std::string& id, const Entry& entry) const;
  std::unexpected<Error> refuse(const std::string& id, Entry& entry, Operation operation);
  static CancelSource end_here(Entry& entry);
  void forget_ended(WorkspaceId workspace, UserId user);
  Task<Expected<void>> erase(LiveWorkspace& workspace, std::vector<std::string> ids);
  Task<Expected<void>> record_end(LiveWorkspace& workspace, const Stop& stop);
  bool is_owed(WorkspaceId workspace, const std::string& id) const;

  Live& live_;
  const TimeGuard& time_;
  Stops& stops_;
  const Clock& clock_;
  Random& random_;
  const TimePoint began_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> by_id_;
  // Sign-outs in force that the store has not taken, with the entry that tells of each. Under
  // mutex_.
  std::map<WorkspaceId, std::map<std::string, Stop>> owed_;
};

}  // namespace writ::broker
