// SPDX-License-Identifier: Apache-2.0
#include "cli/log_memory.h"

#include "audit/checkpoint.h"
#include "cli/files.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::cli {
namespace {

constexpr std::string_view kType = "writ-log-memory";
constexpr std::size_t kMaxFile = 131'072;

Expected<RememberedLog> load(const std::filesystem::path& path) {
  WRIT_TRY(const auto text, read_private_file(path, kMaxFile));
  auto log = RememberedLog::parse(text.reveal_text());
  if (!log) {
    return fail(Errc::invalid_input,
                "what was remembered of this log cannot be read: " + log.error().message,
                path.string(), "restore it from a copy; removing it means trusting the log anew");
  }
  return log;
}

// Leaves under the checkpoint; 0 where there is none, or none that its key signed.
std::uint64_t covered(const RememberedLog& log) {
  const auto key = audit::NoteVerifier::parse(log.key);
  if (!key) return 0;
  const auto checkpoint = audit::SignedCheckpoint::open(log.checkpoint, *key);
  return checkpoint ? checkpoint->size() : 0;
}

}  // namespace

Expected<RememberedLog> RememberedLog::parse(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text, {.bytes = kMaxFile}));
  ObjectReader r(object);
  r.choice("type", {kType});
  r.integer("v", {.min = 1, .max = 1});
  RememberedLog out;
  out.server = r.string("server");
  out.workspace = r.string("workspace");
  out.key = r.string("key");
  out.checkpoint = r.string("checkpoint", {.min = 0, .max = 65536});
  WRIT_TRY_VOID(r.finish());
  return out;
}

std::string RememberedLog::to_text() const {
  return canonical_json(JsonObject{{"type", kType},
                                   {"v", 1},
                                   {"server", server},
                                   {"workspace", workspace},
                                   {"key", key},
                                   {"checkpoint", checkpoint}}) +
         '\n';
}

std::filesystem::path LogMemory::path(const std::string& server,
                                      const std::string& workspace) const {
  // As Identity::file_stem(), without a user.
  auto host = server.substr(server.find("://") + 3);
  for (auto& c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  return home_ / "logs" / (workspace + "@" + host + ".json");
}

Expected<std::optional<RememberedLog>> LogMemory::find(const std::string& server,
                                                       const std::string& workspace) const {
  auto log = load(path(server, workspace));
  if (!log && log.error().code == Errc::not_found) return std::nullopt;
  if (!log) return std::unexpected(log.error());
  if (log->server != server || log->workspace != workspace) {
    return fail(Errc::invalid_input, "this file remembers the log of another workspace",
                path(server, workspace).string());
  }
  return std::optional(std::move(*log));
}

Expected<std::optional<RememberedLog>> LogMemory::find_origin(std::string_view origin) const {
  std::error_code failed;
  for (std::filesystem::directory_iterator at(home_ / "logs", failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->path().extension() != ".json") continue;
    WRIT_TRY(auto log, load(at->path()));
    const auto key = audit::NoteVerifier::parse(log.key);
    if (key && key->name() == origin) return std::optional(std::move(log));
  }
  return std::nullopt;
}

Expected<void> LogMemory::save(const RememberedLog& log) const {
  WRIT_TRY(const auto before, find(log.server, log.workspace));
  if (before && before->key == log.key && covered(*before) > covered(log)) return {};
  return write_private_file(path(log.server, log.workspace), as_bytes(log.to_text()));
}

}  // namespace writ::cli
