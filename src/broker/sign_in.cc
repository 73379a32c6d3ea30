// SPDX-License-Identifier: Apache-2.0
#include "broker/sign_in.h"

#include "broker/live_records.h"
#include "broker/one_time_code.h"
#include "broker/recover.h"
#include "broker/second_person.h"
#include "broker/users.h"
#include "crypto/random.h"

namespace writ::broker {
namespace {

// How often one sign-in is made anew because the workspace moved under it.
constexpr int kAttempts = 4;

std::unexpected<Error> refused() {
  return fail(Errc::unauthenticated, "this workspace, user, key and code do not go together", {},
              "check the names; a new key is enrolled with a one-time code, which an admin makes "
              "with: writ user invite");
}

std::vector<jose::Jwk> keys_of_nobody() {
  crypto::SystemRandom random;
  return {jose::Jwk(crypto::Es256PrivateKey::generate().public_key()),
          jose::Jwk(crypto::Ed25519PrivateKey::generate(random).public_key())};
}

bool moved(const Error& error) {
  return is_revision_conflict(error, RecordKind::workspace) ||
         is_revision_conflict(error, RecordKind::user);
}

Error explain(Error error) {
  if (error.where == kOnceConflict)
    return fail(Errc::unauthenticated, "this assertion was used before").error();
  // The code was used by somebody else at the same moment.
  if (is_revision_conflict(error, RecordKind::enrolment)) return refused().error();
  if (moved(error)) {
    return fail(Errc::unavailable, "the workspace changed while you were signing in", {},
                "sign in again")
        .error();
  }
  return error;
}

Check check_version(const LiveWorkspace& workspace, const workspace::Version& version) {
  return {RecordKind::workspace, workspace.id().to_string(), version.number()};
}

// One key stands for one party: two who share one could approve as two, or an agent as a person.
bool is_taken(const LiveWorkspace& workspace, const workspace::Version& version, UserId user,
              const jose::Jwk& key) {
  for (const auto& other : version.users()) {
    const auto standing = workspace.standing(other->id);
    if (other->id != user && standing.key && *standing.key == key) return true;
  }
  return std::ranges::any_of(version.agents(), [&](const auto& terms) {
    return terms.agent->keys.find_thumbprint(key.thumbprint()) != nullptr;
  });
}

}  // namespace

Append user_enrolled(const EntryWriter& writer, const identity::User& user, const jose::Jwk& key,
                     std::string_view by) {
  auto entry = writer.entry(audit::Kind::user_enrolled);
  entry.set("user", user.id.to_string())
      .set("user_name", user.name)
      .set("key", key.thumbprint())
      .set("invited_by", by);
  return EntryWriter::append(entry, {user.id.to_string()});
}

SignIns::SignIns(SignInParts parts, std::string public_url)
    : parts_(parts), nobodys_(keys_of_nobody()), public_url_(std::move(public_url)) {}

Expected<VerifiedLogin> SignIns::verify_enrolled(const SignInRequest& request,
                                                 const std::optional<jose::Jwk>& key) const {
  // One key of each algorithm: which of them has to do with the signature, the assertion's header
  // says, and not what is known of the user.
  Expected<VerifiedLogin> out = refused();
  for (const auto& nobodys : nobodys_) {
    const bool enrolled = key && key->algorithm() == nobodys.algorithm();
    auto login = verify(request, enrolled ? *key : nobodys);
    if (enrolled) out = std::move(login);
  }
  return out;
}

Expected<VerifiedLogin> SignIns::verify(const SignInRequest& request, const jose::Jwk& key) const {
  ++verifications_;
  auto login = verify_login(
      request.assertion, key,
      {.workspace = request.workspace, .user = request.user, .public_url = public_url_},
      parts_.clock.now());
  if (!login) return refused();
  return login;
}

SignedIn SignIns::signed_in(Sessions::Opening opening, std::shared_ptr<const identity::User> user,
                            std::shared_ptr<LiveWorkspace> workspace) {
  parts_.sessions.add(workspace, opening);
  return {.session = std::move(opening.token),
          .expires = opening.expires,
          .user = std::move(user),
          .workspace = std::move(workspace)};
}

Task<Expected<SignedIn>> SignIns::sign_in(SignInRequest request) {
  auto workspace = parts_.live.find(request.workspace);
  // With a key that is enrolled one signs in by whatever clock: else nobody could stop anything.
  // What needs the clock is refused to such a session (needs_clock() in control.h).
  if (!request.enrol) {
    co_return co_await with_key(std::move(workspace), request);
  }
  WRIT_CO_TRY_VOID(parts_.time.check());
  if (workspace == nullptr) co_return co_await found(request);
  co_return co_await with_invitation(std::move(workspace), request);
}

Task<Expected<SignedIn>> SignIns::with_key(std::shared_ptr<LiveWorkspace> workspace,
                                           const SignInRequest& request) {
  std::optional<Error> last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto version = workspace == nullptr ? nullptr : workspace->version();
    auto user = version == nullptr ? nullptr : version->user(request.user);
    const auto standing = user == nullptr ? Standing{} : workspace->standing(user->id);
    const bool may = user != nullptr && standing.key && !standing.disabled;
    WRIT_CO_TRY(auto login,
                verify_enrolled(request, may ? standing.key : std::optional<jose::Jwk>()));
    if (parts_.time.is_behind()) {
      // The store takes no digest whose time it has passed, by the clock that was ahead.
      login.once.expires = std::max(login.once.expires, parts_.time.view().latest + kMaxLoginLife);
    } else {
      WRIT_CO_TRY_VOID(parts_.time.check(login.made));
    }

    auto opening = parts_.sessions.prepare(*workspace, *user, login.session_key, standing.revision);
    Unit unit;
    unit.checks = {check_version(*workspace, *version),
                   {RecordKind::user, user->id.to_string(), standing.revision}};
    unit.once = {login.once};
    unit.puts = {opening.put};
    unit.appends = {opening.entry};
    auto committed = co_await workspace->store().commit(std::move(unit));
    if (committed) {
      // What of it cannot be erased now expires by itself.
      (void)co_await parts_.sessions.make_room(*workspace, user->id);
      co_return signed_in(std::move(opening), std::move(user), std::move(workspace));
    }
    last = std::move(committed).error();
    if (!moved(*last)) break;
  }
  co_return std::unexpected(explain(std::move(*last)));
}

