// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_upgrade.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "audit/tree.h"
#include "store/data_directory.h"
#include "store/log_keys.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_workspace.h"

namespace writ::store {
namespace {

using broker::Append;
using broker::Committed;
using broker::LogRow;
using broker::Publication;
using broker::Record;
using broker::RecordKind;

std::unexpected<Error> no_writing() {
  return fail(Errc::unavailable, "the store has not been upgraded yet", "store");
}

// Reads alone. Each call reads at once: nobody else is served meanwhile.
class UnsealedHandle final : public broker::WorkspaceStore {
 public:
  UnsealedHandle(std::shared_ptr<SqliteReader> reader, std::shared_ptr<SqliteWorkspace> workspace)
      : reader_(std::move(reader)), workspace_(std::move(workspace)) {}

  Expected<void> sound() const override { return {}; }
  Task<Expected<Committed>> commit(broker::Unit) override { co_return no_writing(); }
  void append_later(std::vector<Append>) override {}
  Task<Expected<std::optional<Record>>> get(RecordKind kind, std::string id) override {
    co_return reader_->get(*workspace_, kind, id);
  }
  Task<Expected<std::vector<Record>>> list(RecordKind kind, std::string after,
                                           std::size_t limit) override {
    co_return reader_->list(*workspace_, kind, after, limit);
  }
  Task<Expected<std::vector<Record>>> list_back(RecordKind kind, std::string before,
                                                std::size_t limit) override {
    co_return reader_->list_back(*workspace_, kind, before, limit);
  }
  Task<Expected<std::uint64_t>> log_size() override { co_return workspace_->size.load(); }
  Task<Expected<std::vector<LogRow>>> read_log(std::uint64_t from, std::size_t limit) override {
    co_return reader_->read_log(*workspace_, from, limit);
  }
  Task<Expected<std::vector<LogRow>>> find_log(std::string subject, std::uint64_t from,
                                               std::size_t limit) override {
    co_return reader_->find_log(*workspace_, subject, from, limit);
  }
  Task<Expected<void>> erase_sealed(std::uint64_t) override { co_return no_writing(); }
  Task<Expected<void>> publish(Publication) override { co_return no_writing(); }
  Task<Expected<std::optional<Publication>>> latest_checkpoint() override {
    co_return reader_->latest_checkpoint(*workspace_);
  }
  Task<Expected<std::vector<std::string>>> checkpoints(std::uint64_t from_size,
                                                       std::size_t limit) override {
    co_return reader_->checkpoints(*workspace_, from_size, limit);
  }
  Task<Expected<std::optional<Bytes>>> tile(unsigned level, std::uint64_t index) override {
    co_return reader_->tile(*workspace_, level, index);
  }

 private:
  const std::shared_ptr<SqliteReader> reader_;
  const std::shared_ptr<SqliteWorkspace> workspace_;
};

// The transaction: all rows of a workspace after another, from the tables of release 0.1 into those
// that have MACs.
class Sealing {
 public:
  Sealing(Connection& connection, const broker::Rewrite& rewrite)
      : connection_(connection), rewrite_(rewrite) {}

