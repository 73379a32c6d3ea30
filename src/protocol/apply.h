// SPDX-License-Identifier: Apache-2.0
// POST /v1/apply: a workspace's whole desired state (P5), against the version that it was made
// from, and signed by the admin's key where it widens (P40).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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

// A version by its number and its documents.
struct VersionName {
  std::uint64_t version = 0;
  Digest digest{};

  JsonObject to_json() const;
  static Expected<VersionName> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const VersionName&, const VersionName&) = default;
};

// A statement of approval/statements.h, without what both sides know.
struct ApplySignature {
  Digest difference{};  // of the changes that were shown
  Bytes nonce;
  TimePoint expiry;
  Bytes signature;

  JsonObject to_json() const;
  static Expected<ApplySignature> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ApplySignature&, const ApplySignature&) = default;
};

struct ApplyRequest {
  std::map<std::string, std::string, std::less<>> documents;  // "agents/billing.toml" → its text
  bool dry_run = false;
  // The version that the documents were made from; only a dry run may leave it out.
  std::optional<VersionName> base;
  std::optional<ApplySignature> signed_by_admin;  // "signature"

  JsonObject to_json() const;
  // too_large beyond `limits`.
  static Expected<ApplyRequest> from_json(const Json& value, std::string pointer = {},
                                          const ApplyLimits& limits = {});
  friend bool operator==(const ApplyRequest&, const ApplyRequest&) = default;
};

struct Change {
  std::string kind;                // "added", "changed", "removed", "wider", "narrower"
  std::string key;                 // "users.*.roles"
  std::string effect;              // "widens", "narrows", "informs"
  std::string what;                // "agent billing"
  std::string detail;              // may be empty
  std::vector<std::string> lines;  // of a policy

  JsonObject to_json() const;
  static Expected<Change> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Change&, const Change&) = default;
};

struct ApplyAnswer {
  std::uint64_t version = 0;  // published, or the one that a dry run was held against
  Digest digest{};            // of the documents
  bool changed = false;
  VersionName base;  // what the changes are from
  std::vector<Change> changes;
  std::vector<RunId> revoked_runs;
  // Of a dry run: the group that decides this, where one is asked for what widens.
  std::optional<std::string> asks{};

  bool widens() const;

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
