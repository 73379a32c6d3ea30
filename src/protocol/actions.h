// SPDX-License-Identifier: Apache-2.0
// Actions: GET /v1/actions/{id}, /explain, POST /v1/actions/{id}/resolve. A receipt
// (GET /v1/actions/{id}/receipt) is audit/receipt.h's own JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

struct ActionView {
  ActionId id;
  RunId run;
  std::string tool;
  std::string phase;                      // "intent", "done", "failed", "unknown", "refused"
  std::optional<std::int64_t> status;     // the upstream's, where it answered
  bool resolved = false;                  // an operator settled an unknown
  std::optional<Json> result;             // what a write answered, redacted, where it was kept
  std::optional<std::string> withheld{};  // why a result that there is is not shown

  JsonObject to_json() const;
  static Expected<ActionView> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ActionView&, const ActionView&) = default;
};

// One of the seven questions (docs/architecture.md).
struct Answer {
  std::string question;
  std::string answer;  // a sentence
  JsonObject facts;    // what it rests on

  JsonObject to_json() const;
  static Expected<Answer> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Answer&, const Answer&) = default;
};

struct Explanation {
  ActionId action;
  std::vector<Answer> answers;  // seven, in their order

  JsonObject to_json() const;
  static Expected<Explanation> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const Explanation&, const Explanation&) = default;
};

struct ResolveRequest {
  std::string outcome;  // "done", "failed"
  std::string detail;   // how the operator knows

  JsonObject to_json() const;
  static Expected<ResolveRequest> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const ResolveRequest&, const ResolveRequest&) = default;
};

}  // namespace writ::protocol
