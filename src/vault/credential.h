// SPDX-License-Identifier: Apache-2.0
// Credential: a secret of an upstream, in versions, bound to where it may be sent. Stored sealed; a
// value of this type holds no plaintext. Immutable once shared.
//
// A rotation adds a version that is current at once; the one before stays for calls in flight until
// its grace ends and is then destroyed: it leaves the record, and its bytes the files (P22).
// `generation` names the account behind it: a rotation keeps it, another account raises it and
// supersedes pending approvals (P12).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "vault/keys.h"
#include "wire/json.h"
#include "wire/url.h"

namespace writ::vault {

// The one place a credential may go: scheme, host and port, compared exactly.
struct Origin {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;

  static Origin of(const Url& url);
  std::string to_string() const;  // "https://api.example:8443"
  friend bool operator==(const Origin&, const Origin&) = default;
};

struct CredentialVersion {
  std::uint64_t number = 1;
  Bytes sealed;  // empty where it is destroyed, in records of old
  TimePoint created;
  std::optional<TimePoint> destroy_at;  // set when a later version became current
  bool destroyed() const { return sealed.empty(); }
};

struct Credential {
  CredentialId id;
  std::string name;  // unique within the workspace; how tool servers refer to it
  Origin origin;
  std::uint64_t generation = 1;
  std::vector<CredentialVersion> versions;  // ascending; the last is current

  const CredentialVersion& current() const { return versions.back(); }

  Json to_json() const;
  static Expected<Credential> from_json(const Json& value);
};

// At entry: 16 bytes to 16 KiB, printable ASCII without space, so that no value can inject a header
// line and every value can be found again in a response (P18, failures.md 21).
Expected<void> check_secret(const SecretBytes& value);

Expected<Credential> new_credential(const SealingKey& key, Random& random, WorkspaceId workspace,
                                    CredentialId id, std::string name, Origin origin,
                                    const SecretBytes& value, TimePoint now);

// The value becomes the current version; the one before is destroyed at now + grace (grace >= 0, at
// most a day), or when 15 later ones are in their grace.
Expected<Credential> rotate(const SealingKey& key, Random& random, WorkspaceId workspace,
                            const Credential& credential, const SecretBytes& value, seconds grace,
                            bool same_account, TimePoint now);

// Without the versions whose grace has ended; the same versions where none has.
Credential destroy_expired(const Credential& credential, TimePoint now);

}  // namespace writ::vault
