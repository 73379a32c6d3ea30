// SPDX-License-Identifier: Apache-2.0
// LogCopy: a workspace's whole log as an auditor has fetched it, which can be changed in the ways
// in which a thief would change it: to show that verification says so, and where.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/note.h"
#include "audit/verify.h"
#include "demo/person.h"

namespace writ::demo {

// Copyable. Not thread-safe.
class LogCopy final : public audit::LogSource {
 public:
  // Leaves, tiles and checkpoints from /v1/log.
  static Expected<LogCopy> fetch(Person& auditor);
  // Of what is at hand; the tiles are those of the leaves.
  LogCopy(audit::NoteVerifier key, std::vector<audit::StoredLeaf> leaves,
          std::vector<std::string> checkpoints);

  const audit::NoteVerifier& key() const { return key_; }
  const std::string& latest_checkpoint() const { return checkpoints_.back(); }
  bool empty() const { return leaves_.empty() || checkpoints_.empty(); }

  Expected<audit::VerifyReport> verify(std::vector<std::string> saved_checkpoints = {}) const;

  // A word of one leaf, in its middle; the stored hash stays, as a thief at the database leaves it.
  void change_leaf(std::uint64_t index);
  // One bit of a stored node.
  void change_node();
  // The size that the last checkpoint claims.
  void change_checkpoint();
  void cut_tail(std::size_t leaves);
  // The same history under another log's key, and that key; and with a leaf that says something
  // else, hashed and signed anew from the first leaf on, so that nothing within it disagrees.
  void sign_anew(const audit::NoteSigner& signer);
  void rewrite(std::uint64_t index, const audit::NoteSigner& signer);

  Expected<std::uint64_t> size() override { return size_; }
  Expected<std::vector<audit::StoredLeaf>> leaves(std::uint64_t first, std::size_t count) override;
  Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override;
  Expected<Bytes> tile(const audit::TileId& id) const override;

 private:
  void build_tiles();

  audit::NoteVerifier key_;
  std::uint64_t size_ = 0;
  std::vector<audit::StoredLeaf> leaves_;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
  std::vector<std::string> checkpoints_;
};

}  // namespace writ::demo
