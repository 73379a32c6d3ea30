// SPDX-License-Identifier: Apache-2.0
#include "broker/live.h"

#include "base/check.h"
#include "broker/stopping.h"

namespace writ::broker {

Expected<void> LiveRuns::add(std::shared_ptr<const delegation::Run> run, Share::Slot slot) {
  const std::unique_lock lock(mutex_);
  if (run->parent) {
    const auto parent = runs_.find(*run->parent);
    if (parent == runs_.end() || parent->second.ended) {
      return fail(Errc::conflict, "the run that delegated has ended");
    }
    parent->second.children.push_back(run->id);
  }
  const auto id = run->id;
  runs_.emplace(id,
                Entry{.run = std::move(run), .stop = {}, .children = {}, .slot = std::move(slot)});
  return {};
}

Expected<delegation::Lineage> LiveRuns::alive(RunId id, TimePoint now) const {
  const std::shared_lock lock(mutex_);
  delegation::Lineage lineage;
  std::optional<RunId> next = id;
  while (next) {
    const auto found = runs_.find(*next);
    const auto which =
        next->to_string() + (*next == id ? "" : ", an ancestor of " + id.to_string() + ",");
    if (found == runs_.end())
      return fail(Errc::denied, "run " + which + " is not known, or has ended");
    if (found->second.stopped())
      return fail(Errc::denied, "run " + which + " was revoked or has ended");
    if (found->second.run->ends <= now)
      return fail(Errc::denied, "run " + which + " has reached its end");
    WRIT_CHECK(lineage.runs.size() < static_cast<std::size_t>(delegation::kMaxDepth));
    lineage.runs.push_back(found->second.run);
    next = found->second.run->parent;
  }
  return lineage;
}

std::shared_ptr<const delegation::Run> LiveRuns::find(RunId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second.run;
}

CancelToken LiveRuns::token(RunId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = runs_.find(id);
  if (found != runs_.end()) return found->second.stop.token();
  CancelSource none;
  none.cancel();
  return none.token();
}

void LiveRuns::collect(RunId id, std::vector<RunId>& out) const {
  const auto found = runs_.find(id);
  if (found == runs_.end() || found->second.ended) return;
  out.push_back(id);
  for (const auto child : found->second.children) collect(child, out);
}

std::vector<RunId> LiveRuns::subtree(RunId id) const {
  const std::shared_lock lock(mutex_);
  std::vector<RunId> out;
  collect(id, out);
  return out;
}

std::vector<RunId> LiveRuns::family(RunId id) const {
  const std::shared_lock lock(mutex_);
  std::vector<RunId> out;
  if (runs_.contains(id)) out.push_back(id);
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (const auto child : runs_.at(out[i]).children) {
      if (runs_.contains(child)) out.push_back(child);
    }
  }
  return out;
}

std::vector<RunId> LiveRuns::select(const std::function<bool(const delegation::Run&)>& test) const {
  const std::shared_lock lock(mutex_);
  std::vector<RunId> out;
  for (const auto& [id, entry] : runs_) {
    if (!entry.ended && test(*entry.run)) collect(id, out);
  }
  std::ranges::sort(out);
  const auto rest = std::ranges::unique(out);
  out.erase(rest.begin(), rest.end());
  return out;
}

std::vector<std::shared_ptr<const delegation::Run>> LiveRuns::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const delegation::Run>> out;
  out.reserve(runs_.size());
  for (const auto& [id, entry] : runs_) {
    if (!entry.ended) out.push_back(entry.run);
  }
  return out;
}

void LiveRuns::hold(const std::vector<RunId>& ids, std::function<void()> acknowledged) {
  std::vector<CancelSource> stops;
  {
    const std::unique_lock lock(mutex_);
    for (const auto id : ids) {
      const auto found = runs_.find(id);
      if (found == runs_.end()) continue;
      ++found->second.holds;
      stops.push_back(found->second.stop);
    }
  }
  cancel_all(std::move(stops), std::move(acknowledged));
}

void LiveRuns::release(const std::vector<RunId>& ids) {
  const std::unique_lock lock(mutex_);
  for (const auto id : ids) {
    const auto found = runs_.find(id);
    if (found == runs_.end()) continue;
    WRIT_CHECK(found->second.holds > 0);
    --found->second.holds;
    if (!found->second.stopped()) found->second.stop = CancelSource();
  }
}

bool LiveRuns::has_ended(RunId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = runs_.find(id);
  return found != runs_.end() && found->second.ended;
}

void LiveRuns::end(const std::vector<RunId>& ids, std::function<void()> acknowledged) {
  std::vector<CancelSource> stops;
  {
    const std::unique_lock lock(mutex_);
    for (const auto id : ids) {
      const auto found = runs_.find(id);
      if (found == runs_.end()) continue;
      found->second.ended = true;
      found->second.slot.release();
      stops.push_back(found->second.stop);
    }
  }
  cancel_all(std::move(stops), std::move(acknowledged));
}

std::vector<RunId> LiveRuns::over(TimePoint now) const {
  const std::shared_lock lock(mutex_);
  std::vector<RunId> out;
  for (const auto& [id, entry] : runs_) {
    if (entry.run->ends <= now) out.push_back(id);
  }
  return out;
}

