// SPDX-License-Identifier: Apache-2.0
#include "oauth/authorization_details.h"

namespace writ::oauth {

Expected<Details> parse_details(const Parameters& parameters, const DetailsLimits& limits) {
  const std::string place(broker::kDetailsPlace);
  const auto text = parameters.get(place);
  if (!text) return Details();
  const auto json =
      parse_json(*text, {.bytes = limits.bytes, .depth = limits.depth, .values = limits.values});
  if (!json) {
    return fail(Errc::invalid_input, json.error().message + " at " + json.error().where, place);
  }
  const auto* list = json->if_array();
  if (list == nullptr || list->size() != 1) {
    return fail(Errc::invalid_input, "a list of exactly one object is expected", place,
                "one request is for one run or one delegation");
  }
  const auto& one = list->front();
  const auto where = json_pointer(place, std::size_t{0});
  const auto* object = one.if_object();
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  if (type != nullptr && *type == Json(broker::kRunDetails)) {
    WRIT_TRY(auto run, broker::AskedRun::from_json(one, where));
    return Details(std::move(run));
  }
  if (type != nullptr && *type == Json(broker::kDelegationDetails)) {
    WRIT_TRY(auto delegation, broker::AskedDelegation::from_json(one, where));
    return Details(std::move(delegation));
  }
  return fail(Errc::invalid_input, "an object of another type than this server knows",
              json_pointer(where, "type"), "the types are writ_run and writ_delegation");
}

}  // namespace writ::oauth
