// SPDX-License-Identifier: Apache-2.0
// Entities: the entities that an evaluation sees, with their attributes, tags and ancestors.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "cedar/entity_uid.h"
#include "cedar/value.h"

namespace writ::cedar {

struct Entity {
  EntityUid uid;
  Record attributes;
  Record tags;
  // Direct ones; they need not exist as entities themselves.
  std::vector<EntityUid> parents;
};

struct EntityLimits {
  std::size_t max_entities = 1'000'000;
  // The sum of all entities' ancestors, each counted once per entity: what the closure may cost.
  std::size_t max_ancestors = 10'000'000;
};

// Immutable, and so thread-safe; a copy shares the base and copies the overlay alone. Pointers into
// it are valid as long as it, or (for the base's entities) any copy of it, lives.
class Entities {
 public:
  Entities();

  // Refuses an uid that appears twice and a cycle of parents.
  static Expected<Entities> create(std::vector<Entity> entities, const EntityLimits& limits = {});

  // This with a few more (kMaxOverlay at most), which cost time in proportion to their own number
  // only: what one request adds (a run, its user) to a large shared base. Replaces an earlier
  // overlay. Refuses an uid that the base has or names as a parent, since the base's ancestors are
  // computed already, and what create() refuses.
  Expected<Entities> with(std::vector<Entity> few) const;
  static constexpr std::size_t kMaxOverlay = 16;

  // Null if there is no such entity.
  const Entity* find(const EntityUid& uid) const;

  // Whether `uid` is `ancestor` or lies below it. An entity that does not exist is below none.
  bool is_in(const EntityUid& uid, const EntityUid& ancestor) const;

  // Calls `visit` for each proper ancestor of `uid`, at least once and in no order.
  void for_each_ancestor(const EntityUid& uid,
                         const std::function<void(const EntityUid&)>& visit) const;

  std::size_t size() const;

 private:
  class Base;
  explicit Entities(std::shared_ptr<const Base> base) : base_(std::move(base)) {}
  const Entity* find_in_overlay(const EntityUid& uid) const;

  std::shared_ptr<const Base> base_;
  std::vector<Entity> overlay_;
};

}  // namespace writ::cedar
