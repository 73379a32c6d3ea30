// SPDX-License-Identifier: Apache-2.0
#include "broker/approvals.h"

#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"
#include "broker/approval_record.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

// For those who ask how it ended; later, and beyond these bounds, the store knows.
constexpr std::chrono::hours kRemembered{1};
constexpr std::size_t kMostEnded = 256;
constexpr std::size_t kMostEndedBytes = std::size_t{4} << 20;

std::size_t text_bytes(const approval::Approval& approval) {
  return approval.statement.size() + approval.title.size();
}

// Whether what the statement says of operation and account is still so.
bool is_current(const LiveWorkspace& workspace, std::string_view statement) {
  const auto parsed = action::parse_statement(statement);
  WRIT_CHECK(parsed.has_value());
  const auto& fields = *parsed;
  const auto text = [&](const char* key) { return text_of(fields.at(key).get_string()); };
  const auto server = workspace.version()->server_of(text("tool"));
  if (server == nullptr || server->id().to_string() != text("server")) return false;
  const auto* operation = server->find_operation(text("tool"));
  if (operation == nullptr || hex_encode(operation->definition) != text("definition")) return false;
  if (!server->credential_name() || !operation->credential)
    return fields.at("credential").is_null();
  const auto stored = workspace.credential(*server->credential_name()).credential;
  return stored != nullptr && fields.at("credential").is_string() &&
         stored->id.to_string() == text("credential") &&
         fields.at("generation") == stored->generation;
}

}  // namespace

Append Approvals::about(audit::EntryBuilder entry, const approval::Approval& approval,
                        Bytes sealed) {
  entry.approval(approval.id)
      .run(approval.run)
      .set("commitment", hex_encode(approval::commitment_of(approval)))
      .set("tool", approval.tool);
  return EntryWriter::append(entry, {approval.id.to_string(), approval.run.to_string()},
                             std::move(sealed));
}

