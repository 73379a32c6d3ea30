// SPDX-License-Identifier: Apache-2.0
// difference: what an apply would change, line by line, and which of it widens what somebody may do
// (protocol.md P40). Pure.
//
// It compares the documents key by key, so nothing that a document can say is left out. Every
// change widens unless it is on the closed list of what only narrows or only informs. A key that
// the table in difference.cc does not have is compared as a whole, and widens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workspace/version.h"

namespace writ::workspace {

enum class Effect : std::uint8_t { widens, narrows, informs };
std::string_view name(Effect effect);

struct Change {
  // `wider` and `narrower` are of values that are a bound: a number, a time, what a tool may get.
  enum class How : std::uint8_t { added, changed, removed, wider, narrower };
  std::string key;  // "users.*.roles": where in its kind of document
  How how = How::changed;
  Effect effect = Effect::widens;
  std::string what;                // "user alice", "policy money-asks-finance"
  std::string detail;              // "roles: admin", "life: \"1h\" → \"2h\""; may be empty
  std::vector<std::string> lines;  // of a policy: each with "+ ", "- " or two blanks before it

  // What a person is shown, and what an admin's key signs the digest of.
  JsonObject to_json() const;
  friend bool operator==(const Change&, const Change&) = default;
};
std::string_view name(Change::How how);

// One state of a workspace; `rules` say what its documents mean where they do not say.
struct Stated {
  const Documents& documents;
  Rules rules = kCurrentRules;
};

// Both were accepted by build_version(). `before` may be null: then everything is added. Ordered by
// document; what differs in text alone is one change for each document.
std::vector<Change> difference(const Stated* before, const Stated& after);

bool widens(const std::vector<Change>& changes);

// Whether a key of a kind of document ("workspace.toml", "agents", "tools", "workflows") has a
// place in the table, by itself or within one that is compared as a whole. For the test that walks
// all keys of all documents.
bool has_class(std::string_view document, std::string_view key);

}  // namespace writ::workspace
