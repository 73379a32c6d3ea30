// SPDX-License-Identifier: Apache-2.0
#include "net/strangers.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/fake_clock.h"

namespace writ::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

boost::asio::ip::address at(const char* text) { return boost::asio::ip::make_address(text); }

class StrangersTest : public ::testing::Test {
 protected:
  struct Guest {
    Guest(StrangersTest& test, Strangers& pool, int its_name, const char* address,
          bool many = false)
        : name(its_name), place(pool, at(address), many, test.loop_, [&test, its_name] {
            test.sent_away_.push_back(its_name);
          }) {}
    int name;
    Strangers::Place place;
  };
  StrangersTest() { loop_.start("strangers"); }

 public:
  ~StrangersTest() override {
    on_loop([this] { guests_.clear(); });
  }

 protected:
  template <typename Function>
  void on_loop(Function function) {
    run_on(loop_, [](Function act) -> Task<void> {
      act();
      co_return;
    }(std::move(function)));
  }
  // One that waits for its peer in the pool; false where it got no place.
  bool come(Strangers& pool, const char* address = "192.0.2.1", bool many = false) {
    bool in = false;
    on_loop([&] {
      auto& guest =
          guests_.emplace_back(*this, pool, static_cast<int>(guests_.size()), address, many);
      in = guest.place.enter();
      guest.place.set_waiting(true);
    });
    return in;
  }
  std::vector<int> sent_away() {
    std::vector<int> out;
    // A turn later, what was posted before has run.
    on_loop([] {});
    on_loop([&] { out = sent_away_; });
    return out;
  }

  FakeClock clock_;
  Loop loop_{clock_, milliseconds(1)};
  std::vector<int> sent_away_;  // of the loop's thread
  std::deque<Guest> guests_;    // likewise
};

TEST_F(StrangersTest, P37_WhoHasWaitedLongestMakesRoom) {
  Strangers pool({.connections = 2, .connections_per_address = 2});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(come(pool, "192.0.2.1"));
  EXPECT_THAT(sent_away(), ElementsAre(0));
  // Who comes again comes last.
  on_loop([&] { EXPECT_TRUE(guests_[1].place.enter()); });
  on_loop([&] { guests_[1].place.set_waiting(true); });
  EXPECT_TRUE(come(pool));
  EXPECT_THAT(sent_away(), ElementsAre(0, 2));
  EXPECT_EQ(pool.connections(), 2U);
}

TEST_F(StrangersTest, P37_AnAddressThatHasItsPartMakesRoomForItself) {
  Strangers pool({.connections = 4, .connections_per_address = 2});
  EXPECT_TRUE(come(pool, "198.51.100.7"));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(come(pool, "192.0.2.1"));
  EXPECT_THAT(sent_away(), ElementsAre(1, 2, 3));
  EXPECT_EQ(pool.connections(), 3U);
}

TEST_F(StrangersTest, P37_ANetworkOfIpv6IsOneAddressAndAProxyIsMany) {
  Strangers pool({.connections = 8, .connections_per_address = 1});
  EXPECT_TRUE(come(pool, "2001:db8::1"));
  EXPECT_TRUE(come(pool, "2001:db8::2"));
  EXPECT_TRUE(come(pool, "2001:db8:0:1::1"));
  EXPECT_THAT(sent_away(), ElementsAre(0));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(come(pool, "10.0.0.2", true));
  EXPECT_THAT(sent_away(), ElementsAre(0));
}

TEST_F(StrangersTest, P37_WhoIsServedOrKnownIsNotSentAway) {
  Strangers pool({.connections = 2, .connections_per_address = 2});
  EXPECT_TRUE(come(pool));
  EXPECT_TRUE(come(pool));
  on_loop([&] {
    for (auto& guest : guests_) guest.place.set_waiting(false);
  });
  EXPECT_FALSE(come(pool));
  EXPECT_THAT(sent_away(), IsEmpty());
  on_loop([&] { guests_[0].place.leave(); });
  EXPECT_TRUE(come(pool));
  EXPECT_EQ(pool.connections(), 2U);
  // What is kept for one that is known is not the pool's affair.
  on_loop([&] { EXPECT_TRUE(guests_[0].place.hold(std::size_t{1} << 40)); });
}

TEST_F(StrangersTest, P37_TheirBytesAreBoundedAndWhoHoldsSomeMakesRoom) {
  Strangers pool(
      {.connections = 9, .connections_per_address = 9, .bytes = 100, .bytes_per_address = 60});
  EXPECT_TRUE(come(pool, "192.0.2.1"));
  EXPECT_TRUE(come(pool, "192.0.2.2"));
  EXPECT_TRUE(come(pool, "192.0.2.2"));
  const auto hold = [&](std::size_t guest, std::size_t bytes) {
    bool done = false;
    on_loop([&] { done = guests_[guest].place.hold(bytes); });
    return done;
  };
  EXPECT_TRUE(hold(0, 50));
  EXPECT_TRUE(hold(1, 40));
  // Of its own address, although another holds for longer.
  EXPECT_TRUE(hold(2, 40));
  EXPECT_THAT(sent_away(), ElementsAre(1));
  EXPECT_FALSE(hold(1, 1));
  EXPECT_FALSE(hold(2, 61));
  EXPECT_TRUE(hold(2, 55));
  EXPECT_THAT(sent_away(), ElementsAre(1, 0));
  EXPECT_EQ(pool.bytes(), 55U);
}

TEST_F(StrangersTest, P37_WhateverHappensNothingIsOverAndNothingStaysBehind) {
  static constexpr const char* kAddresses[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1"};
  EXPECT_TRUE(rc::check("the pool's bounds hold", [&] {
    on_loop([&] {
      Strangers pool(
          {.connections = 4, .connections_per_address = 2, .bytes = 100, .bytes_per_address = 60});
      std::vector<std::unique_ptr<Strangers::Place>> places;
      for (int step = *rc::gen::inRange(0, 60); step > 0; --step) {
        const auto which = [&] { return *rc::gen::inRange<std::size_t>(0, places.size()); };
        const auto act = places.empty() ? 0 : *rc::gen::inRange(0, 6);
        if (act == 0) {
          places.push_back(std::make_unique<Strangers::Place>(
              pool, at(kAddresses[*rc::gen::inRange(0, 3)]), false, loop_, [] {}));
          (void)places.back()->enter();
        } else if (act == 1) {
          places[which()]->set_waiting(*rc::gen::arbitrary<bool>());
        } else if (act == 2) {
          (void)places[which()]->hold(*rc::gen::inRange<std::size_t>(0, 70));
        } else if (act == 3) {
          places[which()]->leave();
        } else if (act == 4) {
          (void)places[which()]->enter();
        } else {
          places.erase(places.begin() + static_cast<std::ptrdiff_t>(which()));
        }
        RC_ASSERT(pool.connections() <= 4U);
        RC_ASSERT(pool.bytes() <= 100U);
      }
      places.clear();
      RC_ASSERT(pool.connections() == 0U);
      RC_ASSERT(pool.bytes() == 0U);
    });
  }));
}

}  // namespace
}  // namespace writ::net
