// SPDX-License-Identifier: Apache-2.0
#include "broker/proposal.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/encoding.h"
#include "broker/time_guard.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::broker {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kNonceBytes = 32;
// What an apply may hold (protocol::ApplyLimits), escaped at its worst; and that in base64url.
constexpr JsonLimits kOpenedLimits{.bytes = std::size_t{40} << 20,
                                   .depth = 4,
                                   .values = 10'000,
                                   .members = 5000,
                                   .string_bytes = std::size_t{8} << 20};
constexpr JsonLimits kSealedLimits{
    .bytes = std::size_t{64} << 20, .depth = 2, .values = 8, .string_bytes = std::size_t{64} << 20};
constexpr std::int64_t kMost = std::int64_t{1} << 40;

constexpr std::array kStates{ProposalState::pending, ProposalState::applied, ProposalState::denied,
                             ProposalState::expired, ProposalState::superseded};

vault::Purpose purpose(WorkspaceId workspace, std::string_view id) {
  return {.use = "proposal", .workspace = workspace, .owner = id};
}

template <typename T>
T read_id(ObjectReader& reader, std::string_view member) {
  const auto id = T::parse(reader.string(member, {.max = 64}));
  if (id) return *id;
  reader.refuse(member, id.error().message);
  return T();
}

Digest read_digest(ObjectReader& reader, std::string_view member) {
  Digest out{};
  const auto bytes = hex_decode(reader.string(member, {.max = 64}));
  if (bytes && bytes->size() == out.size()) {
    std::ranges::copy(*bytes, out.begin());
  } else {
    reader.refuse(member, "not a digest");
  }
  return out;
}

std::uint64_t read_count(ObjectReader& reader, std::string_view member) {
  return static_cast<std::uint64_t>(reader.integer(member, {.min = 0, .max = kMost}));
}

TimePoint read_time(ObjectReader& reader, std::string_view member) {
  return from_unix_millis(reader.integer(member, {.min = 0}));
}

JsonObject write_version(const VersionName& version) {
  return {{"version", version.number}, {"digest", hex_encode(version.digest)}};
}

Expected<VersionName> read_version(const JsonObject& object) {
  ObjectReader reader(object, "/base");
  VersionName out;
  out.number = read_count(reader, "version");
  out.digest = read_digest(reader, "digest");
  WRIT_TRY_VOID(reader.finish());
  return out;
}

Expected<ProposalDecision> read_decision(const JsonObject& object) {
  ObjectReader reader(object, "/decided");
  ProposalDecision out;
  out.by = read_id<UserId>(reader, "by");
  out.by_name = reader.string("by_name", {.max = 63});
  const auto verdict = approval::parse_verdict(reader.choice("decision", {"approve", "deny"}));
  out.at = read_time(reader, "at");
  WRIT_TRY_VOID(reader.finish());
  out.verdict = verdict.value_or(approval::Verdict::deny);
  return out;
}

Expected<workspace::Documents> read_documents(const JsonObject& object) {
  workspace::Documents out;
  for (const auto& member : object) {
    if (!member.value().is_string())
      return fail(Errc::invalid_input, "must be text", json_pointer("/documents", text_of(member)));
    out.emplace(text_of(member), text_of(member.value().get_string()));
  }
  return out;
}

}  // namespace

std::string_view name(ProposalState state) {
  switch (state) {
    case ProposalState::pending:
      return "pending";
    case ProposalState::applied:
      return "applied";
    case ProposalState::denied:
      return "denied";
    case ProposalState::expired:
      return "expired";
    case ProposalState::superseded:
      return "superseded";
  }
  WRIT_UNREACHABLE();
}

Json Proposal::to_json() const {
  JsonObject out{{"v", kVersion},
                 {"id", id.to_string()},
                 {"proposer", proposer.to_string()},
                 {"proposer_name", proposer_name},
                 {"base", write_version(base)},
                 {"digest", hex_encode(digest)},
                 {"difference", hex_encode(difference)},
                 {"changes", changes},
                 {"widening", widening},
                 {"bytes", bytes},
                 {"salt", hex_encode(salt)},
                 {"nonce", base64url_encode(nonce)},
                 {"created", to_unix_millis(created)},
                 {"expires", to_unix_millis(expires)},
                 {"state", broker::name(state)}};
  if (decided) {
    out["decided"] = JsonObject{{"by", decided->by.to_string()},
                                {"by_name", decided->by_name},
                                {"decision", approval::name(decided->verdict)},
                                {"at", to_unix_millis(decided->at)}};
  }
  if (version) out["version"] = *version;
  if (ended) out["ended"] = to_unix_millis(*ended);
  if (documents) {
    JsonObject texts;
    for (const auto& [path, text] : *documents) texts[path] = text;
    out["documents"] = std::move(texts);
  }
  return out;
}

