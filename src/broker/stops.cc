// SPDX-License-Identifier: Apache-2.0
#include "broker/stops.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

// Begins the key of each stop of a user.
constexpr std::string_view kOfUsers = "user:";

vault::Purpose purpose(WorkspaceId workspace, std::string_view key) {
  return {.use = "stop", .workspace = workspace, .owner = key, .version = 0};
}

}  // namespace

std::string Stop::key() const { return std::string(name(kind)) + ":" + id; }

std::string Stop::to_text() const {
  return canonical_json(JsonObject{{"v", 1},
                                   {"kind", name(kind)},
                                   {"id", id},
                                   {"revision", revision},
                                   {"at", to_unix_millis(at)},
                                   {"by", cause.by},
                                   {"by_name", cause.by_name},
                                   {"reason", cause.reason}});
}

Expected<Stop> Stop::parse(std::string_view text) {
  WRIT_TRY(const auto json, parse_json(text, {.bytes = 16 * 1024, .depth = 2}));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  Stop out;
  const auto kind = parse_record_kind(r.string("kind", {.max = 16}));
  out.id = r.string("id", {.max = 64});
  out.revision = static_cast<std::uint64_t>(r.integer("revision", {.min = 0}));
  out.at = from_unix_millis(r.integer("at", {.min = 0}));
  out.cause.by = r.string("by", {.max = 64});
  out.cause.by_name = r.string("by_name", {.min = 0, .max = 256});
  out.cause.reason = r.string("reason", {.min = 0, .max = 1024});
  if (kind != RecordKind::user && kind != RecordKind::run && kind != RecordKind::session)
    r.refuse("kind", "not a kind of stop");
  WRIT_TRY_VOID(r.finish());
  out.kind = *kind;
  return out;
}

bool store_refused(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::unknown_outcome;
}

Error stop_not_recorded(std::string_view what, Kept kept, const Error& why) {
  const bool in_file = kept == Kept::in_file;
  return fail(Errc::unavailable,
              std::string(what) + ", but this could not be recorded: " + why.message,
              std::string(in_file ? kStopInFile : kStopInMemory),
              in_file ? "it holds, also after a restart, and is recorded as soon as the store can "
                        "write: make room for it"
                      : "it holds until the server restarts: make room for the store, and repeat "
                        "this to see that it is durable")
      .error();
}

Stops::Stops(StopFile& file, Random& random, observe::Log& log)
    : file_(file), random_(random), log_(log) {
  const auto text = file.text();
  if (text.empty()) return;
  const auto json = parse_json(text, {.bytes = std::max<std::size_t>(text.size(), 1), .depth = 4});
  if (!json || !json->is_array()) {
    log_.error("stops.unreadable", {{"error", "the file of stops holds no list"}});
    return;
  }
  for (const auto& item : json->get_array()) {
    ObjectReader r(item);
    const auto workspace = WorkspaceId::parse(r.string("workspace", {.max = 64}));
    Entry entry{.workspace = {},
                .key = r.string("key", {.max = 128}),
                .sealed = r.string("sealed", {.max = 16 * 1024})};
    if (!r.finish() || !workspace) {
      log_.error("stops.unreadable", {{"error", "an entry of the file of stops is malformed"}});
      continue;
    }
    entry.workspace = *workspace;
    entries_.push_back(std::move(entry));
  }
}

JsonObject Stops::Entry::to_json() const {
  return {{"workspace", workspace.to_string()}, {"key", key}, {"sealed", sealed}};
}

Task<Expected<void>> Stops::write() {
  std::uint64_t sequence = 0;
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    sequence = ++sequence_;
    JsonArray list;
    for (const auto& entry : entries_) list.push_back(entry.to_json());
    text = canonical_json(Json(std::move(list)));
  }
  if (text.size() > file_.room()) co_return fail(Errc::too_large, "the file for stops is full");
  co_return co_await file_.write(sequence, std::move(text));
}

void Stops::forget(WorkspaceId workspace, std::string_view key) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.workspace == workspace && entry.key == key;
  });
}

bool Stops::has_room(WorkspaceId workspace) const {
  const auto room = file_.room();
  std::size_t all = 0;
  std::size_t of_others = 0;
  for (const auto& entry : entries_) {
    if (entry.workspace != workspace) continue;
    // As write() has them.
    const auto bytes = canonical_json(entry.to_json()).size() + 1;
    all += bytes;
    if (!entry.key.starts_with(kOfUsers)) of_others += bytes;
  }
  return all <= room / 2 && of_others <= room / 4;
}

Task<Kept> Stops::keep(const LiveWorkspace& workspace, std::vector<Stop> stops) {
  bool fits = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& stop : stops) {
      const auto key = stop.key();
      const auto sealed = workspace.data_key().seal(random_, as_bytes(stop.to_text()),
                                                    purpose(workspace.id(), key));
      forget(workspace.id(), key);
      entries_.push_back(
          {.workspace = workspace.id(), .key = key, .sealed = base64url_encode(sealed)});
    }
    fits = has_room(workspace.id());
  }
  const auto written =
      fits ? co_await write()
           : Expected<void>(fail(Errc::too_large, "the workspace's part of the file is full"));
  if (written) co_return Kept::in_file;
  log_.error("stops.not_kept", {{"stops", stops.size()}, {"error", written.error().message}});
  // Those that do not fit must not keep later ones from the file.
  const std::lock_guard lock(mutex_);
  for (const auto& stop : stops) forget(workspace.id(), stop.key());
  co_return Kept::in_memory;
}

Kept Stops::where(const LiveWorkspace& workspace, std::string_view key) {
  const std::lock_guard lock(mutex_);
  const bool there = std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.workspace == workspace.id() && entry.key == key;
  });
  return there ? Kept::in_file : Kept::in_memory;
}

Task<void> Stops::drop(const LiveWorkspace& workspace, std::string key) {
  {
    const std::lock_guard lock(mutex_);
    const auto before = entries_.size();
    forget(workspace.id(), key);
    if (entries_.size() == before) co_return;
  }
  // Left in the file it does no harm: its record has moved.
  if (const auto written = co_await write(); !written)
    log_.warning("stops.not_dropped", {{"stop", key}, {"error", written.error().message}});
}

Task<std::vector<Stop>> Stops::kept(const LiveWorkspace& workspace) {
  std::vector<Entry> mine;
  {
    const std::lock_guard lock(mutex_);
    std::ranges::copy_if(entries_, std::back_inserter(mine),
                         [&](const Entry& entry) { return entry.workspace == workspace.id(); });
  }
  std::vector<Stop> out;
  for (const auto& entry : mine) {
    const auto sealed = base64url_decode(entry.sealed);
    const auto opened = sealed
                            ? workspace.data_key().open(*sealed, purpose(workspace.id(), entry.key))
                            : fail(Errc::invalid_input, "not base64url");
    auto stop = opened ? Stop::parse(opened->reveal_text())
                       : Expected<Stop>(std::unexpected(opened.error()));
    if (stop && stop->key() == entry.key) {
      out.push_back(*std::move(stop));
      continue;
    }
    log_.error("stops.forged", {{"stop", entry.key}});
    co_await drop(workspace, entry.key);
  }
  co_return out;
}

}  // namespace writ::broker
