// SPDX-License-Identifier: Apache-2.0
// LogGate: whether anything new may begin in a workspace. The notary closes it while the
// workspace's log contradicts its checkpoints, or these cannot be kept (failures.md: audit storage
// deleted, replaced, read-only, hung). GatedStore puts the gate where nobody can go around it: in
// front of the one commit.
//
// While it is closed a unit is refused that records a beginning: an intent, a grant, a decision, a
// change of the workspace. What ends something is let through (outcomes, endings, revocations), so
// that the kill switch works and no action stays open; and so is what records nothing.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "broker/store.h"

namespace writ::broker {

// Open at first. Thread-safe; check() costs one atomic read while it is open.
class LogGate {
 public:
  void close(Error why);
  void open();
  Expected<void> check() const;
  // unavailable, with what closed the gate, for a unit that begins something.
  Expected<void> check(const Unit& unit) const;

 private:
  std::atomic<bool> closed_ = false;
  mutable std::mutex mutex_;
  std::optional<Error> why_;  // under mutex_
};

// A store whose handles go through the gates of their workspaces. Thread-safe. `inner` outlives it;
// a handle may outlive both, as the inner handles may.
class GatedStore final : public Store {
 public:
  explicit GatedStore(Store& inner) : inner_(inner) {}

  std::shared_ptr<LogGate> gate(WorkspaceId id);

  std::shared_ptr<WorkspaceStore> workspace(WorkspaceId id) override;
  Task<Expected<std::vector<WorkspaceId>>> workspaces() override { return inner_.workspaces(); }
  Task<Expected<void>> backup(std::string path) override { return inner_.backup(std::move(path)); }
  Task<Expected<void>> scrub() override { return inner_.scrub(); }
  Expected<void> health() const override { return inner_.health(); }

 private:
  class Handle;

  Store& inner_;
  std::mutex mutex_;
  std::map<WorkspaceId, std::shared_ptr<LogGate>> gates_;
};

}  // namespace writ::broker
