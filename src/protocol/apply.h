// SPDX-License-Identifier: Apache-2.0
// POST /v1/apply: a workspace's whole desired state (P5).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

struct ApplyLimits {
  std::size_t documents = 1000;
  std::size_t bytes = std::size_t{4} << 20;  // of all documents; a request is a little more
};

struct ApplyRequest {
  std::map<std::string, std::string, std::less<>> documents;  // "agents/billing.toml" → its text
  bool dry_run = false;

  JsonObject to_json() const;
  // too_large beyond `limits`.
  static Expected<ApplyRequest> from_json(const Json& value, std::string pointer = {},
                                          const ApplyLimits& limits = {});
  friend bool operator==(const ApplyRequest&, const ApplyRequest&) = default;
};

struct Change {
  std::string kind;    // "added", "changed", "removed"
  std::string what;    // "agent billing"
  std::string detail;  // may be empty

  JsonObject to_json() const;
  static Expected<Change> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Change&, const Change&) = default;
};

struct ApplyAnswer {
  std::uint64_t version = 0;  // published, or the one that a dry run was held against
  Digest digest{};            // of the documents
  bool changed = false;
  std::vector<Change> changes;
  std::vector<RunId> revoked_runs;

  JsonObject to_json() const;
  static Expected<ApplyAnswer> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApplyAnswer&, const ApplyAnswer&) = default;
};

// One of the "errors" of a 422: where as "agents/x.toml:3:5".
struct DocumentError {
  std::string where;
  std::string message;
  std::string hint;  // may be empty

  JsonObject to_json() const;
  static Expected<DocumentError> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const DocumentError&, const DocumentError&) = default;
};

}  // namespace writ::protocol
