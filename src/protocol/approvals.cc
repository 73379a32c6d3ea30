// SPDX-License-Identifier: Apache-2.0
#include "protocol/approvals.h"

#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::protocol {
namespace {

constexpr std::size_t kMaxStatement = std::size_t{2} << 20;
constexpr std::size_t kMaxNonce = 64;
constexpr std::size_t kSignature = 64;

}  // namespace

JsonObject DecisionView::to_json() const {
  return {{"by", by},
          {"decision", decision},
          {"groups", write_strings(groups)},
          {"at", format_time(at)}};
}

Expected<DecisionView> DecisionView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  DecisionView out;
  out.by = r.string("by");
  out.decision = r.string("decision");
  out.groups = read_strings(r, "groups");
  out.at = read_time(r, "at");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ApprovalView::to_json() const {
  JsonObject out{{"id", id.to_string()},
                 {"state", state},
                 {"run", run.to_string()},
                 {"run_name", run_name},
                 {"agent", agent},
                 {"tool", tool},
                 {"title", title},
                 {"statement", statement},
                 {"subject", subject},
                 {"salt", hex_encode(salt)},
                 {"commitment", hex_encode(commitment)},
                 {"groups", write_strings(groups)},
                 {"missing", write_strings(missing)},
                 {"decided", write_messages(decided)},
                 {"identical", JsonObject{{"done", write_count(identical.done)},
                                          {"unknown", write_count(identical.unknown)}}},
                 {"nonce", base64url_encode(nonce)},
                 {"created", format_time(created)},
                 {"expires", format_time(expires)}};
  if (user) out["user"] = *user;
  if (approved_until) out["approved_until"] = format_time(*approved_until);
  if (retry_after) out["retry_after"] = format_time(*retry_after);
  return out;
}

Expected<ApprovalView> ApprovalView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ApprovalView out;
  out.id = read_id<ApprovalId>(r, "id");
  out.state = r.string("state");
  out.run = read_id<RunId>(r, "run");
  out.run_name = r.string("run_name");
  out.agent = r.string("agent");
  out.user = r.optional_string("user");
  out.tool = r.string("tool");
  out.title = read_text(r, "title");
  out.statement = r.string("statement", {.max = kMaxStatement});
  out.subject = r.string("subject");
  out.salt = read_digest(r, "salt");
  out.commitment = read_digest(r, "commitment");
  out.groups = read_strings(r, "groups");
  out.missing = read_strings(r, "missing");
  const auto& decided = r.array("decided", {.max = kMaxList});
  const auto& identical = r.object("identical");
  out.nonce = read_base64url(r, "nonce", kMaxNonce);
  out.created = read_time(r, "created");
  out.expires = read_time(r, "expires");
  out.approved_until = read_optional_time(r, "approved_until");
  out.retry_after = read_optional_time(r, "retry_after");
  WRIT_TRY_VOID(r.finish());

  WRIT_TRY(out.decided, read_messages<DecisionView>(decided, r.pointer("decided")));
  ObjectReader same(identical, r.pointer("identical"));
  same.allow_unknown();
  out.identical.done = read_count(same, "done");
  out.identical.unknown = read_count(same, "unknown");
  WRIT_TRY_VOID(same.finish());
  return out;
}

JsonObject ApprovalItem::to_json() const {
  JsonObject out{{"id", id.to_string()},
                 {"state", state},
                 {"run", run.to_string()},
                 {"run_name", run_name},
                 {"agent", agent},
                 {"tool", tool},
                 {"title", title},
                 {"groups", write_strings(groups)},
                 {"missing", write_strings(missing)},
                 {"created", format_time(created)},
                 {"expires", format_time(expires)}};
  if (user) out["user"] = *user;
  if (approved_until) out["approved_until"] = format_time(*approved_until);
  return out;
}

Expected<ApprovalItem> ApprovalItem::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ApprovalItem out;
  out.id = read_id<ApprovalId>(r, "id");
  out.state = r.string("state");
  out.run = read_id<RunId>(r, "run");
  out.run_name = r.string("run_name");
  out.agent = r.string("agent");
  out.user = r.optional_string("user");
  out.tool = r.string("tool");
  out.title = read_text(r, "title");
  out.groups = read_strings(r, "groups");
  out.missing = read_strings(r, "missing");
  out.created = read_time(r, "created");
  out.expires = read_time(r, "expires");
  out.approved_until = read_optional_time(r, "approved_until");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject ApprovalList::to_json() const {
  JsonObject out{{"approvals", write_messages(approvals)}};
  write_cursor(out, cursor);
  return out;
}

Expected<ApprovalList> ApprovalList::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  const auto& approvals = r.array("approvals", {.max = kMaxList});
  ApprovalList out;
  out.cursor = read_cursor(r);
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.approvals, read_messages<ApprovalItem>(approvals, r.pointer("approvals")));
  return out;
}

JsonObject ApprovalState::to_json() const { return {{"id", id.to_string()}, {"state", state}}; }

Expected<ApprovalState> ApprovalState::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ApprovalState out;
  out.id = read_id<ApprovalId>(r, "id");
  out.state = r.string("state");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject DecisionRequest::to_json() const {
  JsonObject out{{"decision", decision},
                 {"commitment", hex_encode(commitment)},
                 {"groups", write_strings(groups)},
                 {"nonce", base64url_encode(nonce)},
                 {"expiry", format_time(expiry)},
                 {"signature", base64url_encode(signature)}};
  if (note) out["note"] = *note;
  return out;
}

Expected<DecisionRequest> DecisionRequest::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  DecisionRequest out;
  out.decision = r.choice("decision", {"approve", "deny"});
  out.commitment = read_digest(r, "commitment");
  // An empty list would decide for nobody, and must not read as "all".
  out.groups = r.strings("groups", {.min = 1, .max = 64}, {.max = 64});
  out.nonce = read_base64url(r, "nonce", kMaxNonce);
  out.expiry = read_time(r, "expiry");
  out.signature = read_base64url(r, "signature", kSignature);
  out.note = r.optional_string("note", {.max = 500});
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
