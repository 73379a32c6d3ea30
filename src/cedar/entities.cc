// SPDX-License-Identifier: Apache-2.0
#include "cedar/entities.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace writ::cedar {
namespace {

// An entity's place among all uids that are named, those of missing entities included.
using Index = std::uint32_t;

Error cycle_at(const EntityUid& uid) {
  return {.code = Errc::invalid_input,
          .message = fmt::format("{} is its own ancestor", uid.to_string()),
          .where = {},
          .hint = {}};
}

}  // namespace

// The shared part: each named uid has an index; the ancestors of each are indices in order.
class Entities::Base {
 public:
  static Expected<std::shared_ptr<const Base>> create(std::vector<Entity> entities,
                                                      const EntityLimits& limits);

  std::size_t size() const { return entities_.size(); }
  // Whether the uid is an entity or some entity's parent.
  bool knows(const EntityUid& uid) const { return index_.contains(uid); }
  const Entity* find(const EntityUid& uid) const;
  bool is_below(const EntityUid& uid, const EntityUid& ancestor) const;
  void for_each_ancestor(const EntityUid& uid,
                         const std::function<void(const EntityUid&)>& visit) const;

 private:
  Index index_of(const EntityUid& uid);
  Expected<void> close(const EntityLimits& limits);

  std::vector<Entity> entities_;
  std::unordered_map<EntityUid, Index, EntityUidHash> index_;
  // All three by index. The keys of a map stay where they are, so pointers to them do.
  std::vector<const EntityUid*> uids_;
  std::vector<const Entity*> by_index_;  // null for a uid that is only named
  std::vector<std::vector<Index>> ancestors_;
};

Index Entities::Base::index_of(const EntityUid& uid) {
  const auto [at, is_new] = index_.try_emplace(uid, static_cast<Index>(uids_.size()));
  if (is_new) {
    uids_.push_back(&at->first);
    by_index_.push_back(nullptr);
  }
  return at->second;
}

Expected<std::shared_ptr<const Entities::Base>> Entities::Base::create(std::vector<Entity> entities,
                                                                       const EntityLimits& limits) {
  if (entities.size() > limits.max_entities) {
    return fail(Errc::too_large,
                fmt::format("{} entities are more than {}", entities.size(), limits.max_entities));
  }
  auto base = std::make_shared<Base>();
  base->entities_ = std::move(entities);
  for (const Entity& entity : base->entities_) {
    const Index index = base->index_of(entity.uid);
    if (base->by_index_[index] != nullptr) {
      return fail(Errc::invalid_input, fmt::format("{} appears twice", entity.uid.to_string()));
    }
    base->by_index_[index] = &entity;
  }
  for (const Entity& entity : base->entities_) {
    for (const EntityUid& parent : entity.parents) base->index_of(parent);
  }
  WRIT_TRY_VOID(base->close(limits));
  return std::shared_ptr<const Base>(std::move(base));
}

// Depth first without recursion, since a hostile hierarchy may be a chain of a million.
Expected<void> Entities::Base::close(const EntityLimits& limits) {
  enum class State : std::uint8_t { fresh, open, done };
  struct Step {
    Index index;
    std::size_t next_parent;
  };
  std::vector<State> states(uids_.size(), State::fresh);
  ancestors_.resize(uids_.size());
  std::size_t total = 0;
  for (Index root = 0; root < uids_.size(); ++root) {
    if (states[root] != State::fresh) continue;
    std::vector<Step> path = {{root, 0}};
    states[root] = State::open;
    while (!path.empty()) {
      const Index index = path.back().index;
      const Entity* entity = by_index_[index];
      if (entity != nullptr && path.back().next_parent < entity->parents.size()) {
        const Index parent = index_.find(entity->parents[path.back().next_parent++])->second;
        if (states[parent] == State::open) return std::unexpected(cycle_at(*uids_[parent]));
        if (states[parent] == State::fresh) {
          states[parent] = State::open;
          path.push_back({parent, 0});
        }
        continue;
      }
      std::vector<Index>& all = ancestors_[index];
      if (entity != nullptr) {
        for (const EntityUid& uid : entity->parents) {
          const Index parent = index_.find(uid)->second;
          all.push_back(parent);
          all.insert(all.end(), ancestors_[parent].begin(), ancestors_[parent].end());
        }
        std::ranges::sort(all);
        const auto repeated = std::ranges::unique(all);
        all.erase(repeated.begin(), repeated.end());
      }
      total += all.size();
      if (total > limits.max_ancestors) {
        return fail(Errc::too_large, fmt::format("the entities have more than {} ancestors in all",
                                                 limits.max_ancestors));
      }
      states[index] = State::done;
      path.pop_back();
    }
  }
  return {};
}

