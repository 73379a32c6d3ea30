// SPDX-License-Identifier: Apache-2.0
// Routes: the table of what the API answers to. A route cannot be written without saying which
// operation of broker/control.h it is, and what it is about; from these two, and from nothing in
// the handlers, it is decided who may.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/endpoints.h"

namespace writ::api {

// What the first name in the path's braces is the id of: found before the decision, which depends
// on whose it is. `log` is a workspace's name, which must be the caller's own.
enum class About : std::uint8_t { workspace, run, approval, proposal, action, log };

class Access {
 public:
  constexpr Access(broker::Operation operation, About about)
      : operation_(operation), about_(about) {}
  constexpr broker::Operation operation() const { return operation_; }
  constexpr About about() const { return about_; }

 private:
  broker::Operation operation_;
  About about_;
};

// What is read of the body, after the first decision and before the second: nothing at all; an
// object without members or no body; a small message; a workspace's documents; a secret's octets.
enum class Takes : std::uint8_t { nothing, empty, message, documents, secret };

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v1/runs/{}/trace"; a last segment "*" takes the rest
  Access access;
  Takes takes;
  Task<Handled> (Endpoints::*handler)(Asked&);
};
std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;    // null where the path has no such method
  std::string allowed;             // then the methods that it has, as Allow lists them
  std::vector<std::string> names;  // of the braces, then the rest
};
// Nothing where no route has the path.
std::optional<Match> match(std::string_view method, std::string_view path);

}  // namespace writ::api
