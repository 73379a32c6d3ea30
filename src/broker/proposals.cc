// SPDX-License-Identifier: Apache-2.0
#include "broker/proposals.h"

#include <algorithm>

#include "base/encoding.h"
#include "broker/resume_point.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

// For those who ask how it ended; later, and beyond these bounds, the store knows.
constexpr std::chrono::hours kRemembered{1};
constexpr std::size_t kMostEnded = 64;
// Well beyond the longest life of a proposal: what is older has ended, written down or not.
constexpr std::chrono::days kLookedBack{30};

std::unexpected<NotApplied> refused(Error error) {
  return std::unexpected(NotApplied{.why = NotApplied::Why::failed,
                                    .problems = {},
                                    .error = std::move(error),
                                    .base = {},
                                    .changes = {}});
}

Error ended_already(ProposalState state) {
  return fail(Errc::conflict, "the proposal is " + std::string(name(state)) + " already", {},
              "propose it again, from the version of now")
      .error();
}

std::uint64_t bytes_of(const workspace::Documents& documents) {
  std::uint64_t out = 0;
  for (const auto& [path, text] : documents) out += path.size() + text.size();
  return out;
}

VersionName current(const LiveWorkspace& workspace) {
  const auto version = workspace.version();
  return {.number = version->number(), .digest = version->digest()};
}

Append about(audit::EntryBuilder entry, const Proposal& proposal) {
  const auto id = proposal.id.to_string();
  entry.set("proposal", id);
  return EntryWriter::append(entry, {id});
}

}  // namespace

ControlSubject subject_of(const LiveWorkspace& workspace, const Proposal& proposal) {
  ControlSubject out{.run = std::nullopt, .user = proposal.proposer, .groups = {}};
  if (const auto& group = workspace.version()->approvals().apply) out.groups = {*group};
  return out;
}

ProposalState Proposals::state(const LiveWorkspace& workspace, const Proposal& proposal) const {
  return state_at(proposal, current(workspace), clock_.now());
}

Expected<Standing> Proposals::may_decide(const LiveWorkspace& workspace, const Proposal& proposal,
                                         const Authority& by) const {
  // Of the revision that `by` makes a condition of the commit.
  auto own = workspace.standing(by.user().id);
  if (!own.key) {
    return fail(Errc::denied, "you have no enrolled key", "/signature",
                "an admin's one-time code enrols one: writ login");
  }
  if (!own.enrolled || *own.enrolled > proposal.created) {
    return fail(Errc::denied,
                "your key was enrolled after this was proposed, and decides nothing from before",
                "/signature", "let it be proposed again, or let somebody else decide it");
  }
  return own;
}

Expected<Builds::SharedPlace> Proposals::place_for(const LiveWorkspace& workspace,
                                                   const Proposal& proposal) const {
  return builds_.enter({.workspace = workspace.id(), .member = proposal.proposer.raw()});
}

Task<Expected<Proposal>> Proposals::whole(const LiveWorkspace& workspace, const Proposal& proposal,
                                          Builds::SharedPlace place) const {
  WRIT_CO_TRY(auto record,
              co_await workspace.store().get(RecordKind::proposal, proposal.id.to_string()));
  if (!record)
    co_return fail(Errc::internal, "the proposal is not in the store", proposal.id.to_string());
  // The workspace outlives the builders.
  WRIT_CO_TRY(auto parsed,
              co_await builds_.run(std::move(place), [&workspace, record = *std::move(record)] {
                return parse_proposal_record(workspace, record);
              }));
  WRIT_CO_TRY(auto out, std::move(parsed));
  if (!out.documents) co_return std::unexpected(ended_already(out.state));
  co_return out;
}

Put Proposals::put_of(const LiveWorkspace& workspace, const Change& change) const {
  return {RecordKind::proposal, change.next.id.to_string(), change.expected,
          to_record(workspace, random_, change.next)};
}

