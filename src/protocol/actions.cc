// SPDX-License-Identifier: Apache-2.0
#include "protocol/actions.h"

namespace writ::protocol {

JsonObject ActionView::to_json() const {
  JsonObject out{{"id", id.to_string()},
                 {"run", run.to_string()},
                 {"tool", tool},
                 {"phase", phase},
                 {"resolved", resolved}};
  if (status) out["status"] = *status;
  if (result) out["result"] = *result;
  if (withheld) out["withheld"] = *withheld;
  return out;
}

Expected<ActionView> ActionView::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  ActionView out;
  out.id = read_id<ActionId>(r, "id");
  out.run = read_id<RunId>(r, "run");
  out.tool = r.string("tool");
  out.phase = r.string("phase");
  out.resolved = r.boolean("resolved");
  out.status = r.optional_integer("status", {.min = 100, .max = 599});
  if (const Json* result = r.optional_value("result")) out.result = *result;
  out.withheld = r.optional_string("withheld");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Answer::to_json() const {
  return {{"question", question}, {"answer", answer}, {"facts", facts}};
}

Expected<Answer> Answer::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Answer out;
  out.question = r.string("question");
  out.answer = r.string("answer", {.max = 65536});
  out.facts = r.object("facts");
  WRIT_TRY_VOID(r.finish());
  return out;
}

JsonObject Explanation::to_json() const {
  return {{"action", action.to_string()}, {"answers", write_messages(answers)}};
}

Expected<Explanation> Explanation::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  r.allow_unknown();
  Explanation out;
  out.action = read_id<ActionId>(r, "action");
  const auto& answers = r.array("answers", {.max = 16});
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.answers, read_messages<Answer>(answers, r.pointer("answers")));
  return out;
}

JsonObject ResolveRequest::to_json() const { return {{"outcome", outcome}, {"detail", detail}}; }

Expected<ResolveRequest> ResolveRequest::from_json(const Json& value, std::string pointer) {
  ObjectReader r(value, std::move(pointer));
  ResolveRequest out;
  out.outcome = r.choice("outcome", {"done", "failed"});
  out.detail = r.string("detail", {.max = 500});
  WRIT_TRY_VOID(r.finish());
  return out;
}

}  // namespace writ::protocol