Task<Expected<SignedIn>> SignIns::with_invitation(std::shared_ptr<LiveWorkspace> workspace,
                                                  const SignInRequest& request) {
  const auto& key = request.enrol->key;
  const auto code = code_id(request.enrol->code);
  WRIT_CO_TRY(const auto enrolment,
              co_await find_enrolment(workspace->store(), request.enrol->code, parts_.clock.now()));
  // A founding that was cut off between its last two commits is finished by the same person.
  if (!enrolment) co_return co_await found(request);
  std::optional<Error> last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto version = workspace->version();
    auto user = version->user(request.user);
    if (user == nullptr || enrolment->user != user->id) co_return refused();
    auto standing = workspace->standing(user->id);
    if (standing.disabled || enrolment->standing != standing.revision) co_return refused();
    // An invitation is worth what its admin is: who was dismissed has kept no way back in.
    const auto admin = version->user(*enrolment->by);
    const auto admins = workspace->standing(*enrolment->by);
    if (admin == nullptr || admins.disabled) co_return refused();
    // Who comes back by writ recover is named as who let them in.
    const bool comes_back = admin->id == user->id && is_recoverable(*version, *user);
    if (!comes_back && !admin->has_role(identity::Role::admin)) co_return refused();
    // One from before a group decided applies is worth nothing now: nobody takes another's place
    // alone (P40).
    if (!comes_back && !check_new_key(*version, *user, standing)) co_return refused();
    WRIT_CO_TRY(const auto login, verify(request, key));
    // Whoever enrols the same key meanwhile is met at the commit.
    auto unmoved = standing_checks(*workspace, *version);
    if (is_taken(*workspace, *version, user->id, key)) {
      co_return fail(Errc::conflict, "this key is enrolled for somebody else", "/key",
                     "make a new key");
    }

    const auto before = standing.revision;
    standing.key = key;
    standing.enrolled = parts_.clock.now();
    standing.revision = before + 1;
    auto opening = parts_.sessions.prepare(*workspace, *user, login.session_key, standing.revision);
    const EntryWriter writer(workspace->id(), workspace->data_key(), parts_.clock, parts_.random);
    Unit unit;
    unit.checks = std::move(unmoved);
    unit.checks.push_back(check_version(*workspace, *version));
    unit.checks.push_back({RecordKind::user, admin->id.to_string(), admins.revision});
    unit.once = {login.once};
    unit.puts = {{RecordKind::user, user->id.to_string(), before, to_record(standing)},
                 opening.put};
    unit.erases = {{RecordKind::enrolment, code, enrolment->revision}};
    unit.appends = {user_enrolled(writer, *user, key, enrolment->by->to_string()), opening.entry};
    auto committed = co_await workspace->store().commit(std::move(unit));
    if (committed) {
      workspace->set_standing(user->id, std::move(standing));
      // Those that the key before had opened hold no more; what is left of them is erased later.
      (void)co_await parts_.sessions.end_all(*workspace, user->id);
      co_return signed_in(std::move(opening), std::move(user), std::move(workspace));
    }
    last = std::move(committed).error();
    if (!moved(*last)) break;
  }
  co_return std::unexpected(explain(std::move(*last)));
}

}  // namespace writ::broker