Task<Expected<Put>> Proposals::put_whole(const LiveWorkspace& workspace, const Change& change,
                                         Builds::SharedPlace place) const {
  Put out{RecordKind::proposal, change.next.id.to_string(), change.expected, {}};
  // The workspace and the source of random outlive the builders.
  WRIT_CO_TRY(out.value, co_await builds_.run(std::move(place),
                                              [&workspace, &random = random_, next = change.next] {
                                                return to_record(workspace, random, next);
                                              }));
  co_return out;
}

Proposals::Change Proposals::ending(const LiveWorkspace& workspace, const Proposal& before,
                                    Proposal next, std::string_view detail) const {
  auto entry = writer(workspace).entry(audit::Kind::proposal_expired);
  entry.set("state", name(next.state)).set("detail", detail);
  auto append = about(std::move(entry), next);
  return {std::move(next), before.revision, std::move(append)};
}

Expected<void> Proposals::pace(const LiveWorkspace& workspace, UserId user) {
  const auto now = clock_.steady_now();
  const std::lock_guard lock(mutex_);
  auto& rested_at = boards_[workspace.id()].rested_at;
  std::erase_if(rested_at, [now](const auto& item) { return item.second <= now; });
  const auto known = rested_at.find(user);
  const auto next = (known == rested_at.end() ? now : known->second) + kPace;
  if (next - now > kAtOnce * kPace) {
    return over_limit({.limit = "proposals_per_minute",
                       .after = std::chrono::ceil<seconds>(next - now - kAtOnce * kPace)},
                      "you propose more often than one may (proposals_per_minute)",
                      "wait, then propose what you want by then");
  }
  rested_at[user] = next;
  return {};
}

Expected<void> Proposals::may_ask(const LiveWorkspace& workspace, const Proposal& asked) const {
  const auto back_off = workspace.version()->approvals().back_off;
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return {};
  for (const auto& [id, entry] : board->second.by_id) {
    const auto& known = *entry.proposal;
    if (known.state != ProposalState::denied || known.proposer != asked.proposer ||
        known.digest != asked.digest || known.base != asked.base ||
        asked.created >= *known.ended + back_off)
      continue;
    return fail(
        Errc::denied, "this was denied by " + known.decided->by_name, {},
        "it may be proposed again in " +
            std::to_string(
                std::chrono::ceil<seconds>(*known.ended + back_off - asked.created).count()) +
            " seconds");
  }
  return {};
}