Expected<Proposal> Proposal::from_json(const Json& value) {
  ObjectReader reader(value);
  reader.integer("v", {.min = kVersion, .max = kVersion});
  Proposal out;
  out.id = read_id<ProposalId>(reader, "id");
  out.proposer = read_id<UserId>(reader, "proposer");
  out.proposer_name = reader.string("proposer_name", {.max = 63});
  const auto& base = reader.object("base");
  out.digest = read_digest(reader, "digest");
  out.difference = read_digest(reader, "difference");
  out.changes = read_count(reader, "changes");
  out.widening = read_count(reader, "widening");
  out.bytes = read_count(reader, "bytes");
  out.salt = read_digest(reader, "salt");
  const auto nonce = base64url_decode(reader.string("nonce", {.max = 64}));
  if (!nonce || nonce->size() != kNonceBytes) reader.refuse("nonce", "not 32 bytes in base64url");
  out.created = read_time(reader, "created");
  out.expires = read_time(reader, "expires");
  const auto state = reader.string("state", {.max = 16});
  const auto known =
      std::ranges::find_if(kStates, [&](auto each) { return broker::name(each) == state; });
  if (known == kStates.end()) reader.refuse("state", "not a state of a proposal");
  const auto* decided = reader.optional_object("decided");
  if (reader.has("version")) out.version = read_count(reader, "version");
  if (reader.has("ended")) out.ended = read_time(reader, "ended");
  const auto* documents = reader.optional_object("documents");
  WRIT_TRY_VOID(reader.finish());
  out.nonce = *nonce;
  out.state = *known;
  WRIT_TRY(out.base, read_version(base));
  if (decided != nullptr) {
    WRIT_TRY(out.decided, read_decision(*decided));
  }
  if (documents != nullptr) {
    WRIT_TRY(out.documents, read_documents(*documents));
  }
  // Nobody could ever look at it.
  if (out.state == ProposalState::pending && !out.documents)
    return fail(Errc::invalid_input, "an open proposal has no documents", "/documents");
  if (out.state == ProposalState::denied && (!out.decided || !out.ended))
    return fail(Errc::invalid_input, "a denied proposal has nobody who denied it", "/decided");
  return out;
}

ProposalState state_at(const Proposal& proposal, const VersionName& current, TimePoint now) {
  if (proposal.state != ProposalState::pending) return proposal.state;
  if (now >= proposal.expires) return ProposalState::expired;
  // Made by a clock that was ahead: its time would be over who knows when (P24).
  if (now + TimeGuard::kTolerance < proposal.created) return ProposalState::expired;
  return proposal.base == current ? ProposalState::pending : ProposalState::superseded;
}

approval::DecisionStatement denial_of(WorkspaceId workspace, const Proposal& proposal) {
  return approval::denial_of({.workspace = workspace,
                              .base_version = proposal.base.number,
                              .base = proposal.base.digest,
                              .digest = proposal.digest,
                              .difference = proposal.difference},
                             proposal.id.to_string(), proposal.salt, proposal.nonce,
                             proposal.expires);
}

std::string to_record(const LiveWorkspace& workspace, Random& random, const Proposal& proposal) {
  const auto id = proposal.id.to_string();
  const auto sealed = workspace.data_key().seal(
      random, as_bytes(canonical_json(proposal.to_json())), purpose(workspace.id(), id));
  return canonical_json(JsonObject{{"v", 1}, {"sealed", base64url_encode(sealed)}});
}

Expected<Proposal> parse_proposal_record(const LiveWorkspace& workspace, const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value, kSealedLimits));
  ObjectReader reader(json);
  reader.integer("v", {.min = 1, .max = 1});
  const auto text = reader.string("sealed", {.max = kSealedLimits.string_bytes});
  WRIT_TRY_VOID(reader.finish());
  WRIT_TRY(const auto sealed, base64url_decode(text));
  WRIT_TRY(const auto opened,
           workspace.data_key().open(sealed, purpose(workspace.id(), record.id)));
  WRIT_TRY(const auto inner, parse_json(as_text(opened.reveal()), kOpenedLimits));
  WRIT_TRY(auto out, Proposal::from_json(inner));
  out.revision = record.revision;
  return out;
}

}  // namespace writ::broker
