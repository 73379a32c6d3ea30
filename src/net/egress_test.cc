// SPDX-License-Identifier: Apache-2.0
#include "net/egress.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/testing.h"

namespace writ::net {
namespace {

using testing::FakeResolver;
using ::testing::HasSubstr;
using testing::RawListener;

Address at(const std::string& text) { return asio::ip::make_address(text); }

TEST(EgressRules, P19_WherePlaintextGoesNoOtherAddressIsDialledNotEvenAPublicOne) {
  const auto rules = EgressRules::create({"198.51.100.7", "8.8.8.0/24"}, true).value();
  EXPECT_TRUE(rules.check(asio::ip::make_address("8.8.8.8")));
  EXPECT_TRUE(rules.check(asio::ip::make_address("198.51.100.7")));
  const auto refused = rules.check(asio::ip::make_address("8.8.4.4"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  // An exception is never one for the metadata service.
  EXPECT_FALSE(EgressRules::create({"169.254.169.254"}, true)
                   .value()
                   .check(asio::ip::make_address("169.254.169.254")));
  const auto nat64 = EgressRules::create({"64:ff9b::/96"}).value();
  EXPECT_TRUE(nat64.check(asio::ip::make_address("64:ff9b::1.1.1.1")));
  EXPECT_FALSE(nat64.check(asio::ip::make_address("64:ff9b::169.254.169.254")));
}

TEST(Egress, P19_EveryKindOfSpecialAddressIsKnown) {
  using Kind = AddressKind;
  const std::pair<const char*, Kind> table[] = {
      {"1.1.1.1", Kind::global},
      {"9.255.255.255", Kind::global},
      {"11.0.0.0", Kind::global},
      {"172.15.255.255", Kind::global},
      {"172.32.0.0", Kind::global},
      {"100.63.255.255", Kind::global},
      {"100.128.0.0", Kind::global},
      {"2606:4700::1", Kind::global},
      {"2a00::1", Kind::global},
      {"0.0.0.0", Kind::unspecified},
      {"0.1.2.3", Kind::unspecified},
      {"10.0.0.1", Kind::private_use},
      {"10.255.255.255", Kind::private_use},
      {"172.16.0.1", Kind::private_use},
      {"172.31.255.255", Kind::private_use},
      {"192.168.1.1", Kind::private_use},
      {"100.64.0.1", Kind::shared},
      {"100.127.255.255", Kind::shared},
      {"127.0.0.1", Kind::loopback},
      {"127.255.255.254", Kind::loopback},
      {"169.254.1.1", Kind::link_local},
      {"169.254.169.254", Kind::metadata},
      {"169.254.170.2", Kind::metadata},
      {"100.100.100.200", Kind::metadata},
      {"168.63.129.16", Kind::metadata},
      {"192.0.0.192", Kind::metadata},
      {"192.0.0.1", Kind::reserved},
      {"192.0.2.1", Kind::documentation},
      {"198.51.100.1", Kind::documentation},
      {"203.0.113.1", Kind::documentation},
      {"192.88.99.1", Kind::translation},
      {"198.18.0.1", Kind::benchmarking},
      {"198.19.255.255", Kind::benchmarking},
      {"224.0.0.1", Kind::multicast},
      {"239.255.255.255", Kind::multicast},
      {"240.0.0.1", Kind::reserved},
      {"255.255.255.255", Kind::broadcast},
      {"::", Kind::unspecified},
      {"::1", Kind::loopback},
      {"::7f00:1", Kind::translation},
      {"::ffff:127.0.0.1", Kind::loopback},
      {"::ffff:7f00:1", Kind::loopback},
      {"::ffff:10.0.0.1", Kind::private_use},
      {"::ffff:169.254.169.254", Kind::metadata},
      {"::ffff:1.1.1.1", Kind::global},
      {"::ffff:0:127.0.0.1", Kind::translation},
      {"64:ff9b::7f00:1", Kind::translation},
      {"64:ff9b::1.1.1.1", Kind::translation},
      {"64:ff9b:1::1", Kind::translation},
      // Never dialled, through no translator either.
      {"64:ff9b::169.254.169.254", Kind::metadata},
      {"64:ff9b:1::169.254.169.254", Kind::metadata},
      {"2002:a9fe:a9fe::1", Kind::metadata},
      {"::169.254.169.254", Kind::metadata},
      {"::ffff:0:169.254.169.254", Kind::metadata},
      {"2002:7f00:1::", Kind::translation},
      {"2001::1", Kind::translation},
      {"2001:db8::1", Kind::documentation},
      {"3fff::1", Kind::documentation},
      {"2001:2::1", Kind::benchmarking},
      {"2001:10::1", Kind::reserved},
      {"fc00::1", Kind::unique_local},
      {"fdff::1", Kind::unique_local},
      {"fd00:ec2::254", Kind::metadata},
      {"fd20:ce::254", Kind::metadata},
      {"fe80::1", Kind::link_local},
      {"fe80::a9fe:a9fe", Kind::metadata},
      {"febf::1", Kind::link_local},
      {"fec0::1", Kind::site_local},
      {"feff::1", Kind::site_local},
      {"ff02::1", Kind::multicast},
      {"100::1", Kind::reserved},
      {"4000::1", Kind::reserved},
      {"5f00::1", Kind::reserved},
  };
  for (const auto& [text, kind] : table) {
    EXPECT_EQ(classify(at(text)), kind) << text << " is taken for " << name(classify(at(text)));
    EXPECT_EQ(EgressRules().check(at(text)).has_value(), kind == Kind::global) << text;
  }
}

TEST(Egress, P19_AMappedAddressIsJudgedAsWhatItMaps) {
  rc::check([](std::uint32_t bits) {
    const asio::ip::address_v4 plain(bits);
    const auto mapped = asio::ip::make_address_v6(asio::ip::v4_mapped, plain);
    RC_ASSERT(classify(mapped) == classify(plain));
  });
}

TEST(Egress, P19_ExceptionsOpenWhatTheyNameAndNothingElse) {
  const auto rules = EgressRules::create({"10.1.0.0/16", "127.0.0.1", "fd12::/16"}).value();
  for (const auto* open : {"10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "fd12::5", "1.1.1.1"}) {
    EXPECT_TRUE(rules.check(at(open))) << open;
  }
  for (const auto* shut : {"10.2.0.1", "127.0.0.2", "fd13::5", "::1", "192.168.0.1"}) {
    const auto checked = rules.check(at(shut));
    ASSERT_FALSE(checked) << shut;
    EXPECT_EQ(checked.error().code, Errc::denied);
    EXPECT_THAT(checked.error().hint, HasSubstr("allow_addresses"));
  }
}

TEST(Egress, P19_MetadataIsNeverDialledWhateverIsAllowed) {
  const auto rules =
      EgressRules::create({"0.0.0.0/0", "::/0", "169.254.169.254", "fd00:ec2::254"}).value();
  for (const auto* address : {"169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254",
                              "100.100.100.200", "168.63.129.16"}) {
    EXPECT_FALSE(rules.check(at(address))) << address;
  }
  EXPECT_TRUE(rules.check(at("10.0.0.1")));
}

TEST(Egress, MalformedExceptionsAreRefused) {
  for (const auto* bad : {"", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1",
                          "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0", "::/129",
                          "::1/64", "::ffff:10.0.0.0/104", "fe80::1%1", "example.com", "*"}) {
    EXPECT_FALSE(EgressRules::create({bad})) << bad;
  }
}

TEST(Egress, ACidrContainsExactlyItsPrefix) {
  rc::check([](std::uint32_t bits, std::uint32_t other) {
    const auto prefix = *rc::gen::inRange(0U, 33U);
    const auto mask = prefix == 0 ? 0U : ~0U << (32 - prefix);
    const asio::ip::address_v4 network(bits & mask);
    const auto cidr = Cidr::parse(network.to_string() + "/" + std::to_string(prefix)).value();
    RC_ASSERT(cidr.contains(asio::ip::address_v4(other)) == ((bits & mask) == (other & mask)));
    RC_ASSERT(Cidr::parse(cidr.to_string()).value() == cidr);
  });
}

class DialerTest : public ::testing::Test {
 protected:
  DialerTest() { loop_.start("dialer"); }

  Expected<Address> dial(const std::string& host, const std::vector<std::string>& allowed,
                         std::uint16_t port) {
    const Upstream upstream{
        .scheme = "http",
        .host = host,
        .port = port,
        .rules = std::make_shared<const EgressRules>(EgressRules::create(allowed).value())};
    return run_on(loop_, [](Dialer& dialer, const Upstream& to) -> Task<Expected<Address>> {
      WRIT_CO_TRY(const auto stream, co_await dialer.dial(to, {}));
      co_return stream.peer().address();
    }(dialer_, upstream));
  }

  SystemClock clock_;
  Loop loop_{clock_};
  FakeResolver resolver_;
  Dialer dialer_{resolver_};
  RawListener upstream_;
};

TEST_F(DialerTest, P19_NoExceptionNoLoopback) {
  resolver_.answer("name.test", {"127.0.0.1"});
  resolver_.answer("v6.test", {"::1", "::ffff:127.0.0.1"});
  for (const auto* host : {"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "name.test", "v6.test"}) {
    const auto dialled = dial(host, {}, upstream_.port());
    ASSERT_FALSE(dialled) << host;
    EXPECT_EQ(dialled.error().code, Errc::denied) << host;
  }
}

TEST_F(DialerTest, P19_OnlyJudgedAddressesAreDialled) {
  resolver_.answer("both.test", {"169.254.169.254", "10.0.0.1", "127.0.0.1"});
  const auto dialled = dial("both.test", {"127.0.0.0/8"}, upstream_.port());
  ASSERT_TRUE(dialled) << dialled.error().to_string();
  EXPECT_EQ(*dialled, at("127.0.0.1"));
}

TEST_F(DialerTest, P19_ANameIsAskedOnceSoItCannotChangeItsMind) {
  resolver_.answer("rebinding.test", {"127.0.0.1"});
  resolver_.answer("rebinding.test", {"169.254.169.254"});
  EXPECT_EQ(dial("rebinding.test", {"127.0.0.1"}, upstream_.port()), at("127.0.0.1"));
  EXPECT_EQ(resolver_.asked(), 1);
  EXPECT_FALSE(dial("rebinding.test", {"127.0.0.1"}, upstream_.port()));
}

TEST_F(DialerTest, TheNextAddressIsTriedWhenOneRefuses) {
  // 127.0.0.9 has no listener on that port.
  resolver_.answer("two.test", {"127.0.0.9", "127.0.0.1"});
  EXPECT_EQ(dial("two.test", {"127.0.0.0/8"}, upstream_.port()), at("127.0.0.1"));
}

TEST_F(DialerTest, AnUnknownNameIsUnavailable) {
  const auto dialled = dial("absent.test", {"127.0.0.1"}, upstream_.port());
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace writ::net