Task<std::expected<Proposals::Shared, NotApplied>> Proposals::propose(
    LiveWorkspace& workspace, workspace::Documents documents, std::optional<VersionName> base,
    Authority by, Builds::SharedPlace place) {
  if (place == nullptr) {
    auto entered = builds_.enter({.workspace = workspace.id(), .member = by.user().id.raw()});
    if (!entered) co_return refused(std::move(entered).error());
    place = std::move(*entered);
  }
  auto looked = co_await applying_.apply(
      workspace, {.documents = documents, .dry_run = true, .base = base, .signature = {}}, by,
      place);
  if (!looked) co_return std::unexpected(std::move(looked).error());
  if (!looked->changed) co_return Shared();
  const auto count = looked->changes.size();
  const auto widening = static_cast<std::uint64_t>(
      std::ranges::count(looked->changes, workspace::Effect::widens, &workspace::Change::effect));

  const auto version = workspace.version();
  const auto now = clock_.now();
  Proposal asked{.id = ProposalId::make(clock_, random_),
                 .proposer = by.user().id,
                 .proposer_name = by.user().name,
                 .base = looked->base,
                 .digest = looked->digest,
                 .difference = looked->difference,
                 .changes = count,
                 .widening = widening,
                 .bytes = bytes_of(documents),
                 .salt = {},
                 .nonce = Bytes(32),
                 .created = now,
                 .expires = now + version->approvals().proposal_life,
                 .state = ProposalState::pending,
                 .decided = {},
                 .version = {},
                 .ended = {},
                 .documents = std::move(documents)};
  random_.fill(asked.salt);
  random_.fill(asked.nonce);

  if (auto allowed = may_ask(workspace, asked); !allowed)
    co_return refused(std::move(allowed).error());

  std::vector<Change> changes;
  for (const auto& old : open(workspace)) {
    if (old->proposer != asked.proposer) continue;
    if (state(workspace, *old) == ProposalState::pending && old->base == asked.base &&
        old->digest == asked.digest && old->difference == asked.difference)
      co_return old;
    // Its documents go, whatever has become of it.
    auto next = *old;
    if (old->state != ProposalState::pending) {
      changes.push_back({std::move(next), old->revision, std::nullopt});
      continue;
    }
    next.state = ProposalState::superseded;
    next.ended = now;
    changes.push_back(ending(workspace, *old, std::move(next), "its proposer has proposed anew"));
  }
  // P37: before it is durable.
  const Holder holder{
      .workspace = workspace.id(), .member = asked.proposer.raw(), .run = std::nullopt};
  Taken taken;
  auto one = shares_.proposals.take(holder);
  if (!one) co_return refused(std::move(one).error());
  taken.proposal = std::move(*one);
  auto bytes = shares_.proposal_bytes.take(holder, asked.bytes);
  if (!bytes) co_return refused(std::move(bytes).error());
  taken.bytes = std::move(*bytes);

  auto entry = writer(workspace).entry(audit::Kind::proposal_requested);
  name_caller(entry, by.caller());
  entry.set("base_version", asked.base.number)
      .set("commitment", hex_encode(denial_of(workspace.id(), asked).commitment))
      .set("changes_total", asked.changes)
      .set("widens_total", asked.widening)
      .set("expires", format_time(asked.expires));
  auto append = about(std::move(entry), asked);
  changes.push_back({std::move(asked), 0, std::move(append)});
  Unit unit;
  by.bind(Operation::propose, unit);
  unit.checks.push_back(
      {RecordKind::workspace, workspace.id().to_string(), changes.back().next.base.number});
  for (auto& change : changes) {
    if (change.next.documents) {
      auto put = co_await put_whole(workspace, change, place);
      if (!put) co_return refused(std::move(put).error());
      unit.puts.push_back(std::move(*put));
    } else {
      unit.puts.push_back(put_of(workspace, change));
    }
    if (change.entry) unit.appends.push_back(std::move(*change.entry));
  }
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed && by.is_moved(committed.error())) co_return refused(Authority::moved());
  if (!committed && is_revision_conflict(committed.error(), RecordKind::proposal)) {
    co_return refused(fail(Errc::conflict, "your proposal of before was decided at this moment", {},
                           "look at what became of it, and propose again")
                          .error());
  }
  if (!committed) co_return refused(std::move(committed).error());
  auto last = std::move(changes.back());
  changes.pop_back();
  for (auto& change : changes) {
    change.next.revision = change.expected + 1;
    publish(workspace, std::move(change.next));
  }
  last.next.revision = 1;
  co_return publish(workspace, std::move(last.next), std::move(taken));
}

Task<std::expected<Applied, NotApplied>> Proposals::look(LiveWorkspace& workspace,
                                                         const Proposal& proposal, Authority by,
                                                         Builds::SharedPlace place) {
  if (place == nullptr) {
    auto entered = builds_.enter({.workspace = workspace.id(), .member = by.user().id.raw()});
    if (!entered) co_return refused(std::move(entered).error());
    place = std::move(*entered);
  }
  auto asked = co_await whole(workspace, proposal, place);
  if (!asked) co_return refused(std::move(asked).error());
  co_return co_await applying_.apply(
      workspace,
      {.documents = std::move(*asked->documents), .dry_run = true, .base = {}, .signature = {}},
      std::move(by), std::move(place));
}

