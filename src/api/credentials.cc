// SPDX-License-Identifier: Apache-2.0
// Endpoints about credentials: their values come in here and never go out.
#include "protocol/credentials.h"

#include <charconv>

#include "api/endpoints.h"
#include "crypto/hash.h"

namespace writ::api {
namespace {

Answer stored_answer(broker::StoredSecret stored) {
  const protocol::CredentialStored out{.name = std::move(stored.name),
                                       .version = stored.version,
                                       .generation = stored.generation,
                                       .origin = std::move(stored.origin),
                                       .superseded_approvals = std::move(stored.superseded)};
  return json_answer(out.to_json(), 201);
}

// How long the version before stays, unless said.
constexpr std::string_view kGrace = "300";

Expected<seconds> parse_grace(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > 6 || error != std::errc() || end != text.data() + text.size() ||
      value < 0) {
    return fail(Errc::invalid_input, "a grace is a whole number of seconds", "grace");
  }
  return seconds(value);
}

}  // namespace

Task<Handled> Endpoints::add_credential(Asked& asked) {
  WRIT_API_TRY(const auto server, asked.query.require("server"));
  auto signature = signature_of(asked, broker::Operation::keep_credentials,
                                crypto::sha256(asked.secret->reveal()));
  if (!signature) co_return std::unexpected(std::move(signature).error());
  WRIT_API_TRY(auto stored, co_await parts_.credentials.add(
                                *asked.workspace, asked.names.front(), std::string(server),
                                *std::move(asked.secret), *asked.authority, std::move(*signature)));
  co_return stored_answer(std::move(stored));
}

Task<Handled> Endpoints::rotate_credential(Asked& asked) {
  WRIT_API_TRY(const auto grace_text, asked.query.get_unique("grace"));
  WRIT_API_TRY(const auto grace, parse_grace(grace_text.value_or(kGrace)));
  // Never guessed: whether open approvals still hold depends on it.
  WRIT_API_TRY(const auto account, asked.query.require("account"));
  if (account != "same" && account != "other") {
    co_return problem(
        fail(Errc::invalid_input, "the account is \"same\" or \"other\"", "account").error());
  }
  auto signature = signature_of(asked, broker::Operation::keep_credentials,
                                crypto::sha256(asked.secret->reveal()));
  if (!signature) co_return std::unexpected(std::move(signature).error());
  WRIT_API_TRY(auto stored, co_await parts_.credentials.rotate(
                                *asked.workspace, asked.names.front(), *std::move(asked.secret),
                                grace, account == "same", *asked.authority, std::move(*signature)));
  co_return stored_answer(std::move(stored));
}

}  // namespace writ::api
