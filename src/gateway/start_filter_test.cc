// SPDX-License-Identifier: Apache-2.0
#include "gateway/start_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace writ::gateway {
namespace {

TEST(StartFilter, P18_TheWideTestFindsWhatTheNarrowOneFinds) {
  ASSERT_TRUE(rc::check([] {
    StartFilter filter;
    for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
      filter.add(*rc::gen::inRange<std::size_t>(0, StartFilter::kBytes),
                 *rc::gen::inRange(0U, StartFilter::kClasses),
                 *rc::gen::inRange<std::uint8_t>(0, 8));
    }
    const auto bytes = *rc::gen::container<Bytes>(*rc::gen::inRange<std::size_t>(0, 200),
                                                  rc::gen::inRange<std::uint8_t>(0, 10));
    for (std::size_t from = 0; from <= bytes.size(); ++from)
      RC_ASSERT(filter.next(bytes, from) == filter.next_narrow(bytes, from));
  }));
}

TEST(StartFilter, AtTheEndAPlaceCountsWhateverMayFollow) {
  StartFilter filter;
  for (std::size_t position = 0; position < 3; ++position) {
    filter.add(position, 9, static_cast<std::uint8_t>("abc"[position]));
  }
  EXPECT_EQ(filter.next(as_bytes("xxabc"), 0), 2U);
  EXPECT_EQ(filter.next(as_bytes("xxabx"), 0), 5U);
  EXPECT_EQ(filter.next(as_bytes("xxxab"), 0), 3U);
  EXPECT_EQ(filter.next(as_bytes("xxxxa"), 0), 4U);
  EXPECT_EQ(filter.next(as_bytes("xxxac"), 0), 5U);
  EXPECT_EQ(filter.next({}, 0), 0U);
}

}  // namespace
}  // namespace writ::gateway
