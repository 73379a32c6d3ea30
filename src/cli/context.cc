// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

#include "cli/files.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxSecretFile = std::size_t{64} << 10;

}  // namespace

int exit_status(const Error& error) {
  switch (error.code) {
    case Errc::unauthenticated:
    case Errc::unavailable:
      return kUnreachable;
    default:
      return kFailed;
  }
}

std::string render_error(const Error& error, const Style& style) {
  std::string out = style.bad("error: ");
  if (!error.where.empty()) out += visible_text(error.where) + ": ";
  out += visible_text(error.message) + '\n';
  if (!error.hint.empty()) out += style.dim("  next: ") + visible_lines(error.hint, 4) + '\n';
  return out;
}

Expected<Session> Context::session() const {
  SessionChoice choice{.workspace = common_.workspace, .user = common_.user};
  if (common_.server) {
    WRIT_TRY(const auto url, parse_server_url(*common_.server));
    choice.server = url.origin();
  }
  return Sessions(home()).find(choice, clock().now());
}

Expected<Url> Context::server() const {
  if (common_.server) return parse_server_url(*common_.server);
  const auto chosen = session();
  if (!chosen) {
    return fail(Errc::unauthenticated, "no server is named and you are not signed in", {},
                "add --server URL");
  }
  return parse_server_url(chosen->identity.server);
}

Expected<std::string> Context::ca_file() const {
  if (!common_.ca_file.empty()) return common_.ca_file;
  const auto chosen = session();
  return chosen ? chosen->ca_file : std::string();
}

Expected<Http*> Context::http() {
  if (!http_) {
    WRIT_TRY(auto file, ca_file());
    WRIT_TRY(http_, Http::create(clock(), {.ca_file = std::move(file)}));
  }
  return http_.get();
}

Expected<ApiClient> Context::api() {
  WRIT_TRY(const auto chosen, session());
  WRIT_TRY(auto* client, http());
  return ApiClient::create(*client, chosen, clock(), random());
}

Expected<SecretBytes> Context::secret_from(const std::string& file, std::string_view prompt) const {
  const auto read = [&] {
    if (file != "-") return read_private_file(file, kMaxSecretFile);
    // Typed on a terminal it would be shown.
    if (environment_.input_is_terminal) return environment_.asker.secret(prompt);
    return environment_.input(kMaxSecretFile);
  };
  auto text = read();
  if (!text) return text;
  if (text->reveal_text().ends_with('\n')) text->truncate(text->size() - 1);
  if (text->empty()) return fail(Errc::invalid_input, "it is empty", file);
  return text;
}

}  // namespace writ::cli
