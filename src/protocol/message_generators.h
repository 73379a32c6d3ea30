// SPDX-License-Identifier: Apache-2.0
// For tests: each message of /v1 with arbitrary contents, for RapidCheck properties.
#pragma once

#include <string>
#include <vector>

#include <rapidcheck.h>

#include "protocol/actions.h"
#include "protocol/apply.h"
#include "protocol/approvals.h"
#include "protocol/clock.h"
#include "protocol/credentials.h"
#include "protocol/log.h"
#include "protocol/proposals.h"
#include "protocol/runs.h"
#include "protocol/sessions.h"
#include "protocol/workspace.h"
#include "wire/json_generator.h"

namespace writ::protocol::testing {

// NOLINTBEGIN(google-build-using-namespace): one test header, in a namespace of its own
using writ::testing::any_json;
using writ::testing::any_text;
// NOLINTEND(google-build-using-namespace)

inline std::string some_text() { return "x" + any_text(); }  // not empty
inline bool any_bool() { return *rc::gen::arbitrary<bool>(); }
inline std::uint64_t any_count() {
  return static_cast<std::uint64_t>(*rc::gen::inRange<std::int64_t>(0, kMaxJsonInteger + 1));
}
inline TimePoint any_time() {
  return from_unix_millis(*rc::gen::inRange<std::int64_t>(0, 253'402'300'799'999));
}
inline Bytes any_bytes(std::size_t size) {
  Bytes out(size);
  for (auto& byte : out) byte = *rc::gen::arbitrary<std::uint8_t>();
  return out;
}
inline Digest any_digest() {
  Digest out{};
  for (auto& byte : out) byte = *rc::gen::arbitrary<std::uint8_t>();
  return out;
}
template <typename T>
T any_id() {
  id_detail::Raw raw{};
  for (auto& byte : raw) byte = *rc::gen::arbitrary<std::uint8_t>();
  raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0F) | 0x70);
  raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3F) | 0x80);
  return T(raw);
}
template <typename Make>
auto any_list(Make make) {
  std::vector<decltype(make())> out;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out.push_back(make());
  return out;
}
inline std::vector<std::string> any_texts() { return any_list(some_text); }
inline JsonObject any_object() {
  JsonObject out;
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out[any_text()] = any_json(2);
  return out;
}
template <typename Make>
auto maybe(Make make) {
  std::optional<decltype(make())> out;
  if (any_bool()) out = make();
  return out;
}

template <typename T>
T any();

