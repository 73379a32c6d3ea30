// SPDX-License-Identifier: Apache-2.0
// Asking: how an action comes to its question, or to the approval that it may claim.
#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "broker/action_state.h"
#include "broker/approvals.h"

namespace writ::broker {
namespace {

// How often a question is written anew because what it supersedes moved.
constexpr int kMaxRounds = 4;
// An approver is told of so many identical actions at most.
constexpr std::size_t kMaxIdentical = 50;

approval::Terms terms_of(const workspace::Version& version) {
  return {.request_life = version.approvals().request_life,
          .approval_life = version.approvals().approval_life,
          .back_off = version.approvals().back_off};
}

// Whether two statements are the same call of one run under the same key: then one question about
// it is enough, the one about how it would be done now.
bool same_call(std::string_view left, std::string_view right) {
  const auto a = action::parse_statement(left);
  const auto b = action::parse_statement(right);
  WRIT_CHECK(a && b);  // both are ours
  return std::ranges::all_of(std::array{"tool", "arguments", "idempotency_key"},
                             [&](const char* key) { return a->at(key) == b->at(key); });
}

}  // namespace

// One writer of a question at a time for each digest, so that the same request from many
// connections becomes one question.
class Approvals::Turn {
 public:
  Turn(Approvals& owner, WorkspaceId workspace, const Digest& digest)
      : owner_(&owner), workspace_(workspace), digest_(digest) {}
  Turn(Turn&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)),
        workspace_(other.workspace_),
        digest_(other.digest_) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (owner_ == nullptr) return;
    std::optional<Broadcast> ended;
    {
      const std::lock_guard lock(owner_->mutex_);
      auto& asking = owner_->boards_[workspace_].asking;
      const auto mine = asking.find(digest_);
      ended = mine->second;
      asking.erase(mine);
    }
    ended->notify();
  }

 private:
  Approvals* owner_;
  WorkspaceId workspace_;
  Digest digest_;
};

Task<Approvals::Turn> Approvals::turn(const LiveWorkspace& workspace, Digest digest) {
  while (true) {
    std::optional<Broadcast> other;
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      const auto [mine, first] = boards_[workspace.id()].asking.try_emplace(digest);
      if (first) co_return Turn(*this, workspace.id(), digest);
      other = mine->second;
      seen = other->version();
    }
    co_await other->wait_past(seen);
  }
}

Task<Expected<std::variant<Approvals::Ready, Approvals::Pending>>> Approvals::require(
    LiveWorkspace& workspace, const action::AuthorizedAction& action) {
  WRIT_CO_TRY(auto known, standing(workspace, action));
  if (known) co_return std::move(*known);
  const auto mine = co_await turn(workspace, action.proposed().digest());
  for (int round = 0; round < kMaxRounds; ++round) {
    WRIT_CO_TRY(auto stands, standing(workspace, action));
    if (stands) co_return std::move(*stands);
    auto asked = co_await ask(workspace, action);
    if (asked || !is_revision_conflict(asked.error(), RecordKind::approval)) co_return asked;
  }
  co_return fail(Errc::unavailable, "the approvals of this run change all the time", {},
                 "safe to send again");
}

Expected<std::optional<Approvals::Gate>> Approvals::standing(
    const LiveWorkspace& workspace, const action::AuthorizedAction& action) const {
  const auto known = latest(workspace, action.proposed().digest());
  if (!known) return std::optional<Gate>();
  const auto now = clock_.now();
  const auto& approval = *known->approval;
  const std::vector<std::string> wanted(action.approvals().begin(), action.approvals().end());
  const auto state = approval::state_at(approval, now);
  if (state == approval::State::claimed && action.proposed().idempotency_key() &&
      action.proposed().operation().effect != tools::Effect::read) {
    // Claimed after this call had looked its key up: the action is known, not to be asked about.
    return fail(Errc::conflict, "the approval was claimed by another request with this key",
                revision_conflict(RecordKind::approval, approval.id.to_string()));
  }
  if (approval::is_final(state) || approval.groups != wanted) return std::optional<Gate>();
  if (state == approval::State::pending) return std::optional(Gate(*known));
  const auto claim = claimed_by(workspace, approval, action);
  // Who approved may have left the group since, or had another key enrolled: then it is asked anew.
  if (!claim && claim.error().code == Errc::denied) return std::optional<Gate>();
  if (!claim) return std::unexpected(claim.error());
  return std::optional(Gate(Ready{known->approval}));
}