audit::EntryBuilder Proposals::decided_entry(const LiveWorkspace& workspace,
                                             const Proposal& proposal, const Standing& own,
                                             approval::Verdict verdict, const Authority& by,
                                             const std::string& note) const {
  auto entry = writer(workspace).entry(audit::Kind::proposal_decided);
  name_caller(entry, by.caller());
  entry.set("decision", approval::name(verdict))
      .set("proposed_by", proposal.proposer.to_string())
      .set("proposed_by_name", proposal.proposer_name)
      .set("key", own.key->thumbprint())
      .set("public_key", own.key->required_members())
      .set("commitment", hex_encode(denial_of(workspace.id(), proposal).commitment))
      .set("state", name(proposal.state));
  if (const auto& group = workspace.version()->approvals().apply) entry.set("group", *group);
  if (!note.empty()) entry.set("note", note);
  return entry;
}

Task<std::expected<Proposals::Shared, NotApplied>> Proposals::approve(LiveWorkspace& workspace,
                                                                      Shared proposal,
                                                                      SignedDifference signature,
                                                                      Authority by,
                                                                      std::string note) {
  // Of one that another version has left behind, the apply says what it would change now.
  const auto now_state = state(workspace, *proposal);
  if (now_state != ProposalState::pending && now_state != ProposalState::superseded)
    co_return refused(ended_already(now_state));
  const auto own = may_decide(workspace, *proposal, by);
  if (!own) co_return refused(own.error());
  auto place = builds_.enter({.workspace = workspace.id(), .member = by.user().id.raw()});
  if (!place) co_return refused(std::move(place).error());
  auto asked = co_await whole(workspace, *proposal, *place);
  if (!asked) co_return refused(std::move(asked).error());

  auto documents = std::move(*asked->documents);
  Change change{.next = std::move(*asked), .expected = proposal->revision, .entry = {}};
  auto& next = change.next;
  next.documents.reset();
  next.state = ProposalState::applied;
  next.version = next.base.number + 1;
  next.ended = clock_.now();
  next.decided = ProposalDecision{.by = by.user().id,
                                  .by_name = by.user().name,
                                  .verdict = approval::Verdict::approve,
                                  .at = *next.ended};
  auto entry = decided_entry(workspace, next, *own, approval::Verdict::approve, by, note);
  entry.set("version", *next.version);
  ApplyAsk ask{.documents = std::move(documents),
               .dry_run = false,
               .base = next.base,
               .signature = std::move(signature)};
  ask.proposed = Proposed{.id = next.id.to_string(),
                          .by = next.proposer,
                          .by_name = next.proposer_name,
                          .put = put_of(workspace, change),
                          .entry = about(std::move(entry), next)};
  auto applied = co_await applying_.apply(workspace, std::move(ask), std::move(by), *place);
  if (!applied) {
    // It may be published, and what was to be revoked could not be.
    (void)co_await refresh(workspace, next.id, std::move(*place));
    co_return std::unexpected(std::move(applied).error());
  }
  if (!applied->changed) {
    // Another version says the same.
    co_return std::unexpected(NotApplied{.why = NotApplied::Why::moved,
                                         .problems = {},
                                         .error = ended_already(ProposalState::superseded),
                                         .base = applied->base,
                                         .changes = {}});
  }
  next.revision = change.expected + 1;
  co_return publish(workspace, std::move(next));
}

