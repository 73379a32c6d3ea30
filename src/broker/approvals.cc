// SPDX-License-Identifier: Apache-2.0
#include "broker/approvals.h"

#include "base/check.h"
#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// So that a confused agent cannot bury its approvers.
constexpr std::size_t kMaxOpenPerRun = 20;

approval::Terms terms_of(const workspace::Version& version) {
  return {.request_life = version.approvals().request_life,
          .approval_life = version.approvals().approval_life,
          .back_off = version.approvals().back_off};
}

Append about(audit::EntryBuilder entry, const approval::Approval& approval, Bytes sealed = {}) {
  entry.approval(approval.id)
      .run(approval.run)
      .set("digest", hex_encode(approval.digest))
      .set("tool", approval.tool);
  return EntryWriter::append(entry, {approval.id.to_string(), approval.run.to_string()},
                             std::move(sealed));
}

JsonArray strings(const std::vector<std::string>& list) {
  JsonArray out;
  for (const auto& item : list) out.emplace_back(std::string_view(item));
  return out;
}

}  // namespace

approval::Approver Approvals::person(const LiveWorkspace& workspace, UserId id) const {
  approval::Approver out{.id = id, .name = {}, .active = false, .groups = {}, .key = std::nullopt};
  if (const auto user = workspace.active_user(id)) {
    out.name = user->name;
    out.active = true;
    out.groups = user->groups;
    out.key = workspace.standing(id).key;
  }
  return out;
}

std::set<UserId> Approvals::barred(const LiveWorkspace& workspace,
                                   const delegation::Lineage& lineage) const {
  const auto version = workspace.version();
  return approval::barred_from(lineage, [&](AgentId id) -> std::optional<UserId> {
    const auto* terms = version->agent(id);
    return terms == nullptr ? std::nullopt : std::optional(terms->agent->owner);
  });
}

std::optional<Approvals::Pending> Approvals::latest(const LiveWorkspace& workspace,
                                                    const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return std::nullopt;
  const auto id = board->second.by_digest.find(digest);
  if (id == board->second.by_digest.end()) return std::nullopt;
  const auto& entry = board->second.by_id.at(id->second);
  return Pending{entry.approval, entry.changed.version()};
}

std::size_t Approvals::open_for(const LiveWorkspace& workspace, RunId run) const {
  std::size_t count = 0;
  for (const auto& approval : open(workspace)) count += approval->run == run ? 1 : 0;
  return count;
}

Task<Expected<std::variant<Approvals::Ready, Approvals::Pending>>> Approvals::require(
    LiveWorkspace& workspace, const action::AuthorizedAction& action) {
  using Gate = std::variant<Ready, Pending>;
  const auto now = clock_.now();
  const auto& proposed = action.proposed();
  if (const auto known = latest(workspace, proposed.digest())) {
    const auto& approval = *known->approval;
    const auto state = approval::state_at(approval, now);
    const std::vector<std::string> wanted(action.approvals().begin(), action.approvals().end());
    if (state == approval::State::approved && approval.groups == wanted)
      co_return Gate(Ready{known->approval});
    if (state == approval::State::pending && approval.groups == wanted) co_return Gate(*known);
    if (const auto until = approval::retry_after(approval, now)) {
      co_return fail(
          Errc::denied, "the action was denied by " + approval.decisions.back().user_name, {},
          "it may be asked for again in " +
              std::to_string((to_unix_seconds(*until) - to_unix_seconds(now)) + 1) + " seconds");
    }
  }
  if (open_for(workspace, proposed.call().run().id) >= kMaxOpenPerRun) {
    co_return fail(Errc::rate_limited, "the run has too many open approval requests", {},
                   "wait until some are decided");
  }

  WRIT_CO_TRY(auto asked, approval::request(action, ApprovalId::make(clock_, random_),
                                            barred(workspace, proposed.call().lineage()), {},
                                            terms_of(*workspace.version()), now, random_));
  auto statement =
      writer(workspace).payload(asked.id.to_string(), kArguments, as_bytes(asked.statement));
  auto entry = writer(workspace).entry(audit::Kind::approval_requested);
  entry.set("groups", strings(asked.groups))
      .set("agent_name", asked.agent_name)
      .commit(kArguments, statement.commitment.digest);
  auto append = about(std::move(entry), asked, std::move(statement.sealed));
  WRIT_CO_TRY(auto stored, co_await write(workspace, std::move(asked), 0, std::move(append)));
  const auto seen = latest(workspace, stored->digest);
  WRIT_CHECK(seen.has_value());
  co_return Gate(Pending{std::move(stored), seen->seen});
}

Task<bool> Approvals::wait(const LiveWorkspace& workspace, const Pending& pending,
                           SteadyPoint deadline, CancelToken client_gone, CancelToken run_ended) {
  std::optional<Broadcast> changed;
  {
    const std::lock_guard lock(mutex_);
    const auto board = boards_.find(workspace.id());
    WRIT_CHECK(board != boards_.end());
    changed = board->second.by_id.at(pending.approval->id).changed;
  }
  CancelSource either;
  either.follow(client_gone);
  either.follow(run_ended);
  const auto woken =
      co_await changed->wait_past(pending.seen, {.deadline = deadline, .cancel = either.token()});
  co_return woken.has_value();
}