approval::Approver Approvals::person(const LiveWorkspace& workspace, UserId id) const {
  approval::Approver out{.id = id, .name = {}, .active = false, .groups = {}, .key = std::nullopt};
  if (const auto user = workspace.active_user(id)) {
    out.name = user->name;
    out.active = true;
    out.groups = user->groups;
    const auto standing = workspace.standing(id);
    out.key = standing.key;
    out.enrolled = standing.enrolled;
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
  return Pending{entry.approval, entry.changed.version(), false};
}

Task<bool> Approvals::wait(const LiveWorkspace& workspace, const Pending& pending,
                           SteadyPoint deadline, CancelToken client_gone, CancelToken run_ended) {
  std::optional<Broadcast> changed;
  {
    const std::lock_guard lock(mutex_);
    const auto board = boards_.find(workspace.id());
    if (board == boards_.end()) co_return true;
    const auto entry = board->second.by_id.find(pending.approval->id);
    if (entry == board->second.by_id.end()) co_return true;  // ended long ago
    changed = entry->second.changed;
  }
  CancelSource either;
  either.follow(client_gone);
  either.follow(run_ended);
  const auto woken =
      co_await changed->wait_past(pending.seen, {.deadline = deadline, .cancel = either.token()});
  co_return woken.has_value();
}

Expected<approval::Approval> Approvals::claimed_by(const LiveWorkspace& workspace,
                                                   const approval::Approval& approval,
                                                   const action::AuthorizedAction& action) const {
  const auto& proposed = action.proposed();
  const approval::Claim claim{
      .action = proposed.id(),
      .run = proposed.call().run().id,
      .digest = proposed.digest(),
      .groups = action.approvals(),
      .barred = barred(workspace, proposed.call().lineage()),
      .person = [&](UserId id) { return std::optional(person(workspace, id)); }};
  return approval::claim(approval, claim, clock_.now());
}

Expected<Approvals::Claiming> Approvals::claim(const LiveWorkspace& workspace, const Ready& ready,
                                               const action::AuthorizedAction& action) const {
  // Before they are looked at, so that what changes in between is met by the commit.
  std::vector<Check> checks;
  for (const auto& decision : ready.approval->decisions) {
    checks.push_back(
        {RecordKind::user, decision.user.to_string(), workspace.standing(decision.user).revision});
  }
  WRIT_TRY(auto next, claimed_by(workspace, *ready.approval, action));
  const auto revision = ready.approval->revision;
  next.revision = revision + 1;
  Put put{RecordKind::approval, next.id.to_string(), revision, to_record(workspace, random_, next)};
  return Claiming{std::move(put), std::move(checks), std::move(next)};
}

void Approvals::claimed(const LiveWorkspace& workspace, Claiming claiming) {
  publish(workspace, std::move(claiming.claimed));
}

Task<Expected<Approvals::Shared>> Approvals::decide(LiveWorkspace& workspace, ApprovalId id,
                                                    approval::SignedDecision decision, Authority by,
                                                    std::string note) {
  const auto known = find(workspace, id);
  if (known == nullptr) co_return fail(Errc::not_found, "there is no approval " + id.to_string());
  // Their key, and since when, are of the standing that `by` makes a condition of the commit.
  const auto who = person(workspace, by.user().id);
  const auto verdict = decision.verdict;
  WRIT_CO_TRY(auto next, approval::decide(*known, decision, who, clock_.now()));
  auto entry = writer(workspace).entry(audit::Kind::approval_decided);
  entry.set("by", who.id.to_string())
      .set("by_name", who.name)
      .set("decision", std::string(approval::name(verdict)))
      .set("nonce", base64url_encode(next.nonce))
      .set("expiry", format_time(next.request_expires))
      .set("key", next.decisions.back().key)
      .set("public_key", who.key->required_members())
      .set("signature", base64url_encode(next.decisions.back().signature))
      .set("state", std::string(approval::name(next.state)));
  set_texts(entry, "groups", decision.groups);
  if (!note.empty()) entry.set("note", note);
  std::vector<Change> changes;
  auto append = about(std::move(entry), next, {});
  changes.push_back({std::move(next), known->revision, std::move(append)});
  auto written = co_await write(workspace, std::move(changes), {}, &by);
  if (!written && by.is_moved(written.error())) co_return std::unexpected(Authority::moved());
  if (!written) co_return std::unexpected(std::move(written).error());
  co_return std::move(written->approval);
}

Approvals::Change Approvals::ending(const LiveWorkspace& workspace,
                                    const approval::Approval& before, approval::Approval next,
                                    std::string_view detail) const {
  auto entry = writer(workspace).entry(audit::Kind::approval_expired);
  entry.set("state", std::string(approval::name(next.state))).set("detail", detail);
  if (next.superseded_by) entry.set("superseded_by", next.superseded_by->to_string());
  auto append = about(std::move(entry), next, {});
  return {std::move(next), before.revision, std::move(append)};
}

Task<Expected<void>> Approvals::cancel(LiveWorkspace& workspace, std::vector<RunId> runs) {
  return end_open(
      workspace,
      [runs = std::move(runs)](const approval::Approval& approval) {
        return std::ranges::find(runs, approval.run) != runs.end();
      },
      "the run was revoked");
}

Task<Expected<void>> Approvals::end_open(LiveWorkspace& workspace, std::string detail) {
  return end_open(workspace, [](const approval::Approval&) { return true; }, std::move(detail));
}

Task<Expected<void>> Approvals::end_open(LiveWorkspace& workspace,
                                         std::function<bool(const approval::Approval&)> which,
                                         std::string detail) {
  for (const auto& approval : open(workspace)) {
    if (!which(*approval)) continue;
    auto next = approval::cancel(*approval, clock_.now());
    if (!next) continue;
    std::vector<Change> changes;
    changes.push_back(ending(workspace, *approval, std::move(*next), detail));
    auto written = co_await write(workspace, std::move(changes));
    // Somebody else moved it at the same moment: it is claimed or ended, and the run's own end
    // stops the call.
    if (!written && written.error().code != Errc::conflict)
      co_return std::unexpected(std::move(written).error());
  }
  co_return Expected<void>();
}

Task<Expected<void>> Approvals::settle(LiveWorkspace& workspace) {
  std::vector<Shared> all;
  {
    const std::lock_guard lock(mutex_);
    const auto board = boards_.find(workspace.id());
    if (board == boards_.end()) co_return Expected<void>();
    for (const auto& [id, entry] : board->second.by_id) {
      if (!approval::is_final(entry.approval->state)) all.push_back(entry.approval);
    }
  }
  for (const auto& approval : all) {
    const auto now = clock_.now();
    std::vector<Change> changes;
    if (auto expired = approval::expire(*approval, now)) {
      changes.push_back(ending(workspace, *approval, std::move(*expired), "nobody acted in time"));
    } else if (!is_current(workspace, approval->statement)) {
      auto next = approval::supersede(*approval, std::nullopt, now);
      if (!next) continue;
      changes.push_back(ending(workspace, *approval, std::move(*next),
                               "the operation or the account behind it is another one now"));
    } else {
      continue;
    }
    auto written = co_await write(workspace, std::move(changes));
    if (!written && written.error().code != Errc::conflict)
      co_return std::unexpected(std::move(written).error());
  }
  forget(workspace);
  co_return Expected<void>();
}

void Approvals::forget(const LiveWorkspace& workspace) {
  const auto now = clock_.now();
  const std::lock_guard lock(mutex_);
  auto& board = boards_[workspace.id()];
  while (!board.ended.empty()) {
    const auto& ended_at = board.by_id.at(board.ended.front()).approval->ended_at;
    if (ended_at && now - *ended_at < kRemembered) break;
    drop_oldest_ended(board);
  }
  std::erase_if(board.denied,
                [now](const auto& item) { return !approval::retry_after(*item.second, now); });
}

void Approvals::drop_oldest_ended(Board& board) {
  const auto entry = board.by_id.find(board.ended.front());
  const auto& approval = *entry->second.approval;
  const auto latest = board.by_digest.find(approval.digest);
  if (latest != board.by_digest.end() && latest->second == approval.id)
    board.by_digest.erase(latest);
  board.ended_bytes -= text_bytes(approval);
  board.by_id.erase(entry);
  board.ended.pop_front();
}

Expected<Approvals::SharedTaken> Approvals::take(const LiveWorkspace& workspace,
                                                 const approval::Approval& asked,
                                                 const std::vector<Shared>& superseded) {
  {
    const std::lock_guard lock(mutex_);
    const auto& known = boards_[workspace.id()].by_id;
    for (const auto& old : superseded) {
      const auto entry = known.find(old->id);
      // The same call of the same run, so of the same size but for names.
      if (entry != known.end() && entry->second.taken != nullptr) return entry->second.taken;
    }
  }
  const Holder holder{.workspace = asked.workspace, .member = asked.agent.raw(), .run = asked.run};
  Taken taken;
  WRIT_TRY(taken.question, shares_.questions.take(holder));
  WRIT_TRY(taken.bytes, shares_.question_bytes.take(holder, text_bytes(asked)));
  return std::make_shared<const Taken>(std::move(taken));
}

Task<Expected<Approvals::Pending>> Approvals::write(LiveWorkspace& workspace,
                                                    std::vector<Change> changes,
                                                    std::vector<Once> once, const Authority* by) {
  Unit unit;
  if (by != nullptr) by->bind(Operation::decide_approval, unit);
  unit.once = std::move(once);
  for (auto& change : changes) {
    unit.puts.push_back({RecordKind::approval, change.next.id.to_string(), change.expected,
                         to_record(workspace, random_, change.next)});
    unit.appends.push_back(std::move(change.entry));
  }
  WRIT_CO_TRY_VOID(co_await workspace.store().commit(std::move(unit)));
  Pending last;
  for (auto& change : changes) {
    change.next.revision = change.expected + 1;
    last = publish(workspace, std::move(change.next), std::move(change.taken));
  }
  co_return last;
}

Approvals::Pending Approvals::publish(const LiveWorkspace& workspace, approval::Approval approval,
                                      SharedTaken taken) {
  auto shared = std::make_shared<const approval::Approval>(std::move(approval));
  std::optional<Broadcast> changed;
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(mutex_);
    auto& board = boards_[workspace.id()];
    auto& entry = board.by_id[shared->id];
    // A later revision may have been published by another thread in the meantime.
    if (entry.approval != nullptr && entry.approval->revision > shared->revision)
      return {entry.approval, entry.changed.version(), false};
    // Once, when it is new: what is written of one that ended must not hide the next question about
    // the same digest.
    if (entry.approval == nullptr) board.by_digest[shared->digest] = shared->id;
    const bool ended_before =
        entry.approval != nullptr && approval::is_final(entry.approval->state);
    entry.approval = shared;
    if (taken != nullptr) entry.taken = std::move(taken);
    changed = entry.changed;
    // That of the notification below, and of none that a decision makes from now on.
    seen = changed->version() + 1;
    if (shared->state == approval::State::denied) {
      auto slim = *shared;
      slim.statement.clear();
      slim.title.clear();
      board.denied[shared->likeness] = std::make_shared<const approval::Approval>(std::move(slim));
    }
    if (approval::is_final(shared->state)) {
      entry.taken = nullptr;
      if (!ended_before) {
        board.ended.push_back(shared->id);
        board.ended_bytes += text_bytes(*shared);
      }
      while (board.ended.size() > kMostEnded || board.ended_bytes > kMostEndedBytes)
        drop_oldest_ended(board);
    }
  }
  changed->notify();
  return {std::move(shared), seen, false};
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
  SharedTaken taken;
  if (!approval::is_final(approval.state)) {
    const Holder holder{
        .workspace = approval.workspace, .member = approval.agent.raw(), .run = approval.run};
    Taken existing;
    existing.question = shares_.questions.take_existing(holder);
    existing.bytes = shares_.question_bytes.take_existing(holder, text_bytes(approval));
    taken = std::make_shared<const Taken>(std::move(existing));
  }
  publish(workspace, std::move(approval), std::move(taken));
}

}  // namespace writ::broker