std::vector<Approvals::Shared> Approvals::left_behind(
    const LiveWorkspace& workspace, const action::AuthorizedAction& action) const {
  const auto& proposed = action.proposed();
  std::vector<Shared> out;
  for (auto& approval : open(workspace)) {
    if (approval->run == proposed.call().run().id &&
        same_call(approval->statement, proposed.statement())) {
      out.push_back(std::move(approval));
    }
  }
  return out;
}

Expected<void> Approvals::may_ask(const LiveWorkspace& workspace,
                                  const action::AuthorizedAction& action) const {
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return {};
  const auto denied = board->second.denied.find(action.proposed().likeness());
  if (denied == board->second.denied.end()) return {};
  const auto& approval = *denied->second;
  const auto until = approval::retry_after(approval, now);
  if (!until) return {};
  return fail(Errc::denied, "the action was denied by " + approval.decisions.back().user_name, {},
              "it may be asked for again in " +
                  std::to_string(std::chrono::ceil<seconds>(*until - now).count()) + " seconds");
}

Task<Expected<std::variant<Approvals::Ready, Approvals::Pending>>> Approvals::ask(
    LiveWorkspace& workspace, const action::AuthorizedAction& action) {
  const auto& proposed = action.proposed();
  const auto before = left_behind(workspace, action);
  WRIT_CO_TRY_VOID(may_ask(workspace, action));
  WRIT_CO_TRY(const auto known, co_await identical(workspace, proposed.likeness()));
  const auto now = clock_.now();
  WRIT_CO_TRY(auto asked, approval::request(action, ApprovalId::make(clock_, random_),
                                            barred(workspace, proposed.call().lineage()), known,
                                            terms_of(*workspace.version()), now, random_));
  // P37: before it is durable, so that no approver is buried under one agent's questions.
  WRIT_CO_TRY(auto taken, take(workspace, asked, before));
  auto statement = writer(workspace).payload(asked.id.to_string(), kArguments,
                                             as_bytes(asked.statement), asked.salt);
  auto entry = writer(workspace).entry(audit::Kind::approval_requested);
  entry.set("agent_name", asked.agent_name).commit(kArguments, statement.commitment.digest);
  set_texts(entry, "groups", asked.groups);
  std::vector<Change> changes;
  for (const auto& old : before) {
    auto next = approval::supersede(*old, asked.id, now);
    if (!next) continue;  // it ended by itself just now
    changes.push_back(ending(workspace, *old, std::move(*next),
                             "the same call is asked about as it is now, by another request"));
  }
  auto append = about(std::move(entry), asked, std::move(statement.sealed));
  changes.push_back({std::move(asked), 0, std::move(append), std::move(taken)});
  // A proof seen twice asks nobody anything: it does not say what the body is.
  std::vector<Once> once;
  if (const auto& proof = proposed.call().proof()) once.push_back({proof->digest, proof->expires});
  const bool proof_used = !once.empty();
  WRIT_CO_TRY(auto pending, co_await write(workspace, std::move(changes), std::move(once)));
  pending.proof_used = proof_used;
  co_return Gate(std::move(pending));
}

// Off the way of most calls: read when a person is about to be asked, and then alone.
Task<Expected<approval::Identical>> Approvals::identical(LiveWorkspace& workspace,
                                                         const Digest& likeness) const {
  approval::Identical out;
  WRIT_CO_TRY(const auto rows,
              co_await workspace.store().find_log(
                  likeness_subject(workspace.digest_key(), likeness), 0, kMaxIdentical));
  for (const auto& row : rows) {
    WRIT_CO_TRY(const auto entry, audit::Entry::parse(as_bytes(row.entry)));
    WRIT_CO_TRY(const auto record, co_await workspace.store().get(
                                       RecordKind::action, entry.subjects().action.to_string()));
    if (!record) continue;
    WRIT_CO_TRY(const auto json, parse_json(record->value));
    WRIT_CO_TRY(const auto state, ActionState::from_json(json));
    if (state.phase == ActionPhase::done) ++out.done;
    // One that is still under way may be done already.
    if (state.phase == ActionPhase::unknown || state.phase == ActionPhase::intent) ++out.unknown;
  }
  co_return out;
}

}  // namespace writ::broker