Expected<Put> Approvals::claim(LiveWorkspace& workspace, const Ready& ready,
                               const action::AuthorizedAction& action) const {
  const auto& proposed = action.proposed();
  const auto excluded = barred(workspace, proposed.call().lineage());
  const approval::Claim claim{
      .action = proposed.id(),
      .run = proposed.call().run().id,
      .digest = proposed.digest(),
      .groups = action.approvals(),
      .barred = excluded,
      .person = [&](UserId id) { return std::optional(person(workspace, id)); }};
  WRIT_TRY(const auto next, approval::claim(*ready.approval, claim, clock_.now()));
  return Put{RecordKind::approval, next.id.to_string(), ready.approval->revision,
             canonical_json(next.to_json())};
}

void Approvals::claimed(LiveWorkspace& workspace, const Ready& ready, ActionId action) {
  approval::Approval next = *ready.approval;
  next.state = approval::State::claimed;
  next.claimed_by = action;
  next.ended_at = clock_.now();
  ++next.revision;
  publish(workspace, std::move(next));
}

Task<Expected<Approvals::Shared>> Approvals::decide(LiveWorkspace& workspace, ApprovalId id,
                                                    approval::SignedDecision decision,
                                                    UserId approver) {
  const auto known = find(workspace, id);
  if (known == nullptr) co_return fail(Errc::not_found, "there is no approval " + id.to_string());
  const auto who = person(workspace, approver);
  const auto verdict = decision.verdict;
  WRIT_CO_TRY(auto next, approval::decide(*known, decision, who, clock_.now()));
  auto entry = writer(workspace).entry(audit::Kind::approval_decided);
  entry.set("by", who.id.to_string())
      .set("by_name", who.name)
      .set("decision", std::string(approval::name(verdict)))
      .set("groups", strings(decision.groups))
      .set("key", next.decisions.back().key)
      .set("signature", base64url_encode(next.decisions.back().signature))
      .set("state", std::string(approval::name(next.state)));
  auto append = about(std::move(entry), next);
  co_return co_await write(workspace, std::move(next), known->revision, std::move(append));
}

Task<Expected<void>> Approvals::cancel(LiveWorkspace& workspace, std::vector<RunId> runs) {
  for (const auto& approval : open(workspace)) {
    if (std::ranges::find(runs, approval->run) == runs.end()) continue;
    auto next = approval::cancel(*approval, clock_.now());
    if (!next) continue;
    auto entry = writer(workspace).entry(audit::Kind::approval_expired);
    entry.set("state", std::string(approval::name(next->state)))
        .set("detail", "the run was revoked");
    auto append = about(std::move(entry), *next);
    auto written =
        co_await write(workspace, std::move(*next), approval->revision, std::move(append));
    // Somebody else moved it at the same moment: it is claimed or ended, and the run's own end
    // stops the call.
    if (!written && written.error().code != Errc::conflict)
      co_return std::unexpected(std::move(written).error());
  }
  co_return Expected<void>();
}

Task<Expected<Approvals::Shared>> Approvals::write(LiveWorkspace& workspace,
                                                   approval::Approval next, std::uint64_t expected,
                                                   Append entry) {
  Unit unit;
  unit.puts.push_back(
      {RecordKind::approval, next.id.to_string(), expected, canonical_json(next.to_json())});
  unit.appends.push_back(std::move(entry));
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  next.revision = expected + 1;
  co_return publish(workspace, std::move(next));
}

Approvals::Shared Approvals::publish(const LiveWorkspace& workspace, approval::Approval approval) {
  auto shared = std::make_shared<const approval::Approval>(std::move(approval));
  std::optional<Broadcast> changed;
  {
    const std::lock_guard lock(mutex_);
    auto& board = boards_[workspace.id()];
    auto& entry = board.by_id[shared->id];
    // A later revision may have been published by another thread in the meantime.
    if (entry.approval != nullptr && entry.approval->revision > shared->revision)
      return entry.approval;
    entry.approval = shared;
    board.by_digest[shared->digest] = shared->id;
    changed = entry.changed;
  }
  changed->notify();
  return shared;
}

Approvals::Shared Approvals::find(const LiveWorkspace& workspace, ApprovalId id) const {
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return nullptr;
  const auto found = board->second.by_id.find(id);
  return found == board->second.by_id.end() ? nullptr : found->second.approval;
}

std::vector<Approvals::Shared> Approvals::open(const LiveWorkspace& workspace) const {
  const auto now = clock_.now();
  std::vector<Shared> out;
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return out;
  for (const auto& [id, entry] : board->second.by_id) {
    if (!approval::is_final(approval::state_at(*entry.approval, now)))
      out.push_back(entry.approval);
  }
  return out;
}

void Approvals::load(const LiveWorkspace& workspace, approval::Approval approval) {
  publish(workspace, std::move(approval));
}

}  // namespace writ::broker
