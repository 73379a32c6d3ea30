// SPDX-License-Identifier: Apache-2.0
#include "cli/log_sources.h"

#include <algorithm>

#include "audit/checkpoint.h"
#include "audit/note.h"
#include "cli/files.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

constexpr std::string_view kType = "writ-log-export";
constexpr std::uint64_t kLeavesInFile = protocol::kMaxLeaves;
constexpr std::size_t kMaxLeavesFile = std::size_t{64} << 20;
constexpr std::size_t kMaxNote = 65536;
constexpr JsonLimits kLeavesLimits{.bytes = kMaxLeavesFile};

// Leaves as they were given, up to the first gap: after it the rest is not in its place.
std::vector<audit::StoredLeaf> in_order(const protocol::LogLeaves& given, std::uint64_t first,
                                        std::size_t count) {
  std::vector<audit::StoredLeaf> out;
  for (const auto& leaf : given.leaves) {
    if (leaf.index < first) continue;
    if (out.size() == count || leaf.index != first + out.size()) break;
    out.push_back({.entry = to_bytes(leaf.entry), .hash = leaf.leaf});
  }
  return out;
}

// What a checkpoint says, unverified; 0 where it is none.
std::uint64_t claimed_size(std::string_view note) {
  const auto unverified = audit::UnverifiedNote::parse(note);
  if (!unverified) return 0;
  const auto checkpoint = audit::parse_checkpoint_text(unverified->unverified_text());
  return checkpoint ? checkpoint->size : 0;
}

Error at_file(const Error& error, const std::filesystem::path& path) {
  return {.code = Errc::invalid_input,
          .message = "not a part of an exported log: " + error.message,
          .where = path.string() + (error.where.empty() ? "" : ": " + error.where),
          .hint = {}};
}

std::filesystem::path leaves_file(const std::filesystem::path& directory, std::uint64_t number) {
  return directory / "leaves" / (std::to_string(number) + ".json");
}
std::filesystem::path checkpoint_file(const std::filesystem::path& directory,
                                      std::uint64_t number) {
  return directory / "checkpoints" / std::to_string(number);
}

Expected<void> export_tiles(const audit::LogSource& log, std::uint64_t size,
                            const std::filesystem::path& directory) {
  // Of each level, the full tiles of a log of this size.
  for (unsigned level = 0;; ++level) {
    if (audit::tile_width(level, 0, size) < audit::kTileWidth) return {};
    for (std::uint64_t index = 0; audit::tile_width(level, index, size) == audit::kTileWidth;
         ++index) {
      const audit::TileId id{.level = level, .index = index, .width = audit::kTileWidth};
      const auto bytes = log.tile(id);
      if (!bytes && bytes.error().code == Errc::not_found) continue;  // for the verifier to say
      if (!bytes) return std::unexpected(bytes.error());
      WRIT_TRY_VOID(write_private_file(directory / audit::tile_path(id), *bytes));
    }
  }
}

}  // namespace

Expected<std::vector<audit::StoredLeaf>> ServerLog::leaves(std::uint64_t first, std::size_t count) {
  WRIT_TRY(const auto given,
           client_.get<protocol::LogLeaves>("/v1/log/leaves?from=" + std::to_string(first) +
                                            "&count=" + std::to_string(count)));
  auto out = in_order(given, first, count);
  received_ = std::max(received_, first + out.size());
  return out;
}

Expected<std::optional<std::string>> ServerLog::checkpoint(std::uint64_t number) {
  // Each checkpoint of a log covers more leaves than the one before, and the verifier reads them
  // ahead of one batch of leaves: a list that is longer need not end.
  if (number > received_ + protocol::kMaxLeaves) {
    return fail(
        Errc::denied,
        "the server lists more checkpoints than the log has entries: " + std::to_string(number) +
            " for the " + std::to_string(received_) + " that it gave",
        {}, "ask the server's operator why");
  }
  auto note = client_.send("GET", "/v1/log/checkpoints/" + std::to_string(number));
  if (!note && note.error().code == Errc::not_found) return std::nullopt;
  if (!note) return std::unexpected(note.error());
  // Signed since, over leaves that are not read. A server that hides a cut so could as well leave
  // the checkpoint out: against both there is what was saved before.
  if (is_past_latest_ && claimed_size(*note) > size_) {
    has_grown_ = true;
    return std::nullopt;
  }
  is_past_latest_ = is_past_latest_ || *note == latest_;
  return std::optional(std::move(*note));
}

