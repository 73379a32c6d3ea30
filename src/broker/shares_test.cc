// SPDX-License-Identifier: Apache-2.0
#include "broker/shares.h"

#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::broker {
namespace {

using ::testing::HasSubstr;

constexpr ShareName kThings{.kind = "things", .what = "things under way", .hint = "wait"};

// Two workspaces of two agents with two runs each.
class World {
 public:
  World() {
    for (int w = 0; w < 2; ++w) {
      const auto workspace = WorkspaceId::make(clock_, random_);
      for (int a = 0; a < 2; ++a) {
        const auto agent = AgentId::make(clock_, random_);
        for (int r = 0; r < 2; ++r) {
          holders.push_back(
              {.workspace = workspace, .member = agent.raw(), .run = RunId::make(clock_, random_)});
        }
      }
    }
  }
  std::vector<Holder> holders;

 private:
  FakeClock clock_;
  FakeRandom random_;
};

struct Taken {
  std::size_t by = 0;
  Share::Slot slot;
};

// What a list of slots says that everybody holds, summed up anew.
Share::Held sum(const std::vector<Taken>& slots, const std::vector<Holder>& holders,
                const Holder& by) {
  Share::Held out;
  for (const auto& each : slots) {
    const auto& holder = holders[each.by];
    const auto amount = each.slot.amount();
    out.server += amount;
    if (holder.workspace != by.workspace) continue;
    out.workspace += amount;
    if (holder.member != by.member) continue;
    out.member += amount;
    if (holder.run == by.run) out.run += amount;
  }
  return out;
}

RC_GTEST_PROP(ShareProperty, P37_NobodyIsEverOverNothingIsLostAndNobodyElsesPartIsUsed, ()) {
  const World world;
  const ShareLimits limits{.server = *rc::gen::inRange<std::uint64_t>(1, 40),
                           .workspace = *rc::gen::inRange<std::uint64_t>(1, 30),
                           .agent = *rc::gen::inRange<std::uint64_t>(1, 20),
                           .run = *rc::gen::inRange<std::uint64_t>(1, 10)};
  Share share(kThings, limits);
  std::vector<Taken> slots;
  const auto steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    const auto by = *rc::gen::inRange<std::size_t>(0, world.holders.size());
    const auto& holder = world.holders[by];
    const auto amount = *rc::gen::inRange<std::uint64_t>(0, 12);
    const auto before = sum(slots, world.holders, holder);
    const auto room = [&](const Share::Held& held, std::uint64_t more) {
      return held.server + more <= limits.server && held.workspace + more <= limits.workspace &&
             held.member + more <= limits.agent && held.run + more <= *limits.run;
    };
    switch (*rc::gen::inRange(0, 3)) {
      case 0: {
        auto slot = share.take(holder, amount);
        // Given exactly where everybody's own part has room.
        RC_ASSERT(slot.has_value() == (amount == 0 || room(before, amount)));
        if (slot) {
          slots.push_back({by, std::move(*slot)});
        } else {
          RC_ASSERT(exceeded(slot.error()).has_value());
        }
        break;
      }
      case 1: {
        if (slots.empty()) break;
        const auto at = *rc::gen::inRange<std::size_t>(0, slots.size());
        slots.erase(slots.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      }
      default: {
        if (slots.empty()) break;
        auto& each = slots[*rc::gen::inRange<std::size_t>(0, slots.size())];
        const auto held = sum(slots, world.holders, world.holders[each.by]);
        const auto old = each.slot.amount();
        const auto fits = amount <= old || room(held, amount - old);
        RC_ASSERT(each.slot.resize(amount).has_value() == fits);
        RC_ASSERT(each.slot.amount() == (fits ? amount : old));
      }
    }
    for (const auto& each : world.holders) {
      const auto held = share.held(each);
      RC_ASSERT(held == sum(slots, world.holders, each));
      RC_ASSERT(room(held, 0));
    }
  }
  slots.clear();
  for (const auto& each : world.holders) RC_ASSERT(share.held(each) == Share::Held());
}

TEST(Share, P37_AFullAgentLeavesTheOthersTheirsAndAFullWorkspaceTheOther) {
  const World world;
  Share share(kThings, ShareLimits::fair(16));
  const auto& agent = world.holders[0];
  const auto& colleague = world.holders[2];
  const auto& elsewhere = world.holders[4];
  std::vector<Share::Slot> slots;
  slots.push_back(share.take(agent, 2).value());
  const auto refused = share.take(agent);
  EXPECT_EQ(refused.error().code, Errc::rate_limited);
  EXPECT_EQ(exceeded(refused.error()),
            (Exceeded{.limit = "things_per_agent", .after = seconds(1)}));
  EXPECT_THAT(refused.error().message, HasSubstr("things_per_agent"));
  EXPECT_EQ(refused.error().hint, "wait");
  EXPECT_TRUE(share.take(colleague, 2));
  slots.push_back(share.take_existing(colleague, 6));
  EXPECT_EQ(exceeded(share.take(world.holders[2]).error())->limit, "things_per_agent");
  EXPECT_EQ(share.held(agent).workspace, 8U);
  EXPECT_TRUE(share.take(elsewhere, 2));
}

TEST(Share, P37_WhatNeverFitsIsToldSoAndTriedNoMore) {
  const World world;
  Share share(kThings, {.server = 100, .workspace = 50, .agent = 10});
  const auto refused = share.take(world.holders[0], 11);
  EXPECT_EQ(refused.error().code, Errc::too_large);
  EXPECT_EQ(retry_after(refused.error()), std::nullopt);
  EXPECT_EQ(exceeded(refused.error())->limit, "things_per_agent");
}

TEST(Share, P37_WhatWasThereBeforeCountsEvenBeyondTheBound) {
  const World world;
  Share share(kThings, {.server = 4, .workspace = 2, .agent = 1});
  {
    const auto existing = share.take_existing(world.holders[0], 5);
    EXPECT_EQ(exceeded(share.take(world.holders[4]).error())->limit, "things");
    EXPECT_FALSE(share.check(world.holders[0]));
  }
  EXPECT_TRUE(share.check(world.holders[0]));
}

TEST(Share, ASlotMayBeMovedAndOutliveItsShare) {
  const World world;
  std::optional<Share> share(std::in_place, kThings, ShareLimits::fair(16));
  auto slot = share->take(world.holders[0]).value();
  Share::Slot other = std::move(slot);
  EXPECT_EQ(slot.amount(), 0U);  // NOLINT(bugprone-use-after-move): what is left behind
  EXPECT_EQ(share->held(world.holders[0]).member, 1U);
  share.reset();
  other.release();
  EXPECT_EQ(other.amount(), 0U);
}

}  // namespace
}  // namespace writ::broker
