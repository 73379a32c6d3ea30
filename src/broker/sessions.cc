// SPDX-License-Identifier: Apache-2.0
#include "broker/sessions.h"

#include "base/encoding.h"
#include "broker/one_time_code.h"
#include "broker/stopping.h"
#include "crypto/hash.h"
#include "jose/dpop.h"
#include "wire/canonical.h"
#include "wire/http_fields.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

constexpr seconds kProofWindow{60};
constexpr std::size_t kMaxShown = 4096;   // of one session
constexpr std::size_t kMaxProofs = 8192;  // of one session, within the window

// The stored form: {"created":ms,"expires":ms,"key":thumbprint,"standing":n,"user":"usr_…","v":1}
constexpr std::int64_t kVersion = 1;

std::unexpected<Error> no_session() {
  return fail(Errc::unauthenticated, "the session is not known, has ended, or is not proved",
              "Authorization", "sign in with: writ login");
}

// Also of one who is not in the documents any more: a name keeps its id.
std::string name_of(const LiveWorkspace& workspace, UserId user) {
  constexpr std::string_view kKind = "user/";
  for (const auto& [name, id] : workspace.names().ids()) {
    if (id == user.to_string() && name.starts_with(kKind)) return name.substr(kKind.size());
  }
  return {};
}

SecretBytes make_token(Random& random) {
  std::array<std::uint8_t, 32> raw;
  random.fill(raw);
  auto text = base64url_encode(raw);
  auto out = SecretBytes::copy_of(text);
  wipe(raw);
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return out;
}

}  // namespace

Sessions::Opening Sessions::prepare(const LiveWorkspace& workspace, const identity::User& user,
                                    std::string key, std::uint64_t standing) const {
  const auto now = clock_.now();
  Opening out{.token = make_token(random_),
              .id = {},
              .user = user.id,
              .key = std::move(key),
              .standing = standing,
              .expires = now + kSessionLife,
              .put = {},
              .entry = {}};
  out.id = secret_id(out.token);
  out.put = {RecordKind::session, out.id, 0,
             canonical_json(JsonObject{{"v", kVersion},
                                       {"user", user.id.to_string()},
                                       {"key", out.key},
                                       {"standing", standing},
                                       {"created", to_unix_millis(now)},
                                       {"expires", to_unix_millis(out.expires)}})};
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  auto entry = writer.entry(audit::Kind::session_opened);
  entry.set("by", user.id.to_string())
      .set("by_name", user.name)
      .set("session", out.id)
      .set("key", out.key)
      .set("expires", format_time(out.expires));
  out.entry = EntryWriter::append(entry, {user.id.to_string()});
  return out;
}

void Sessions::add(const std::shared_ptr<LiveWorkspace>& workspace, const Opening& opening) {
  const std::lock_guard lock(mutex_);
  by_id_.insert_or_assign(opening.id, Entry{.workspace = workspace->id(),
                                            .user = opening.user,
                                            .key = opening.key,
                                            .standing = opening.standing,
                                            .expires = opening.expires,
                                            .loaded = false});
}

