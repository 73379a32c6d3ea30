// SPDX-License-Identifier: Apache-2.0
#include "cedar/entities.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace writ::cedar {
namespace {

EntityUid uid(int n) { return {"E", std::to_string(n)}; }
Entity entity(int n, std::vector<int> parents = {}) {
  Entity out{.uid = uid(n), .attributes = {{"n", n}}, .tags = {}, .parents = {}};
  for (const int parent : parents) out.parents.push_back(uid(parent));
  return out;
}
std::set<std::string> ancestors(const Entities& entities, int n) {
  std::set<std::string> out;
  entities.for_each_ancestor(uid(n), [&](const EntityUid& found) { out.insert(found.id); });
  return out;
}

TEST(Entities, AncestorsAreTransitiveAndNeedNotExist) {
  const auto entities = Entities::create({entity(1, {2}), entity(2, {3, 4}), entity(3, {5})});
  ASSERT_TRUE(entities);
  EXPECT_TRUE(entities->is_in(uid(1), uid(5)));
  EXPECT_TRUE(entities->is_in(uid(1), uid(4)));
  EXPECT_TRUE(entities->is_in(uid(9), uid(9)));
  EXPECT_FALSE(entities->is_in(uid(5), uid(1)));
  EXPECT_FALSE(entities->is_in(uid(9), uid(1)));
  EXPECT_EQ(ancestors(*entities, 1), (std::set<std::string>{"2", "3", "4", "5"}));
  EXPECT_EQ(entities->find(uid(5)), nullptr);
  ASSERT_NE(entities->find(uid(2)), nullptr);
  EXPECT_EQ(entities->size(), 3U);
}

TEST(Entities, ARepeatedUidIsRefused) {
  EXPECT_FALSE(Entities::create({entity(1), entity(1)}));
  EXPECT_FALSE(Entities().with({entity(1), entity(1)}));
}

TEST(Entities, ACycleIsRefused) {
  EXPECT_FALSE(Entities::create({entity(1, {1})}));
  EXPECT_FALSE(Entities::create({entity(1, {2}), entity(2, {3}), entity(3, {1})}));
  EXPECT_FALSE(Entities::create({entity(0, {1}), entity(1, {2}), entity(2, {1})}));
  EXPECT_FALSE(Entities().with({entity(1, {1})}));
  EXPECT_FALSE(Entities().with({entity(0, {1}), entity(1, {2}), entity(2, {1})}));
  EXPECT_TRUE(Entities::create({entity(1, {2, 3}), entity(2, {4}), entity(3, {4})}));
  EXPECT_TRUE(Entities().with({entity(1, {2, 3}), entity(2, {4}), entity(3, {4})}));
}

TEST(Entities, TheCostOfTheClosureIsBounded) {
  std::vector<Entity> chain;
  chain.reserve(1000);
  for (int i = 0; i < 1000; ++i) chain.push_back(entity(i, {i + 1}));
  EXPECT_TRUE(Entities::create(chain));
  EXPECT_EQ(Entities::create(chain, {.max_ancestors = 1000}).error().code, Errc::too_large);
  EXPECT_EQ(Entities::create(chain, {.max_entities = 10}).error().code, Errc::too_large);
}

TEST(Entities, AnOverlayStandsOnItsBase) {
  const auto base = Entities::create({entity(1, {2}), entity(2, {3})});
  const auto both = base->with({entity(10, {11}), entity(11, {1, 12})});
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->is_in(uid(10), uid(3)));
  EXPECT_TRUE(both->is_in(uid(10), uid(12)));
  EXPECT_TRUE(both->is_in(uid(1), uid(3)));
  EXPECT_FALSE(both->is_in(uid(1), uid(10)));
  EXPECT_EQ(ancestors(*both, 10), (std::set<std::string>{"11", "1", "12", "2", "3"}));
  EXPECT_NE(both->find(uid(10)), nullptr);
  EXPECT_EQ(base->find(uid(10)), nullptr);
  // The base's entities are the same objects, not copies.
  EXPECT_EQ(both->find(uid(1)), base->find(uid(1)));
}

TEST(Entities, AnOverlayChangesNothingThatTheBaseSays) {
  const auto base = Entities::create({entity(1, {2})});
  EXPECT_FALSE(base->with({entity(1)}));
  // The base names it as a parent without having it: what it stands below, the base has not seen.
  EXPECT_FALSE(base->with({entity(2)}));
}

TEST(Entities, AnOverlayIsSmall) {
  std::vector<Entity> many;
  for (int i = 0; i <= static_cast<int>(Entities::kMaxOverlay); ++i) many.push_back(entity(i));
  EXPECT_EQ(Entities().with(many).error().code, Errc::too_large);
  many.pop_back();
  EXPECT_TRUE(Entities().with(many));
}

// A split of one hierarchy into base and overlay says the same as the whole.
RC_GTEST_PROP(Entities, AnOverlayAgreesWithTheWhole, ()) {
  // Parents have higher numbers, so there is no cycle; the overlay has the lowest, so the base
  // names none of it. A number's bits say which are an entity's parents.
  constexpr int kCount = 10;
  constexpr int kNamed = kCount + 3;
  const auto masks = *rc::gen::container<std::vector<unsigned>>(
      kCount, rc::gen::inRange(0U, 1U << unsigned{kNamed}));
  std::vector<Entity> all;
  for (int i = 0; i < kCount; ++i) {
    std::vector<int> parents;
    for (int parent = i + 1; parent < kNamed; ++parent) {
      if ((masks[static_cast<std::size_t>(i)] >> parent & 1U) != 0) parents.push_back(parent);
    }
    all.push_back(entity(i, parents));
  }
  const auto split = *rc::gen::inRange(0, kCount);
  const auto whole = Entities::create(all);
  const auto base = Entities::create({all.begin() + split, all.end()});
  const auto both = base->with({all.begin(), all.begin() + split});
  RC_ASSERT(whole.has_value() && both.has_value());
  for (int a = 0; a < kNamed; ++a) {
    RC_ASSERT(ancestors(*whole, a) == ancestors(*both, a));
    for (int b = 0; b < kNamed; ++b) {
      RC_ASSERT(whole->is_in(uid(a), uid(b)) == both->is_in(uid(a), uid(b)));
    }
  }
}

}  // namespace
}  // namespace writ::cedar
