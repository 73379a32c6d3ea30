// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"

#include <array>

namespace writ::api {
namespace {

using broker::Operation;
using E = Endpoints;

constexpr std::array<Route, 27> kRoutes{{
    {"GET", "/v1/session", {Operation::see_self, About::workspace}, &E::who_am_i},
    {"DELETE", "/v1/session", {Operation::see_self, About::workspace}, &E::sign_out},
    {"POST", "/v1/apply", {Operation::apply, About::workspace}, &E::apply},
    {"GET", "/v1/workspace", {Operation::see_workspace, About::workspace}, &E::workspace},
    {"POST", "/v1/users/{}/invitations", {Operation::invite, About::workspace}, &E::invite},
    {"POST", "/v1/users/{}/disable", {Operation::change_standing, About::workspace}, &E::disable},
    {"POST", "/v1/users/{}/enable", {Operation::change_standing, About::workspace}, &E::enable},
    {"POST", "/v1/user-tokens", {Operation::get_user_token, About::workspace}, &E::user_token},
    {"POST",
     "/v1/credentials/{}",
     {Operation::keep_credentials, About::workspace},
     &E::add_credential},
    {"POST",
     "/v1/credentials/{}/rotate",
     {Operation::keep_credentials, About::workspace},
     &E::rotate_credential},
    {"GET", "/v1/runs", {Operation::list_runs, About::workspace}, &E::runs},
    {"GET", "/v1/runs/{}", {Operation::see_run, About::run}, &E::run},
    {"GET", "/v1/runs/{}/trace", {Operation::trace, About::run}, &E::trace},
    {"POST", "/v1/runs/{}/revoke", {Operation::revoke, About::run}, &E::revoke},
    {"GET", "/v1/approvals", {Operation::list_approvals, About::workspace}, &E::approvals},
    {"GET", "/v1/approvals/{}", {Operation::see_approval, About::approval}, &E::approval},
    {"POST",
     "/v1/approvals/{}/decisions",
     {Operation::decide_approval, About::approval},
     &E::decide},
    {"GET", "/v1/actions/{}", {Operation::see_action, About::action}, &E::action},
    {"GET", "/v1/actions/{}/explain", {Operation::explain, About::action}, &E::explain},
    {"GET", "/v1/actions/{}/receipt", {Operation::prove, About::action}, &E::receipt},
    {"POST", "/v1/actions/{}/resolve", {Operation::resolve, About::action}, &E::resolve},
    {"GET", "/v1/log", {Operation::read_log, About::workspace}, &E::log},
    {"GET", "/v1/log/leaves", {Operation::read_log, About::workspace}, &E::leaves},
    {"GET", "/v1/log/tiles/{}/{}", {Operation::read_log, About::workspace}, &E::tile},
    {"GET", "/v1/log/checkpoints/{}", {Operation::read_log, About::workspace}, &E::checkpoint},
    {"GET", "/log/{}/checkpoint", {Operation::read_log, About::log}, &E::static_log},
    {"GET", "/log/{}/tile/*", {Operation::read_log, About::log}, &E::static_log},
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
