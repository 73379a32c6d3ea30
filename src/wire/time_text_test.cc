// SPDX-License-Identifier: Apache-2.0
#include "wire/time_text.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace writ {
namespace {

using namespace std::chrono_literals;

TEST(TimeText, WritesMillisecondsInUtc) {
  EXPECT_EQ(format_time(from_unix_millis(1767323045678)), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(format_time(from_unix_millis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(from_unix_millis(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(TimeText, ATimeThatRfc3339CannotNameIsTheNearest) {
  EXPECT_EQ(format_time(TimePoint::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(TimePoint::min()), "0000-01-01T00:00:00.000Z");
}

TEST(TimeText, ReadsWhatItWrites) {
  EXPECT_TRUE(rc::check([] {
    const auto at =
        from_unix_millis(*rc::gen::inRange<std::int64_t>(-62'167'219'200'000, 253'402'300'800'000));
    RC_ASSERT(parse_time(format_time(at)).value() == at);
    RC_ASSERT(is_date_time(format_time(at)));
  }));
}

TEST(TimeText, ReadsShortFractionsAndNone) {
  const auto at = from_unix_seconds(1767323045);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05Z"), at);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05.5Z"), at + 500ms);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05.05Z"), at + 50ms);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z").has_value(), true);
}

TEST(TimeText, RefusesEveryOtherSpelling) {
  for (const auto* text : {"",
                           "2026-01-02",
                           "2026-01-02T03:04:05",
                           "2026-01-02t03:04:05Z",
                           "2026-01-02T03:04:05z",
                           "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04:05+00:00",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05.1234Z",
                           "2026-01-02T03:04:60Z",
                           "2026-01-02T24:00:00Z",
                           "2026-13-02T03:04:05Z",
                           "2026-02-29T03:04:05Z",
                           "2026-00-01T00:00:00Z",
                           "2026-1-2T03:04:05Z",
                           "2026-01-02T03:60:05Z",
                           "2026-01-02T03:04:05Zx",
                           " 2026-01-02T03:04:05Z",
                           "+026-01-02T03:04:05Z",
                           "2026-01-02T03:04:05,5Z"}) {
    EXPECT_FALSE(parse_time(text).has_value()) << text;
  }
}

TEST(TimeText, P27_FormatDateTimeAllowsWhatRfc3339Does) {
  for (const auto* text :
       {"1963-06-19T08:30:06.283185Z", "1963-06-19T08:30:06Z", "1937-01-01T12:00:27.87+00:20",
        "1990-12-31T15:59:50.123-08:00", "1998-12-31T23:59:60Z", "1998-12-31T15:59:60.123-08:00",
        "1963-06-19t08:30:06.283185z"}) {
    EXPECT_TRUE(is_date_time(text)) << text;
  }
  for (const auto* text :
       {"1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z",
        "1990-02-31T15:59:59.123-08:00", "1990-12-31T15:59:59-24:00", "06/19/1963 08:30:06 PST",
        "2013-350T01:01:01", "1963-6-19T08:30:06.283185Z", "1963-06-19T08:30:06",
        "1963-06-19T08:30:06.Z", "1963-06-19T08:30:06+01:00Z", "1963-06-19T08:30:06+1:00"}) {
    EXPECT_FALSE(is_date_time(text)) << text;
  }
  EXPECT_TRUE(is_date("2024-02-29"));
  EXPECT_FALSE(is_date("2023-02-29"));
  EXPECT_FALSE(is_date("2023-2-1"));
  EXPECT_FALSE(is_date("2023-02-01Z"));
}

TEST(DurationText, ReadsNumbersWithUnits) {
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("7d"), 168h);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1m500ms"), 60500ms);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), 26h + 3min + 4s + 5ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("3650d"), 87600h);
}

TEST(DurationText, RefusesWhatIsNotExact) {
  for (const auto* text : {"",
                           "10",
                           "m",
                           "10 m",
                           "-1s",
                           "+1s",
                           "1.5h",
                           "01m",
                           "0m",
                           "0h0s",
                           "1s1m",
                           "1m1m",
                           "1M",
                           "1w",
                           "1h ",
                           "1y",
                           "999999999999999999999d",
                           "3651d",
                           "3650d1ms",
                           "00s",
                           "1mss"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(DurationText, WritesTheShortestForm) {
  EXPECT_EQ(format_duration(0ms), "0s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(25h), "1d1h");
  EXPECT_EQ(format_duration(1001ms), "1s1ms");
}

TEST(DurationText, ReadsWhatItWrites) {
  EXPECT_TRUE(rc::check([] {
    const milliseconds span(*rc::gen::inRange<std::int64_t>(0, 315'360'000'000));
    RC_ASSERT(parse_duration(format_duration(span)).value() == span);
  }));
}

}  // namespace
}  // namespace writ
