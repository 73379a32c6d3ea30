// SPDX-License-Identifier: Apache-2.0
#include "broker/facts.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

std::string id_of(const vault::DigestKey& key, RunId run, const std::string& operation,
                  const std::vector<std::string>& same, const JsonObject& arguments) {
  JsonObject bound;
  for (const auto& name : same) {
    const auto* value = arguments.if_contains(name);
    bound[name] = value == nullptr ? Json(nullptr) : *value;
  }
  const JsonObject fact{{"operation", operation}, {"same", std::move(bound)}};
  return fact_id(key, run.to_string(), crypto::sha256(canonical_json(fact)));
}

}  // namespace

std::string fact_id(const vault::DigestKey& key, std::string_view run, const Digest& digest) {
  return std::string(run) + ":" + hex_encode(key.of("fact", run, digest));
}

std::vector<std::string> facts_made(const vault::DigestKey& key,
                                    const action::ProposedAction& action) {
  std::vector<std::string> ids;
  for (const auto& other : action.server().operations()) {
    for (const auto& requirement : other.requires_done) {
      if (requirement.operation != action.operation().name) continue;
      ids.push_back(id_of(key, action.call().run().id, requirement.operation, requirement.same,
                          action.request().arguments));
    }
  }
  std::ranges::sort(ids);
  const auto rest = std::ranges::unique(ids);
  ids.erase(rest.begin(), rest.end());
  return ids;
}

std::vector<std::string> facts_wanted(const vault::DigestKey& key,
                                      const action::ProposedAction& action,
                                      const tools::Requirement& requirement) {
  std::vector<std::string> ids;
  for (const auto& run : action.call().lineage().runs) {
    ids.push_back(
        id_of(key, run->id, requirement.operation, requirement.same, action.request().arguments));
  }
  return ids;
}

}  // namespace writ::broker
