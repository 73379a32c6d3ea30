// SPDX-License-Identifier: Apache-2.0
#include "net/dns_resolver.h"

#include <filesystem>
#include <fstream>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "net/dns_testing.h"
#include "net/testing.h"

namespace writ::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Found = Expected<std::vector<Address>>;

Address at(const char* text) { return asio::ip::make_address(text); }

class DnsResolverTest : public ::testing::Test {
 public:
  DnsResolverTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-dns-XXXXXX";
    WRIT_CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    write(hosts(), "");
    loops_.start();
  }

 public:
  ~DnsResolverTest() override {
    loops_.stop();
    resolver_.reset();
    std::filesystem::remove_all(folder_);
  }

 protected:
  std::filesystem::path hosts() const { return folder_ / "hosts"; }
  static void write(const std::filesystem::path& file, std::string_view text) {
    std::ofstream(file) << text;
  }

  DnsResolver& resolver(DnsOptions options = {}) {
    options.hosts = hosts();
    options.configuration = folder_ / "resolv.conf";
    options.servers = server_.servers();
    resolver_.emplace(loops_, options);
    return *resolver_;
  }
  // Nobody waits for the first try of a silent name longer than this.
  static DnsOptions brief() {
    return {.first_try = milliseconds(20), .tries = 1, .names_of_owner = 8};
  }

  std::future<Found> ask(std::string host, std::string owner = "acme", WaitOptions options = {},
                         std::size_t loop = 0) {
    auto done = std::make_shared<std::promise<Found>>();
    auto found = done->get_future();
    spawn(loops_.at(loop),
          [](Resolver& of, std::string name, std::string whose, WaitOptions until,
             std::shared_ptr<std::promise<Found>> out) -> Task<void> {
            out->set_value(co_await of.resolve(name, whose, until));
          }(*resolver_, std::move(host), std::move(owner), std::move(options), std::move(done)));
    return found;
  }

  SystemClock clock_;
  LoopPool loops_{clock_, 2};
  testing::FakeDns server_;
  std::filesystem::path folder_;
  std::optional<DnsResolver> resolver_;
};

TEST_F(DnsResolverTest, ANameIsAskedOfTheServer) {
  resolver();
  const auto found = ask("api.test").get();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_THAT(*found, ElementsAre(at("127.0.0.1")));
  EXPECT_EQ(ask("API.test.").get(), found) << "names are the same in either case";
}

TEST_F(DnsResolverTest, TheTableOfHostsAndLocalhostAskNobody) {
  write(hosts(),
        "# ours\n10.0.0.7  Billing.internal billing # on the second rack\n"
        "fd00::7 billing.internal\nnonsense\n300.1.1.1 wrong.test\n");
  resolver();
  EXPECT_THAT(*ask("billing.internal").get(), ElementsAre(at("10.0.0.7"), at("fd00::7")));
  EXPECT_THAT(*ask("billing").get(), ElementsAre(at("10.0.0.7")));
  EXPECT_THAT(*ask("localhost").get(), ElementsAre(at("127.0.0.1"), at("::1")));
  EXPECT_THAT(*ask("app.localhost").get(), ElementsAre(at("127.0.0.1"), at("::1")));
  EXPECT_EQ(server_.asked(), 0);
}

TEST_F(DnsResolverTest, P48_TheTableOfHostsIsReadAgainOffTheLoopsAndOnlyWhenItChanged) {
  write(hosts(), "10.0.0.7 billing.internal\n");
  auto& resolver = this->resolver();
  write(hosts(), "10.0.0.88 billing.internal\n");
  EXPECT_THAT(*ask("billing.internal").get(), ElementsAre(at("10.0.0.7")))
      << "asking opens no file";
  EXPECT_TRUE(resolver.refresh());
  EXPECT_THAT(*ask("billing.internal").get(), ElementsAre(at("10.0.0.88")));
  // Whoever opened a pipe here would wait for its other end.
  std::filesystem::remove(hosts());
  ASSERT_EQ(mkfifo(hosts().c_str(), 0600), 0);
  const auto refused = resolver.refresh();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("not a regular file"));
  EXPECT_THAT(*ask("billing.internal").get(), ElementsAre(at("10.0.0.88")));
}

