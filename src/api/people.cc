// SPDX-License-Identifier: Apache-2.0
// Endpoints about people: sessions, invitations, standing, tokens of oneself.
#include "api/bodies.h"
#include "api/endpoints.h"
#include "broker/enrolments.h"
#include "crypto/hash.h"
#include "protocol/sessions.h"
#include "wire/time_text.h"

namespace writ::api {
namespace {

protocol::Person person(const identity::User& user) {
  protocol::Person out{.id = user.id, .name = user.name, .roles = {}, .groups = user.groups};
  for (const auto role : user.roles) out.roles.emplace_back(identity::name(role));
  return out;
}

// Only after it was decided that the caller may invite people or change their standing: who may
// that may see the directory, too.
Expected<void> check_user(const Asked& asked) {
  const auto& name = asked.names.front();
  if (asked.workspace->version()->user(name) != nullptr) return {};
  return fail(Errc::not_found, "no user is named " + quoted_extract(name), {},
              "declare the user in workspace.toml under [users], then: writ apply");
}

// A user that is not there, said as such; not as what may be hidden.
std::unexpected<net::Problem> no_user(const Error& error) {
  return std::unexpected(net::problem_of(error));
}

// Of a request without members, whether or not it has a body.
Digest empty_body() { return crypto::sha256(std::string_view("{}")); }

}  // namespace

Task<Handled> Endpoints::open_session(net::ServerRequest& request) {
  WRIT_API_TRY(auto message, co_await read_message<protocol::OpenSession>(request));
  broker::SignInRequest sign_in{.workspace = std::move(message.workspace),
                                .user = std::move(message.user),
                                .assertion = std::move(message.assertion),
                                .enrol = std::nullopt};
  if (message.code) {
    auto key = jose::Jwk::from_json(*message.key);
    if (!key) {
      co_return problem(fail(Errc::invalid_input, key.error().message, "/key",
                             "send a public JWK for ES256 or Ed25519")
                            .error());
    }
    sign_in.enrol =
        broker::SignInRequest::Enrol{.code = std::move(*message.code), .key = std::move(*key)};
  }
  WRIT_API_TRY(auto done, co_await parts_.sign_ins.sign_in(std::move(sign_in)));
  const protocol::SessionOpened opened{.session = std::move(done.session),
                                       .expires = done.expires,
                                       .user = person(*done.user),
                                       .workspace = done.workspace->version()->name()};
  co_return json_answer(opened.to_json(), 201);
}

Task<Handled> Endpoints::who_am_i(Asked& asked) {
  const protocol::WhoAmI me{.user = person(*asked.caller.user),
                            .workspace = asked.workspace->version()->name(),
                            .workspace_id = asked.workspace->id(),
                            .expires = asked.session->expires};
  co_return json_answer(me.to_json());
}

Task<Handled> Endpoints::sign_out(Asked& asked) {
  WRIT_API_TRY_VOID(co_await parts_.sessions.end(*asked.session));
  co_return json_answer({{"signed_out", true}});
}

Task<Handled> Endpoints::invite(Asked& asked) {
  if (const auto known = check_user(asked); !known) co_return no_user(known.error());
  auto signature = signature_of(asked, broker::Operation::invite, empty_body());
  if (!signature) co_return std::unexpected(std::move(signature).error());
  WRIT_API_TRY(auto issued,
               co_await broker::invite(*asked.workspace, asked.names.front(), *asked.authority,
                                       std::move(*signature), parts_.clock, parts_.random));
  const protocol::Invitation invitation{.code = std::move(issued.code), .expires = issued.expires};
  co_return json_answer(invitation.to_json());
}

Task<Handled> Endpoints::disable(Asked& asked) {
  if (const auto known = check_user(asked); !known) co_return no_user(known.error());
  WRIT_API_TRY(auto revoked, co_await parts_.users.disable(*asked.workspace, asked.names.front(),
                                                           *asked.authority));
  co_return json_answer(protocol::RevokedRuns{.revoked_runs = std::move(revoked)}.to_json());
}

Task<Handled> Endpoints::enable(Asked& asked) {
  if (const auto known = check_user(asked); !known) co_return no_user(known.error());
  auto signature = signature_of(asked, broker::Operation::enable_user, empty_body());
  if (!signature) co_return std::unexpected(std::move(signature).error());
  WRIT_API_TRY_VOID(co_await parts_.users.enable(*asked.workspace, asked.names.front(),
                                                 *asked.authority, std::move(*signature)));
  co_return json_answer(protocol::RevokedRuns{.revoked_runs = {}}.to_json());
}

Task<Handled> Endpoints::user_token(Asked& asked) {
  WRIT_API_TRY(const auto message, message_of<protocol::UserTokenRequest>(asked));
  const auto& user = *asked.caller.user;
  WRIT_API_TRY(const auto token,
               parts_.user_tokens.issue(*asked.workspace, user.id, message.agent));
  // In the log before it is out of the house.
  const broker::EntryWriter writer(asked.workspace->id(), asked.workspace->data_key(), parts_.clock,
                                   parts_.random);
  auto entry = writer.entry(audit::Kind::user_token_issued);
  broker::name_caller(entry, asked.caller);
  // issue() has found it; where it has gone since, the token is of no use.
  if (const auto* agent = asked.workspace->version()->agent(message.agent))
    entry.set("agent", agent->agent->id.to_string());
  entry.set("agent_name", message.agent).set("expires", format_time(token.expires));
  broker::Unit unit;
  asked.authority->bind(broker::Operation::get_user_token, unit);
  unit.appends = {broker::EntryWriter::append(entry, {user.id.to_string()})};
  const auto committed = co_await asked.workspace->store().commit(std::move(unit));
  if (!committed && asked.authority->is_moved(committed.error()))
    co_return problem(broker::Authority::moved());
  if (!committed) co_return problem(committed.error());
  const protocol::UserToken out{
      .token = SecretBytes::copy_of(token.text),
      .expires_in = std::chrono::floor<seconds>(token.expires - parts_.clock.now()).count()};
  co_return json_answer(out.to_json());
}

}  // namespace writ::api
