// SPDX-License-Identifier: Apache-2.0
// Stops: what was stopped in memory and the store could not take (P35): a person who was disabled,
// a run that was revoked, a session that was signed out. Each is kept in a small file whose space
// was allocated when the store was made, so that it survives a restart on a full disk, until the
// store has it.
//
// The file's text is a JSON array of {"key","sealed","workspace"}: `sealed` is the base64url of the
// stop under the workspace's data key (purpose "stop", owner its key), so nobody without the seal
// adds or changes one:
//
//   {"at":ms,"by":…,"by_name":…,"id":…,"kind":"user"|"run"|"session","reason":…,"revision":N,"v":1}
//
// `revision` is that of the stopped record: a stop counts only as long as the record has not moved.
//
// A workspace has at most half of the file's room, and half of that for what people may end of
// their own, runs and sessions: so nobody keeps an operator's stop of a user out of it (P37).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "broker/live.h"
#include "broker/run_record.h"
#include "observe/log.h"

namespace writ::broker {

struct Stop {
  RecordKind kind{};  // user, run or session
  std::string id;     // of the record
  std::uint64_t revision = 0;
  TimePoint at;
  RevocationCause cause;

  std::string key() const;
  std::string to_text() const;
  static Expected<Stop> parse(std::string_view text);
};

// A text that is replaced as a whole, durably, and needs no more room than it has.
class StopFile {
 public:
  virtual ~StopFile() = default;
  virtual std::size_t room() const = 0;
  // What was written last; empty at first.
  virtual std::string text() const = 0;
  // Durable when it returns. A text of a lower sequence than one that was written is passed over.
  virtual Task<Expected<void>> write(std::uint64_t sequence, std::string text) = 0;
};

// In memory: for tests, and where no file could be made. It keeps nothing over a restart.
class NoStopFile final : public StopFile {
 public:
  std::size_t room() const override { return 0; }
  std::string text() const override { return {}; }
  Task<Expected<void>> write(std::uint64_t, std::string) override {
    co_return fail(Errc::unavailable, "there is no file for stops");
  }
};

// Where a stop is that the store has not taken.
enum class Kept : std::uint8_t { in_file, in_memory };

// Errors with these places say that a stop holds and is not recorded yet: the first survives a
// restart, the second does not.
inline constexpr std::string_view kStopInFile = "stop:file";
inline constexpr std::string_view kStopInMemory = "stop:memory";
// Whether the store did not take a unit, or nobody knows: then a stop holds all the same.
bool store_refused(const Error& error);
// unavailable, with one of these places. `what` is stopped: "user bob is stopped".
Error stop_not_recorded(std::string_view what, Kept kept, const Error& why);

// Thread-safe. What the constructor takes outlives it.
class Stops {
 public:
  Stops(StopFile& file, Random& random, observe::Log& log);

  // All of them, or none in the file.
  Task<Kept> keep(const LiveWorkspace& workspace, std::vector<Stop> stops);
  // Where it is that was kept.
  Kept where(const LiveWorkspace& workspace, std::string_view key);
  // The store has it, or it counts no more.
  Task<void> drop(const LiveWorkspace& workspace, std::string key);
  // What the file had of this workspace when this process began, and still has. One that does not
  // open was not written by this server: it is logged and dropped.
  Task<std::vector<Stop>> kept(const LiveWorkspace& workspace);

 private:
  struct Entry {
    WorkspaceId workspace;
    std::string key;
    std::string sealed;  // base64url
    JsonObject to_json() const;
  };
  void forget(WorkspaceId workspace, std::string_view key);  // with the mutex held
  bool has_room(WorkspaceId workspace) const;                // with the mutex held
  Task<Expected<void>> write();

  StopFile& file_;
  Random& random_;
  observe::Log& log_;
  std::mutex mutex_;
  std::vector<Entry> entries_;  // under mutex_, as is:
  std::uint64_t sequence_ = 0;
};

}  // namespace writ::broker