TEST_F(DnsResolverTest, P48_SilentNamesHoldUpNobodyElse) {
  auto options = brief();
  options.first_try = milliseconds(60'000);
  resolver(options);
  std::vector<std::future<Found>> silent;
  CancelSource gone;
  silent.reserve(8);
  for (int i = 0; i < 8; ++i)
    silent.push_back(ask("silent" + std::to_string(i) + ".test", "acme",
                         {.deadline = Deadline::kNever, .cancel = gone.token()},
                         static_cast<std::size_t>(i % 2)));
  // The two loops have no order of their own: each has begun its questions when it answers.
  for (std::size_t i = 0; i < 2; ++i) run_on(loops_.at(i), []() -> Task<void> { co_return; }());
  EXPECT_TRUE(ask("api.test", "other").get()) << "another workspace's name";
  const auto ninth = ask("ninth.test").get();
  ASSERT_FALSE(ninth) << "the workspace's own names are bounded";
  EXPECT_EQ(ninth.error().code, Errc::unavailable);
  EXPECT_THAT(ninth.error().message, HasSubstr("more than 8 names"));
  EXPECT_THAT(*ask("localhost").get(), ElementsAre(at("127.0.0.1"), at("::1")));
  gone.cancel();
  for (auto& each : silent) {
    const auto found = each.get();
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, HasSubstr("cancelled"));
  }
}

TEST_F(DnsResolverTest, P48_ASilentNameGivesItsPlaceBack) {
  auto options = brief();
  options.names_of_owner = 1;
  resolver(options);
  EXPECT_FALSE(ask("silent.test").get());
  EXPECT_TRUE(ask("api.test").get());
}

TEST_F(DnsResolverTest, WhoWaitsForASlowNameWaitsNoLongerThanItsDeadline) {
  auto options = brief();
  options.first_try = milliseconds(60'000);
  resolver(options);
  const auto found =
      ask("silent.test", "acme", {.deadline = clock_.steady_now() + milliseconds(1), .cancel = {}})
          .get();
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("took too long"));
}

TEST_F(DnsResolverTest, WhoAsksForTheSameNameSharesOneQuestion) {
  auto options = brief();
  options.first_try = milliseconds(60'000);
  options.names_of_owner = 1;
  resolver(options);
  std::vector<std::future<Found>> waiting;
  waiting.reserve(20);
  for (std::size_t i = 0; i < 20; ++i)
    waiting.push_back(ask("held.test", i % 3 == 0 ? "acme" : "other", {}, i % 2));
  for (std::size_t i = 0; i < 2; ++i) run_on(loops_.at(i), []() -> Task<void> { co_return; }());
  server_.release();
  for (auto& each : waiting) EXPECT_THAT(*each.get(), ElementsAre(at("127.0.0.1")));
  EXPECT_EQ(server_.asked(), 2) << "once for each kind of address";
  EXPECT_TRUE(ask("held.test").get());
  EXPECT_EQ(server_.asked(), 4) << "an answer is not kept";
}

TEST_F(DnsResolverTest, AnAnswerUnderAnotherIdIsPassedOver) {
  resolver();
  EXPECT_THAT(*ask("forged.test").get(), ElementsAre(at("127.0.0.1")));
}

TEST_F(DnsResolverTest, BytesThatAreNoMessageAreNoAnswer) {
  resolver(brief());
  const auto found = ask("garbage.test").get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unavailable);
}

TEST_F(DnsResolverTest, ATruncatedAnswerIsAskedForOverTcp) {
  resolver();
  EXPECT_THAT(*ask("truncated.test").get(), ElementsAre(at("127.0.0.1")));
}

TEST_F(DnsResolverTest, ATruncatedAnswerThatTcpDoesNotGiveIsNone) {
  resolver(brief());
  EXPECT_FALSE(ask("cut.test").get());
}

TEST_F(DnsResolverTest, P48_OfAHugeAnswerAFewAddressesAreTaken) {
  resolver();
  const auto found = ask("huge.test").get();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->size(), 16U);
}

TEST_F(DnsResolverTest, AnAddressIsNeverAskedFor) {
  Dialer dialer(resolver());
  const testing::RawListener upstream;
  for (const auto* host : {"127.0.0.1", "[::1]"}) {
    const Upstream to{
        .scheme = "http",
        .host = host,
        .port = upstream.port(),
        .rules = std::make_shared<const EgressRules>(EgressRules::create({"127.0.0.1"}).value())};
    const auto dialled = run_on(loops_.at(0), [](Dialer& by, Upstream there) -> Task<bool> {
      co_return (co_await by.dial(there, {})).has_value();
    }(dialer, to));
    EXPECT_EQ(dialled, std::string_view(host) == "127.0.0.1");
  }
  EXPECT_EQ(server_.asked(), 0);
}

TEST_F(DnsResolverTest, OpenQuestionsEndWithTheResolver) {
  auto options = brief();
  options.first_try = milliseconds(60'000);
  auto& resolver = this->resolver(options);
  auto first = ask("silent.test");
  run_on(loops_.at(0), []() -> Task<void> { co_return; }());
  // Another configuration is another channel; what the one before was asked stays with it.
  write(folder_ / "resolv.conf", "options ndots:2\n");
  EXPECT_TRUE(resolver.refresh());
  EXPECT_TRUE(ask("api.test").get());
  loops_.stop();
  resolver_.reset();
  EXPECT_EQ(first.wait_for(seconds(0)), std::future_status::timeout) << "its loop has stopped";
}

}  // namespace
}  // namespace writ::net
