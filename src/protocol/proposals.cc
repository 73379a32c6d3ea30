// SPDX-License-Identifier: Apache-2.0
#include "protocol/proposals.h"

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::protocol {
namespace {

// As those of an apply's answer.
constexpr std::size_t kMaxChanges = 500'000;
constexpr std::size_t kSignature = 64;
constexpr std::size_t kMaxNonce = 64;

void write_item(const ProposalItem& item, JsonObject& out) {
  out["id"] = item.id.to_string();
  out["state"] = item.state;
  out["proposed_by"] = item.proposed_by;
  out["base_version"] = write_count(item.base);
  out["changes_total"] = write_count(item.changes);
  out["widens_total"] = write_count(item.widening);
  out["created"] = format_time(item.created);
  out["expires"] = format_time(item.expires);
  if (item.group) out["group"] = *item.group;
  if (item.decided_by) out["decided_by"] = *item.decided_by;
  if (item.version) out["published"] = write_count(*item.version);
}

ProposalItem read_item(ObjectReader& r) {
  ProposalItem out;
  out.id = read_id<ProposalId>(r, "id");
  out.state = r.string("state");
  out.proposed_by = r.string("proposed_by");
  out.base = read_count(r, "base_version");
  out.changes = read_count(r, "changes_total");
  out.widening = read_count(r, "widens_total");
  out.created = read_time(r, "created");
  out.expires = read_time(r, "expires");
  out.group = r.optional_string("group");
  out.decided_by = r.optional_string("decided_by");
  if (r.has("published")) out.version = read_count(r, "published");
  return out;
}

}  // namespace

JsonObject ProposalItem::to_json() const {
  JsonObject out;
  write_item(*this, out);
  return out;
}

Expected<ProposalItem> ProposalItem::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  auto out = read_item(r);
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ProposalView::to_json() const {
  JsonObject out;
  write_item(item, out);
  out["from"] = from.to_json();
  out["digest"] = hex_encode(digest);
  out["changes"] = write_messages(changes);
  out["revoked_runs"] = write_ids(revoked_runs);
  out["salt"] = hex_encode(salt);
  out["nonce"] = base64url_encode(nonce);
  return out;
}

Expected<ProposalView> ProposalView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ProposalView out;
  out.item = read_item(r);
  const auto& from = r.value("from");
  out.digest = read_digest(r, "digest");
  const auto& changes = r.array("changes", {.max = kMaxChanges});
  out.revoked_runs = read_ids<RunId>(r, "revoked_runs");
  out.salt = read_digest(r, "salt");
  out.nonce = read_base64url(r, "nonce", kMaxNonce);
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.from, VersionName::from_json(from, r.pointer("from")));
  WRIT_TRY(out.changes, read_messages<Change>(changes, r.pointer("changes")));
  return out;
}

JsonObject ProposeAnswer::to_json() const {
  JsonObject out{{"changed", proposal.has_value()}};
  if (proposal) out["proposal"] = proposal->to_json();
  return out;
}

Expected<ProposeAnswer> ProposeAnswer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ProposeAnswer out;
  const bool changed = r.boolean("changed");
  const auto* proposal = r.optional_value("proposal");
  if (changed != (proposal != nullptr)) r.refuse("proposal", "is there where something changes");
  WRIT_TRY_VOID(r.finish());
  if (proposal != nullptr) {
    WRIT_TRY(out.proposal, ProposalItem::from_json(*proposal, r.pointer("proposal")));
  }
  return out;
}

JsonObject ProposalList::to_json() const { return {{"proposals", write_messages(proposals)}}; }

Expected<ProposalList> ProposalList::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  const auto& proposals = r.array("proposals", {.max = kMaxList});
  WRIT_TRY_VOID(r.finish());
  ProposalList out;
  WRIT_TRY(out.proposals, read_messages<ProposalItem>(proposals, r.pointer("proposals")));
  return out;
}

JsonObject ProposalDecision::to_json() const {
  JsonObject out{{"decision", denial ? "deny" : "approve"}};
  if (signed_by_admin) out["signature"] = signed_by_admin->to_json();
  if (denial) out["denial"] = base64url_encode(*denial);
  if (note) out["note"] = *note;
  return out;
}

Expected<ProposalDecision> ProposalDecision::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  ProposalDecision out;
  const bool approves = r.choice("decision", {"approve", "deny"}) == "approve";
  const auto* signature = r.optional_value("signature");
  if (r.has("denial")) out.denial = read_base64url(r, "denial", kSignature);
  out.note = r.optional_string("note", {.max = 500});
  if (approves != (signature != nullptr))
    r.refuse("signature", "an approval has it, and nothing else");
  if (approves == out.denial.has_value()) r.refuse("denial", "a denial has it, and nothing else");
  WRIT_TRY_VOID(r.finish());
  if (signature != nullptr) {
    WRIT_TRY(out.signed_by_admin, ApplySignature::from_json(*signature, r.pointer("signature")));
  }
  return out;
}

}  // namespace writ::protocol
