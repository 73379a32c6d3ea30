// SPDX-License-Identifier: Apache-2.0
// Where a log is read from: a server's /v1/log, or a directory that `writ audit export` wrote:
//
//   log.json           {"key","origin","size","type":"writ-log-export","v":1}
//   leaves/N.json      256 leaves each, from 256 * N on: {"leaves":[{"entry","index","leaf"}]}
//   tile/L/…           full tiles under their C2SP names (audit/tile.h), octets
//   checkpoints/N      signed notes, in the order in which they were signed
//
// Neither is believed in anything: audit::LogVerifier is what they are for.
#pragma once

#include <filesystem>
#include <string>

#include "audit/verify.h"
#include "base/error.h"
#include "cli/api_client.h"
#include "protocol/log.h"

namespace writ::cli {

class ServerLog final : public audit::LogSource {
 public:
  // `client` outlives it. `view` is of GET /v1/log: a log that grows meanwhile is read up to there,
  // and so are its checkpoints.
  // checkpoint() is denied where they go on past the leaves that were read, so that a server cannot
  // keep its reader for ever.
  ServerLog(ApiClient& client, const protocol::LogView& view)
      : client_(client), size_(view.size), latest_(view.checkpoint) {}

  Expected<std::uint64_t> size() override { return size_; }
  Expected<std::vector<audit::StoredLeaf>> leaves(std::uint64_t first, std::size_t count) override;
  Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override;
  Expected<Bytes> tile(const audit::TileId& id) const override;

 private:
  ApiClient& client_;
  std::uint64_t size_;
  std::string latest_;  // the checkpoint that was the last one when the size was asked for
  bool is_past_latest_ = false;
  bool has_grown_ = false;      // since then
  std::uint64_t received_ = 0;  // leaves, from the first without a gap
};

class ExportedLog final : public audit::LogSource {
 public:
  // not_found or invalid_input, naming the file, where `directory` is no export.
  static Expected<ExportedLog> open(const std::filesystem::path& directory);

  const std::string& key() const { return key_; }        // as the export says: not pinned
  const std::string& origin() const { return origin_; }  // likewise

  Expected<std::uint64_t> size() override { return size_; }
  Expected<std::vector<audit::StoredLeaf>> leaves(std::uint64_t first, std::size_t count) override;
  Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override;
  Expected<Bytes> tile(const audit::TileId& id) const override;

 private:
  explicit ExportedLog(std::filesystem::path directory) : directory_(std::move(directory)) {}

  std::filesystem::path directory_;
  std::string key_;
  std::string origin_;
  std::uint64_t size_ = 0;
};

// Writes an export of `log` into `directory`, which must not exist or be empty. What it writes is
// what the source gave; nothing is verified on the way. How many entries that was.
Expected<std::uint64_t> export_log(audit::LogSource& log, const protocol::LogView& view,
                                   const std::filesystem::path& directory);

}  // namespace writ::cli
