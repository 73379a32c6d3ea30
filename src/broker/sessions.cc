// SPDX-License-Identifier: Apache-2.0
#include "broker/sessions.h"

#include "base/encoding.h"
#include "broker/one_time_code.h"
#include "crypto/hash.h"
#include "jose/dpop.h"
#include "wire/canonical.h"
#include "wire/http_fields.h"
#include "wire/time_text.h"

namespace writ::broker {
namespace {

constexpr seconds kProofWindow{60};
constexpr std::size_t kMaxProofs = 8192;  // of one session, within the window

// The stored form: {"created":ms,"expires":ms,"key":thumbprint,"standing":n,"user":"usr_…","v":1}
constexpr std::int64_t kVersion = 1;

std::unexpected<Error> no_session() {
  return fail(Errc::unauthenticated, "the session is not known, has ended, or is not proved",
              "Authorization", "sign in with: writ login");
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
                                            .loaded = false,
                                            .proofs = {},
                                            .proof_ends = {}});
}

Expected<Session> Sessions::authenticate(const PresentedSession& presented) {
  WRIT_TRY_VOID(time_.check());
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

  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return no_session();
  auto& entry = found->second;
  if (entry.expires <= now || proof->thumbprint() != entry.key) return no_session();
  auto workspace = live_.find(entry.workspace);
  if (workspace == nullptr) return no_session();
  auto user = workspace->active_user(entry.user);
  if (user == nullptr || workspace->standing(entry.user).revision != entry.standing)
    return no_session();
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
  return Session{.id = id,
                 .workspace = std::move(workspace),
                 .user = std::move(user),
                 .expires = entry.expires};
}

Task<Expected<void>> Sessions::end(const Session& session) {
  {
    const std::lock_guard lock(mutex_);
    by_id_.erase(session.id);
  }
  const EntryWriter writer(session.workspace->id(), session.workspace->data_key(), clock_, random_);
  auto entry = writer.entry(audit::Kind::session_ended);
  entry.set("by", session.user->id.to_string())
      .set("by_name", session.user->name)
      .set("session", session.id);
  Unit unit;
  unit.erases.push_back({RecordKind::session, session.id, 1});
  unit.appends.push_back(EntryWriter::append(entry, {session.user->id.to_string()}));
  auto committed = co_await session.workspace->store().commit(std::move(unit));
  // Erased already, by whoever ended all of this user's.
  if (!committed && !is_revision_conflict(committed.error(), RecordKind::session))
    co_return std::unexpected(std::move(committed).error());
  co_return Expected<void>();
}

Task<Expected<void>> Sessions::end_all(LiveWorkspace& workspace, UserId user) {
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : by_id_) {
      if (entry.workspace == workspace.id() && entry.user == user) ids.push_back(id);
    }
    for (const auto& id : ids) by_id_.erase(id);
  }
  co_return co_await erase(workspace, std::move(ids));
}

Task<Expected<void>> Sessions::make_room(LiveWorkspace& workspace, UserId user) {
  std::vector<std::string> ids;
  {
    std::vector<std::pair<TimePoint, std::string>> mine;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : by_id_) {
      if (entry.workspace == workspace.id() && entry.user == user)
        mine.emplace_back(entry.expires, id);
    }
    std::ranges::sort(mine);
    for (std::size_t i = 0; i + kMaxSessions <= mine.size(); ++i) {
      by_id_.erase(mine[i].second);
      ids.push_back(std::move(mine[i].second));
    }
  }
  co_return co_await erase(workspace, std::move(ids));
}

Task<Expected<void>> Sessions::sweep(LiveWorkspace& workspace) {
  std::vector<std::string> ids;
  {
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : by_id_) {
      if (entry.workspace == workspace.id() && entry.expires <= now) ids.push_back(id);
    }
    for (const auto& id : ids) by_id_.erase(id);
  }
  co_return co_await erase(workspace, std::move(ids));
}

Task<Expected<void>> Sessions::erase(LiveWorkspace& workspace, std::vector<std::string> ids) {
  for (auto& id : ids) {
    Unit unit;
    unit.erases.push_back({RecordKind::session, std::move(id), 1});
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
  co_return co_await erase(*workspace, std::move(dead));
}

}  // namespace writ::broker
