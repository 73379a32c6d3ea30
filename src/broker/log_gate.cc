// SPDX-License-Identifier: Apache-2.0
#include "broker/log_gate.h"

#include "audit/entry.h"

namespace writ::broker {
namespace {

// A kind that is not named here begins something: a new one is refused until somebody thinks of it.
bool ends_something(audit::Kind kind) {
  switch (kind) {
    case audit::Kind::log_opened:  // the notary's own, without which it cannot open the gate again
    case audit::Kind::anchor_accepted:  // likewise
    case audit::Kind::user_disabled:
    case audit::Kind::session_ended:
    case audit::Kind::run_revoked:
    case audit::Kind::run_ended:
    case audit::Kind::action_done:
    case audit::Kind::action_failed:
    case audit::Kind::action_unknown:
    case audit::Kind::action_refused:
    case audit::Kind::action_resolved:
    case audit::Kind::approval_expired:
    case audit::Kind::credential_destroyed:
    case audit::Kind::token_revoked:
    case audit::Kind::grant_refused:
    case audit::Kind::control_refused:
    case audit::Kind::recovery_unknown:
    case audit::Kind::clock_reset:  // what was open ends with it
      return true;
    default:
      return false;
  }
}

Task<Expected<Committed>> refuse(Error error) { co_return std::unexpected(std::move(error)); }

}  // namespace

void LogGate::close(Error why) {
  const std::lock_guard lock(mutex_);
  why_ = std::move(why);
  closed_.store(true, std::memory_order_release);
}

void LogGate::open() {
  const std::lock_guard lock(mutex_);
  why_.reset();
  closed_.store(false, std::memory_order_release);
}

Expected<void> LogGate::check() const {
  if (!closed_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  if (!why_) return {};
  // Whoever acts hears this; on which of the server's files it is stands in its log and in /readyz.
  return fail(Errc::unavailable, "the audit log takes nothing new: " + why_->message, {},
              why_->hint);
}

Expected<void> LogGate::check(const Unit& unit) const {
  auto open = check();
  if (open) return open;
  for (const auto& append : unit.appends) {
    const auto entry = audit::Entry::parse(as_bytes(append.entry));
    if (!entry || !ends_something(entry->kind())) return open;
  }
  return {};
}

class GatedStore::Handle final : public WorkspaceStore {
 public:
  Handle(std::shared_ptr<WorkspaceStore> inner, std::shared_ptr<LogGate> gate)
      : inner_(std::move(inner)), gate_(std::move(gate)) {}

  Expected<void> sound() const override { return inner_->sound(); }
  Task<Expected<Committed>> commit(Unit unit) override {
    if (auto open = gate_->check(unit); !open) return refuse(std::move(open).error());
    return inner_->commit(std::move(unit));
  }
  // Outcomes of reads and refusals come this way. They tell of what has ended or never began, and
  // the gate lets their kinds through; a reading, which shows something, is a commit.
  void append_later(std::vector<Append> appends) override {
    inner_->append_later(std::move(appends));
  }
  Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) override {
    return inner_->get(kind, std::move(id));
  }
  Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                           std::size_t limit) override {
    return inner_->list(kind, std::move(after), limit);
  }
  Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                std::size_t limit) override {
    return inner_->list_back(kind, std::move(before), limit);
  }
  Task<Expected<std::uint64_t>> log_size() override { return inner_->log_size(); }
  Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) override {
    return inner_->read_log(from, limit);
  }
  Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                               std::size_t limit) override {
    return inner_->find_log(std::move(subject), from, limit);
  }
  Task<Expected<void>> erase_sealed(std::uint64_t index) override {
    return inner_->erase_sealed(index);
  }
  Task<Expected<void>> publish(Publication publication) override {
    return inner_->publish(std::move(publication));
  }
  Task<Expected<std::optional<Publication>>> latest_checkpoint() override {
    return inner_->latest_checkpoint();
  }
  Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                       std::size_t limit) override {
    return inner_->checkpoints(from_size, limit);
  }
  Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) override {
    return inner_->tile(level, index);
  }

 private:
  const std::shared_ptr<WorkspaceStore> inner_;
  const std::shared_ptr<LogGate> gate_;
};

std::shared_ptr<LogGate> GatedStore::gate(WorkspaceId id) {
  const std::lock_guard lock(mutex_);
  auto& gate = gates_[id];
  if (gate == nullptr) gate = std::make_shared<LogGate>();
  return gate;
}

std::shared_ptr<WorkspaceStore> GatedStore::workspace(WorkspaceId id) {
  return std::make_shared<Handle>(inner_.workspace(id), gate(id));
}

}  // namespace writ::broker
