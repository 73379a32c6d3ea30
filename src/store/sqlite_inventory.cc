// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_inventory.h"

#include <utility>

#include "store/log_keys.h"

namespace writ::store {
namespace {

constexpr std::string_view kRestore =
    "somebody or something else changed the data: restore the newest backup "
    "(docs/operations.md, Backup and restore)";

Error damaged(std::string message) {
  return fail(Errc::internal, std::move(message), "store", std::string(kRestore)).error();
}

}  // namespace

Error not_ours(broker::RecordKind kind, std::string_view id) {
  return damaged("the record " + std::string(name(kind)) + " " + std::string(id) +
                 " is not what this server wrote");
}

Error not_ours_row(std::uint64_t index) {
  return damaged("entry " + std::to_string(index) + " of the log is not what this server wrote");
}

std::unexpected<Error> not_ours_server(std::string_view why) {
  return fail(
      Errc::denied,
      "the server's own part of the store is not what this server wrote: " + std::string(why),
      "store",
      "start with the seal key that was made together with this data, or restore the "
      "newest backup (docs/operations.md, Backup and restore)");
}

Expected<Inventory> Inventory::create(Connection& connection) {
  Inventory out;
  auto& s = out.statements_;
  const std::pair<Statement*, std::string_view> all[] = {
      {&s.state, "SELECT records, log FROM state WHERE workspace = ?1"},
      {&s.records, "SELECT kind, id, revision, value, mac FROM record WHERE workspace = ?1"},
      {&s.log,
       "SELECT key, entry, leaf, proof, proof_expires, sealed, mac FROM log"
       " WHERE key >= ?1 AND key < ?2 ORDER BY key"},
      {&s.subjects, "SELECT subject, position FROM subject WHERE workspace = ?1"},
      {&s.checkpoints, "SELECT size, note FROM checkpoint WHERE workspace = ?1"},
      {&s.tiles, "SELECT level, position, hashes FROM tile WHERE workspace = ?1"},
  };
  for (const auto& [statement, sql] : all) {
    WRIT_TRY(*statement, connection.prepare(sql));
  }
  WRIT_TRY_VOID(out.count_once(connection));
  return out;
}

// In one pass: its table is in the order of time.
Expected<void> Inventory::count_once(Connection& connection) {
  WRIT_TRY(auto once, connection.prepare("SELECT workspace, digest, expires FROM once"));
  return once.each([&](const Row& row) {
    // One of another size adds what it should not, and so does not fit.
    once_[row.integer(0)].push_back(
        {.digest = row.digest(1).value_or(Digest{}), .expires = row.integer(2)});
  });
}

Expected<void> Inventory::take(SqliteWorkspace& workspace, RecordsState rest) {
  LogState log;
  WRIT_TRY_VOID(count_records(workspace, rest));
  WRIT_TRY_VOID(count_log(workspace, log));
  WRIT_TRY_VOID(count_rest(workspace, log));
  Bytes records_mac;
  Bytes log_mac;
  WRIT_TRY_VOID(statements_.state.each(
      [&](const Row& row) {
        records_mac = row.blob(0);
        log_mac = row.blob(1);
      },
      workspace.next_number));
  if (!same(state_mac(workspace.key, rest), records_mac))
    workspace.records_damaged(damaged(
        "a record was removed, or an older copy of one was put in its place, or the seal key is "
        "another one"));
  if (!same(state_mac(workspace.key, log), log_mac))
    workspace.log_damaged(
        damaged("an entry of the log, a tile, a checkpoint or a part of its index was removed, "
                "changed or added"));
  workspace.counted = workspace.sound().has_value();
  workspace.records = workspace.next_records = rest;
  workspace.log = workspace.next_log = log;
  workspace.next_size = log.size;
  return {};
}

Expected<void> Inventory::count_records(SqliteWorkspace& workspace, RecordsState& into) {
  const auto& key = workspace.key;
  WRIT_TRY_VOID(statements_.records.each(
      [&](const Row& row) {
        const auto kind = broker::parse_record_kind(row.text(0));
        const auto id = row.text(1);
        if (!kind)
          return workspace.records_damaged(damaged("a record of an unknown kind was added: " + id));
        const auto mac =
            record_mac(key, *kind, id, static_cast<std::uint64_t>(row.integer(2)), row.text(3));
        if (!same(mac.tag, row.blob(4))) workspace.records_damaged(not_ours(*kind, id));
        into.tally.add(mac.weight);
      },
      workspace.next_number));
  for (const auto& [digest, expires] : once_[workspace.next_number])
    into.tally.add(once_weight(key, digest, expires));
  return {};
}

Expected<void> Inventory::count_log(SqliteWorkspace& workspace, LogState& into) {
  const auto range = log_range(workspace.next_number, 0);
  return statements_.log.each(
      [&](const Row& row) {
        const auto index = log_index(row.integer(0));
        if (index != into.size)
          workspace.log_damaged(
              damaged("entry " + std::to_string(into.size) + " of the log is missing"));
        const auto mac = log_mac(workspace.key, index, row.text(1), row.blob(2), row.blob(3),
                                 row.integer(4), row.blob(5));
        if (!same(mac.tag, row.blob(6))) workspace.log_damaged(not_ours_row(index));
        into.tally.add(mac.weight);
        into.size = index + 1;
      },
      range.first, range.end);
}

Expected<void> Inventory::count_rest(SqliteWorkspace& workspace, LogState& into) {
  const auto& key = workspace.key;
  const auto unsigned_integer = [](const Row& row, int column) {
    return static_cast<std::uint64_t>(row.integer(column));
  };
  WRIT_TRY_VOID(statements_.subjects.each(
      [&](const Row& row) {
        into.tally.add(subject_weight(key, row.text(0), unsigned_integer(row, 1)));
      },
      workspace.next_number));
  WRIT_TRY_VOID(statements_.checkpoints.each(
      [&](const Row& row) {
        into.tally.add(checkpoint_weight(key, unsigned_integer(row, 0), row.text(1)));
      },
      workspace.next_number));
  return statements_.tiles.each(
      [&](const Row& row) {
        into.tally.add(
            tile_weight(key, unsigned_integer(row, 0), unsigned_integer(row, 1), row.blob(2)));
      },
      workspace.next_number);
}

Expected<void> begin_inventory(Connection& connection, const vault::RowKey& server) {
  WRIT_TRY(auto row, connection.prepare("INSERT INTO workspace (number, id) VALUES (1, ?1)"));
  WRIT_TRY_VOID(row.run(BytesView(WorkspaceId().raw())));
  WRIT_TRY(auto state, connection.prepare("INSERT INTO state VALUES (1, ?1, ?2)"));
  const auto records = state_mac(server, RecordsState{});
  const auto log = state_mac(server, LogState{});
  return state.run(BytesView(records), BytesView(log));
}

}  // namespace writ::store
