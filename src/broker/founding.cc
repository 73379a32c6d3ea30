// SPDX-License-Identifier: Apache-2.0
// SignIns, its third form: the founding code makes a workspace and its first admin.
#include "base/encoding.h"
#include "broker/live_records.h"
#include "broker/one_time_code.h"
#include "broker/sign_in.h"
#include "wire/canonical.h"

namespace writ::broker {
namespace {

std::unexpected<Error> refused() {
  return fail(Errc::unauthenticated, "this workspace, user, key and code do not go together", {},
              "check the names; a new key is enrolled with a one-time code, which an admin makes "
              "with: writ user invite");
}

// Whose the name is, for ever: so that two founders who are at it together cannot both have it.
std::string name_record(const std::string& name) { return "workspace-name/" + name; }

workspace::Documents first_documents(const SignInRequest& request) {
  return {{"workspace.toml",
           "# The first version, made with the workspace itself: `writ apply` takes its place.\n"
           "name = \"" +
               request.workspace + "\"\n\n[users." + request.user +
               "]\nroles = [\"admin\", \"operator\"]\n"}};
}

}  // namespace

Task<Expected<SignedIn>> SignIns::found(const SignInRequest& request) {
  const auto server = parts_.store.workspace(WorkspaceId());
  const auto& key = request.enrol->key;
  const auto code = code_id(request.enrol->code);
  WRIT_CO_TRY(auto enrolment,
              co_await find_enrolment(*server, request.enrol->code, parts_.clock.now()));
  if (!enrolment || enrolment->user) co_return refused();
  if (!identity::is_name(request.workspace) || !identity::is_name(request.user)) {
    co_return fail(Errc::invalid_input,
                   "a name is a lower-case letter, then letters, digits, - and _; at most 63",
                   identity::is_name(request.workspace) ? "/user" : "/workspace");
  }
  WRIT_CO_TRY_VOID(verify(request, key));

  Founder founder{.workspace = WorkspaceId::make(parts_.clock, parts_.random),
                  .name = request.workspace,
                  .user = request.user,
                  .key = key.thumbprint()};
  if (enrolment->taken) {
    founder.workspace = enrolment->taken->workspace;
    if (founder != *enrolment->taken) co_return refused();
  } else {
    if (parts_.live.find(request.workspace) != nullptr) co_return refused();
    enrolment->taken = founder;
    Unit unit;
    unit.puts = {{RecordKind::enrolment, code, enrolment->revision, enrolment->to_record()},
                 {RecordKind::setting, name_record(request.workspace), 0,
                  canonical_json(JsonObject{{"v", 1}, {"id", founder.workspace.to_string()}})}};
    if (auto taken = co_await server->commit(std::move(unit)); !taken) {
      if (taken.error().code == Errc::conflict) co_return refused();
      co_return std::unexpected(std::move(taken).error());
    }
    ++enrolment->revision;
  }

  // Where it is there already, it was made by this very founder.
  auto workspace = parts_.live.find(request.workspace);
  auto done = workspace == nullptr ? co_await create(request, founder)
                                   : co_await with_key(std::move(workspace), request);
  if (!done) co_return std::unexpected(std::move(done).error());
  Unit unit;
  unit.erases = {{RecordKind::enrolment, code, enrolment->revision}};
  // If this fails the code is of use to nobody but this founder, and ends by itself.
  (void)co_await server->commit(std::move(unit));
  co_return done;
}

Task<Expected<SignedIn>> SignIns::create(const SignInRequest& request, const Founder& founder) {
  const auto& key = request.enrol->key;
  auto documents = first_documents(request);
  auto built =
      workspace::build_version(founder.workspace, 1, documents, {}, parts_.clock, parts_.random);
  if (!built) co_return std::unexpected(std::move(built.error().front()));
  auto data_key = parts_.seal_key.new_data_key(parts_.random, founder.workspace);
  auto workspace = std::make_shared<LiveWorkspace>(
      founder.workspace, parts_.store.workspace(founder.workspace), std::move(data_key.key));
  const auto user = built->version->user(request.user);
  Standing standing{.key = key, .enrolled = parts_.clock.now(), .disabled = false, .revision = 1};
  WRIT_CO_TRY(const auto login, verify(request, key));
  auto opening = parts_.sessions.prepare(*workspace, *user, login.session_key, standing.revision);

  const EntryWriter writer(workspace->id(), workspace->data_key(), parts_.clock, parts_.random);
  auto applied = writer.entry(audit::Kind::workspace_applied);
  applied.set("by", user->id.to_string())
      .set("by_name", user->name)
      .set("name", request.workspace)
      .set("version", 1)
      .set("digest", hex_encode(built->version->digest()));
  Unit unit;
  unit.once = {login.once};
  unit.puts = {{RecordKind::data_key, founder.workspace.to_string(), 0,
                to_data_key_record(data_key.wrapped)},
               {RecordKind::workspace, founder.workspace.to_string(), 0,
                to_record(WorkspaceRecord{documents, built->names, built->version->rules()})},
               {RecordKind::user, user->id.to_string(), 0, to_record(standing)},
               opening.put};
  unit.appends = {EntryWriter::append(applied, {founder.workspace.to_string()}),
                  user_enrolled(writer, *user, key, "server"), opening.entry};
  WRIT_CO_TRY_VOID(co_await workspace->store().commit(std::move(unit)));

  workspace->publish(built->version, std::move(documents), std::move(built->names));
  workspace->set_standing(user->id, std::move(standing));
  WRIT_CO_TRY_VOID(parts_.live.add(workspace));
  co_return signed_in(std::move(opening), user, std::move(workspace));
}

}  // namespace writ::broker
