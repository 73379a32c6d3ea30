// SPDX-License-Identifier: Apache-2.0
#include "broker/entries.h"

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/hash.h"
#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::broker {
namespace {

// In the canonical form. All that one entry takes of these is some 50 KB at most, so that in an
// entry about a call nothing has to give way to its digest.
constexpr std::size_t kMostText = 1000;
constexpr std::size_t kMostScope = std::size_t{16} * 1024;
constexpr std::size_t kMostTexts = std::size_t{8} * 1024;

// Between its quotes.
std::size_t written_size(std::string_view text) {
  std::string out;
  write_json_string(text, out);
  return out.size() - 2;
}

// Who acts, in which run, of which workflow: on every entry about a call.
void describe_call(audit::EntryBuilder& entry, const action::ProposedAction& proposed) {
  const auto& call = proposed.call();
  const auto& run = call.run();
  entry.action(proposed.id())
      .run(run.id)
      .set("agent", call.agent().id.to_string())
      .set("agent_name", call.agent().name)
      .set("role", run.role)
      .set("workflow", run.workflow_name)
      .set("workflow_digest", hex_encode(run.workflow_digest))
      .set("step", run.step)
      .set("tool", proposed.operation().name)
      .set("effect", std::string(tools::name(proposed.operation().effect)));
  if (call.user() != nullptr) {
    entry.set("user", call.user()->id.to_string()).set("user_name", call.user()->name);
  }
  if (!run.trace_id.empty()) entry.set("trace", run.trace_id);
  if (run.parent) entry.set("parent_run", run.parent->to_string());
}

std::vector<std::string> subjects(const action::ProposedAction& proposed) {
  return {proposed.id().to_string(), proposed.call().run().id.to_string()};
}

std::optional<Once> proof_of(const action::ProposedAction& proposed) {
  const auto& proof = proposed.call().proof();
  if (!proof) return std::nullopt;
  return Once{proof->digest, proof->expires};
}

}  // namespace

std::string bounded_text(std::string_view text) {
  if (text.size() <= kMostText && is_utf8(text) && written_size(text) <= kMostText)
    return std::string(text);
  // What is visible is at least as long as what it is made of.
  const auto visible = visible_text(text.substr(0, kMostText));
  std::size_t end = 0;
  std::size_t written = 0;
  for (auto next = end; next_code_point(visible, next); end = next) {
    written += written_size(std::string_view(visible).substr(end, next - end));
    if (written > kMostText) break;
    if (next == visible.size()) return visible + "...";
  }
  return visible.substr(0, end) + "...";
}

void set_scope(audit::EntryBuilder& entry, Json scope) {
  const auto text = canonical_json(scope);
  if (text.size() <= kMostScope) {
    entry.set("scope", std::move(scope));
  } else {
    entry.set("scope_digest", hex_encode(crypto::sha256(text)));
  }
}

void set_texts(audit::EntryBuilder& entry, std::string_view key,
               const std::vector<std::string>& texts) {
  JsonArray list;
  std::size_t bytes = 0;
  for (const auto& text : texts) {
    auto one = bounded_text(text);
    bytes += written_size(one) + 3;  // with its quotes and a comma
    if (bytes > kMostTexts) break;
    list.emplace_back(std::string_view(one));
  }
  const auto left_out = texts.size() - list.size();
  entry.set(key, std::move(list));
  if (left_out > 0) entry.set(std::string(key) + "_left_out", left_out);
}

std::string likeness_subject(const vault::DigestKey& digest_key, const Digest& likeness) {
  return "like_" + hex_encode(digest_key.of("likeness", "", likeness));
}

EntryWriter::Payload EntryWriter::payload(std::string_view owner, std::string_view use,
                                          BytesView bytes) const {
  Digest salt;
  random_.fill(salt);
  return payload(owner, use, bytes, salt);
}

EntryWriter::Payload EntryWriter::payload(std::string_view owner, std::string_view use,
                                          BytesView bytes, const Digest& salt) const {
  Payload out;
  out.commitment = audit::commit_payload(salt, bytes);
  Bytes salted = to_bytes(out.commitment.salt);
  salted.insert(salted.end(), bytes.begin(), bytes.end());
  out.sealed =
      data_key_.seal(random_, salted, {.use = use, .workspace = workspace_, .owner = owner});
  return out;
}

Append EntryWriter::append(const audit::EntryBuilder& builder, std::vector<std::string> about,
                           Bytes sealed) {
  const auto entry = builder.build_bounded();
  WRIT_CHECK(entry.has_value());
  return {.entry = entry->text(),
          .sealed = std::move(sealed),
          .subjects = std::move(about),
          .proof = std::nullopt};
}

