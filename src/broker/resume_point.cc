// SPDX-License-Identifier: Apache-2.0
#include "broker/resume_point.h"

#include "wire/canonical.h"

namespace writ::broker {
namespace {
constexpr std::string_view kSetting = "resume";
}  // namespace

Task<Expected<ResumePoint>> read_resume_point(WorkspaceStore& store) {
  WRIT_CO_TRY(const auto record, co_await store.get(RecordKind::setting, std::string(kSetting)));
  if (!record) co_return ResumePoint{};
  WRIT_CO_TRY(const auto json, parse_json(record->value));
  ObjectReader r(json);
  r.integer("v", {.min = 1, .max = 1});
  const ResumePoint point{.log = static_cast<std::uint64_t>(r.integer("log", {.min = 0})),
                          .runs = from_unix_millis(r.integer("runs", {.min = 0})),
                          .approvals = from_unix_millis(r.integer("approvals", {.min = 0})),
                          .revision = record->revision};
  WRIT_CO_TRY_VOID(r.finish());
  co_return point;
}

Put to_put(const ResumePoint& point) {
  return {RecordKind::setting, std::string(kSetting), point.revision,
          canonical_json(JsonObject{{"v", 1},
                                    {"log", point.log},
                                    {"runs", to_unix_millis(point.runs)},
                                    {"approvals", to_unix_millis(point.approvals)}})};
}

}  // namespace writ::broker