template <>
inline Person any<Person>() {
  return {.id = any_id<UserId>(), .name = some_text(), .roles = any_texts(), .groups = any_texts()};
}
template <>
inline OpenSession any<OpenSession>() {
  OpenSession out{.workspace = some_text(),
                  .user = some_text(),
                  .assertion = some_text(),
                  .code = std::nullopt,
                  .key = std::nullopt};
  if (any_bool()) {
    out.code = SecretBytes::copy_of(some_text());
    out.key = any_object();
  }
  return out;
}
template <>
inline SessionOpened any<SessionOpened>() {
  return {.session = SecretBytes::copy_of(some_text()),
          .expires = std::chrono::floor<seconds>(any_time()),
          .user = any<Person>(),
          .workspace = some_text()};
}
template <>
inline WhoAmI any<WhoAmI>() {
  return {.user = any<Person>(),
          .workspace = some_text(),
          .workspace_id = any_id<WorkspaceId>(),
          .expires = any_time()};
}
template <>
inline Invitation any<Invitation>() {
  return {.code = SecretBytes::copy_of(some_text()), .expires = any_time()};
}
template <>
inline UserTokenRequest any<UserTokenRequest>() {
  return {.agent = some_text()};
}
template <>
inline UserToken any<UserToken>() {
  return {.token = SecretBytes::copy_of(some_text()),
          .expires_in = static_cast<std::int64_t>(any_count())};
}
template <>
inline ApplyRequest any<ApplyRequest>() {
  ApplyRequest out{.documents = {}, .dry_run = any_bool(), .base = {}, .signed_by_admin = {}};
  if (any_bool()) out.base = VersionName{.version = any_count(), .digest = any_digest()};
  if (any_bool()) {
    out.signed_by_admin = ApplySignature{.difference = any_digest(),
                                         .nonce = Bytes(32, 7),
                                         .expiry = any_time(),
                                         .signature = Bytes(64, 9)};
  }
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out.documents[any_text()] = any_text();
  return out;
}
template <>
inline Change any<Change>() {
  return {.kind = some_text(),
          .key = any_text(),
          .effect = some_text(),
          .what = some_text(),
          .detail = any_text(),
          .lines = any_list(any_text)};
}
template <>
inline ApplyAnswer any<ApplyAnswer>() {
  return {.version = any_count(),
          .digest = any_digest(),
          .changed = any_bool(),
          .base = {.version = any_count(), .digest = any_digest()},
          .changes = any_list(any<Change>),
          .revoked_runs = any_list(any_id<RunId>)};
}
template <>
inline ProposalItem any<ProposalItem>() {
  return {.id = any_id<ProposalId>(),
          .state = some_text(),
          .proposed_by = some_text(),
          .base = any_count(),
          .changes = any_count(),
          .widening = any_count(),
          .created = any_time(),
          .expires = any_time(),
          .decided_by = maybe(some_text),
          .version = maybe(any_count)};
}
template <>
inline ProposalView any<ProposalView>() {
  return {.item = any<ProposalItem>(),
          .from = {.version = any_count(), .digest = any_digest()},
          .digest = any_digest(),
          .changes = any_list(any<Change>),
          .revoked_runs = any_list(any_id<RunId>),
          .salt = any_digest(),
          .nonce = Bytes(32, 7)};
}
template <>
inline ProposalList any<ProposalList>() {
  return {.proposals = any_list(any<ProposalItem>)};
}
template <>
inline ProposeAnswer any<ProposeAnswer>() {
  return {.proposal = maybe(any<ProposalItem>)};
}
template <>
inline ProposalDecision any<ProposalDecision>() {
  ProposalDecision out{.signed_by_admin = {}, .denial = {}, .note = maybe(some_text)};
  if (any_bool()) {
    out.denial = Bytes(64, 5);
  } else {
    out.signed_by_admin = ApplySignature{.difference = any_digest(),
                                         .nonce = Bytes(32, 7),
                                         .expiry = any_time(),
                                         .signature = Bytes(64, 9)};
  }
  return out;
}
template <>
inline DocumentError any<DocumentError>() {
  return {.where = any_text(), .message = some_text(), .hint = any_text()};
}
template <>
inline CredentialStored any<CredentialStored>() {
  return {.name = some_text(),
          .version = any_count(),
          .generation = any_count(),
          .origin = some_text(),
          .superseded_approvals = any_list(any_id<ApprovalId>)};
}
template <>
inline WorkspaceView any<WorkspaceView>() {
  WorkspaceView out{.name = some_text(),
                    .id = any_id<WorkspaceId>(),
                    .version = any_count(),
                    .digest = any_digest(),
                    .users = {},
                    .agents = {},
                    .servers = {},
                    .workflows = any_texts(),
                    .credentials = {},
                    .findings = {}};
  out.users = any_list([] {
    return WorkspaceUser{.name = some_text(),
                         .roles = any_texts(),
                         .groups = any_texts(),
                         .enrolled = any_bool(),
                         .disabled = any_bool()};
  });
  out.agents = any_list([] {
    return WorkspaceAgent{.name = some_text(),
                          .role = any_text(),
                          .owner = any_text(),
                          .sender = some_text(),
                          .keys = any_count()};
  });
  out.servers = any_list([] {
    return WorkspaceServer{.name = some_text(),
                           .url = some_text(),
                           .credential = any_text(),
                           .operations = any_count()};
  });
  out.credentials = any_list([] {
    return WorkspaceCredential{.name = some_text(),
                               .origin = some_text(),
                               .version = any_count(),
                               .generation = any_count()};
  });
  out.findings = any_list(
      [] { return Finding{.kind = some_text(), .subject = any_text(), .message = some_text()}; });
  return out;
}
template <>
inline RunView any<RunView>() {
  RunView out;
  out.id = any_id<RunId>();
  out.name = some_text();
  out.role = any_text();
  out.agent = some_text();
  out.workflow = some_text();
  out.step = some_text();
  out.user = maybe(some_text);
  out.parent = maybe(any_id<RunId>);
  for (const auto& tool : any_texts()) out.use.emplace_back(tool);
  for (const auto& tool : any_texts()) out.delegate.emplace_back(tool);
  out.allowed_tools = any_texts();
  out.approval_state = *rc::gen::element<std::string>("none", "pending", "approved");
  out.started = any_time();
  out.ends = any_time();
  out.state = *rc::gen::element<std::string>("running", "ended", "revoked");
  if (any_bool()) {
    out.ending =
        RunEnding{.at = any_time(), .by = some_text(), .by_name = any_text(), .reason = any_text()};
  }
  return out;
}
template <>
inline RunList any<RunList>() {
  return {.runs = any_list(any<RunView>), .cursor = maybe(some_text)};
}
inline Trace any_trace(int depth) {
  Trace out;
  out.run = any<RunView>();
  out.actions = any_list([] {
    return TracedAction{.id = any_id<ActionId>(),
                        .tool = some_text(),
                        .effect = any_text(),
                        .phase = some_text(),
                        .at = any_time(),
                        .status = maybe([] { return *rc::gen::inRange<std::int64_t>(100, 600); }),
                        .approval = maybe(any_id<ApprovalId>),
                        .detail = any_text(),
                        .resolved = any_bool()};
  });
  out.approvals = any_list([] {
    return TracedApproval{.id = any_id<ApprovalId>(),
                          .tool = some_text(),
                          .title = any_text(),
                          .state = some_text(),
                          .groups = any_texts(),
                          .decided_by = any_texts(),
                          .at = any_time()};
  });
  if (depth > 0) {
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) out.children.push_back(any_trace(depth - 1));
  }
  out.cursor = maybe(some_text);
  return out;
}
template <>
inline Trace any<Trace>() {
  return any_trace(2);
}
template <>
inline RevokeRequest any<RevokeRequest>() {
  return {.reason = any_text()};
}
template <>
inline Revoked any<Revoked>() {
  return {.revoked = any_list(any_id<RunId>)};
}
template <>
inline RevokedRuns any<RevokedRuns>() {
  return {.revoked_runs = any_list(any_id<RunId>)};
}
template <>
inline ApprovalView any<ApprovalView>() {
  ApprovalView out;
  out.id = any_id<ApprovalId>();
  out.state = some_text();
  out.run = any_id<RunId>();
  out.run_name = some_text();
  out.agent = some_text();
  out.user = maybe(some_text);
  out.tool = some_text();
  out.title = any_text();
  out.statement = some_text();
  out.subject = some_text();
  out.salt = any_digest();
  out.commitment = any_digest();
  out.groups = any_texts();
  out.missing = any_texts();
  out.decided = any_list([] {
    return DecisionView{
        .by = some_text(), .decision = some_text(), .groups = any_texts(), .at = any_time()};
  });
  out.identical = {.done = any_count(), .unknown = any_count()};
  out.nonce = any_bytes(32);
  out.created = any_time();
  out.expires = any_time();
  out.approved_until = maybe(any_time);
  out.retry_after = maybe(any_time);
  return out;
}
template <>
inline ApprovalItem any<ApprovalItem>() {
  ApprovalItem out;
  out.id = any_id<ApprovalId>();
  out.state = some_text();
  out.run = any_id<RunId>();
  out.run_name = some_text();
  out.agent = some_text();
  out.user = maybe(some_text);
  out.tool = some_text();
  out.title = any_text();
  out.groups = any_texts();
  out.missing = any_texts();
  out.created = any_time();
  out.expires = any_time();
  out.approved_until = maybe(any_time);
  return out;
}
template <>
inline ApprovalList any<ApprovalList>() {
  return {.approvals = any_list(any<ApprovalItem>), .cursor = maybe(some_text)};
}
template <>
inline ApprovalState any<ApprovalState>() {
  return {.id = any_id<ApprovalId>(), .state = some_text()};
}
template <>
inline DecisionRequest any<DecisionRequest>() {
  DecisionRequest out{.decision = any_bool() ? "approve" : "deny",
                      .commitment = any_digest(),
                      .groups = {"finance"},
                      .nonce = any_bytes(32),
                      .expiry = any_time(),
                      .signature = any_bytes(64),
                      .note = maybe(some_text)};
  for (const auto& group : any_list([] { return std::string("group"); }))
    out.groups.push_back(group);
  return out;
}
template <>
inline ActionView any<ActionView>() {
  ActionView out{.id = any_id<ActionId>(),
                 .run = any_id<RunId>(),
                 .tool = some_text(),
                 .phase = some_text(),
                 .status = maybe([] { return *rc::gen::inRange<std::int64_t>(100, 600); }),
                 .resolved = any_bool(),
                 .result = std::nullopt};
  if (any_bool()) out.result = any_json(2);
  out.withheld = maybe(some_text);
  return out;
}
template <>
inline Explanation any<Explanation>() {
  return {.action = any_id<ActionId>(),
          .answers = any_list([] {
            return Answer{.question = some_text(), .answer = some_text(), .facts = any_object()};
          })};
}
template <>
inline ResolveRequest any<ResolveRequest>() {
  return {.outcome = any_bool() ? "done" : "failed", .detail = some_text()};
}
template <>
inline ClockView any<ClockView>() {
  return {.server = some_text(),
          .now = any_time(),
          .latest = any_time(),
          .epoch = any_count(),
          .behind = any_bool()};
}
template <>
inline ClockResetRequest any<ClockResetRequest>() {
  return {
      .epoch = any_count(), .latest = any_time(), .time = any_time(), .signature = any_bytes(64)};
}
template <>
inline ClockResetAnswer any<ClockResetAnswer>() {
  return {.epoch = any_count(), .since = any_time()};
}
template <>
inline LogView any<LogView>() {
  return {.origin = some_text(), .key = some_text(), .size = any_count(), .checkpoint = any_text()};
}
template <>
inline LogLeaves any<LogLeaves>() {
  return {.leaves = any_list([] {
            return LogLeaf{.index = any_count(), .entry = some_text(), .leaf = any_digest()};
          })};
}

}  // namespace writ::protocol::testing