const Entity* Entities::Base::find(const EntityUid& uid) const {
  const auto at = index_.find(uid);
  return at != index_.end() ? by_index_[at->second] : nullptr;
}

bool Entities::Base::is_below(const EntityUid& uid, const EntityUid& ancestor) const {
  const auto at = index_.find(uid);
  if (at == index_.end() || ancestors_[at->second].empty()) return false;
  const auto above = index_.find(ancestor);
  return above != index_.end() && std::ranges::binary_search(ancestors_[at->second], above->second);
}

void Entities::Base::for_each_ancestor(const EntityUid& uid,
                                       const std::function<void(const EntityUid&)>& visit) const {
  const auto at = index_.find(uid);
  if (at == index_.end()) return;
  for (const Index ancestor : ancestors_[at->second]) visit(*uids_[ancestor]);
}

Entities::Entities() : base_(std::make_shared<const Base>()) {}

Expected<Entities> Entities::create(std::vector<Entity> entities, const EntityLimits& limits) {
  WRIT_TRY(auto base, Base::create(std::move(entities), limits));
  return Entities(std::move(base));
}

Expected<Entities> Entities::with(std::vector<Entity> few) const {
  // They are searched one after the other, and their parents walked anew for each question.
  if (few.size() > kMaxOverlay) {
    return fail(Errc::too_large,
                fmt::format("{} entities are more than {}", few.size(), kMaxOverlay));
  }
  for (std::size_t i = 0; i < few.size(); ++i) {
    const bool repeated = std::any_of(few.begin(), few.begin() + static_cast<std::ptrdiff_t>(i),
                                      [&](const Entity& other) { return other.uid == few[i].uid; });
    if (repeated || base_->knows(few[i].uid)) {
      return fail(Errc::conflict,
                  fmt::format("{} is among the entities already", few[i].uid.to_string()));
    }
  }
  Entities out(base_);
  out.overlay_ = std::move(few);
  // Each round strikes out those whose parents in the overlay are struck out; what never goes is a
  // cycle, or below one.
  std::vector<bool> settled(out.overlay_.size(), false);
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < out.overlay_.size(); ++i) {
      if (settled[i]) continue;
      settled[i] = std::ranges::all_of(out.overlay_[i].parents, [&](const EntityUid& parent) {
        const Entity* within = out.find_in_overlay(parent);
        return within == nullptr || settled[static_cast<std::size_t>(within - out.overlay_.data())];
      });
      progress = progress || settled[i];
    }
  }
  const auto stuck = std::ranges::find(settled, false);
  if (stuck != settled.end()) {
    return std::unexpected(
        cycle_at(out.overlay_[static_cast<std::size_t>(stuck - settled.begin())].uid));
  }
  return out;
}

const Entity* Entities::find_in_overlay(const EntityUid& uid) const {
  const auto at = std::ranges::find(overlay_, uid, &Entity::uid);
  return at != overlay_.end() ? &*at : nullptr;
}

const Entity* Entities::find(const EntityUid& uid) const {
  const Entity* entity = find_in_overlay(uid);
  return entity != nullptr ? entity : base_->find(uid);
}

bool Entities::is_in(const EntityUid& uid, const EntityUid& ancestor) const {
  if (uid == ancestor) return true;
  const Entity* entity = find_in_overlay(uid);
  if (entity == nullptr) return base_->is_below(uid, ancestor);
  // The overlay is small and has no cycle.
  return std::ranges::any_of(entity->parents,
                             [&](const EntityUid& parent) { return is_in(parent, ancestor); });
}

void Entities::for_each_ancestor(const EntityUid& uid,
                                 const std::function<void(const EntityUid&)>& visit) const {
  const Entity* entity = find_in_overlay(uid);
  if (entity == nullptr) {
    base_->for_each_ancestor(uid, visit);
    return;
  }
  for (const EntityUid& parent : entity->parents) {
    visit(parent);
    for_each_ancestor(parent, visit);
  }
}

std::size_t Entities::size() const { return base_->size() + overlay_.size(); }

}  // namespace writ::cedar
