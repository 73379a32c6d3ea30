// SPDX-License-Identifier: Apache-2.0
// KeySignature: that a person's own enrolled key signed a request (P40). A use case that gives
// somebody a key or an account takes one and binds it to its unit, so that a session alone gives
// nothing: the commit consumes the nonce, and finds the key still enrolled and the roles unchanged.
#pragma once

#include <string>

#include "approval/statements.h"
#include "broker/entries.h"
#include "broker/live.h"

namespace writ::broker {

// The nonce of a statement, for the commit that consumes it. Those of two people never meet.
Once nonce_of(const identity::User& user, const approval::Freshness& fresh);

class KeySignature {
 public:
  // denied where the signature is not by the key that the person has enrolled, or not of now.
  static Expected<KeySignature> check(const LiveWorkspace& workspace, const identity::User& user,
                                      const approval::RouteStatement& statement,
                                      BytesView signature, TimePoint now);

  void bind(Unit& unit) const;
  // What was signed, and by which key: anyone checks it from the entry alone, and who has the salt
  // and the request, that it was this one.
  void describe(audit::EntryBuilder& entry) const;

 private:
  KeySignature() = default;

  Once nonce_;
  std::vector<Check> checks_;
  approval::Signed signed_;
  std::optional<jose::Jwk> key_;
  Digest commitment_{};
};

}  // namespace writ::broker