Expected<Session> Sessions::authenticate(const PresentedSession& presented) {
  if (needs_clock(presented.operation)) {
    WRIT_TRY_VOID(time_.check());
  }
  if (!equal_ignoring_case(presented.scheme, "DPoP")) return no_session();
  if (!presented.proof) {
    return fail(Errc::unauthenticated, "the DPoP proof is missing", "DPoP",
                "send one by the session's key in the field DPoP");
  }
  const auto now = clock_.now();
  const auto id = hex_encode(crypto::sha256(presented.token));
  const auto proof = jose::verify_dpop_proof(*presented.proof,
                                             {.method = presented.method,
                                              .url = presented.url,
                                              .access_token = presented.token,
                                              .window = kProofWindow},
                                             now);
  if (!proof) return no_session();
  if (needs_clock(presented.operation)) {
    if (auto fresh = time_.check(proof->issued_at()); !fresh)
      return std::unexpected(std::move(fresh).error());
  }

  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return no_session();
  auto& entry = found->second;
  if (proof->thumbprint() != entry.key) return no_session();
  auto session = hold(id, entry);
  if (!session) return refuse(id, entry, presented.operation);
  if (entry.loaded && proof->issued_at() < began_) {
    return fail(Errc::unavailable,
                "the server has just started, and cannot tell whether this DPoP proof was used",
                "DPoP", "make a new proof in a second");
  }

  while (!entry.proof_ends.empty() && entry.proof_ends.front().first <= now) {
    entry.proofs.erase(entry.proof_ends.front().second);
    entry.proof_ends.pop_front();
  }
  if (entry.proofs.size() >= kMaxProofs)
    return fail(Errc::rate_limited, "this session makes too many requests");
  const auto digest = crypto::sha256(proof->jti());
  if (!entry.proofs.insert(digest).second) {
    return fail(Errc::unauthenticated, "this DPoP proof was used before", "DPoP",
                "make a new proof for each request");
  }
  // By the time of its arrival, so that the order is that of their ends; and for as long as the
  // clock may be set back unnoticed.
  entry.proof_ends.emplace_back(now + 2 * kProofWindow + TimeGuard::kTolerance + seconds(1),
                                digest);
  return *std::move(session);
}

std::optional<Session> Sessions::hold(const std::string& id, const Entry& entry) const {
  if (entry.ended || entry.expires <= clock_.now()) return std::nullopt;
  auto workspace = live_.find(entry.workspace);
  if (workspace == nullptr) return std::nullopt;
  const auto version = workspace->version();
  auto user = version->user(entry.user);
  const auto standing = workspace->standing(entry.user);
  if (user == nullptr || standing.disabled || standing.revision != entry.standing)
    return std::nullopt;
  return Session{.id = id,
                 .workspace = std::move(workspace),
                 .user = std::move(user),
                 .expires = entry.expires,
                 .standing = entry.standing,
                 .version = version->number(),
                 .cut = entry.under_way.token()};
}

std::unexpected<Error> Sessions::refuse(const std::string& id, Entry& entry, Operation operation) {
  const auto workspace = live_.find(entry.workspace);
  if (!entry.refused && workspace != nullptr) {
    entry.refused = true;
    const EntryWriter writer(workspace->id(), workspace->data_key(), clock_, random_);
    // Not waited for: the refusal stands whether or not it can be written now.
    workspace->store().append_later(
        {session_refused(writer, operation, entry.user, name_of(*workspace, entry.user), id)});
  }
  return no_session();
}

Expected<Session> Sessions::again(const Session& session, Operation operation) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(session.id);
  if (found == by_id_.end()) return no_session();
  auto now = hold(session.id, found->second);
  if (!now) return refuse(session.id, found->second, operation);
  return *std::move(now);
}

CancelSource Sessions::end_here(Entry& entry) {
  entry.ended = true;
  entry.shown.clear();
  entry.proofs.clear();
  entry.proof_ends.clear();
  return entry.under_way;
}

// A user who signs in and out all the time has no more of these than of sessions.
void Sessions::forget_ended(WorkspaceId workspace, UserId user) {
  std::vector<std::pair<TimePoint, std::string>> ended;
  for (const auto& [id, entry] : by_id_) {
    if (entry.ended && entry.workspace == workspace && entry.user == user)
      ended.emplace_back(entry.expires, id);
  }
  std::ranges::sort(ended);
  for (std::size_t i = 0; i + kMaxSessions < ended.size(); ++i) by_id_.erase(ended[i].second);
}