Append EntryWriter::intent(const action::AuthorizedAction& authorized,
                           const approval::Approval* approval,
                           const vault::DigestKey& digest_key) const {
  const auto& proposed = authorized.proposed();
  const auto& run = proposed.call().run();
  const auto id = proposed.id().to_string();
  const auto statement = as_bytes(proposed.statement());
  auto arguments = approval == nullptr ? payload(id, kArguments, statement)
                                       : payload(id, kArguments, statement, approval->salt);
  auto about = entry(audit::Kind::action_intent);
  describe_call(about, proposed);
  about.set("server", proposed.server().name())
      .set("definition", hex_encode(proposed.operation().definition))
      .set("workspace_version", authorized.workspace_version())
      .set("grant", run.grant.to_string())
      .commit(kArguments, arguments.commitment.digest);
  set_texts(about, "policies", authorized.policies());
  // The bounds under which this run has this tool: what scope the action had.
  const auto& tools = run.scope.use.tools();
  if (const auto bounds = tools.find(proposed.operation().name); bounds != tools.end()) {
    set_scope(about, delegation::ToolSet({*bounds}).to_json());
  }
  if (const auto& account = proposed.account()) {
    about.set("credential", account->credential.to_string())
        .set("credential_name", *proposed.server().credential_name())
        .set("generation", account->generation);
  }
  auto about_ids = subjects(proposed);
  // By which an approver is told of identical actions (P14). A subject lies beside the leaf.
  if (proposed.operation().effect != tools::Effect::read) {
    about_ids.push_back(likeness_subject(digest_key, proposed.likeness()));
  }
  if (approval != nullptr) {
    const auto& groups = authorized.approvals();
    std::vector<std::string> approvers;
    approvers.reserve(approval->decisions.size());
    for (const auto& decision : approval->decisions) approvers.push_back(decision.user_name);
    about.approval(approval->id).set("commitment", hex_encode(approval::commitment_of(*approval)));
    set_texts(about, "approval_groups", {groups.begin(), groups.end()});
    set_texts(about, "approved_by", approvers);
    about_ids.push_back(approval->id.to_string());
  }
  auto out = append(about, std::move(about_ids), std::move(arguments.sealed));
  out.proof = proof_of(proposed);
  return out;
}

Append EntryWriter::refusal(const policy::Denied& denied) const {
  auto about = entry(audit::Kind::action_refused);
  describe_call(about, denied.proposed);
  about.set("operand", std::string(delegation::name(denied.refusal.operand)))
      .set("message", bounded_text(denied.refusal.message));
  if (!denied.policies.empty()) set_texts(about, "policies", denied.policies);
  if (!denied.errors.empty()) set_texts(about, "errors", denied.errors);
  auto arguments =
      payload(denied.proposed.id().to_string(), kArguments, as_bytes(denied.proposed.statement()));
  about.commit(kArguments, arguments.commitment.digest);
  auto out = append(about, subjects(denied.proposed), std::move(arguments.sealed));
  out.proof = proof_of(denied.proposed);
  return out;
}

Append EntryWriter::outcome(const action::RecordedAction& action, const Ending& ending,
                            const vault::DigestKey& digest_key) const {
  const auto kind = ending.outcome == tools::Outcome::done     ? audit::Kind::action_done
                    : ending.outcome == tools::Outcome::failed ? audit::Kind::action_failed
                                                               : audit::Kind::action_unknown;
  auto about = entry(kind);
  about.action(action.id())
      .run(action.proposed().call().run().id)
      .set("intent", action.log_index())
      .set("response_bytes", ending.response_bytes);
  if (ending.status) about.set("status", *ending.status);
  if (ending.credential_version) about.set("credential_version", *ending.credential_version);
  if (ending.request_digest) {
    about.set("request_hmac", hex_encode(digest_key.of("request", action.id().to_string(),
                                                       *ending.request_digest)));
  }
  if (!ending.detail.empty()) about.set("detail", bounded_text(ending.detail));
  Bytes sealed;
  if (ending.result) {
    auto result = payload(action.id().to_string(), kResult, as_bytes(*ending.result));
    about.commit(kResult, result.commitment.digest);
    sealed = std::move(result.sealed);
  }
  return append(about, subjects(action.proposed()), std::move(sealed));
}

Append EntryWriter::recovered(ActionId action, RunId run) const {
  auto about = entry(audit::Kind::recovery_unknown);
  about.action(action).run(run).set("detail",
                                    "the server stopped between this action's intent and its "
                                    "outcome; nobody may repeat it blindly");
  return append(about, {action.to_string(), run.to_string()});
}

Expected<OpenedPayload> open_salted_payload(const vault::SealingKey& data_key,
                                            WorkspaceId workspace, std::string_view owner,
                                            std::string_view use, BytesView sealed,
                                            const Digest& commitment) {
  WRIT_TRY(const auto opened,
           data_key.open(sealed, {.use = use, .workspace = workspace, .owner = owner}));
  if (opened.size() < Digest{}.size())
    return fail(Errc::invalid_input, "a sealed payload is too short");
  Digest salt{};
  const auto bytes = opened.reveal();
  std::copy_n(bytes.begin(), salt.size(), salt.begin());
  const auto rest = bytes.subspan(salt.size());
  if (!audit::opens_commitment(commitment, salt, rest)) {
    return fail(Errc::invalid_input, "a payload is not the one that its entry commits to");
  }
  return OpenedPayload{.salt = salt, .text = to_text(rest)};
}

Expected<std::string> open_payload(const vault::SealingKey& data_key, WorkspaceId workspace,
                                   std::string_view owner, std::string_view use, BytesView sealed,
                                   const Digest& commitment) {
  WRIT_TRY(auto opened, open_salted_payload(data_key, workspace, owner, use, sealed, commitment));
  return std::move(opened.text);
}

}  // namespace writ::broker