Task<Expected<Proposals::Shared>> Proposals::deny(LiveWorkspace& workspace, Shared proposal,
                                                  Bytes signature, Authority by, std::string note) {
  const auto now_state = state(workspace, *proposal);
  if (now_state != ProposalState::pending) co_return std::unexpected(ended_already(now_state));
  WRIT_CO_TRY(const auto own, may_decide(workspace, *proposal, by));
  const auto statement = denial_of(workspace.id(), *proposal);
  if (own.key->algorithm() != jose::Algorithm::es256 ||
      !own.key->verify(as_bytes(approval::canonical_decision(statement)), signature)) {
    co_return fail(Errc::unauthenticated,
                   "the signature is not one of this decision by your enrolled key", "/signature");
  }
  Change change{.next = *proposal, .expected = proposal->revision, .entry = {}};
  auto& next = change.next;
  next.state = ProposalState::denied;
  next.ended = clock_.now();
  next.decided = ProposalDecision{.by = by.user().id,
                                  .by_name = by.user().name,
                                  .verdict = approval::Verdict::deny,
                                  .at = *next.ended};
  auto entry = decided_entry(workspace, next, own, approval::Verdict::deny, by, note);
  entry.set("nonce", base64url_encode(statement.nonce))
      .set("expiry", format_time(statement.expires))
      .set("signature", base64url_encode(signature));
  Unit unit;
  by.bind(Operation::decide_proposal, unit);
  unit.puts = {put_of(workspace, change)};
  unit.appends = {about(std::move(entry), next)};
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed && by.is_moved(committed.error())) co_return std::unexpected(Authority::moved());
  if (!committed && is_revision_conflict(committed.error(), RecordKind::proposal)) {
    co_return fail(Errc::conflict, "somebody else decided this at the same moment", {},
                   "look at what became of it");
  }
  if (!committed) co_return std::unexpected(std::move(committed).error());
  next.revision = change.expected + 1;
  co_return publish(workspace, std::move(next));
}

Task<Expected<void>> Proposals::settle(LiveWorkspace& workspace) {
  for (const auto& proposal : open(workspace)) {
    const auto now = clock_.now();
    const auto is = state(workspace, *proposal);
    const bool over = is == ProposalState::expired || now >= proposal->expires;
    Change change{.next = *proposal, .expected = proposal->revision, .entry = {}};
    if (is == ProposalState::pending || (is == proposal->state && !over)) continue;
    if (is != proposal->state) {
      change.next.state = is;
      change.next.ended = std::min(now, proposal->expires);
      change = ending(workspace, *proposal, std::move(change.next),
                      is == ProposalState::expired ? "nobody decided it in time"
                                                   : "another version was published");
    }
    Builds::SharedPlace place;
    if (!over) {
      // Whoever looks at it is shown what it would change now.
      auto entered = place_for(workspace, *proposal);
      if (!entered) continue;  // the next time
      place = std::move(*entered);
      auto asked = co_await whole(workspace, *proposal, place);
      if (!asked && asked.error().code == Errc::conflict) continue;
      if (!asked) co_return std::unexpected(std::move(asked).error());
      change.next.documents = std::move(asked->documents);
    }
    Unit unit;
    if (place == nullptr) {
      unit.puts = {put_of(workspace, change)};
    } else {
      WRIT_CO_TRY(auto put, co_await put_whole(workspace, change, std::move(place)));
      unit.puts.push_back(std::move(put));
    }
    if (change.entry) unit.appends = {std::move(*change.entry)};
    auto committed = co_await workspace.store().commit(std::move(unit));
    if (!committed && committed.error().code == Errc::conflict) continue;  // it was decided
    if (!committed) co_return std::unexpected(std::move(committed).error());
    change.next.revision = change.expected + 1;
    publish(workspace, std::move(change.next));
  }
  const std::lock_guard lock(mutex_);
  auto& board = boards_[workspace.id()];
  while (!board.ended.empty()) {
    const auto& ended = board.by_id.at(board.ended.front()).proposal->ended;
    if (ended && clock_.now() - *ended < kRemembered) break;
    board.by_id.erase(board.ended.front());
    board.ended.pop_front();
  }
  co_return Expected<void>();
}

