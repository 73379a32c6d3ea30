// SPDX-License-Identifier: Apache-2.0
#include "broker/signed_logs.h"

#include <algorithm>

#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

constexpr std::string_view kSetting = "signed-logs";
// Some 200,000 workspaces: more than a store holds in one file.
constexpr JsonLimits kLimits{.bytes = std::size_t{32} << 20, .values = 1'000'000};

Expected<std::pair<WorkspaceId, SignedLog>> parse_log(const Json& json) {
  ObjectReader r(json);
  const auto workspace = r.string("workspace", {.max = 64});
  const auto root = r.string("root", {.max = 64});
  SignedLog log{.size = static_cast<std::uint64_t>(r.integer("size", {.min = 1})), .root = {}};
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(const auto id, WorkspaceId::parse(workspace));
  WRIT_TRY(const auto bytes, hex_decode(root));
  if (bytes.size() != log.root.size())
    return fail(Errc::invalid_input, "the root of a log is no digest", workspace);
  std::ranges::copy(bytes, log.root.begin());
  return std::pair(id, log);
}

}  // namespace

Task<Expected<SignedLogs>> read_signed_logs(WorkspaceStore& server) {
  WRIT_CO_TRY(const auto record, co_await server.get(RecordKind::setting, std::string(kSetting)));
  SignedLogs out;
  if (!record) co_return out;
  out.revision = record->revision;
  WRIT_CO_TRY(const auto json, parse_json(record->value, kLimits));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  const auto& logs = r.value("logs");
  WRIT_CO_TRY_VOID(r.finish());
  if (!logs.is_array())
    co_return fail(Errc::invalid_input, "the record of signed logs has no list", "logs");
  for (const auto& each : logs.get_array()) {
    WRIT_CO_TRY(auto log, parse_log(each));
    out.logs.insert(std::move(log));
  }
  co_return out;
}

Put to_put(const SignedLogs& signed_logs) {
  JsonArray logs;
  for (const auto& [id, log] : signed_logs.logs) {
    logs.push_back(JsonObject{
        {"workspace", id.to_string()}, {"size", log.size}, {"root", hex_encode(log.root)}});
  }
  return {RecordKind::setting, std::string(kSetting), signed_logs.revision,
          canonical_json(JsonObject{{"v", 1}, {"logs", std::move(logs)}})};
}

}  // namespace writ::broker
