// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <array>

namespace writ::api {
namespace {

using broker::Operation;
using E = Endpoints;

constexpr std::array<Route, 33> kRoutes{{
    {"GET", "/v1/session", {Operation::see_self, About::workspace}, Takes::nothing, &E::who_am_i},
    {"DELETE",
     "/v1/session",
     {Operation::see_self, About::workspace},
     Takes::nothing,
     &E::sign_out},
    {"POST", "/v1/apply", {Operation::apply, About::workspace}, Takes::documents, &E::apply},
    {"POST",
     "/v1/proposals",
     {Operation::propose, About::workspace},
     Takes::documents,
     &E::propose},
    {"GET",
     "/v1/proposals",
     {Operation::list_proposals, About::workspace},
     Takes::nothing,
     &E::proposals},
    {"GET",
     "/v1/proposals/{}",
     {Operation::see_proposal, About::proposal},
     Takes::nothing,
     &E::proposal},
    {"POST",
     "/v1/proposals/{}/decisions",
     {Operation::decide_proposal, About::proposal},
     Takes::message,
     &E::decide_proposal},
    {"GET",
     "/v1/workspace",
     {Operation::see_workspace, About::workspace},
     Takes::nothing,
     &E::workspace},
    {"POST",
     "/v1/users/{}/invitations",
     {Operation::invite, About::workspace},
     Takes::empty,
     &E::invite},
    {"POST",
     "/v1/users/{}/disable",
     {Operation::disable_user, About::workspace},
     Takes::empty,
     &E::disable},
    {"POST",
     "/v1/users/{}/enable",
     {Operation::enable_user, About::workspace},
     Takes::empty,
     &E::enable},
    {"POST",
     "/v1/user-tokens",
     {Operation::get_user_token, About::workspace},
     Takes::message,
     &E::user_token},
    {"POST",
     "/v1/credentials/{}",
     {Operation::keep_credentials, About::workspace},
     Takes::secret,
     &E::add_credential},
    {"POST",
     "/v1/credentials/{}/rotate",
     {Operation::keep_credentials, About::workspace},
     Takes::secret,
     &E::rotate_credential},
    {"GET", "/v1/runs", {Operation::list_runs, About::workspace}, Takes::nothing, &E::runs},
    {"GET", "/v1/runs/{}", {Operation::see_run, About::run}, Takes::nothing, &E::run},
    {"GET", "/v1/runs/{}/trace", {Operation::trace, About::run}, Takes::nothing, &E::trace},
    {"POST", "/v1/runs/{}/revoke", {Operation::revoke, About::run}, Takes::message, &E::revoke},
    {"GET",
     "/v1/approvals",
     {Operation::list_approvals, About::workspace},
     Takes::nothing,
     &E::approvals},
    {"GET",
     "/v1/approvals/{}",
     {Operation::see_approval, About::approval},
     Takes::nothing,
     &E::approval},
    {"POST",
     "/v1/approvals/{}/decisions",
     {Operation::decide_approval, About::approval},
     Takes::message,
     &E::decide},
    {"GET", "/v1/actions/{}", {Operation::see_action, About::action}, Takes::nothing, &E::action},
    {"GET",
     "/v1/actions/{}/explain",
     {Operation::explain, About::action},
     Takes::nothing,
     &E::explain},
    {"GET",
     "/v1/actions/{}/receipt",
     {Operation::prove, About::action},
     Takes::nothing,
     &E::receipt},
    {"POST",
     "/v1/actions/{}/resolve",
     {Operation::resolve, About::action},
     Takes::message,
     &E::resolve},
    {"GET", "/v1/log", {Operation::read_log, About::workspace}, Takes::nothing, &E::log},
    {"GET", "/v1/log/leaves", {Operation::read_log, About::workspace}, Takes::nothing, &E::leaves},
    {"GET",
     "/v1/log/tiles/{}/{}",
     {Operation::read_log, About::workspace},
     Takes::nothing,
     &E::tile},
    {"GET",
     "/v1/log/checkpoints/{}",
     {Operation::read_log, About::workspace},
     Takes::nothing,
     &E::checkpoint},
    {"GET", "/v1/clock", {Operation::see_clock, About::workspace}, Takes::nothing, &E::clock},
    {"POST",
     "/v1/clock/reset",
     {Operation::reset_clock, About::workspace},
     Takes::message,
     &E::reset_clock},
    {"GET",
     "/log/{}/checkpoint",
     {Operation::read_log, About::log},
     Takes::nothing,
     &E::static_log},
    {"GET", "/log/{}/tile/*", {Operation::read_log, About::log}, Takes::nothing, &E::static_log},
}};

// The next segment of a path, which begins with a slash; the path then begins after it.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

std::optional<std::vector<std::string>> fits(std::string_view pattern, std::string_view path) {
  std::vector<std::string> names;
  while (!pattern.empty()) {
    if (path.empty()) return std::nullopt;
    const auto wanted = take_segment(pattern);
    if (wanted == "*") {
      names.emplace_back(path.substr(1));
      return names;
    }
    const auto found = take_segment(path);
    if (wanted == "{}" && !found.empty()) {
      names.emplace_back(found);
    } else if (wanted != found) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return names;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::optional<Match> match(std::string_view method, std::string_view path) {
  std::optional<Match> out;
  if (!path.starts_with('/')) return out;
  for (const auto& route : kRoutes) {
    auto names = fits(route.pattern, path);
    if (!names) continue;
    if (route.method == method)
      return Match{.route = &route, .allowed = {}, .names = std::move(*names)};
    if (!out) out.emplace();
    out->allowed += (out->allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return out;
}

}  // namespace writ::api
