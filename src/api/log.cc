// SPDX-License-Identifier: Apache-2.0
// Endpoints about the audit log: for our own command line by number, and as C2SP tlog-tiles for any
// other verifier.
#include "protocol/log.h"

#include "api/endpoints.h"
#include "api/pages.h"
#include "audit/checkpoint.h"
#include "audit/tile.h"
#include "broker/receipts.h"

namespace writ::api {
namespace {

Answer octets(Bytes bytes) {
  return {.status = 200, .type = "application/octet-stream", .body = std::move(bytes)};
}
Answer note(std::string_view text) {
  return {.status = 200, .type = "text/plain; charset=utf-8", .body = to_bytes(text)};
}

// The entries of a bundle, in exactly the width asked for.
Task<Expected<std::optional<Bytes>>> read_bundle(broker::LiveWorkspace& workspace,
                                                 const broker::SignedHead& head,
                                                 audit::BundleId id) {
  if (audit::tile_width(0, id.index, head.size) < id.width) co_return std::optional<Bytes>();
  WRIT_CO_TRY(const auto rows,
              co_await workspace.store().read_log(id.index * audit::kTileWidth, id.width));
  if (rows.size() != id.width) co_return std::optional<Bytes>();
  std::vector<Bytes> entries;
  entries.reserve(rows.size());
  for (const auto& row : rows) entries.push_back(to_bytes(row.entry));
  WRIT_CO_TRY(auto bundle, audit::build_bundle(entries));
  co_return std::optional(std::move(bundle));
}

}  // namespace

Expected<std::shared_ptr<const broker::SignedHead>> Endpoints::head(const Asked& asked) const {
  auto signed_head = parts_.head(asked.workspace->id());
  if (signed_head != nullptr) return signed_head;
  return fail(Errc::unavailable, "the log is not signed yet", {},
              "it is signed every second or so: ask again then");
}

Task<Handled> Endpoints::log(Asked& asked) {
  WRIT_API_TRY(const auto signed_head, head(asked));
  WRIT_API_TRY(const auto size, co_await asked.workspace->store().log_size());
  const protocol::LogView out{.origin = signed_head->origin,
                              .key = signed_head->key,
                              .size = size,
                              .checkpoint = signed_head->checkpoint};
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::leaves(Asked& asked) {
  WRIT_API_TRY(const auto from_text, asked.query.require("from"));
  WRIT_API_TRY(const auto from, parse_number(from_text, "from"));
  WRIT_API_TRY(const auto count_text, asked.query.require("count"));
  WRIT_API_TRY(const auto count, parse_number(count_text, "count"));
  if (count < 1) co_return problem(fail(Errc::invalid_input, "at least 1", "count").error());
  WRIT_API_TRY(const auto rows, co_await asked.workspace->store().read_log(
                                    from, std::min<std::size_t>(count, protocol::kMaxLeaves)));
  protocol::LogLeaves out;
  for (const auto& row : rows)
    out.leaves.push_back({.index = row.index, .entry = row.entry, .leaf = row.leaf});
  co_return json_answer(out.to_json());
}

Task<Handled> Endpoints::tile(Asked& asked) {
  const auto level = parse_number(asked.names.at(0), "level");
  const auto index = parse_number(asked.names.at(1), "index");
  constexpr std::uint64_t kMaxLevel = 7;
  if (!level || !index || *level > kMaxLevel) co_return std::unexpected(not_here());
  WRIT_API_TRY(auto bytes,
               co_await asked.workspace->store().tile(static_cast<unsigned>(*level), *index));
  if (!bytes) co_return std::unexpected(not_here());
  co_return octets(std::move(*bytes));
}

Task<Handled> Endpoints::checkpoint(Asked& asked) {
  const auto number = parse_number(asked.names.front(), "number");
  if (!number) co_return std::unexpected(not_here());
  std::uint64_t left = *number;
  std::uint64_t from_size = 0;
  for (;;) {
    WRIT_API_TRY(const auto notes,
                 co_await asked.workspace->store().checkpoints(from_size, broker::kMaxList));
    if (notes.empty()) co_return std::unexpected(not_here());
    if (left < notes.size()) co_return note(notes[left]);
    left -= notes.size();
    WRIT_API_TRY(const auto last, audit::UnverifiedNote::parse(notes.back()));
    WRIT_API_TRY(const auto checkpoint, audit::parse_checkpoint_text(last.unverified_text()));
    from_size = checkpoint.size + 1;
  }
}

Task<Handled> Endpoints::static_log(Asked& asked) {
  WRIT_API_TRY(const auto signed_head, head(asked));
  if (asked.names.size() == 1) co_return note(signed_head->checkpoint);
  const auto path = "tile/" + asked.names.at(1);
  std::optional<Bytes> found;
  if (const auto tile = audit::parse_tile_path(path)) {
    WRIT_API_TRY(found, co_await broker::read_tile(*asked.workspace, *signed_head, *tile));
  } else if (const auto bundle = audit::parse_bundle_path(path)) {
    WRIT_API_TRY(found, co_await read_bundle(*asked.workspace, *signed_head, *bundle));
  }
  if (!found) co_return std::unexpected(not_here());
  co_return octets(std::move(*found));
}

}  // namespace writ::api
