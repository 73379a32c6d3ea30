// SPDX-License-Identifier: Apache-2.0
#include "api/applied.h"

#include "api/asked.h"
#include "wire/visible.h"

namespace writ::api {
namespace {

net::Problem bad_documents(const std::vector<Error>& problems) {
  JsonArray errors;
  for (const auto& problem : problems) {
    errors.push_back(protocol::DocumentError{.where = visible_text(problem.where),
                                             .message = visible_text(problem.message),
                                             .hint = visible_text(problem.hint)}
                         .to_json());
  }
  net::Problem out{.status = 422,
                   .type = "bad-documents",
                   .detail = "the directory has " + std::to_string(problems.size()) +
                             (problems.size() == 1 ? " problem" : " problems") +
                             ", and nothing of it was applied"};
  out.more["errors"] = std::move(errors);
  return out;
}

}  // namespace

protocol::VersionName name_of(const broker::VersionName& version) {
  return {.version = version.number, .digest = version.digest};
}

std::vector<protocol::Change> shown(const std::vector<workspace::Change>& changes) {
  std::vector<protocol::Change> out;
  out.reserve(changes.size());
  for (const auto& change : changes) {
    out.push_back({.kind = std::string(workspace::name(change.how)),
                   .key = change.key,
                   .effect = std::string(workspace::name(change.effect)),
                   .what = change.what,
                   .detail = change.detail,
                   .lines = change.lines});
  }
  return out;
}

broker::SignedDifference as_signed_difference(protocol::ApplySignature given) {
  return {.difference = given.difference,
          .by = {.fresh = {.nonce = std::move(given.nonce), .expires = given.expiry},
                 .signature = std::move(given.signature)}};
}

net::Problem problem_of(const broker::NotApplied& failed) {
  using Why = broker::NotApplied::Why;
  if (failed.why == Why::problems) return bad_documents(failed.problems);
  auto out = api::problem_of(failed.error);
  if (failed.why == Why::failed) return out;
  if (failed.why == Why::needs_key) out.type = "key-required";
  if (failed.why == Why::needs_second) out.type = "second-person-required";
  out.more["base"] = name_of(failed.base).to_json();
  out.more["changes"] = protocol::write_messages(shown(failed.changes));
  return out;
}

}  // namespace writ::api
