// SPDX-License-Identifier: Apache-2.0
#include "approval/chain.h"

#include <algorithm>
#include <utility>

#include "approval/decision.h"
#include "approval/matching.h"
#include "base/encoding.h"
#include "jose/jwk.h"
#include "wire/time_text.h"

namespace writ::approval {
namespace {

using audit::Entry;
using audit::Kind;

// An entry names at most 8 KiB of groups.
constexpr std::size_t kMaxGroups = 8192;
constexpr std::size_t kNonceText = 64;

// Quotes within a text are escaped, so these stand in an entry as members alone.
bool may_matter(std::string_view text, bool version_2) {
  return text.contains(R"("approval":"apr_)") || text.contains(R"("kind":"user.enrolled")") ||
         (!version_2 && text.contains(R"("v":2)"));
}

std::unexpected<Error> unsound(std::string why) { return fail(Errc::denied, std::move(why)); }

Digest read_digest(ObjectReader& reader, std::string_view member) {
  Digest digest{};
  const auto bytes = hex_decode(reader.string(member, {.min = 64, .max = 64}));
  if (bytes && bytes->size() == digest.size()) {
    std::ranges::copy(*bytes, digest.begin());
  } else {
    reader.refuse(member, "not a digest");
  }
  return digest;
}

}  // namespace

std::optional<std::string> ApprovalChain::give(BytesView bytes) {
  if (!may_matter(as_text(bytes), version_2_)) return std::nullopt;
  const auto entry = Entry::parse(bytes);
  if (!entry) return "it is no entry: " + entry.error().to_string();
  const auto held = read(*entry);
  return held ? std::nullopt : std::optional(held.error().to_string());
}

Expected<void> ApprovalChain::read(const Entry& entry) {
  if (entry.version() >= 2) {
    version_2_ = true;
  } else if (version_2_) {
    return unsound("it is of version 1, and one of version 2 came before");
  }
  if (entry.kind() == Kind::user_enrolled) return enrolled(entry);
  // Version 1 carried neither commitment nor nonce: nothing can be computed again.
  if (entry.version() < 2) return {};
  switch (entry.kind()) {
    case Kind::approval_requested:
      return requested(entry);
    case Kind::approval_decided:
      return decided(entry);
    case Kind::approval_expired:
      open_.erase(entry.subjects().approval);
      return {};
    case Kind::action_intent:
      if (!entry.subjects().approval.is_nil()) return consumed(entry);
      return {};
    default:
      return {};
  }
}

Expected<void> ApprovalChain::enrolled(const Entry& entry) {
  const auto object = entry.json();
  ObjectReader reader(object);
  reader.allow_unknown();
  auto user = reader.string("user");
  auto key = reader.string("key");
  WRIT_TRY_VOID(reader.finish());
  keys_.insert_or_assign(std::move(user), std::move(key));
  return {};
}

Expected<void> ApprovalChain::requested(const Entry& entry) {
  const auto object = entry.json();
  ObjectReader reader(object);
  reader.allow_unknown();
  const auto commitment = read_digest(reader, "commitment");
  WRIT_TRY_VOID(reader.finish());
  const auto& [action, run, approval] = entry.subjects();
  if (!open_.try_emplace(approval, Question{run, commitment, {}}).second)
    return unsound("the approval was asked for before");
  return {};
}

Expected<ApprovalChain::Question*> ApprovalChain::asked(const Entry& entry,
                                                        const Digest& commitment) {
  const auto found = open_.find(entry.subjects().approval);
  if (found == open_.end()) return unsound("no open request for this approval is in the log");
  if (found->second.commitment != commitment)
    return unsound("its commitment is not that of the approval's request");
  if (found->second.run != entry.subjects().run)
    return unsound("its run is not that of the approval's request");
  return &found->second;
}

Expected<void> ApprovalChain::decided(const Entry& entry) {
  const auto object = entry.json();
  ObjectReader reader(object);
  reader.allow_unknown();
  DecisionStatement statement{.workspace = entry.workspace(),
                              .approval = entry.subjects().approval.to_string(),
                              .subject = Subject::action,
                              .commitment = read_digest(reader, "commitment"),
                              .verdict = Verdict::deny,
                              .groups = {},
                              .nonce = {},
                              .expires = {}};
  auto user = reader.string("by");
  const auto verdict = parse_verdict(reader.choice("decision", {"approve", "deny"}));
  statement.groups = reader.strings("groups", {.min = 1, .max = kMaxGroups}, {.max = 63});
  const auto nonce = base64url_decode(reader.string("nonce", {.max = kNonceText}));
  const auto expiry = parse_time(reader.string("expiry"));
  const auto thumbprint = reader.string("key");
  const auto& public_key = reader.object("public_key");
  const auto signature = base64url_decode(reader.string("signature", {.max = 128}));
  WRIT_TRY_VOID(reader.finish());
  if (!verdict || !nonce || !expiry || !signature)
    return unsound("its nonce, expiry or signature cannot be read");
  statement.verdict = *verdict;
  statement.nonce = *nonce;
  statement.expires = *expiry;

  WRIT_TRY(auto* const question, asked(entry, statement.commitment));
  WRIT_TRY(const auto key, jose::Jwk::from_json(Json(public_key)));
  const auto enrolled = keys_.find(user);
  if (key.thumbprint() != thumbprint || enrolled == keys_.end() || enrolled->second != thumbprint)
    return unsound("its key is not the one that its person enrolled last");
  if (key.algorithm() != jose::Algorithm::es256 ||
      !key.verify(as_bytes(canonical_decision(statement)), *signature))
    return unsound("its signature is not one of this decision");
  if (entry.at() >= statement.expires) return unsound("it came after the request had expired");
  if (statement.verdict == Verdict::deny) {
    open_.erase(entry.subjects().approval);
    return {};
  }
  if (std::ranges::any_of(question->given, [&](const Given& each) { return each.user == user; }))
    return unsound("its person has approved before");
  question->given.push_back({std::move(user), thumbprint, std::move(statement.groups)});
  return {};
}

Expected<void> ApprovalChain::consumed(const Entry& entry) {
  const auto object = entry.json();
  ObjectReader reader(object);
  reader.allow_unknown();
  const auto commitment = read_digest(reader, "commitment");
  const auto groups = reader.strings("approval_groups", {.min = 1, .max = kMaxGroups}, {.max = 63});
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(const auto* const question, asked(entry, commitment));
  std::vector<std::vector<std::string>> people;
  for (const auto& each : question->given) {
    // An approval holds while the key that gave it is enrolled.
    if (keys_.find(each.user)->second == each.key) people.push_back(each.groups);
  }
  const bool approved = each_has_its_own(groups, people);
  open_.erase(entry.subjects().approval);
  if (!approved) return unsound("not every group of its approval has a person who approved");
  return {};
}

}  // namespace writ::approval