  Expected<void> prepare() {
    const std::pair<Statement*, std::string_view> all[] = {
        {&records_, "SELECT kind, id, revision, value FROM record_unsealed WHERE workspace = ?1"},
        {&put_record_, "INSERT INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
        {&once_, "SELECT digest, expires FROM once WHERE workspace = ?1"},
        {&log_,
         "SELECT key, leaf, proof, proof_expires, entry, sealed FROM log_unsealed"
         " WHERE key >= ?1 AND key < ?2 ORDER BY key"},
        {&put_row_,
         "INSERT INTO log (key, leaf, proof, proof_expires, entry, sealed, mac)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
        {&put_subject_, "INSERT OR IGNORE INTO subject VALUES (?1, ?2, ?3)"},
        {&subjects_, "SELECT subject, position FROM subject WHERE workspace = ?1"},
        {&checkpoints_, "SELECT size, note FROM checkpoint WHERE workspace = ?1"},
        {&tiles_, "SELECT level, position, hashes FROM tile WHERE workspace = ?1"},
        {&set_subject_,
         "UPDATE OR IGNORE subject SET subject = ?3 WHERE workspace = ?1 AND subject = ?2"
         " AND position = ?4"},
        {&put_state_, "INSERT INTO state VALUES (?1, ?2, ?3)"},
    };
    for (const auto& [statement, sql] : all) {
      WRIT_TRY(*statement, connection_.prepare(sql));
    }
    return {};
  }

  Expected<void> seal(const SqliteWorkspace& workspace, const Append* mark, const Record* added,
                      RecordsState records) {
    LogState log;
    std::vector<Append> told;
    WRIT_TRY_VOID(seal_records(workspace, records, told));
    if (added != nullptr) {
      WRIT_TRY_VOID(put(workspace, *added, records));
    }
    WRIT_TRY_VOID(rewrite_subjects(workspace));
    WRIT_TRY_VOID(seal_log(workspace, log));
    if (mark != nullptr) {
      WRIT_TRY_VOID(append(workspace, *mark, log));
    }
    for (const auto& entry : told) {
      WRIT_TRY_VOID(append(workspace, entry, log));
    }
    WRIT_TRY_VOID(count_rest(workspace, log));
    const auto records_mac = state_mac(workspace.key, records);
    const auto log_mac = state_mac(workspace.key, log);
    return put_state_.run(workspace.next_number, BytesView(records_mac), BytesView(log_mac));
  }

 private:
  Expected<void> seal_records(const SqliteWorkspace& workspace, RecordsState& into,
                              std::vector<Append>& told) {
    auto outcome = Expected<void>();
    WRIT_TRY_VOID(records_.each(
        [&](const Row& row) {
          if (!outcome) return;
          const auto kind = broker::parse_record_kind(row.text(0));
          if (!kind) {
            outcome = fail(Errc::conflict, "a record of an unknown kind", row.text(1));
            return;
          }
          auto rewritten =
              rewrite_.record(workspace.id, {.kind = *kind,
                                             .id = row.text(1),
                                             .revision = static_cast<std::uint64_t>(row.integer(2)),
                                             .value = row.text(3)});
          if (!rewritten) {
            outcome = std::unexpected(std::move(rewritten).error());
            return;
          }
          if (rewritten->entry) told.push_back(*std::move(rewritten->entry));
          if (rewritten->record) outcome = put(workspace, *rewritten->record, into);
        },
        workspace.next_number));
    WRIT_TRY_VOID(std::move(outcome));
    return once_.each(
        [&](const Row& row) {
          into.tally.add(
              once_weight(workspace.key, row.digest(0).value_or(Digest{}), row.integer(1)));
        },
        workspace.next_number);
  }
  Expected<void> put(const SqliteWorkspace& workspace, const Record& record, RecordsState& into) {
    const auto mac =
        record_mac(workspace.key, record.kind, record.id, record.revision, record.value);
    into.tally.add(mac.weight);
    return put_record_.run(workspace.next_number, name(record.kind), std::string_view(record.id),
                           static_cast<std::int64_t>(record.revision),
                           std::string_view(record.value), BytesView(mac.tag));
  }
  Expected<void> rewrite_subjects(const SqliteWorkspace& workspace) {
    struct Renamed {
      std::string from, to;
      std::int64_t position = 0;
    };
    std::vector<Renamed> renamed;
    auto outcome = Expected<void>();
    WRIT_TRY_VOID(subjects_.each(
        [&](const Row& row) {
          if (!outcome) return;
          auto to = rewrite_.subject(workspace.id, row.text(0));
          if (!to) {
            outcome = std::unexpected(std::move(to).error());
          } else if (*to != row.text(0)) {
            renamed.push_back({row.text(0), *std::move(to), row.integer(1)});
          }
        },
        workspace.next_number));
    WRIT_TRY_VOID(std::move(outcome));
    for (const auto& one : renamed) {
      WRIT_TRY_VOID(set_subject_.run(workspace.next_number, std::string_view(one.from),
                                     std::string_view(one.to), one.position));
    }
    return {};
  }
  Expected<void> seal_log(const SqliteWorkspace& workspace, LogState& into) {
    auto outcome = Expected<void>();
    const auto range = log_range(workspace.next_number, 0);
    WRIT_TRY_VOID(log_.each(
        [&](const Row& row) {
          if (!outcome) return;
          const auto index = log_index(row.integer(0));
          const auto leaf = row.blob(1);
          const auto proof = row.blob(2);
          const auto entry = row.text(4);
          const auto sealed = row.blob(5);
          const auto mac =
              log_mac(workspace.key, index, entry, leaf, proof, row.integer(3), sealed);
          outcome = put_row_.run(row.integer(0), BytesView(leaf),
                                 proof.empty() ? std::nullopt : std::optional(BytesView(proof)),
                                 row.integer(3), std::string_view(entry), BytesView(sealed),
                                 BytesView(mac.tag));
          into.tally.add(mac.weight);
          into.size = index + 1;
        },
        range.first, range.end));
    return outcome;
  }
  Expected<void> append(const SqliteWorkspace& workspace, const Append& mark, LogState& into) {
    const auto leaf = audit::leaf_hash(as_bytes(mark.entry));
    const auto mac = log_mac(workspace.key, into.size, mark.entry, leaf, {}, 0, mark.sealed);
    WRIT_TRY_VOID(put_row_.run(
        log_key(workspace.next_number, into.size), BytesView(leaf), std::optional<BytesView>(),
        std::int64_t{0}, std::string_view(mark.entry), BytesView(mark.sealed), BytesView(mac.tag)));
    for (const auto& subject : mark.subjects) {
      WRIT_TRY_VOID(put_subject_.run(workspace.next_number, std::string_view(subject),
                                     static_cast<std::int64_t>(into.size)));
    }
    into.tally.add(mac.weight);
    ++into.size;
    return {};
  }
  Expected<void> count_rest(const SqliteWorkspace& workspace, LogState& into) {
    const auto unsigned_integer = [](const Row& row, int column) {
      return static_cast<std::uint64_t>(row.integer(column));
    };
    const auto& key = workspace.key;
    WRIT_TRY_VOID(subjects_.each(
        [&](const Row& row) {
          into.tally.add(subject_weight(key, row.text(0), unsigned_integer(row, 1)));
        },
        workspace.next_number));
    WRIT_TRY_VOID(checkpoints_.each(
        [&](const Row& row) {
          into.tally.add(checkpoint_weight(key, unsigned_integer(row, 0), row.text(1)));
        },
        workspace.next_number));
    return tiles_.each(
        [&](const Row& row) {
          into.tally.add(
              tile_weight(key, unsigned_integer(row, 0), unsigned_integer(row, 1), row.blob(2)));
        },
        workspace.next_number);
  }

  Connection& connection_;
  const broker::Rewrite& rewrite_;
  Statement records_, put_record_, once_, log_, put_row_, put_subject_, subjects_, checkpoints_,
      tiles_, set_subject_, put_state_;
};

class UnsealedStore final : public broker::OldStore {
 public:
  UnsealedStore(std::unique_ptr<DataDirectory> directory, vault::RowKeys keys)
      : directory_(std::move(directory)), workspaces_(std::move(keys)) {}

  Expected<void> open() {
    const auto path = directory_->file(std::string(kDatabaseFile));
    // As the release that wrote it opened it: what it left in the write-ahead log counts.
    WRIT_TRY(connection_,
             open_database(*directory_, {.steps = migrations().first(1), .create = false}));
    WRIT_TRY(reader_, SqliteReader::open(path, {}, SqliteReader::Rows::unsealed));
    WRIT_TRY(auto list, connection_->prepare("SELECT number, id, replay_floor FROM workspace"));
    bool sound = true;
    WRIT_TRY_VOID(list.each([&](const Row& row) {
      const auto id = row.blob(1);
      id_detail::Raw raw{};
      sound = sound && id.size() == raw.size();
      if (!sound) return;
      std::ranges::copy(id, raw.begin());
      auto workspace = workspaces_.get(WorkspaceId(raw));
      workspace->number = workspace->next_number = row.integer(0);
      workspace->next_records.replay_floor = static_cast<std::uint64_t>(row.integer(2));
    }));
    if (!sound) return fail(Errc::conflict, "the database is damaged: a workspace without an id");
    if (workspaces_.get(WorkspaceId())->number == 0)
      return fail(Errc::conflict, "the server's own part of the store is not there", path,
                  "restore the newest backup");
    WRIT_TRY(auto last,
             connection_->prepare("SELECT max(key) FROM log WHERE key >= ?1 AND key < ?2"));
    for (const auto& workspace : workspaces_.all()) {
      const auto range = log_range(workspace->number, 0);
      std::int64_t key = 0;
      WRIT_TRY_VOID(
          last.each([&](const Row& row) { key = row.integer(0); }, range.first, range.end));
      workspace->size = key == 0 ? 0 : log_index(key) + 1;
    }
    return {};
  }

  Task<Expected<std::vector<WorkspaceId>>> workspaces() override {
    std::vector<WorkspaceId> out;
    for (const auto& workspace : workspaces_.all()) {
      if (workspace->number != 0 && !workspace->id.is_nil()) out.push_back(workspace->id);
    }
    co_return out;
  }
  std::shared_ptr<broker::WorkspaceStore> workspace(WorkspaceId id) override {
    return std::make_shared<UnsealedHandle>(reader_, workspaces_.get(id));
  }

  Expected<void> seal(const broker::Rewrite& rewrite, const std::map<WorkspaceId, Append>& marks,
                      const Record& signed_logs) override {
    reader_.reset();  // it would hold what is to be dropped
    auto& connection = *connection_;
    WRIT_TRY(const auto forgotten, connection.integer("SELECT through FROM forgotten"));
    WRIT_TRY_VOID(connection.execute("BEGIN IMMEDIATE"));
    auto done = seal_all(rewrite, marks, signed_logs, forgotten);
    if (!done) {
      (void)connection.execute("ROLLBACK");
      return done;
    }
    return connection.execute("COMMIT");
  }

 private:
  Expected<void> seal_all(const broker::Rewrite& rewrite,
                          const std::map<WorkspaceId, Append>& marks, const Record& signed_logs,
                          std::int64_t forgotten) {
    auto& connection = *connection_;
    WRIT_TRY_VOID(connection.execute(std::string(begin_sealing())));
    {
      // Its statements end before the tables that they read.
      Sealing sealing(connection, rewrite);
      WRIT_TRY_VOID(sealing.prepare());
      for (const auto& workspace : workspaces_.all()) {
        if (workspace->number == 0) continue;
        const auto mark = marks.find(workspace->id);
        WRIT_TRY_VOID(sealing.seal(*workspace, mark == marks.end() ? nullptr : &mark->second,
                                   workspace->id.is_nil() ? &signed_logs : nullptr,
                                   {.tally = {},
                                    .replay_floor = workspace->next_records.replay_floor,
                                    .forgotten = workspace->id.is_nil() ? forgotten : 0}));
      }
    }
    return connection.execute(std::string(end_sealing()) +
                              "PRAGMA user_version=" + std::to_string(kSealedVersion));
  }

  const std::unique_ptr<DataDirectory> directory_;
  SqliteWorkspaces workspaces_;
  std::unique_ptr<Connection> connection_;
  std::shared_ptr<SqliteReader> reader_;
};

}  // namespace

Expected<std::unique_ptr<broker::OldStore>> open_unsealed(const std::string& data,
                                                          vault::RowKeys keys) {
  WRIT_TRY(auto directory, DataDirectory::open(data));
  auto store = std::make_unique<UnsealedStore>(std::move(directory), std::move(keys));
  WRIT_TRY_VOID(store->open());
  return store;
}

}  // namespace writ::store
