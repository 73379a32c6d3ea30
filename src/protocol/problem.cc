// SPDX-License-Identifier: Apache-2.0
#include "protocol/problem.h"

namespace writ::protocol {

Errc code_of_status(std::int64_t status) {
  switch (status) {
    case 400:
    case 422:
      return Errc::invalid_input;
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::denied;
    case 404:
    case 410:
      return Errc::not_found;
    case 409:
    case 412:
      return Errc::conflict;
    case 413:
    case 414:
    case 431:
      return Errc::too_large;
    case 405:
    case 415:
    case 501:
      return Errc::unsupported;
    case 429:
      return Errc::rate_limited;
    case 502:
      return Errc::unknown_outcome;
    case 503:
      return Errc::unavailable;
    default:
      return Errc::internal;
  }
}

Expected<ProblemView> ProblemView::from_json(const Json& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return fail(Errc::invalid_input, "a problem document is an object");
  const auto text = [&](std::string_view name) -> std::string {
    const Json* found = object->if_contains(name);
    return found != nullptr && found->is_string() ? std::string(text_of(found->get_string()))
                                                  : std::string();
  };
  ProblemView out;
  if (const Json* status = object->if_contains("status"); status != nullptr && status->is_int64())
    out.status = status->get_int64();
  const auto type = text("type");
  if (type.starts_with(kProblemTypes)) out.type = type.substr(kProblemTypes.size());
  out.title = text("title");
  out.detail = text("detail");
  out.where = text("where");
  out.hint = text("hint");
  if (const Json* errors = object->if_contains("errors"); errors != nullptr && errors->is_array()) {
    for (const auto& each : errors->get_array()) {
      if (auto error = DocumentError::from_json(each)) out.errors.push_back(std::move(*error));
    }
  }
  if (const Json* all = object->if_contains("changes"); all != nullptr && all->is_array()) {
    for (const auto& each : all->get_array()) {
      if (auto change = Change::from_json(each)) out.changes.push_back(std::move(*change));
    }
  }
  out.members = *object;
  return out;
}

Error ProblemView::to_error() const {
  return {.code = code_of_status(status),
          .message = !detail.empty() ? detail : title,
          .where = where,
          .hint = hint};
}

}  // namespace writ::protocol
