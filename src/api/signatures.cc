// SPDX-License-Identifier: Apache-2.0
// Requests that give somebody a key or an account are signed by the caller's own enrolled key: a
// session alone, which a program in the same shell can use, gives nothing (P40).
#include "api/endpoints.h"
#include "broker/control.h"

namespace writ::api {
namespace {

constexpr std::string_view kHint =
    "sign the request with the key that you have enrolled: docs/protocol.md, \"Signed requests\"";

// The memory of what was used goes with a reset of the clock, and a statement does not say when it
// was made: none counts that can have been made before (P24).
Expected<void> check_epoch(const broker::TimeGuard& time, const approval::Freshness& fresh) {
  auto is_of_now = time.check(fresh.expires - approval::kMaxStatementLife);
  if (is_of_now || is_of_now.error().code != Errc::unauthenticated) return is_of_now;
  return fail(Errc::denied,
              "the server's clock was reset just now, and what was signed before counts no more",
              std::string(approval::kSignatureField), "sign it again in some minutes");
}

Expected<broker::KeySignature> check(const Asked& asked, const Digest& body, TimePoint now,
                                     const broker::TimeGuard& time) {
  WRIT_TRY(const auto field,
           asked.request.fields().get_unique(std::string(approval::kSignatureField)));
  if (!field) {
    return fail(Errc::denied, "this gives a key or an account, and a session alone does not",
                std::string(approval::kSignatureField), std::string(kHint));
  }
  WRIT_TRY(const auto given, approval::parse_field(*field));
  WRIT_TRY_VOID(check_epoch(time, given.fresh));
  return broker::KeySignature::check(*asked.workspace, *asked.caller.user,
                                     {.workspace = asked.workspace->id(),
                                      .method = std::string(asked.request.method()),
                                      .target = std::string(asked.request.target()),
                                      .body = body,
                                      .salt = given.salt,
                                      .fresh = given.fresh},
                                     given.signature, now);
}

}  // namespace

std::expected<broker::KeySignature, net::Problem> Endpoints::signature_of(
    const Asked& asked, broker::Operation operation, const Digest& body) const {
  auto out = check(asked, body, parts_.clock.now(), parts_.time);
  if (out) return std::move(*out);
  const broker::EntryWriter writer(asked.workspace->id(), asked.workspace->data_key(), parts_.clock,
                                   parts_.random);
  asked.workspace->store().append_later({broker::control_refused(
      writer, operation, asked.caller, asked.names.empty() ? "" : asked.names.front(),
      broker::ControlVerdict::denied)});
  auto refused = problem_of(out.error());
  if (refused.status == 403) refused.type = "key-required";
  return std::unexpected(std::move(refused));
}

}  // namespace writ::api
