// SPDX-License-Identifier: Apache-2.0
#include "approval/proposal.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::approval {

Digest proposal_digest(const ProposalStatement& statement) {
  JsonObject base;
  base["version"] = statement.base_version;
  base["digest"] = hex_encode(statement.base);
  JsonObject object;
  object["tag"] = "writ-proposal-v1";
  object["workspace"] = statement.workspace.to_string();
  object["base"] = std::move(base);
  object["digest"] = hex_encode(statement.digest);
  object["difference"] = hex_encode(statement.difference);
  return crypto::sha256(canonical_json(object));
}

DecisionStatement denial_of(const ProposalStatement& statement, std::string id, const Digest& salt,
                            Bytes nonce, TimePoint expires) {
  return {.workspace = statement.workspace,
          .approval = std::move(id),
          .subject = Subject::apply,
          .commitment = commitment(salt, proposal_digest(statement)),
          .verdict = Verdict::deny,
          .groups = {},
          .nonce = std::move(nonce),
          .expires = expires};
}

}  // namespace writ::approval
