// SPDX-License-Identifier: Apache-2.0
#include "broker/notary.h"

#include <algorithm>
#include <utility>

#include "broker/entries.h"
#include "broker/log_check.h"

namespace writ::broker {
namespace {

constexpr std::size_t kPage = 1000;

// What may pass by itself. Anything else says that the log is not what was signed.
bool may_pass(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::unknown_outcome ||
         error.code == Errc::rate_limited;
}

}  // namespace

// A log and how far it is signed. Of the task that follows it.
struct Notary::Ledger {
  Ledger(std::shared_ptr<LiveWorkspace> its, std::shared_ptr<LogGate> its_gate)
      : workspace(std::move(its)), gate(std::move(its_gate)) {}

  std::shared_ptr<LiveWorkspace> workspace;
  std::shared_ptr<LogGate> gate;
  std::shared_ptr<const audit::NoteSigner> signer;
  audit::TileEdge edge;
  std::vector<audit::StoredTile> unpublished;  // full, and not in the store yet
  std::uint64_t published = 0;                 // entries under the store's latest checkpoint
  // What the anchor must hold: the note that was kept last, or the one whose keeping ended in
  // doubt. That one is kept again before another, so there is never more than one of them.
  std::optional<std::string> anchored;
  std::optional<std::string> in_doubt;
  std::optional<audit::SignedCheckpoint> next;  // signed, and not released yet
  SteadyPoint anchor_seen{};
  SteadyPoint well{};  // when all was well last
  bool opened = false;
  bool refused = false;
  std::string said;  // the trouble that is in the log already

