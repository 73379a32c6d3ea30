// SPDX-License-Identifier: Apache-2.0
// ServerKeys: the server's own private keys, made when they are first needed and kept in the store,
// sealed under the seal key (P22). Two kinds, never one for the other (P21): ES256 keys that sign
// tokens, and for each workspace one Ed25519 key that signs the checkpoints of its log.
//
//   record signing_key of the nil workspace, id: the key's RFC 7638 thumbprint
//     {"created":ms,"retires":ms,"sealed":"…","use":"token","v":1}   "retires" once another signs
//   record signing_key of a workspace, id "log"
//     {"created":ms,"origin":"writ.example/log/acme","sealed":"…","use":"log","v":1}
//
// `sealed` is base64url of the sealed PKCS #8 form; the seal is bound to the key's id, and for a
// log also to its workspace. The origin is the log's name for ever, whatever public_url becomes.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "audit/note.h"
#include "broker/live.h"
#include "broker/token_keys.h"
#include "vault/keys.h"

namespace writ::broker {

inline constexpr std::string_view kLogKeyRecord = "log";
// What a log's first entry says in `store`, from release 0.2 on: its rows have had MACs from the
// beginning (upgrade.h).
inline constexpr int kStoreOfLog = 2;

// The key of a workspace's log from its record. denied where the seal key does not open it.
Expected<std::shared_ptr<const audit::NoteSigner>> read_log_signer(const vault::SealKey& seal_key,
                                                                   WorkspaceId workspace,
                                                                   const Record& record);

// Thread-safe. What the constructor takes outlives it.
class ServerKeys {
 public:
  ServerKeys(Store& store, const vault::SealKey& seal_key, const Clock& clock, Random& random)
      : server_(store.workspace({})), seal_key_(seal_key), clock_(clock), random_(random) {}

  // For TokenKeys: in order of age, the last one signs. At the first start, and never later, a key
  // is made, durable before it is returned. Keys that have retired are erased. Errors: denied where
  // the seal key does not open them; those of the store.
  Task<Expected<std::vector<TokenKey>>> token_keys();

  // A new key signs from now on; the one before verifies for `overlap` more, at least as long as
  // any token lives. Durable before the first signature. conflict where another rotation was
  // faster.
  Task<Expected<void>> rotate_token_key(TokenKeys& keys, milliseconds overlap);
  // The same where the key that signs is older than `age`. Whether it was.
  Task<Expected<bool>> rotate_token_key_older_than(TokenKeys& keys, milliseconds age,
                                                   milliseconds overlap);

  // The key of the workspace's log. Where there is none it is made, in one commit with the entry
  // log.opened, and its origin is AUTHORITY/log/WORKSPACE. Errors: denied where the seal key does
  // not open it; conflict where the log has checkpoints and no key, since what signed them is gone.
  Task<Expected<std::shared_ptr<const audit::NoteSigner>>> log_signer(LiveWorkspace& workspace,
                                                                      std::string_view authority);

 private:
  struct Stored;
  Task<Expected<std::vector<Stored>>> stored_token_keys() const;
  Expected<Stored> read(const Record& record) const;
  Stored make() const;
  std::string to_record(const Stored& stored) const;

  const std::shared_ptr<WorkspaceStore> server_;
  const vault::SealKey& seal_key_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
