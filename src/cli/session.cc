// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <algorithm>

#include "cli/files.h"
#include "wire/canonical.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

constexpr std::string_view kType = "writ-session";
constexpr std::size_t kMaxFile = 65536;
constexpr std::size_t kMaxSessions = 1000;

std::string sign_in_again(const Identity& identity) {
  return "writ login --server " + identity.server + " --workspace " + identity.workspace +
         " --user " + identity.user;
}

bool fits(const Identity& identity, const SessionChoice& choice) {
  return (!choice.server || *choice.server == identity.server) &&
         (!choice.workspace || *choice.workspace == identity.workspace) &&
         (!choice.user || *choice.user == identity.user);
}

}  // namespace

Expected<Session> Session::parse(std::string_view text) {
  WRIT_TRY(const auto object, parse_json_object(text, {.bytes = kMaxFile}));
  ObjectReader r(object);
  r.choice("type", {kType});
  r.integer("v", {.min = 1, .max = 1});
  Session out;
  out.identity = {
      .server = r.string("server"), .workspace = r.string("workspace"), .user = r.string("user")};
  out.session = SecretBytes::copy_of(r.string("session", {.max = kMaxFile}));
  const auto& key = r.object("key");
  const auto expires = r.string("expires");
  out.ca_file = r.optional_string("ca_file").value_or("");
  WRIT_TRY_VOID(r.finish());
  out.key = SecretBytes::copy_of(canonical_json(key));
  WRIT_TRY(out.expires, parse_time(expires));
  return out;
}

SecretBytes Session::to_text() const {
  JsonObject object{{"type", kType},
                    {"v", 1},
                    {"server", identity.server},
                    {"workspace", identity.workspace},
                    {"user", identity.user},
                    {"session", session.reveal_text()},
                    {"key", parse_json(key.reveal_text()).value()},
                    {"expires", format_time(expires)}};
  if (!ca_file.empty()) object["ca_file"] = ca_file;
  auto text = canonical_json(object) + '\n';
  auto out = SecretBytes::copy_of(text);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

std::filesystem::path Sessions::path(const Identity& identity) const {
  return home_ / "sessions" / (identity.file_stem() + ".json");
}

Expected<void> Sessions::save(const Session& session) const {
  WRIT_TRY_VOID(write_private_file(path(session.identity), session.to_text().reveal()));
  return write_private_file(current_path(), as_bytes(session.identity.file_stem() + '\n'));
}

Expected<void> Sessions::remove(const Identity& identity) const {
  return remove_file(path(identity));
}

std::vector<Session> Sessions::all() const {
  std::vector<std::filesystem::path> paths;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(home_ / "sessions", failed), end;
       !failed && at != end && paths.size() < kMaxSessions; at.increment(failed)) {
    if (at->path().extension() == ".json") paths.push_back(at->path());
  }
  std::ranges::sort(paths);
  std::vector<Session> out;
  for (const auto& file : paths) {
    const auto text = read_private_file(file, kMaxFile);
    if (!text) continue;
    if (auto session = Session::parse(text->reveal_text())) out.push_back(std::move(*session));
  }
  return out;
}

Expected<Session> Sessions::find(const SessionChoice& choice, TimePoint now) const {
  auto sessions = all();
  std::erase_if(sessions, [&](const Session& each) { return !fits(each.identity, choice); });
  if (sessions.empty()) {
    const auto server = choice.server.value_or("URL");
    return fail(Errc::unauthenticated, "you are not signed in", {},
                "writ login --server " + server + " --workspace " +
                    choice.workspace.value_or("NAME") + " --user " + choice.user.value_or("NAME"));
  }
  std::size_t chosen = 0;
  if (sessions.size() > 1) {
    const auto current = read_file(current_path(), 1024).value_or("");
    const auto found = std::ranges::find_if(
        sessions, [&](const Session& each) { return each.identity.file_stem() + '\n' == current; });
    if (found == sessions.end()) {
      std::string names = "add one of:";
      for (const auto& each : sessions) names += "\n" + sign_in_again(each.identity).substr(11);
      return fail(Errc::unauthenticated, "you are signed in more than once; say which one", {},
                  names);
    }
    chosen = static_cast<std::size_t>(found - sessions.begin());
  }
  auto& session = sessions[chosen];
  if (session.expires <= now) {
    return fail(Errc::unauthenticated, "your session as " + session.identity.user + " has expired",
                {}, sign_in_again(session.identity));
  }
  return std::move(session);
}

}  // namespace writ::cli