Proposals::Shared Proposals::publish(const LiveWorkspace& workspace, Proposal proposal,
                                     std::optional<Taken> taken) {
  const bool held = proposal.documents.has_value();
  proposal.documents.reset();
  const auto id = proposal.id;
  auto shared = std::make_shared<const Proposal>(std::move(proposal));
  const std::lock_guard lock(mutex_);
  auto& board = boards_[workspace.id()];
  auto& entry = board.by_id[id];
  // A later revision may have been published by another thread in the meantime.
  if (entry.proposal != nullptr && entry.proposal->revision > shared->revision)
    return entry.proposal;
  const bool was_held = entry.proposal == nullptr || entry.taken.proposal.amount() > 0;
  entry.proposal = shared;
  if (taken) entry.taken = std::move(*taken);
  if (!held) {
    entry.taken = {};
    if (was_held) board.ended.push_back(id);
    while (board.ended.size() > kMostEnded) {
      board.by_id.erase(board.ended.front());
      board.ended.pop_front();
    }
  }
  return shared;
}

Task<Expected<Proposals::Shared>> Proposals::find(const LiveWorkspace& workspace,
                                                  ProposalId id) const {
  {
    const std::lock_guard lock(mutex_);
    const auto board = boards_.find(workspace.id());
    if (board != boards_.end()) {
      const auto entry = board->second.by_id.find(id);
      if (entry != board->second.by_id.end()) co_return entry->second.proposal;
    }
  }
  WRIT_CO_TRY(const auto record,
              co_await workspace.store().get(RecordKind::proposal, id.to_string()));
  if (!record) co_return Shared();
  WRIT_CO_TRY(auto proposal, parse_proposal_record(workspace, *record));
  proposal.documents.reset();
  co_return std::make_shared<const Proposal>(std::move(proposal));
}

std::vector<Proposals::Shared> Proposals::open(const LiveWorkspace& workspace) const {
  std::vector<Shared> out;
  const std::lock_guard lock(mutex_);
  const auto board = boards_.find(workspace.id());
  if (board == boards_.end()) return out;
  for (const auto& [id, entry] : board->second.by_id)
    if (entry.taken.proposal.amount() > 0) out.push_back(entry.proposal);
  return out;
}

Task<Expected<void>> Proposals::refresh(const LiveWorkspace& workspace, ProposalId id,
                                        Builds::SharedPlace place) {
  WRIT_CO_TRY(auto record, co_await workspace.store().get(RecordKind::proposal, id.to_string()));
  if (!record) co_return Expected<void>();
  WRIT_CO_TRY(auto parsed,
              co_await builds_.run(std::move(place), [&workspace, record = *std::move(record)] {
                return parse_proposal_record(workspace, record);
              }));
  WRIT_CO_TRY(auto proposal, std::move(parsed));
  publish(workspace, std::move(proposal));
  co_return Expected<void>();
}

Task<Expected<void>> Proposals::load(const LiveWorkspace& workspace) {
  const auto now = clock_.now();
  auto after = before_ids_of<ProposalId>(now - kLookedBack);
  for (;;) {
    WRIT_CO_TRY(const auto page,
                co_await workspace.store().list(RecordKind::proposal, after, kMaxList));
    for (const auto& record : page) {
      WRIT_CO_TRY(auto proposal, parse_proposal_record(workspace, record));
      if (!proposal.documents && (!proposal.ended || now - *proposal.ended >= kRemembered))
        continue;
      auto taken = proposal.documents ? std::optional(take_existing(workspace, proposal))
                                      : std::optional<Taken>();
      publish(workspace, std::move(proposal), std::move(taken));
    }
    if (page.size() < kMaxList) co_return Expected<void>();
    after = page.back().id;
  }
}

Proposals::Taken Proposals::take_existing(const LiveWorkspace& workspace,
                                          const Proposal& proposal) const {
  const Holder holder{
      .workspace = workspace.id(), .member = proposal.proposer.raw(), .run = std::nullopt};
  return {.proposal = shares_.proposals.take_existing(holder),
          .bytes = shares_.proposal_bytes.take_existing(holder, proposal.bytes)};
}

}  // namespace writ::broker
