// SPDX-License-Identifier: Apache-2.0
#include "cli/signing.h"

#include "cli/user_key.h"
#include "crypto/hash.h"
#include "protocol/sessions.h"
#include "wire/visible.h"

namespace writ::cli {

Expected<jose::Es256Signer> open_own_key(Context& context, const ApiClient& api,
                                         const SigningPage& page, std::string_view purpose) {
  WRIT_TRY(const auto file, load_user_key(context.home(), api.identity()));
  WRIT_TRY(const auto passphrase, ask_to_sign(context.asker(), page,
                                              "Passphrase of " + api.identity().user + " to " +
                                                  std::string(purpose) + ": "));
  return file.open(passphrase);
}

approval::Freshness new_freshness(const Context& context) {
  approval::Freshness out{.nonce = Bytes(approval::kStatementNonce),
                          .expires = context.clock().now() + approval::kStatementLife};
  context.random().fill(out.nonce);
  return out;
}

Expected<std::string> sign_request(Context& context, ApiClient& api, std::string_view method,
                                   const std::string& target, BytesView body,
                                   std::string_view what) {
  WRIT_TRY(const auto person, api.get<protocol::WhoAmI>("/v1/session"));
  const SigningPage::Part request{
      .lines = {{"  what       ", visible_text(what)},
                {"  request    ", visible_text(std::string(method) + " " + target)},
                {"  workspace  ", visible_text(person.workspace)}}};
  const SigningPage page{.title = "A request that your key signs",
                         .parts = {request},
                         .recap = {},
                         .question = "Do exactly this? Ctrl-C leaves it."};
  WRIT_TRY(const auto key, open_own_key(context, api, page, "do this"));
  approval::RouteStatement statement{.workspace = person.workspace_id,
                                     .method = std::string(method),
                                     .target = target,
                                     .body = crypto::sha256(body),
                                     .salt = {},
                                     .fresh = new_freshness(context)};
  context.random().fill(statement.salt);
  const auto signature = key.sign(as_bytes(approval::canonical_route(statement)));
  return approval::to_field(
      {.fresh = statement.fresh, .salt = statement.salt, .signature = signature});
}

}  // namespace writ::cli
