// SPDX-License-Identifier: Apache-2.0
#include "broker/run_record.h"

namespace writ::broker {

std::string_view RunRecord::state_at(TimePoint now) const {
  if (ended && ended->at < run.ends) return "revoked";
  return ended || run.ends <= now ? "ended" : "running";
}

Json RunRecord::to_json() const {
  JsonObject out{{"run", run.to_json()}};
  if (ended) {
    out["ended"] = JsonObject{{"at", to_unix_millis(ended->at)},
                              {"by", ended->cause.by},
                              {"by_name", ended->cause.by_name},
                              {"reason", ended->cause.reason}};
  }
  return out;
}

Expected<RunRecord> RunRecord::from_json(const Json& value) {
  ObjectReader reader(value);
  const auto& run = reader.value("run");
  const auto* ended = reader.optional_object("ended");
  WRIT_TRY_VOID(reader.finish());
  RunRecord record;
  WRIT_TRY(record.run, delegation::Run::from_json(run));
  if (ended != nullptr) {
    ObjectReader ending(*ended, "/ended");
    RunEnding out;
    out.at = from_unix_millis(ending.integer("at", {.min = 0}));
    out.cause.by = ending.string("by", {.max = 64});
    out.cause.by_name = ending.string("by_name", {.min = 0});
    out.cause.reason = ending.string("reason", {.min = 0});
    WRIT_TRY_VOID(ending.finish());
    record.ended = std::move(out);
  }
  return record;
}

}  // namespace writ::broker
