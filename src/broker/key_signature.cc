// SPDX-License-Identifier: Apache-2.0
#include "broker/key_signature.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/time_text.h"

namespace writ::broker {

Once nonce_of(const identity::User& user, const approval::Freshness& fresh) {
  return {.digest = crypto::Sha256()
                        .update("writ-statement-nonce-v1")
                        .update(user.id.to_string())
                        .update(fresh.nonce)
                        .finish(),
          .expires = fresh.expires};
}

Expected<KeySignature> KeySignature::check(const LiveWorkspace& workspace,
                                           const identity::User& user,
                                           const approval::RouteStatement& statement,
                                           BytesView signature, TimePoint now) {
  // The version before the standing: what changes between the two is met by the commit.
  const auto version = workspace.version();
  const auto standing = workspace.standing(user.id);
  if (!standing.key) return fail(Errc::denied, "you have no enrolled key", "signature");
  const auto canonical = approval::canonical_route(statement);
  WRIT_TRY_VOID(
      approval::check_statement(*standing.key, canonical, statement.fresh, signature, now));
  KeySignature out;
  out.nonce_ = nonce_of(user, statement.fresh);
  out.checks_ = {{RecordKind::user, user.id.to_string(), standing.revision},
                 {RecordKind::workspace, workspace.id().to_string(), version->number()}};
  out.signed_ = {.fresh = statement.fresh, .signature = Bytes(signature.begin(), signature.end())};
  out.key_ = standing.key;
  out.commitment_ = approval::decision_of(statement).commitment;
  return out;
}

void KeySignature::bind(Unit& unit) const {
  unit.checks.insert(unit.checks.end(), checks_.begin(), checks_.end());
  unit.once.push_back(nonce_);
}

void KeySignature::describe(audit::EntryBuilder& entry) const {
  entry.set("signed_by", key_->thumbprint())
      .set("public_key", key_->required_members())
      .set("commitment", hex_encode(commitment_))
      .set("nonce", base64url_encode(signed_.fresh.nonce))
      .set("expiry", format_time(signed_.fresh.expires))
      .set("signature", base64url_encode(signed_.signature));
}

}  // namespace writ::broker