Task<Expected<void>> Sessions::end(const Session& session) {
  std::vector<CancelSource> stops;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_id_.find(session.id); found != by_id_.end())
      stops.push_back(end_here(found->second));
    forget_ended(session.workspace->id(), session.user->id);
  }
  co_await cancel_all(std::move(stops));
  Stop stop{
      .kind = RecordKind::session,
      .id = session.id,
      .revision = Session::kAliveRevision,
      .at = clock_.now(),
      .cause = {.by = session.user->id.to_string(), .by_name = session.user->name, .reason = {}}};
  auto recorded = co_await record_end(*session.workspace, stop);
  if (recorded || !store_refused(recorded.error())) co_return recorded;
  {
    const std::lock_guard lock(mutex_);
    owed_[session.workspace->id()].insert_or_assign(session.id, stop);
  }
  const auto kept = co_await stops_.keep(*session.workspace, {std::move(stop)});
  co_return std::unexpected(stop_not_recorded("the session has ended", kept, recorded.error()));
}

Task<Expected<void>> Sessions::record_end(LiveWorkspace& workspace, const Stop& stop) {
  const EntryWriter writer(workspace.id(), workspace.data_key(), clock_, random_);
  auto entry = writer.entry(audit::Kind::session_ended);
  entry.set("by", stop.cause.by).set("by_name", stop.cause.by_name).set("session", stop.id);
  Unit unit;
  unit.erases.push_back({RecordKind::session, stop.id, Session::kAliveRevision});
  unit.appends.push_back(EntryWriter::append(entry, {stop.cause.by}));
  auto committed = co_await workspace.store().commit(std::move(unit));
  // Erased already, by whoever ended all of this user's.
  if (!committed && !is_revision_conflict(committed.error(), RecordKind::session))
    co_return std::unexpected(std::move(committed).error());
  co_return Expected<void>();
}

Task<Expected<void>> Sessions::settle(LiveWorkspace& workspace) {
  std::map<std::string, Stop> owed;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = owed_.find(workspace.id()); found != owed_.end()) owed = found->second;
  }
  for (const auto& [id, stop] : owed) {
    WRIT_CO_TRY_VOID(co_await record_end(workspace, stop));
    {
      const std::lock_guard lock(mutex_);
      owed_[workspace.id()].erase(id);
    }
    co_await stops_.drop(workspace, stop.key());
  }
  co_return Expected<void>();
}

void Sessions::resume(const LiveWorkspace& workspace, const Stop& stop) {
  const std::lock_guard lock(mutex_);
  owed_[workspace.id()].insert_or_assign(stop.id, stop);
}

bool Sessions::is_owed(WorkspaceId workspace, const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = owed_.find(workspace);
  return found != owed_.end() && found->second.contains(id);
}

Task<Expected<void>> Sessions::end_all(LiveWorkspace& workspace, UserId user) {
  std::vector<std::string> ids;
  std::vector<CancelSource> stops;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : by_id_) {
      if (entry.ended || entry.workspace != workspace.id() || entry.user != user) continue;
      // One that was opened since, with the standing of now, is not among those that end.
      if (hold(id, entry)) continue;
      ids.push_back(id);
      stops.push_back(end_here(entry));
    }
    forget_ended(workspace.id(), user);
  }
  co_await cancel_all(std::move(stops));
  co_return co_await erase(workspace, std::move(ids));
}

bool Sessions::was_shown(const Session& session, const std::string& what) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(session.id);
  return found != by_id_.end() && found->second.shown.contains(what);
}

void Sessions::shown(const Session& session, std::string what) {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(session.id);
  if (found == by_id_.end() || found->second.ended) return;
  auto& shown = found->second.shown;
  if (shown.size() >= kMaxShown) shown.clear();
  shown.insert(std::move(what));
}

Task<void> Sessions::cut(const LiveWorkspace& workspace, UserId user) {
  std::vector<CancelSource> stops;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, entry] : by_id_) {
      if (entry.workspace == workspace.id() && entry.user == user)
        stops.push_back(std::exchange(entry.under_way, CancelSource()));
    }
  }
  co_await cancel_all(std::move(stops));
}

