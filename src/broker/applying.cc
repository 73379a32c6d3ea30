// SPDX-License-Identifier: Apache-2.0
#include "broker/applying.h"

#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/encoding.h"
#include "broker/key_signature.h"
#include "broker/live_records.h"
#include "broker/second_person.h"
#include "wire/time_text.h"
#include "wire/toml.h"

namespace writ::broker {
namespace {

using workspace::Change;
using workspace::Documents;
using workspace::Version;

std::unexpected<NotApplied> refused(Error error) {
  return std::unexpected(NotApplied{.why = NotApplied::Why::failed,
                                    .problems = {},
                                    .error = std::move(error),
                                    .base = {},
                                    .changes = {}});
}
std::unexpected<NotApplied> refused(std::vector<Error> problems) {
  return std::unexpected(NotApplied{.why = NotApplied::Why::problems,
                                    .problems = std::move(problems),
                                    .error = {},
                                    .base = {},
                                    .changes = {}});
}
// With what the documents would change now.
std::unexpected<NotApplied> refused(NotApplied::Why why, Applied looked, Error error) {
  return std::unexpected(NotApplied{.why = why,
                                    .problems = {},
                                    .error = std::move(error),
                                    .base = looked.base,
                                    .changes = std::move(looked.changes)});
}

Error another_version() {
  return fail(Errc::conflict, "another version was published since", {},
              "look at what this would change now; it may take back what another admin has just "
              "applied")
      .error();
}

Digest digest_of(const std::vector<Change>& changes) {
  JsonArray all;
  for (const auto& change : changes) all.emplace_back(change.to_json());
  return approval::difference_digest(all);
}

// Whether the run stands on something that this version does not have: its agent, its step as that
// agent's, or its user.
bool has_lost_ground(const Version& version, const delegation::Run& run) {
  const auto terms = version.terms_of(run);
  return terms.ceiling == nullptr || terms.step == nullptr ||
         (run.user && version.user(*run.user) == nullptr);
}

// Whether its agent began it with a key that it does not have any more: who took such a key may
// have begun it, and its tokens are bound to another one. Runs from before this was kept say of
// none, and end by their time.
bool has_lost_key(const Version& version, const delegation::Run& run) {
  const auto* terms = version.agent(run.agent);
  return !run.client_key.empty() && terms != nullptr &&
         terms->agent->keys.find_thumbprint(run.client_key) == nullptr;
}

// Whether the person may do less than before.
bool lost_standing(const identity::User& before, const identity::User& after) {
  return std::ranges::any_of(before.roles, [&](auto role) { return !after.has_role(role); }) ||
         std::ranges::any_of(before.groups,
                             [&](const auto& group) { return !after.in_group(group); });
}

// A workspace keeps its name: paths, client ids and people's sessions have it.
std::optional<Error> check_name(const Version& before, const Version& after,
                                const Documents& documents) {
  if (before.name() == after.name()) return std::nullopt;
  constexpr std::string_view kRoot = "workspace.toml";
  const auto document = parse_toml(documents.at(std::string(kRoot)), std::string(kRoot));
  return fail(Errc::invalid_input,
              "this is the workspace " + before.name() + ", and it keeps its name",
              document ? document->place("/name") : std::string(kRoot),
              "sign in to the workspace that the directory is for")
      .error();
}

// One key stands for one party: an agent with a person's key could answer its own questions.
std::vector<Error> shared_keys(const LiveWorkspace& workspace, const Version& version) {
  std::vector<Error> out;
  for (const auto& user : version.users()) {
    const auto key = workspace.standing(user->id).key;
    if (!key) continue;
    for (const auto& terms : version.agents()) {
      if (terms.agent->keys.find_thumbprint(key->thumbprint()) == nullptr) continue;
      out.push_back(fail(Errc::invalid_input,
                         "a key of this agent is the one that user " + user->name + " has enrolled",
                         "agents/" + terms.agent->name + ".toml", "make the agent a key of its own")
                        .error());
    }
  }
  return out;
}

// What is made of documents beside the version that was current. All of it is made on a builder, so
// none of it costs a loop anything.
struct Draft {
  std::vector<Error> problems;  // where there are any, the rest is empty
  std::shared_ptr<const Version> next;
  workspace::Documents documents;
  workspace::Names names;
  Applied seen;
  std::string record;          // as it is stored; empty for a dry run
  std::vector<Check> unmoved;  // a key that someone enrols meanwhile may be an agent's from now on
  std::optional<Check> admin;  // who can administer the workspace afterwards
  std::vector<UserId> gone;
  std::vector<UserId> lessened;  // who may do less than before
};

void compare_people(const Version& before, Draft& draft) {
  std::unordered_map<UserId, const identity::User*> after;
  for (const auto& user : draft.next->users()) after[user->id] = user.get();
  for (const auto& user : before.users()) {
    const auto found = after.find(user->id);
    if (found == after.end()) {
      draft.gone.push_back(user->id);
    } else if (lost_standing(*user, *found->second)) {
      draft.lessened.push_back(user->id);
    }
  }
}

Draft draft_of(const LiveWorkspace& workspace, const LiveWorkspace::Published& published,
               Documents documents, bool dry_run, const Clock& clock, Random& random) {
  Draft out;
  const auto& before = *published.version;
  auto built = workspace::build_version(workspace.id(), before.number() + 1, documents,
                                        published.names, clock, random);
  if (!built) {
    out.problems = std::move(built).error();
    return out;
  }
  const auto& next = *built->version;
  if (auto other = check_name(before, next, documents)) {
    out.problems.push_back(std::move(*other));
    return out;
  }
  out.unmoved = standing_checks(workspace, next);
  out.problems = shared_keys(workspace, next);
  std::ranges::move(check_second_person(workspace, next, documents),
                    std::back_inserter(out.problems));
  if (!out.problems.empty()) return out;

  out.next = built->version;
  out.names = std::move(built->names);
  out.admin = remaining_admin(workspace, next);
  out.seen = {.version = before.number(),
              .digest = next.digest(),
              .base = {.number = before.number(), .digest = before.digest()},
              .changed = next.digest() != before.digest() || next.rules() != before.rules(),
              .changes = {},
              .revoked = {}};
  if (out.seen.changed) {
    const workspace::Stated stated{published.documents, before.rules()};
    out.seen.changes = workspace::difference(&stated, {documents, next.rules()});
    out.seen.difference = digest_of(out.seen.changes);
    if (workspace::widens(out.seen.changes)) out.seen.asks = before.approvals().apply;
    compare_people(before, out);
    if (!dry_run) out.record = to_record(WorkspaceRecord{documents, out.names, next.rules()});
  }
  out.documents = std::move(documents);
  return out;
}

// `signature` is null where nothing widens.
Append applied_entry(EntryWriter writer, const Version& version, const Applied& applied,
                     const SignedDifference* signature, const Proposed* proposed,
                     const Standing& own, const Authority& by) {
  const auto& changes = applied.changes;
  // An entry is bounded; what does not fit is in the documents, which the digest names.
  constexpr std::size_t kMaxListed = 200;
  JsonArray list;
  for (const auto& change : changes) {
    if (list.size() == kMaxListed) break;
    list.push_back(Json(std::string(workspace::name(change.how)) + " " + change.what));
  }
  auto entry = writer.entry(audit::Kind::workspace_applied);
  name_caller(entry, by.caller());
  entry.set("name", version.name())
      .set("version", version.number())
      .set("digest", hex_encode(version.digest()))
      .set("changes", std::move(list))
      .set("changes_total", changes.size())
      .set("base_version", applied.base.number)
      .set("base_digest", hex_encode(applied.base.digest))
      .set("difference", hex_encode(applied.difference))
      .set("widens", workspace::widens(changes));
  if (signature != nullptr && own.key) {
    entry.set("signed_by", own.key->thumbprint())
        .set("nonce", base64url_encode(signature->by.fresh.nonce))
        .set("expiry", format_time(signature->by.fresh.expires))
        .set("signature", base64url_encode(signature->by.signature));
  }
  if (applied.asks) entry.set("group", *applied.asks);
  if (proposed != nullptr) {
    entry.set("proposal", proposed->id)
        .set("proposed_by", proposed->by.to_string())
        .set("proposed_by_name", proposed->by_name);
  }
  return EntryWriter::append(entry, {writer.workspace().to_string()});
}

}  // namespace

Expected<void> Applying::check_signature(const LiveWorkspace& workspace, const Applied& looked,
                                         const ApplyAsk& ask, const Standing& own) const {
  const auto refuse = [](std::string message) {
    return fail(Errc::denied, std::move(message), "/signature",
                "look at the difference (--dry-run), and sign it with the key that you have "
                "enrolled");
  };
  if (!ask.signature)
    return refuse("this widens what somebody may do, and a session alone does not do that");
  if (ask.signature->difference != looked.difference)
    return refuse("what was signed is another difference than this one");
  if (!own.key) return refuse("you have no enrolled key");
  const auto& by = ask.signature->by;
  return approval::check_statement(
      *own.key,
      approval::canonical_apply({.workspace = workspace.id(),
                                 .base_version = looked.base.number,
                                 .base = looked.base.digest,
                                 .digest = looked.digest,
                                 .difference = ask.signature->difference,
                                 .fresh = by.fresh}),
      by.fresh, by.signature, clock_.now());
}

Task<std::expected<Applied, NotApplied>> Applying::apply(LiveWorkspace& workspace, ApplyAsk ask,
                                                         Authority by, Builds::SharedPlace place) {
  const auto owner = by.session().workspace;
  WRIT_CHECK(owner.get() == &workspace);
  if (place == nullptr) {
    auto entered = builds_.enter({.workspace = workspace.id(), .member = by.user().id.raw()});
    if (!entered) co_return refused(std::move(entered).error());
    place = std::move(*entered);
  }
  const bool dry_run = ask.dry_run;
  const auto published = workspace.published();
  const auto before = published->version;
  // Names may have been given since by another apply; then the commit below fails.
  auto drafted = co_await builds_.run(
      place,
      [owner, published, documents = std::move(ask.documents), dry_run, &clock = clock_,
       &random = random_]() mutable {
        return draft_of(*owner, *published, std::move(documents), dry_run, clock, random);
      },
      by.session().cut);
  if (!drafted) co_return refused(std::move(drafted).error());
  auto& draft = *drafted;
  if (!draft.problems.empty()) co_return refused(std::move(draft.problems));
  const auto next = draft.next;
  auto out = std::move(draft.seen);
  if (!out.changed) {
    if (dry_run) co_return out;
    co_return co_await finish(workspace, std::move(out), before, {}, {}, std::move(by));
  }
  if (ask.base && *ask.base != out.base) {
    co_return refused(NotApplied::Why::moved, std::move(out), another_version());
  }
  if (!dry_run && !ask.base) {
    co_return refused(fail(Errc::invalid_input, "the version that this was made from is missing",
                           "/base", "a dry run answers it as \"base\"")
                          .error());
  }
  if (!draft.admin) {
    co_return refused(fail(Errc::conflict, "nobody could administer the workspace after this", {},
                           "give the role admin to a user who has enrolled a key")
                          .error());
  }
  if (dry_run) {
    out.revoked = workspace.runs().select([&](const delegation::Run& run) {
      return has_lost_ground(*next, run) || has_lost_key(*next, run);
    });
    co_return out;
  }

  // The commit finds the same version in force, and so the same group and who is in it.
  if (out.asks && (!ask.proposed || !is_second_person(*out.asks, ask.proposed->by, by.user()))) {
    auto error = fail(Errc::denied,
                      "this widens what somebody may do, and a second person of the group " +
                          *out.asks + " decides that",
                      {}, "propose it (--propose); whoever proposes does not decide")
                     .error();
    co_return refused(NotApplied::Why::needs_second, std::move(out), std::move(error));
  }
  const bool is_signed_for = workspace::widens(out.changes) || ask.proposed;
  const auto own = workspace.standing(by.user().id);
  if (is_signed_for) {
    if (auto is_signed = check_signature(workspace, out, ask, own); !is_signed) {
      co_return refused(NotApplied::Why::needs_key, std::move(out), std::move(is_signed).error());
    }
  }

  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  Unit unit;
  by.bind(ask.proposed ? Operation::decide_proposal : Operation::apply, unit);
  unit.checks.insert(unit.checks.end(), draft.unmoved.begin(), draft.unmoved.end());
  unit.checks.push_back(*draft.admin);
  // The key that signed is still enrolled. That its owner is still admin is a matter of the
  // version.
  unit.checks.push_back({RecordKind::user, by.user().id.to_string(), own.revision});
  if (is_signed_for) unit.once.push_back(nonce_of(by.user(), ask.signature->by.fresh));
  unit.puts = {{RecordKind::workspace, workspace.id().to_string(), before->number(),
                std::move(draft.record)}};
  unit.appends = {applied_entry(writer, *next, out, is_signed_for ? &*ask.signature : nullptr,
                                ask.proposed ? &*ask.proposed : nullptr, own, by)};
  if (ask.proposed) {
    unit.puts.push_back(ask.proposed->put);
    unit.appends.push_back(ask.proposed->entry);
  }
  // A name that comes back is the same user: what could have been come back with goes in this very
  // commit. The key does; sessions and invitations are of the standing's revision, and end with it.
  std::vector<std::pair<UserId, Standing>> gone;
  for (const auto& user : draft.gone) {
    auto standing = workspace.standing(user);
    const auto was = standing.revision;
    standing.key.reset();
    standing.enrolled.reset();
    standing.revision = was + 1;
    unit.puts.push_back({RecordKind::user, user.to_string(), was, to_record(standing)});
    gone.emplace_back(user, std::move(standing));
  }
  // Who is removed is stopped in memory before the commit, and goes on where that fails (P35).
  for (const auto& [user, standing] : gone) {
    workspace.hold_user(user);
    co_await sessions_.cut(workspace, user);
  }
  auto committed = co_await workspace.store().commit(std::move(unit));
  if (!committed) {
    for (const auto& [user, standing] : gone) workspace.release_user(user);
    if (committed.error().code != Errc::conflict) co_return refused(std::move(committed).error());
    if (is_revision_conflict(committed.error(), RecordKind::user)) {
      co_return refused(fail(Errc::conflict, "a user's standing changed while this was checked", {},
                             "look at the difference (--dry-run), and apply again")
                            .error());
    }
    if (is_revision_conflict(committed.error(), RecordKind::proposal)) {
      co_return refused(fail(Errc::conflict, "somebody else decided this at the same moment", {},
                             "look at what became of it")
                            .error());
    }
    if (committed.error().where == kOnceConflict) {
      co_return refused(NotApplied::Why::needs_key, std::move(out),
                        fail(Errc::denied, "this signature was used before", "/signature",
                             "sign a statement with a new nonce")
                            .error());
    }
    const auto now = workspace.published();
    auto changes = co_await builds_.run(
        place, [now, documents = std::move(draft.documents), rules = next->rules()] {
          const workspace::Stated current{now->documents, now->version->rules()};
          return workspace::difference(&current, {documents, rules});
        });
    if (!changes) co_return refused(std::move(changes).error());
    out.base = {.number = now->version->number(), .digest = now->version->digest()};
    out.changes = std::move(*changes);
    co_return refused(NotApplied::Why::moved, std::move(out), another_version());
  }
  workspace.publish(next, std::move(draft.documents), std::move(draft.names));
  for (auto& [user, standing] : gone) {
    workspace.set_standing(user, std::move(standing));
    workspace.release_user(user);
  }
  out.version = next->number();
  co_return co_await finish(workspace, std::move(out), next, std::move(draft.gone),
                            std::move(draft.lessened), std::move(by));
}

Task<std::expected<Applied, NotApplied>> Applying::finish(LiveWorkspace& workspace, Applied applied,
                                                          std::shared_ptr<const Version> now,
                                                          std::vector<UserId> gone,
                                                          std::vector<UserId> lessened,
                                                          Authority by) {
  auto revoked = co_await take_effect(workspace, std::move(now), std::move(gone),
                                      std::move(lessened), std::move(by));
  if (!revoked) {
    auto error = std::move(revoked).error();
    error.message =
        "version " + std::to_string(applied.version) + " is published; " + error.message;
    co_return refused(std::move(error));
  }
  applied.revoked = std::move(*revoked);
  co_return applied;
}

Task<Expected<std::vector<RunId>>> Applying::catch_up(LiveWorkspace& workspace) {
  const auto now = workspace.version();
  co_return co_await revocations_.revoke_where(
      workspace,
      [&workspace, now](const delegation::Run& run) {
        return has_lost_ground(*now, run) || has_lost_key(*now, run) ||
               (run.user && workspace.active_user(*run.user) == nullptr);
      },
      {.by = "server",
       .by_name = {},
       .reason =
           "its agent, its agent's key, its step or its user had gone when the server stopped"});
}

Task<Expected<std::vector<RunId>>> Applying::take_effect(LiveWorkspace& workspace,
                                                         std::shared_ptr<const Version> now,
                                                         std::vector<UserId> gone,
                                                         std::vector<UserId> lessened,
                                                         Authority by) {
  auto revoked = co_await revocations_.revoke_where(
      workspace, [now](const delegation::Run& run) { return has_lost_ground(*now, run); },
      {.by = by.user().id.to_string(),
       .by_name = by.user().name,
       .reason =
           "version " + std::to_string(now->number()) + " of the workspace has no place for it"});
  if (revoked) {
    auto ended = co_await revocations_.revoke_where(
        workspace, [now](const delegation::Run& run) { return has_lost_key(*now, run); },
        {.by = by.user().id.to_string(),
         .by_name = by.user().name,
         .reason = "its agent began it with a key that version " + std::to_string(now->number()) +
                   " of the workspace does not have"});
    if (!ended) co_return std::unexpected(std::move(ended).error());
    revoked->insert(revoked->end(), ended->begin(), ended->end());
  }
  // A user who is gone is signed out, and stays so where the name comes back. What is under way for
  // one who lost a role or a group is cut, before anything is acknowledged (P35).
  for (const auto& user : gone) (void)co_await sessions_.end_all(workspace, user);
  for (const auto& user : lessened) co_await sessions_.cut(workspace, user);
  // Questions that nobody could claim any more end visibly; if that cannot be written now, they end
  // when they are looked at next.
  (void)co_await approvals_.settle(workspace);
  co_return revoked;
}

}  // namespace writ::broker
