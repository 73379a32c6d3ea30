// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cedar/datetime.h"
#include "cedar/decimal.h"
#include "cedar/ip_address.h"

namespace writ::cedar {
namespace {

TEST(Decimal, NeedsAPointAndOneToFourFractionDigits) {
  for (const char* text :
       {"1", "", ".", "1.", ".5", "-.5", "1.00000", "1.0.0", "+1.0", "1,0", " 1.0", "1.0 ", "1_0.0",
        "0x1.0", "--1.0", "-", "1e1.0", "1.-1", "1.+1"}) {
    EXPECT_FALSE(Decimal::parse(text)) << text;
  }
  EXPECT_EQ(Decimal::parse("1.0"), Decimal{10'000});
  EXPECT_EQ(Decimal::parse("1.2345"), Decimal{12'345});
  EXPECT_EQ(Decimal::parse("-0.0001"), Decimal{-1});
  EXPECT_EQ(Decimal::parse("-0.0"), Decimal{0});
  EXPECT_EQ(Decimal::parse("007.5"), Decimal{75'000});
}

TEST(Decimal, ReachesBothEndsOfTheRangeAndNoFurther) {
  EXPECT_EQ(Decimal::parse("922337203685477.5807"),
            Decimal{std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(Decimal::parse("-922337203685477.5808"),
            Decimal{std::numeric_limits<std::int64_t>::min()});
  EXPECT_FALSE(Decimal::parse("922337203685477.5808"));
  EXPECT_FALSE(Decimal::parse("-922337203685477.5809"));
  EXPECT_FALSE(Decimal::parse("922337203685478.0"));
}

TEST(Decimal, PrintsWhatItParses) {
  for (const char* text : {"0.0000", "-0.0001", "1.5000", "-922337203685477.5808"}) {
    EXPECT_EQ(Decimal::parse(text)->to_string(), text);
  }
}

TEST(IpAddress, RefusesWhatIsNotExactlyAnAddress) {
  for (const char* text : {"",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "127.0.0.01",
                           "1.2.3.4/33",
                           "1.2.3.4/08",
                           "1.2.3.4/",
                           "1.2.3.4/1/1",
                           "1.2.3.4/-1",
                           "1.2.3.4/+1",
                           "1.2.3.a",
                           "::1%eth0",
                           "::ffff:1.2.3.4",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8::",
                           "1:2:3:4:5:6:7:8:9",
                           "1::2::3",
                           ":::",
                           "12345::",
                           "::g",
                           "::/129",
                           "::/0128",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           " ::1",
                           "::1 ",
                           "/8"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string(10'000, ':')));
}

TEST(IpAddress, TakesBothFamiliesWithAndWithoutPrefix) {
  for (const char* text : {"0.0.0.0", "255.255.255.255/32", "1.2.3.4/0", "::", "::1",
                           "1::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "a:B:c:D:e:F:0:0001/128"}) {
    const auto ip = IpAddress::parse(text);
    ASSERT_TRUE(ip) << text;
    EXPECT_EQ(IpAddress::parse(ip->to_string()), ip) << ip->to_string();
  }
}

TEST(IpAddress, KeepsTheBitsPastThePrefix) {
  EXPECT_EQ(IpAddress::parse("127.0.0.1"), IpAddress::parse("127.0.0.1/32"));
  EXPECT_NE(IpAddress::parse("127.0.0.1/8"), IpAddress::parse("127.0.0.0/8"));
}

TEST(IpAddress, IsInARangeOfItsOwnFamilyThatIsNoNarrower) {
  const auto in = [](const char* a, const char* b) {
    return IpAddress::parse(a)->is_in_range(*IpAddress::parse(b));
  };
  EXPECT_TRUE(in("10.1.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(in("10.0.0.0/8", "10.1.0.0/16"));
  EXPECT_TRUE(in("10.9.9.9/8", "10.0.0.0/8"));
  EXPECT_TRUE(in("1.2.3.4", "0.0.0.0/0"));
  EXPECT_FALSE(in("1.2.3.4", "::/0"));
  EXPECT_FALSE(in("::1", "0.0.0.0/0"));
  EXPECT_TRUE(in("10.0.0.130", "10.0.0.128/25"));
  EXPECT_FALSE(in("10.0.0.127", "10.0.0.128/25"));
  EXPECT_TRUE(in("fe80::1", "fe80::/10"));
  EXPECT_FALSE(in("fec0::1", "fe80::/10"));
}

TEST(IpAddress, KnowsLoopbackAndMulticast) {
  EXPECT_TRUE(IpAddress::parse("127.1.2.3")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("127.0.0.0/7")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::1/127")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("239.1.2.3")->is_multicast());
  EXPECT_FALSE(IpAddress::parse("223.1.2.3")->is_multicast());
  EXPECT_TRUE(IpAddress::parse("ff02::1")->is_multicast());
  EXPECT_FALSE(IpAddress::parse("fe02::1")->is_multicast());
}

TEST(Datetime, TakesTheFiveFormsOnly) {
  EXPECT_EQ(Datetime::parse("1970-01-02"), Datetime{86'400'000});
  EXPECT_EQ(Datetime::parse("1970-01-01T00:00:01Z"), Datetime{1000});
  EXPECT_EQ(Datetime::parse("1970-01-01T00:00:01.234Z"), Datetime{1234});
  EXPECT_EQ(Datetime::parse("1970-01-01T01:00:00+0100"), Datetime{0});
  EXPECT_EQ(Datetime::parse("1970-01-01T00:00:00.001-0130"), Datetime{5'400'001});
  for (const char* text : {"",
                           "1970",
                           "1970-1-1",
                           "1970-01-01T",
                           "1970-01-01T00:00",
                           "1970-01-01T00:00:00",
                           "1970-01-01T00:00:00z",
                           "1970-01-01t00:00:00Z",
                           "1970-01-01 00:00:00Z",
                           "1970-01-01T00:00:00.1Z",
                           "1970-01-01T00:00:00.1234Z",
                           "1970-01-01T00:00:00.Z",
                           "1970-01-01T00:00:00+01:00",
                           "1970-01-01T00:00:00+01",
                           "1970-01-01T00:00:00Z ",
                           "1970-01-01Z",
                           "01970-01-01",
                           "+1970-01-01",
                           "1970-01-01T00:00:00+0100Z",
                           "1970-01-01T00:00:00,123Z"}) {
    EXPECT_FALSE(Datetime::parse(text)) << text;
  }
}

TEST(Datetime, RefusesDatesTimesAndOffsetsThatDoNotExist) {
  for (const char* text :
       {"2023-02-29", "2023-13-01", "2023-00-01", "2023-04-31", "2023-01-00", "1900-02-29",
        "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z",
        "2016-12-31T23:59:60Z", "2024-01-01T00:00:00+2400", "2024-01-01T00:00:00+0060",
        "2024-01-01T00:00:00-9999"}) {
    EXPECT_FALSE(Datetime::parse(text)) << text;
  }
  EXPECT_TRUE(Datetime::parse("2024-02-29"));
  EXPECT_TRUE(Datetime::parse("2000-02-29"));
  EXPECT_TRUE(Datetime::parse("0000-01-01"));
  EXPECT_TRUE(Datetime::parse("9999-12-31T23:59:59.999-2359"));
}

TEST(Datetime, DayAndTimeFloor) {
  const auto before = *Datetime::parse("1969-12-31T23:59:59Z");
  EXPECT_EQ(before.to_date(), Datetime::parse("1969-12-31"));
  EXPECT_EQ(before.to_time(), *Duration::parse("23h59m59s"));
  const auto midnight = *Datetime::parse("1969-12-31");
  EXPECT_EQ(midnight.to_date(), midnight);
  EXPECT_EQ(midnight.to_time(), Duration{0});
}

TEST(Datetime, ArithmeticIsChecked) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_FALSE(Datetime{kMax}.offset(Duration{1}));
  EXPECT_FALSE(Datetime{kMin}.offset(Duration{-1}));
  EXPECT_FALSE(Datetime{kMin}.duration_since(Datetime{1}));
  EXPECT_FALSE(Datetime{kMin}.to_date());
  EXPECT_TRUE(Datetime{kMax}.to_date());
  EXPECT_EQ(Datetime{5}.offset(Duration{-7}), Datetime{-2});
  EXPECT_EQ(Datetime{5}.duration_since(Datetime{7}), Duration{-2});
}

TEST(Datetime, PrintsWhatItParses) {
  for (const std::int64_t millis :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1'700'000'000'123},
        std::int64_t{-62'167'219'200'000}}) {
    const Datetime at{millis};
    EXPECT_EQ(Datetime::parse(at.to_string()), at) << at.to_string();
  }
  EXPECT_EQ(Datetime{std::numeric_limits<std::int64_t>::min()}.to_string(),
            "1970-01-01 + -9223372036854775808ms");
}

TEST(Duration, UnitsComeInOrderEachOnce) {
  EXPECT_EQ(Duration::parse("1d2h3m4s5ms"), Duration{93'784'005});
  EXPECT_EQ(Duration::parse("-1h"), Duration{-3'600'000});
  EXPECT_EQ(Duration::parse("1d5ms"), Duration{86'400'005});
  EXPECT_EQ(Duration::parse("00012s"), Duration{12'000});
  for (const char* text : {"", "-", "1", "h", "2h1d", "1h1h", "1ms1s", "+1h", "1 h", "1h ", "1.5h",
                           "1H", "--1h", "1h-1m", "1d2", "1w", "1mss"}) {
    EXPECT_FALSE(Duration::parse(text)) << text;
  }
}

TEST(Duration, ReachesBothEndsOfTheRangeAndNoFurther) {
  EXPECT_EQ(Duration::parse("9223372036854775807ms"),
            Duration{std::numeric_limits<std::int64_t>::max()});
  EXPECT_EQ(Duration::parse("-9223372036854775808ms"),
            Duration{std::numeric_limits<std::int64_t>::min()});
  EXPECT_FALSE(Duration::parse("9223372036854775808ms"));
  EXPECT_FALSE(Duration::parse("-9223372036854775809ms"));
  EXPECT_FALSE(Duration::parse("106751991168d"));
  EXPECT_FALSE(Duration::parse("106751991167d999999999h"));
  EXPECT_FALSE(Duration::parse("99999999999999999999999999d"));
}

TEST(Duration, ConversionsTruncateTowardsZero) {
  EXPECT_EQ(Duration{-1500}.to_seconds(), -1);
  EXPECT_EQ(Duration{1500}.to_seconds(), 1);
  EXPECT_EQ(Duration{-86'399'999}.to_days(), 0);
  EXPECT_EQ(Duration{-86'400'000}.to_days(), -1);
  EXPECT_EQ(Duration{7'199'999}.to_hours(), 1);
  EXPECT_EQ(Duration{119'999}.to_minutes(), 1);
}

}  // namespace
}  // namespace writ::cedar