Task<Expected<void>> Sessions::make_room(LiveWorkspace& workspace, UserId user) {
  std::vector<std::string> ids;
  std::vector<CancelSource> stops;
  {
    std::vector<std::pair<TimePoint, std::string>> mine;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : by_id_) {
      if (!entry.ended && entry.workspace == workspace.id() && entry.user == user)
        mine.emplace_back(entry.expires, id);
    }
    std::ranges::sort(mine);
    for (std::size_t i = 0; i + kMaxSessions <= mine.size(); ++i) {
      stops.push_back(end_here(by_id_.at(mine[i].second)));
      ids.push_back(std::move(mine[i].second));
    }
    forget_ended(workspace.id(), user);
  }
  co_await cancel_all(std::move(stops));
  co_return co_await erase(workspace, std::move(ids));
}

Task<Expected<void>> Sessions::sweep(LiveWorkspace& workspace) {
  std::vector<std::string> ids;
  std::vector<CancelSource> stops;
  {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    for (auto at = by_id_.begin(); at != by_id_.end();) {
      auto& entry = at->second;
      if (entry.workspace != workspace.id() || entry.expires > now) {
        ++at;
        continue;
      }
      if (!entry.ended) {
        ids.push_back(at->first);
        stops.push_back(end_here(entry));
      }
      at = by_id_.erase(at);
    }
  }
  co_await cancel_all(std::move(stops));
  co_return co_await erase(workspace, std::move(ids));
}

Task<Expected<void>> Sessions::erase(LiveWorkspace& workspace, std::vector<std::string> ids) {
  for (auto& id : ids) {
    Unit unit;
    unit.erases.push_back({RecordKind::session, std::move(id), Session::kAliveRevision});
    auto committed = co_await workspace.store().commit(std::move(unit));
    if (!committed && !is_revision_conflict(committed.error(), RecordKind::session))
      co_return std::unexpected(std::move(committed).error());
  }
  co_return Expected<void>();
}

Expected<Sessions::Entry> Sessions::parse(const Record& record, WorkspaceId workspace) {
  WRIT_TRY(const auto json, parse_json(record.value, {.bytes = 4096, .depth = 2}));
  ObjectReader r(json);
  r.integer("v", {.min = kVersion, .max = kVersion});
  Entry out;
  out.workspace = workspace;
  const auto user = r.string("user", {.max = 64});
  out.key = r.string("key", {.max = 64});
  out.standing = static_cast<std::uint64_t>(r.integer("standing", {.min = 0}));
  r.integer("created", {.min = 0});
  out.expires = from_unix_millis(r.integer("expires", {.min = 0}));
  out.loaded = true;
  WRIT_TRY_VOID(r.finish());
  WRIT_TRY(out.user, UserId::parse(user));
  return out;
}

Task<Expected<void>> Sessions::load(std::shared_ptr<LiveWorkspace> workspace) {
  std::vector<std::string> dead;
  std::string after;
  for (;;) {
    WRIT_CO_TRY(const auto records,
                co_await workspace->store().list(RecordKind::session, after, kMaxList));
    if (records.empty()) break;
    after = records.back().id;
    for (const auto& record : records) {
      if (is_owed(workspace->id(), record.id)) continue;  // settle() erases it
      auto entry = parse(record, workspace->id());
      // One that cannot be read is nobody's, and must not keep the server from starting.
      if (!entry || entry->expires <= clock_.now() ||
          workspace->standing(entry->user).revision != entry->standing) {
        dead.push_back(record.id);
        continue;
      }
      const std::lock_guard lock(mutex_);
      by_id_.insert_or_assign(record.id, std::move(*entry));
    }
  }
  // On a full disk they stay until the next start, and hold as little.
  (void)co_await erase(*workspace, std::move(dead));
  co_return Expected<void>();
}

}  // namespace writ::broker
