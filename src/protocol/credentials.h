// SPDX-License-Identifier: Apache-2.0
// Answers about credentials. A value travels one way, as the body of a POST: no message has one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "protocol/fields.h"

namespace writ::protocol {

// The body of POST /v1/credentials/{name}: the secret's octets and nothing else.
inline constexpr std::string_view kSecretContentType = "application/octet-stream";
inline constexpr std::size_t kMaxCredentialBytes = 8192;

// 201 to POST /v1/credentials/{name} and /v1/credentials/{name}/rotate.
struct CredentialStored {
  std::string name;
  std::uint64_t version = 0;
  std::uint64_t generation = 0;  // of the account: another account is another generation (P12)
  std::string origin;            // the only place that it is ever sent to
  std::vector<ApprovalId> superseded_approvals;  // by a rotation to another account

  JsonObject to_json() const;
  static Expected<CredentialStored> from_json(const Json& value, std::string pointer = {});
  friend bool operator==(const CredentialStored&, const CredentialStored&) = default;
};

}  // namespace writ::protocol