Expected<Bytes> ServerLog::tile(const audit::TileId& id) const {
  auto bytes = client_.send(
      "GET", "/v1/log/tiles/" + std::to_string(id.level) + "/" + std::to_string(id.index));
  if (!bytes) return std::unexpected(bytes.error());
  auto out = to_bytes(*bytes);
  // Full since: what it was then is its beginning, and that is held against the leaves.
  if (has_grown_) out.resize(std::min<std::size_t>(out.size(), id.width * sizeof(Digest)));
  return out;
}

Expected<ExportedLog> ExportedLog::open(const std::filesystem::path& directory) {
  const auto path = directory / "log.json";
  auto text = read_file(path, kMaxNote);
  if (!text) {
    auto error = std::move(text).error();
    if (error.code == Errc::not_found) error.hint = "writ audit export DIR writes one";
    return std::unexpected(std::move(error));
  }
  const auto object = parse_json_object(*text);
  if (!object) return std::unexpected(at_file(object.error(), path));
  ExportedLog log(directory);
  ObjectReader r(*object);
  r.choice("type", {kType});
  r.integer("v", {.min = 1, .max = 1});
  log.key_ = r.string("key");
  log.origin_ = r.string("origin");
  log.size_ = protocol::read_count(r, "size");
  if (const auto read = r.finish(); !read) return std::unexpected(at_file(read.error(), path));
  return log;
}

Expected<std::vector<audit::StoredLeaf>> ExportedLog::leaves(std::uint64_t first,
                                                             std::size_t count) {
  std::vector<audit::StoredLeaf> out;
  while (out.size() < count) {
    const auto at = first + out.size();
    const auto path = leaves_file(directory_, at / kLeavesInFile);
    const auto text = read_file(path, kMaxLeavesFile);
    if (!text && text.error().code == Errc::not_found) break;
    if (!text) return std::unexpected(text.error());
    const auto json = parse_json(*text, kLeavesLimits);
    if (!json) return std::unexpected(at_file(json.error(), path));
    const auto given = protocol::LogLeaves::from_json(*json);
    if (!given) return std::unexpected(at_file(given.error(), path));
    auto some = in_order(*given, at, count - out.size());
    if (some.empty()) break;
    std::ranges::move(some, std::back_inserter(out));
  }
  return out;
}

Expected<std::optional<std::string>> ExportedLog::checkpoint(std::uint64_t number) {
  auto note = read_file(checkpoint_file(directory_, number), kMaxNote);
  if (!note && note.error().code == Errc::not_found) return std::nullopt;
  if (!note) return std::unexpected(note.error());
  return std::optional(std::move(*note));
}

Expected<Bytes> ExportedLog::tile(const audit::TileId& id) const {
  // Full tiles alone are in an export; a narrower one has another name.
  const audit::TileId full{.level = id.level, .index = id.index, .width = audit::kTileWidth};
  WRIT_TRY(const auto text,
           read_file(directory_ / audit::tile_path(full), audit::kTileWidth * sizeof(Digest)));
  return to_bytes(text);
}

Expected<std::uint64_t> export_log(audit::LogSource& log, const protocol::LogView& view,
                                   const std::filesystem::path& directory) {
  std::error_code failed;
  if (std::filesystem::exists(directory, failed) && !std::filesystem::is_empty(directory, failed)) {
    return fail(Errc::conflict, "this directory is not empty", directory.string(),
                "an export goes into a directory of its own");
  }
  WRIT_TRY(const auto size, log.size());
  std::uint64_t received = 0;
  for (std::uint64_t first = 0; first < size; first += kLeavesInFile) {
    const auto count = std::min(kLeavesInFile, size - first);
    WRIT_TRY(const auto leaves, log.leaves(first, count));
    protocol::LogLeaves out;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      out.leaves.push_back(
          {.index = first + i, .entry = to_text(leaves[i].entry), .leaf = leaves[i].hash});
    }
    WRIT_TRY_VOID(write_private_file(leaves_file(directory, first / kLeavesInFile),
                                     as_bytes(canonical_json(out.to_json()) + '\n')));
    received += leaves.size();
    if (leaves.size() < count) break;
  }
  // Of what came, not of what was claimed: a claim has no end.
  WRIT_TRY_VOID(export_tiles(log, received, directory));
  for (std::uint64_t number = 0;; ++number) {
    WRIT_TRY(const auto note, log.checkpoint(number));
    if (!note) break;
    WRIT_TRY_VOID(write_private_file(checkpoint_file(directory, number), as_bytes(*note)));
  }
  // Last, so that an export that was cut short is none.
  const JsonObject about{{"type", kType},
                         {"v", 1},
                         {"key", view.key},
                         {"origin", view.origin},
                         {"size", protocol::write_count(size)}};
  WRIT_TRY_VOID(write_private_file(directory / "log.json", as_bytes(canonical_json(about) + '\n')));
  return received;
}

}  // namespace writ::cli
