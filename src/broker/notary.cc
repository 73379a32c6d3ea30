// SPDX-License-Identifier: Apache-2.0
#include "broker/notary.h"

#include "audit/verify.h"

namespace writ::broker {
namespace {

constexpr std::size_t kPage = 1000;
constexpr std::string_view kRestoreNewest =
    "restore the newest data and anchor together; nothing is signed or begun in this workspace "
    "until then";

// What may pass by itself. Anything else says that the log is not what was signed.
bool may_pass(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::unknown_outcome ||
         error.code == Errc::rate_limited;
}

std::unexpected<Error> refuse(std::string message, std::string where,
                              std::string_view hint = kRestoreNewest) {
  return fail(Errc::conflict, std::move(message), std::move(where), std::string(hint));
}

std::string entries(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

Expected<audit::SignedCheckpoint> open_checkpoint(const std::string& note,
                                                  const audit::NoteVerifier& key,
                                                  std::string_view where) {
  auto opened = audit::SignedCheckpoint::open(note, key);
  if (!opened) {
    return refuse("the latest checkpoint in the " + std::string(where) +
                      " is not signed by the key of this log",
                  key.name());
  }
  return opened;
}

// The checkpoints of a log by their number, read forwards from the store in pages.
class CheckpointReader {
 public:
  explicit CheckpointReader(WorkspaceStore& store) : store_(store) {}

  // Asked for 0, 1, 2, …
  Task<Expected<std::optional<std::string>>> next() {
    if (at_ == page_.size() && !ended_) {
      WRIT_CO_TRY(page_, co_await store_.checkpoints(from_, kPage));
      at_ = 0;
      ended_ = page_.size() < kPage;
      if (!page_.empty()) {
        // The next page begins after the last size of this one, as its text has it: what it proves
        // is the verifier's to say.
        WRIT_CO_TRY(const auto note, audit::UnverifiedNote::parse(page_.back()));
        WRIT_CO_TRY(const auto last, audit::parse_checkpoint_text(note.unverified_text()));
        if (last.size < from_)
          co_return refuse("the stored checkpoints are out of order", last.origin);
        from_ = last.size + 1;
      }
    }
    if (at_ == page_.size()) co_return std::optional<std::string>();
    co_return std::optional(page_[at_++]);
  }

 private:
  WorkspaceStore& store_;
  std::vector<std::string> page_;
  std::size_t at_ = 0;
  std::uint64_t from_ = 0;
  bool ended_ = false;
};

Task<Expected<void>> give(audit::LogVerifier& verifier, audit::LogVerifier::Leaves want,
                          WorkspaceStore& store) {
  WRIT_CO_TRY(auto rows, co_await store.read_log(want.first, want.count));
  std::vector<audit::StoredLeaf> leaves;
  leaves.reserve(rows.size());
  for (const auto& row : rows) {
    if (row.index != want.first + leaves.size()) break;
    leaves.push_back({.entry = to_bytes(row.entry), .hash = row.leaf});
  }
  verifier.give_leaves(std::move(leaves));
  co_return Expected<void>();
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
  for (auto& ledger : ledgers_) {
    if (ledger->refused) continue;
    // In two steps: an awaited call within ?: is what coroutines do badly.
    auto outcome = Expected<void>();
    if (!ledger->opened) outcome = co_await open_ledger(*ledger);
    if (outcome) outcome = co_await follow(*ledger);
    settle(*ledger, std::move(outcome));
  }
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
  WRIT_CO_TRY(ledger.signer,
              co_await parts_.keys.log_signer(*ledger.workspace, options_.authority));
  const auto& key = ledger.signer->verifier();
  WRIT_CO_TRY(const auto published, co_await ledger.store().latest_checkpoint());
  WRIT_CO_TRY(auto anchored, co_await parts_.anchor.latest(ledger.workspace->id()));

  std::optional<audit::SignedCheckpoint> in_store;
  std::optional<audit::SignedCheckpoint> in_anchor;
  if (published) {
    WRIT_CO_TRY(in_store, open_checkpoint(published->checkpoint, key, "store"));
  }
  if (anchored) {
    WRIT_CO_TRY(in_anchor, open_checkpoint(*anchored, key, "anchor"));
  }
  const auto stored_size = in_store ? in_store->size() : 0;
  const auto anchored_size = in_anchor ? in_anchor->size() : 0;
  WRIT_CO_TRY(const auto size, co_await ledger.store().log_size());
  if (size < std::max(stored_size, anchored_size)) {
    co_return refuse("the log has " + entries(size) + ", and a checkpoint of it in the " +
                         (anchored_size > stored_size ? "anchor" : "store") + " covers " +
                         std::to_string(std::max(stored_size, anchored_size)) +
                         ": the database was restored from an older backup, or cut",
                     ledger.origin(),
                     "restore the newest data; or, if what came after the backup is lost for good, "
                     "move the anchor's checkpoint of " +
                         ledger.workspace->id().to_string() +
                         " away and start once with --accept-anchor");
  }
  const bool behind = anchored_size < stored_size;
  if (behind && !options_.accept_anchor) {
    co_return refuse(
        std::string("the anchor has ") +
            (in_anchor ? "an older checkpoint than the store" : "no checkpoint of this log") +
            ": it was deleted or replaced, or it is not the anchor of this data",
        ledger.origin(),
        "bring the anchor's files back; or, if it was moved or lost on purpose, start once with "
        "--accept-anchor, which trusts the store's latest checkpoint from then on");
  }

  WRIT_CO_TRY_VOID(co_await check_log(ledger, size, anchored));
  ledger.published = stored_size;
  WRIT_CO_TRY_VOID(co_await load_edge(ledger));
  if (behind) {
    WRIT_CO_TRY_VOID(co_await parts_.anchor.keep(ledger.workspace->id(), in_store->note()));
    anchored = in_store->note();
  }
  ledger.anchored = std::move(anchored);
  ledger.anchor_seen = parts_.clock.steady_now();
  if (parts_.checked) {
    WRIT_CO_TRY_VOID(co_await parts_.checked(*ledger.workspace));
  }
  ledger.opened = true;
  if (in_store) show(ledger, *in_store);
  WRIT_CO_TRY_VOID(co_await read_new_rows(ledger, size));
  co_return Expected<void>();
}

// Everything that is stored of the log, and the anchored checkpoint, against its entries.
Task<Expected<void>> Notary::check_log(Ledger& ledger, std::uint64_t size,
                                       const std::optional<std::string>& anchored) {
  audit::VerifyOptions options;
  if (anchored) options.saved_checkpoints.push_back(*anchored);
  audit::LogVerifier verifier(ledger.signer->verifier(), size, std::move(options));
  auto& store = ledger.store();
  CheckpointReader checkpoints(store);
  while (const auto want = verifier.next()) {
    if (const auto* leaves = std::get_if<audit::LogVerifier::Leaves>(&*want)) {
      WRIT_CO_TRY_VOID(co_await give(verifier, *leaves, store));
    } else if (const auto* tile = std::get_if<audit::TileId>(&*want)) {
      WRIT_CO_TRY(auto bytes, co_await store.tile(tile->level, tile->index));
      verifier.give_tile(std::move(bytes));
    } else {
      WRIT_CO_TRY(auto note, co_await checkpoints.next());
      verifier.give_checkpoint(std::move(note));
    }
  }
  for (const auto& problem : verifier.report().problems) {
    // The server stopped between the first entries and the first checkpoint.
    if (problem.kind == audit::ProblemKind::unsigned_log) continue;
    // Or between anchor and store: the anchor's checkpoint is the newer one, its leaves are held
    // against it above, and the store's follows with the next that is signed.
    if (problem.kind == audit::ProblemKind::withdrawn) continue;
    co_return refuse("the log is not what was signed: " + problem.place + ": " + problem.what,
                     ledger.origin());
  }
  co_return Expected<void>();
}

// The right edge as of the store's latest checkpoint, from tiles and leaves that are checked.
Task<Expected<void>> Notary::load_edge(Ledger& ledger) {
  audit::MemoryTiles tiles;
  for (const auto& id : audit::TileEdge::tiles_to_load(ledger.published)) {
    WRIT_CO_TRY(auto bytes, co_await ledger.store().tile(id.level, id.index));
    if (!bytes) co_return refuse("a tile is missing", ledger.origin());
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
  WRIT_CO_TRY(const auto size, co_await ledger.store().log_size());
  if (size < ledger.edge.size()) {
    co_return refuse("the log had " + entries(ledger.edge.size()) + " and now has " +
                         std::to_string(size) + ": its database was replaced or cut",
                     ledger.origin());
  }
  WRIT_CO_TRY_VOID(co_await read_new_rows(ledger, size));
  if (ledger.edge.size() > ledger.published) co_return co_await sign(ledger);
  if (parts_.clock.steady_now() - ledger.anchor_seen >= options_.recheck)
    co_return co_await check_anchor(ledger);
  co_return Expected<void>();
}

Task<Expected<void>> Notary::read_new_rows(Ledger& ledger, std::uint64_t size) {
  while (ledger.edge.size() < size) {
    const auto from = ledger.edge.size();
    WRIT_CO_TRY(const auto rows, co_await ledger.store().read_log(from, kPage));
    if (rows.empty()) co_return refuse("an entry is missing", ledger.origin());
    for (const auto& row : rows) {
      if (row.index != ledger.edge.size())
        co_return refuse("entry " + std::to_string(ledger.edge.size()) + " is missing",
                         ledger.origin());
      if (audit::leaf_hash(as_bytes(row.entry)) != row.leaf)
        co_return refuse("entry " + std::to_string(row.index) + " is not what its leaf says",
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
    co_return refuse(
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

Task<Expected<void>> Notary::sign(Ledger& ledger) {
  WRIT_CO_TRY(const auto checkpoint, audit::SignedCheckpoint::sign({.origin = ledger.origin(),
                                                                    .size = ledger.edge.size(),
                                                                    .root = ledger.edge.root(),
                                                                    .extensions = {}},
                                                                   *ledger.signer));
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
