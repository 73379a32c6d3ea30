// SPDX-License-Identifier: Apache-2.0
// Sessions: people at the API. A session is opened with a login assertion (login.h), is bound to a
// key that the client made for it, lives twelve hours at most and ends with its user's standing:
// a user who is disabled or enrols another key has no session from before.
//
// Resident in memory and durable: the store has the hash of a session's text. Each request proves
// the session's key (DPoP). Proofs are remembered in memory for as long as they could be used
// again; for a session from before this process began, a proof from before that is refused, so that
// a restart opens no window. (A session of this process cannot have been proved before.)
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "broker/entries.h"
#include "broker/live.h"
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
};

// A session that holds, and its user as of now.
struct Session {
  std::string id;  // of its record
  std::shared_ptr<LiveWorkspace> workspace;
  std::shared_ptr<const identity::User> user;
  TimePoint expires;
};

// Thread-safe. What the constructor takes outlives it.
class Sessions {
 public:
  Sessions(Live& live, const TimeGuard& time, const Clock& clock, Random& random)
      : live_(live),
        time_(time),
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

  // Signs out: gone here at once, and durably before it returns.
  Task<Expected<void>> end(const Session& session);
  // All sessions of a user, whose standing has changed: they hold no more anyhow; this forgets them
  // and erases their records.
  Task<Expected<void>> end_all(LiveWorkspace& workspace, UserId user);

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
    std::set<Digest> proofs;
    std::deque<std::pair<TimePoint, Digest>> proof_ends;
  };
  static Expected<Entry> parse(const Record& record, WorkspaceId workspace);
  Task<Expected<void>> erase(LiveWorkspace& workspace, std::vector<std::string> ids);

  Live& live_;
  const TimeGuard& time_;
  const Clock& clock_;
  Random& random_;
  const TimePoint began_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> by_id_;
};

}  // namespace writ::broker
