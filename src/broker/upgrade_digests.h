// SPDX-License-Identifier: Apache-2.0
// DigestUpgrade: what version 0.1 stored of an action's content outside the seal, or without a
// salt, in the form of now (P38). One step of the upgrade of a store; it reads and writes nothing
// by itself.
//
//   record              0.1                             now
//   fact, idempotency   id: run_… ":" hex SHA-256       id: run_… ":" hex HMAC
//   action              value, v 1: "digest"            value, v 2: "digest_hmac"
//   run                 value: "user_token" SHA-256     value: "user_token" HMAC
//   grant, user_token   id: hex SHA-256                 id: hex HMAC
//   approval            value, sealed, v 1: no salt     value, sealed, v 2: "salt"
//   subject of an entry "like_" hex SHA-256             "like_" hex HMAC
//
// HMACs are taken over the old digests, so nothing needs the content. Entries keep their bytes.
//
// An approval that was open ends as superseded: what its approvers signed, or were about to sign,
// is a statement of version 1 over a digest that its request has put into the log in the clear. Its
// call, sent again, is asked about anew.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "broker/store.h"
#include "vault/digest_key.h"
#include "vault/keys.h"

namespace writ::broker {

// Of one workspace. What it is given outlives it.
class DigestUpgrade {
 public:
  DigestUpgrade(WorkspaceId workspace, const vault::SealingKey& data_key, const Clock& clock,
                Random& random)
      : workspace_(workspace),
        data_key_(data_key),
        digest_key_(data_key),
        clock_(clock),
        random_(random) {}

  struct Upgraded {
    Record record;                // of the same kind and revision; its id may be another
    std::optional<Append> entry;  // that an open approval has ended, for the log
  };
  // A record of another kind as it is. invalid_input for one that 0.1 did not write.
  Expected<Upgraded> record(Record old) const;
  // A subject of another kind as it is.
  Expected<std::string> subject(std::string old) const;

 private:
  Expected<Upgraded> approval(Record old) const;

  WorkspaceId workspace_;
  const vault::SealingKey& data_key_;
  vault::DigestKey digest_key_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace writ::broker
