// SPDX-License-Identifier: Apache-2.0
#include "broker/approval_record.h"

#include "base/encoding.h"
#include "wire/canonical.h"
#include "wire/json.h"

namespace writ::broker {
namespace {

// Well over what the largest statement takes, escaped and in base64url.
constexpr JsonLimits kLimits{};
static_assert(8 * approval::kMaxStatementBytes <= kLimits.string_bytes);

vault::Purpose purpose(WorkspaceId workspace, std::string_view id) {
  return {.use = "approval", .workspace = workspace, .owner = id};
}

}  // namespace

std::string to_record(const LiveWorkspace& workspace, Random& random,
                      const approval::Approval& approval) {
  return seal_approval_record(workspace.data_key(), workspace.id(), random, approval);
}

std::string seal_approval_record(const vault::SealingKey& data_key, WorkspaceId workspace,
                                 Random& random, const approval::Approval& approval) {
  const auto id = approval.id.to_string();
  const auto sealed =
      data_key.seal(random, as_bytes(canonical_json(approval.to_json())), purpose(workspace, id));
  return canonical_json(JsonObject{{"v", 1}, {"sealed", base64url_encode(sealed)}});
}

Expected<JsonObject> open_approval_record(const vault::SealingKey& data_key, WorkspaceId workspace,
                                          const Record& record) {
  WRIT_TRY(const auto json, parse_json(record.value, kLimits));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  const auto text = r.string("sealed", {.max = kLimits.string_bytes});
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(const auto sealed, base64url_decode(text));
  WRIT_TRY(const auto opened, data_key.open(sealed, purpose(workspace, record.id)));
  return parse_json_object(as_text(opened.reveal()), kLimits);
}

Expected<approval::Approval> parse_approval_record(const LiveWorkspace& workspace,
                                                   const Record& record) {
  WRIT_TRY(const auto inner, open_approval_record(workspace.data_key(), workspace.id(), record));
  WRIT_TRY(auto approval, approval::Approval::from_json(Json(inner)));
  approval.revision = record.revision;
  return approval;
}

}  // namespace writ::broker