  WorkspaceStore& store() const { return workspace->store(); }
  const std::string& origin() const { return signer->name(); }
};

Notary::Notary(NotaryParts parts, NotaryOptions options)
    : parts_(parts),
      options_(std::move(options)),
      signed_(parts.metrics.counter("writ_log_checkpoints_signed_total",
                                    "Checkpoints signed, anchored and published.")),
      failed_(parts.metrics.counter("writ_log_notary_failures_total",
                                    "Rounds in which a log could not be signed or anchored.")) {}

Notary::~Notary() = default;

Task<void> Notary::open() {
  // Also where nothing lives: something should, perhaps.
  if (auto surveyed = co_await survey(); !surveyed) {
    const std::lock_guard lock(mutex_);
    unsurveyed_ = std::move(surveyed).error();
  } else {
    const std::lock_guard lock(mutex_);
    unsurveyed_.reset();
  }
  for (auto& workspace : parts_.live.all()) {
    const auto known =
        std::ranges::any_of(ledgers_, [&](const auto& l) { return l->workspace == workspace; });
    if (known) continue;
    auto gate = parts_.store.gate(workspace->id());
    ledgers_.push_back(std::make_unique<Ledger>(std::move(workspace), std::move(gate)));
    ledgers_.back()->well = parts_.clock.steady_now();
    settle(*ledgers_.back(), co_await open_ledger(*ledgers_.back()));
  }
}

Task<void> Notary::round() {
  co_await open();
  std::vector<Ledger*> grown;
  for (auto& ledger : ledgers_) {
    if (ledger->refused) continue;
    // In two steps: an awaited call within ?: is what coroutines do badly.
    auto outcome = Expected<void>();
    if (!ledger->opened) outcome = co_await open_ledger(*ledger);
    if (outcome) outcome = co_await follow(*ledger);
    if (outcome && ledger->next) {
      grown.push_back(ledger.get());
    } else {
      settle(*ledger, std::move(outcome));
    }
  }
  const auto recorded = co_await record(grown);
  for (auto* ledger : grown) {
    auto outcome = recorded;
    if (outcome) outcome = co_await release(*ledger);
    settle(*ledger, std::move(outcome));
  }
}

// What the logs are signed up to, in one commit for all that have grown: durable before any of the
// checkpoints leaves.
Task<Expected<void>> Notary::record(const std::vector<Ledger*>& grown) {
  if (grown.empty()) co_return Expected<void>();
  auto next = *signed_logs_;
  for (const auto* ledger : grown) {
    next.logs[ledger->workspace->id()] = {.size = ledger->next->size(),
                                          .root = ledger->next->root()};
  }
  const auto server = parts_.store.workspace({});
  Unit unit;
  unit.puts.push_back(to_put(next));
  auto committed = co_await server->commit(std::move(unit));
  if (committed) {
    ++next.revision;
    signed_logs_ = std::move(next);
    co_return Expected<void>();
  }
  // It may be done all the same: what is durable is read again.
  if (committed.error().code == Errc::unknown_outcome || committed.error().code == Errc::conflict) {
    WRIT_CO_TRY(signed_logs_, co_await read_signed_logs(*server));
    co_return fail(Errc::unavailable,
                   "the record of signed logs is not written yet: " + committed.error().message);
  }
  co_return std::unexpected(std::move(committed).error());
}

void Notary::settle(Ledger& ledger, Expected<void> outcome) {
  const auto now = parts_.clock.steady_now();
  const auto& name = ledger.workspace->version()->name();
  if (outcome) {
    if (!ledger.said.empty()) parts_.log.info("notary.well_again", {{"workspace", name}});
    ledger.said.clear();
    ledger.well = now;
    ledger.gate->open();
    const std::lock_guard lock(mutex_);
    status_[ledger.workspace->id()].trouble.reset();
    return;
  }
  failed_.add();
  auto& error = outcome.error();
  ledger.refused = !may_pass(error);
  // A log that this process has never seen whole gets no patience.
  const bool closes = ledger.refused || !ledger.opened || now - ledger.well >= options_.patience;
  // Once, and again when the gate closes.
  if (auto text = (closes ? "closed: " : "") + error.to_string(); text != ledger.said) {
    parts_.log.error(ledger.refused ? "notary.refused" : "notary.failed",
                     {{"workspace", name}, {"error", error.to_string()}, {"closed", closes}});
    ledger.said = std::move(text);
  }
  if (!closes) return;
  ledger.gate->close(error);
  const std::lock_guard lock(mutex_);
  status_[ledger.workspace->id()].trouble = std::move(error);
}

Expected<void> Notary::ready() const {
  const std::lock_guard lock(mutex_);
  if (lost_) return std::unexpected(*lost_);
  if (unsurveyed_) return std::unexpected(*unsurveyed_);
  for (const auto& [id, status] : status_) {
    if (status.trouble) return std::unexpected(*status.trouble);
  }
  return {};
}

Expected<void> Notary::ready(WorkspaceId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = status_.find(id);
  if (found != status_.end() && found->second.trouble)
    return std::unexpected(*found->second.trouble);
  return {};
}

std::shared_ptr<const SignedHead> Notary::head(WorkspaceId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = status_.find(id);
  return found == status_.end() ? nullptr : found->second.head;
}

Task<Expected<void>> Notary::open_ledger(Ledger& ledger) {
  WRIT_CO_TRY_VOID(check_sound(ledger));
  WRIT_CO_TRY_VOID(co_await survey());
  WRIT_CO_TRY(ledger.signer,
              co_await parts_.keys.log_signer(*ledger.workspace, options_.authority));
  const auto& key = ledger.signer->verifier();
  const auto id = ledger.workspace->id();
  WRIT_CO_TRY(const auto heads, co_await read_heads(ledger.store(), parts_.anchor, id, key));
  std::optional<SignedLog> signed_log;
  if (const auto found = signed_logs_->logs.find(id); found != signed_logs_->logs.end())
    signed_log = found->second;
  WRIT_CO_TRY_VOID(check_heads(heads, signed_log, id, ledger.origin(), options_.accept_anchor));
  WRIT_CO_TRY_VOID(co_await check_log(ledger.store(), heads, key));
  ledger.published = heads.stored_size();
  WRIT_CO_TRY_VOID(co_await load_edge(ledger));
  if (signed_log) {
    WRIT_CO_TRY_VOID(co_await read_new_rows(ledger, signed_log->size));
    WRIT_CO_TRY_VOID(check_root(*signed_log, ledger.edge.root(), ledger.origin()));
  }
  if (heads.anchored) ledger.anchored = heads.anchored->note();
  if (heads.anchor_is_behind()) {
    WRIT_CO_TRY_VOID(co_await accept_anchor(ledger, heads));
  }
  ledger.anchor_seen = parts_.clock.steady_now();
  if (parts_.checked) {
    WRIT_CO_TRY_VOID(co_await parts_.checked(*ledger.workspace));
  }
  ledger.opened = true;
  if (heads.stored) show(ledger, *heads.stored);
  WRIT_CO_TRY_VOID(co_await read_new_rows(ledger, heads.size));
  co_return Expected<void>();
}

// That this was done is in the log before the anchor is replaced.
Task<Expected<void>> Notary::accept_anchor(Ledger& ledger, const LogHeads& heads) {
  const auto& workspace = *ledger.workspace;
  const EntryWriter writer(workspace.id(), workspace.data_key(), parts_.clock, parts_.random);
  auto entry = writer.entry(audit::Kind::anchor_accepted);
  entry.set("size", heads.stored_size())
      .set("anchor", heads.anchored ? "older" : "missing")
      .set("anchor_size", heads.anchored_size());
  Unit unit;
  unit.appends.push_back(EntryWriter::append(entry, {workspace.id().to_string()}));
  WRIT_CO_TRY_VOID(co_await ledger.store().commit(std::move(unit)));
  WRIT_CO_TRY_VOID(co_await parts_.anchor.keep(workspace.id(), heads.stored->note()));
  ledger.anchored = heads.stored->note();
  co_return Expected<void>();
}

// Once, before anything is signed: that every workspace whose log was signed is there, by the
// server's own record and by the anchor.
Task<Expected<void>> Notary::survey() {
  if (signed_logs_) co_return Expected<void>();
  WRIT_CO_TRY(const auto ids, co_await parts_.store.workspaces());
  WRIT_CO_TRY(const auto anchored, co_await parts_.anchor.logs());
  const auto server = parts_.store.workspace({});
  WRIT_CO_TRY(auto recorded, co_await read_signed_logs(*server));
  const auto missing = [&](WorkspaceId id) { return std::ranges::find(ids, id) == ids.end(); };
  std::optional<Error> lost;
  for (const auto& [id, log] : recorded.logs) {
    if (!missing(id)) continue;
    lost = contradicted("workspace " + id.to_string() + " is not in the store, and " +
                            entries(log.size) + " of its log were signed: it was deleted",
                        "store", "restore the newest data and anchor together")
               .error();
  }
  for (const auto id : anchored) {
    if (lost || !missing(id)) continue;
    lost =
        contradicted(
            "the anchor has a checkpoint of workspace " + id.to_string() +
                ", which is not in the store: the store was deleted, or is older than the anchor",
            "anchor",
            "restore the newest data; or, if the workspace is lost for good, move its checkpoint "
            "out of the anchor")
            .error();
  }
  signed_logs_ = std::move(recorded);
  const std::lock_guard lock(mutex_);
  lost_ = std::move(lost);
  co_return Expected<void>();
}

Expected<void> Notary::check_sound(const Ledger& ledger) {
  const auto sound = ledger.store().sound();
  if (sound) return {};
  return contradicted(sound.error().message, ledger.workspace->id().to_string(),
                      sound.error().hint);
}

// The right edge as of the store's latest checkpoint, from tiles and leaves that are checked.
Task<Expected<void>> Notary::load_edge(Ledger& ledger) {
  audit::MemoryTiles tiles;
  for (const auto& id : audit::TileEdge::tiles_to_load(ledger.published)) {
    WRIT_CO_TRY(auto bytes, co_await ledger.store().tile(id.level, id.index));
    if (!bytes) co_return contradicted("a tile is missing", ledger.origin());
    tiles.put(id.level, id.index, std::move(*bytes));
  }
  const auto width = ledger.published % audit::kTileWidth;
  std::vector<Digest> leaves;
  if (width != 0) {
    WRIT_CO_TRY(const auto rows, co_await ledger.store().read_log(ledger.published - width, width));
    leaves.reserve(rows.size());
    for (const auto& row : rows) leaves.push_back(row.leaf);
  }
  WRIT_CO_TRY(ledger.edge, audit::TileEdge::load(tiles, leaves, ledger.published));
  ledger.unpublished.clear();
  co_return Expected<void>();
}

Task<Expected<void>> Notary::follow(Ledger& ledger) {
  ledger.next.reset();
  WRIT_CO_TRY_VOID(check_sound(ledger));
  WRIT_CO_TRY(const auto size, co_await ledger.store().log_size());
  if (size < ledger.edge.size()) {
    co_return contradicted("the log had " + entries(ledger.edge.size()) + " and now has " +
                               std::to_string(size) + ": its database was replaced or cut",
                           ledger.origin());
  }
  WRIT_CO_TRY_VOID(co_await read_new_rows(ledger, size));
  if (ledger.edge.size() > ledger.published) {
    WRIT_CO_TRY(ledger.next, audit::SignedCheckpoint::sign({.origin = ledger.origin(),
                                                            .size = ledger.edge.size(),
                                                            .root = ledger.edge.root(),
                                                            .extensions = {}},
                                                           *ledger.signer));
    co_return Expected<void>();
  }
  if (parts_.clock.steady_now() - ledger.anchor_seen >= options_.recheck)
    co_return co_await check_anchor(ledger);
  co_return Expected<void>();
}

Task<Expected<void>> Notary::read_new_rows(Ledger& ledger, std::uint64_t size) {
  while (ledger.edge.size() < size) {
    const auto from = ledger.edge.size();
    WRIT_CO_TRY(const auto rows, co_await ledger.store().read_log(from, kPage));
    if (rows.empty()) co_return contradicted("an entry is missing", ledger.origin());
    for (const auto& row : rows) {
      if (row.index != ledger.edge.size())
        co_return contradicted("entry " + std::to_string(ledger.edge.size()) + " is missing",
                               ledger.origin());
      if (audit::leaf_hash(as_bytes(row.entry)) != row.leaf)
        co_return contradicted("entry " + std::to_string(row.index) + " is not what its leaf says",
                               ledger.origin());
      WRIT_CO_TRY_VOID(ledger.edge.append(row.leaf));
    }
    for (auto& tile : ledger.edge.take_full()) ledger.unpublished.push_back(std::move(tile));
  }
  co_return Expected<void>();
}

// That the anchor holds what was put there: nobody deleted or replaced it meanwhile.
Task<Expected<void>> Notary::check_anchor(Ledger& ledger) {
  WRIT_CO_TRY(auto found, co_await parts_.anchor.latest(ledger.workspace->id()));
  if (found != ledger.anchored && !(found && found == ledger.in_doubt)) {
    co_return contradicted(
        "the anchor does not hold the checkpoint that was put there: it was deleted "
        "or replaced, or another server uses it",
        ledger.origin());
  }
  ledger.anchored = std::move(found);
  ledger.anchor_seen = parts_.clock.steady_now();
  co_return Expected<void>();
}

Task<Expected<void>> Notary::keep(Ledger& ledger, std::string note) {
  if (ledger.anchored != note) {
    ledger.in_doubt = note;
    WRIT_CO_TRY_VOID(co_await parts_.anchor.keep(ledger.workspace->id(), note));
    ledger.anchored = std::move(note);
  }
  ledger.in_doubt.reset();
  co_return Expected<void>();
}

// What was signed and recorded goes to the anchor, then with the tiles to the store.
Task<Expected<void>> Notary::release(Ledger& ledger) {
  const auto checkpoint = *std::exchange(ledger.next, std::nullopt);
  WRIT_CO_TRY_VOID(co_await check_anchor(ledger));
  if (ledger.in_doubt) {
    WRIT_CO_TRY_VOID(co_await keep(ledger, *ledger.in_doubt));
  }
  WRIT_CO_TRY_VOID(co_await keep(ledger, checkpoint.note()));

  Publication publication{.size = checkpoint.size(), .checkpoint = checkpoint.note(), .tiles = {}};
  for (const auto& tile : ledger.unpublished) {
    publication.tiles.push_back(
        {.level = tile.id.level, .index = tile.id.index, .hashes = tile.bytes});
  }
  WRIT_CO_TRY_VOID(co_await ledger.store().publish(std::move(publication)));
  ledger.published = checkpoint.size();
  ledger.unpublished.clear();
  show(ledger, checkpoint);
  signed_.add();
  co_return Expected<void>();
}

void Notary::show(Ledger& ledger, const audit::SignedCheckpoint& checkpoint) {
  auto head =
      std::make_shared<const SignedHead>(SignedHead{.origin = ledger.origin(),
                                                    .key = ledger.signer->verifier().to_string(),
                                                    .size = checkpoint.size(),
                                                    .root = checkpoint.root(),
                                                    .checkpoint = checkpoint.note(),
                                                    .partial = ledger.edge.partial()});
  const std::lock_guard lock(mutex_);
  status_[ledger.workspace->id()].head = std::move(head);
}

}  // namespace writ::broker
