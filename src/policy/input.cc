// SPDX-License-Identifier: Apache-2.0
#include "policy/input.h"

#include "policy/model.h"
#include "wire/canonical.h"
#include "wire/json_place.h"

namespace writ::policy {
namespace {

Expected<void> spend(StepBudget& budget, std::uint64_t steps) {
  if (budget.spend(steps)) return {};
  return fail(
      Errc::too_large,
      "the arguments take more than " + std::to_string(budget.limit()) + " steps to decide on", {},
      "send fewer or smaller arguments");
}

Expected<cedar::Value> to_cedar(const Json& value, const JsonPlace& place, StepBudget& budget);

Expected<cedar::Record> to_record(const JsonObject& object, const JsonPlace& place,
                                  StepBudget& budget) {
  std::vector<cedar::Field> fields;
  fields.reserve(object.size());
  std::uint64_t names = 1;
  for (const auto& member : object) {
    WRIT_TRY(auto field, to_cedar(member.value(), {&place, text_of(member)}, budget));
    names += steps_for_bytes(member.key().size());
    fields.push_back({.name = std::string(text_of(member)), .value = std::move(field)});
  }
  WRIT_TRY_VOID(spend(budget, steps_to_find(fields.size()) * names));  // to sort them
  return cedar::Record(std::move(fields));
}

Expected<cedar::Value> to_cedar(const Json& value, const JsonPlace& place, StepBudget& budget) {
  switch (value.kind()) {
    case boost::json::kind::bool_:
      return cedar::Value(value.get_bool());
    case boost::json::kind::int64:
      return cedar::Value(value.get_int64());
    case boost::json::kind::string: {
      WRIT_TRY_VOID(spend(budget, steps_for_bytes(value.get_string().size())));
      return cedar::Value(text_of(value.get_string()));
    }
    case boost::json::kind::object: {
      WRIT_TRY(auto record, to_record(value.get_object(), place, budget));
      return cedar::Value(std::move(record));
    }
    case boost::json::kind::array: {
      std::vector<cedar::Value> items;
      items.reserve(value.get_array().size());
      std::uint64_t weight = 1;
      for (const auto& item : value.get_array()) {
        WRIT_TRY(auto element, to_cedar(item, {&place, {}, items.size(), true}, budget));
        weight += element.weight();
        items.push_back(std::move(element));
      }
      WRIT_TRY_VOID(spend(budget, steps_to_find(items.size()) * weight));  // to sort them
      return cedar::Value(cedar::Set(std::move(items)));
    }
    case boost::json::kind::double_: {
      if (const auto decimal = cedar::Decimal::parse(canonical_json(value)))
        return cedar::Value(*decimal);
      return fail(Errc::unsupported,
                  "a number that is neither an integer nor a decimal of at most four digits",
                  pointer_to(place),
                  "policy decides on exact numbers; send minor units as an integer");
    }
    case boost::json::kind::null:
    case boost::json::kind::uint64:
      break;
  }
  return fail(Errc::unsupported, "a value that policy cannot see", pointer_to(place),
              "leave the argument out instead of null");
}

}  // namespace

cedar::EntityUid run_uid(const delegation::Run& run) { return {"Writ::Run", run.id.to_string()}; }

cedar::Entity run_entity(const action::AuthenticatedCall& call, std::string_view workspace) {
  const auto& run = call.run();
  const auto ends = cedar::Datetime{to_unix_millis(run.ends)};
  cedar::Record attributes{{"agent", agent_uid(run.agent_name)},
                           {"workspace", workspace_uid(workspace)},
                           {"name", run.name},
                           {"role", run.role},
                           {"depth", std::int64_t{run.depth}},
                           {"ends", ends}};
  if (call.user() != nullptr) {
    const auto user = user_uid(call.user()->name);
    attributes.set("user", user);
    attributes.set("grant", cedar::Record{{"delegator", user},
                                          {"delegate", agent_uid(run.agent_name)},
                                          {"expires", ends}});
  }
  return {.uid = run_uid(run),
          .attributes = std::move(attributes),
          .tags = {},
          .parents = {agent_uid(run.agent_name), step_uid(run.workflow_name, run.step),
                      workspace_uid(workspace)}};
}

Expected<cedar::Record> call_context(const action::ProposedAction& proposed, TimePoint now,
                                     StepBudget& budget) {
  const auto& run = proposed.call().run();
  WRIT_TRY(auto input, to_record(proposed.request().arguments, {}, budget));
  cedar::Record session{{"now", cedar::Datetime{to_unix_millis(now)}},
                        {"workflow", workflow_uid(run.workflow_name)},
                        {"step", step_uid(run.workflow_name, run.step)},
                        {"depth", std::int64_t{run.depth}}};
  return cedar::Record{{"session", std::move(session)}, {"input", std::move(input)}};
}

}  // namespace writ::policy