void LiveRuns::forget(const std::vector<RunId>& ids) {
  const std::unique_lock lock(mutex_);
  for (const auto id : ids) erase(id);
}

void LiveRuns::retire(const std::vector<RunId>& ids) {
  const std::unique_lock lock(mutex_);
  for (const auto id : ids) {
    const auto found = runs_.find(id);
    if (found == runs_.end() || !found->second.ended || found->second.retired) continue;
    found->second.retired = true;
    retired_.push_back(id);
  }
  while (retired_.size() > kMostEnded) {
    erase(retired_.front());
    retired_.pop_front();
  }
}

void LiveRuns::erase(RunId id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  if (const auto parent = found->second.run->parent) {
    if (const auto above = runs_.find(*parent); above != runs_.end())
      std::erase(above->second.children, id);
  }
  runs_.erase(found);
}

LiveWorkspace::LiveWorkspace(WorkspaceId id, std::shared_ptr<WorkspaceStore> store,
                             vault::SealingKey data_key)
    : id_(id), store_(std::move(store)), data_key_(std::move(data_key)), digest_key_(data_key_) {}

std::shared_ptr<const workspace::Version> LiveWorkspace::version() const {
  const std::lock_guard lock(mutex_);
  return published_->version;
}

void LiveWorkspace::publish(std::shared_ptr<const workspace::Version> version,
                            workspace::Documents documents, workspace::Names names) {
  // What was before may be large: it ends after the lock.
  auto published = std::make_shared<const Published>(
      Published{std::move(version), std::move(documents), std::move(names)});
  const std::lock_guard lock(mutex_);
  published_.swap(published);
}

std::shared_ptr<const LiveWorkspace::Published> LiveWorkspace::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

workspace::Documents LiveWorkspace::documents() const { return published()->documents; }
workspace::Names LiveWorkspace::names() const { return published()->names; }

Standing LiveWorkspace::standing(UserId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = standings_.find(id);
  auto out = found == standings_.end() ? Standing{} : found->second;
  if (held_users_.contains(id)) out.disabled = true;
  return out;
}

Standing LiveWorkspace::recorded_standing(UserId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = standings_.find(id);
  return found == standings_.end() ? Standing{} : found->second;
}

void LiveWorkspace::hold_user(UserId id) {
  const std::lock_guard lock(mutex_);
  ++held_users_[id];
}

void LiveWorkspace::release_user(UserId id) {
  const std::lock_guard lock(mutex_);
  const auto found = held_users_.find(id);
  WRIT_CHECK(found != held_users_.end());
  if (--found->second == 0) held_users_.erase(found);
}

void LiveWorkspace::set_standing(UserId id, Standing standing) {
  const std::lock_guard lock(mutex_);
  standings_[id] = std::move(standing);
}

std::shared_ptr<const identity::User> LiveWorkspace::active_user(UserId id) const {
  const std::lock_guard lock(mutex_);
  if (held_users_.contains(id)) return nullptr;
  const auto found = standings_.find(id);
  if (found != standings_.end() && found->second.disabled) return nullptr;
  return published_->version->user(id);
}

LiveWorkspace::StoredCredential LiveWorkspace::credential(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = credentials_.find(name);
  return found == credentials_.end() ? StoredCredential{} : found->second;
}

std::vector<LiveWorkspace::StoredCredential> LiveWorkspace::credentials() const {
  const std::lock_guard lock(mutex_);
  std::vector<StoredCredential> out;
  out.reserve(credentials_.size());
  for (const auto& [name, credential] : credentials_) out.push_back(credential);
  return out;
}

void LiveWorkspace::set_credential(vault::Credential credential, std::uint64_t revision) {
  auto name = credential.name;
  auto shared = std::make_shared<const vault::Credential>(std::move(credential));
  const std::lock_guard lock(mutex_);
  credentials_[std::move(name)] = {std::move(shared), revision};
}

std::vector<Check> LiveWorkspace::checks(const delegation::Lineage& lineage, WorkspaceId workspace,
                                         std::uint64_t version) {
  std::vector<Check> out;
  out.reserve(lineage.runs.size() + 1);
  for (const auto& run : lineage.runs) {
    out.push_back({RecordKind::run, run->id.to_string(), LiveRuns::kAliveRevision});
  }
  out.push_back({RecordKind::workspace, workspace.to_string(), version});
  return out;
}

std::shared_ptr<LiveWorkspace> Live::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::shared_ptr<LiveWorkspace> Live::find(WorkspaceId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<LiveWorkspace>> Live::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<LiveWorkspace>> out;
  out.reserve(by_name_.size());
  for (const auto& [name, workspace] : by_name_) out.push_back(workspace);
  return out;
}

Expected<void> Live::add(std::shared_ptr<LiveWorkspace> workspace) {
  const auto name = workspace->version()->name();
  const std::unique_lock lock(mutex_);
  if (by_name_.contains(name))
    return fail(Errc::conflict, "there is a workspace of the name " + name + " already");
  by_id_[workspace->id()] = workspace;
  by_name_[name] = std::move(workspace);
  return {};
}

}  // namespace writ::broker
