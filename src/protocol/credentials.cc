// SPDX-License-Identifier: Apache-2.0
#include "protocol/credentials.h"

namespace writ::protocol {

JsonObject CredentialStored::to_json() const {
  return {{"name", name},
          {"version", write_count(version)},
          {"generation", write_count(generation)},
          {"origin", origin},
          {"superseded_approvals", write_ids(superseded_approvals)}};
}

Expected<CredentialStored> CredentialStored::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  CredentialStored out;
  out.name = r.string("name");
  out.version = read_count(r, "version");
  out.generation = read_count(r, "generation");
  out.origin = r.string("origin");
  out.superseded_approvals = read_ids<ApprovalId>(r, "superseded_approvals");
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
