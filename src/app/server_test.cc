// SPDX-License-Identifier: Apache-2.0
#include "app/server.h"

#include <csignal>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/death.h"
#include "app/doctor.h"
#include "app/files.h"
#include "app/initialize.h"
#include "app/process.h"
#include "app/stop_limit.h"
#include "app/testing.h"
#include "base/fake_clock.h"
#include "net/tls_testing.h"

namespace writ::app {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::read_text;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using testing::TestServer;
using testing::write_text;

TEST(Server, StartsOnAnEmptyFolderAndIsReady) {
  TestServer test;
  const auto started = test.start();
  ASSERT_TRUE(started) << started.error().to_string();
  EXPECT_THAT(test.server().url(), StartsWith("http://127.0.0.1:"));
  EXPECT_TRUE(test.server().ready());
  EXPECT_THAT(test.get("/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(test.get("/readyz"), HasSubstr(R"({"ready":true,"reasons":[]})"));
  EXPECT_THAT(test.get("/metrics"), AllOf(HasSubstr("writ_http_responses_total"),
                                          HasSubstr("writ_store_commit_seconds")));
}

TEST(Server, EachSurfaceAnswersAtItsPlace) {
  TestServer test;
  ASSERT_TRUE(test.start());
  EXPECT_THAT(test.get("/.well-known/oauth-authorization-server"),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr(test.server().url())));
  EXPECT_THAT(test.get("/oauth/jwks"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"P-256\"")));
  EXPECT_THAT(test.get("/v1/session"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(test.get("/tools/acme/billing/v1/x"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(test.get("/nothing"), StartsWith("HTTP/1.1 404"));
}

// --- what keeps a server from starting, each with the next step

TEST(Server, APortThatIsTakenIsSaid) {
  TestServer first;
  ASSERT_TRUE(first.start());
  TestServer second;
  auto config = second.config();
  std::filesystem::remove_all(config.data);
  config.port = first.server().port();
  const auto started = second.start(config);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().to_string(),
              AllOf(HasSubstr("127.0.0.1:" + std::to_string(config.port)), HasSubstr("listen")));
  EXPECT_FALSE(std::filesystem::exists(config.data));
}

TEST(Server, DataThatAnotherServerHasIsSaid) {
  TestServer test;
  ASSERT_TRUE(test.start());
  TestServer second;
  auto config = second.config();
  config.data = test.config().data;
  config.seal_key_file = test.config().seal_key_file;
  const auto started = second.start(config);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::conflict);
  EXPECT_THAT(started.error().to_string(), HasSubstr("another server"));
  EXPECT_THAT(test.get("/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST(Server, P22_ASealKeyInTheDataIsRefusedButForTrials) {
  TestServer test;
  auto config = test.config();
  ASSERT_TRUE(make_private_folder(config.data));
  std::filesystem::rename(*config.seal_key_file, config.data / "seal.key");
  config.seal_key_file = config.data / "seal.key";
  const auto started = test.start(config);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("in the data directory"));
  ASSERT_TRUE(test.start(config, {.dev = true}));
  EXPECT_TRUE(test.log().find("server.dev"));
}

TEST(Server, P22_AnotherSealKeyIsRefused) {
  TestServer test;
  ASSERT_TRUE(test.start());
  test.stop();
  crypto::SystemRandom random;
  auto config = test.config();
  config.seal_key_file = test.folder() / "other.key";
  ASSERT_TRUE(make_seal_key(*config.seal_key_file, random));
  const auto started = test.start(config);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::denied);
  EXPECT_THAT(started.error().to_string(), HasSubstr("seal key"));
  EXPECT_TRUE(test.start());
}

TEST(Server, P28_PlaintextBeyondThisMachineIsRefused) {
  TestServer test;
  auto config = test.config();
  config.address = boost::asio::ip::make_address("0.0.0.0");
  EXPECT_FALSE(test.start(config));
}

TEST(Server, DataThatOthersMayReadIsRefused) {
  TestServer test;
  ASSERT_TRUE(test.start());
  test.stop();
  ::chmod(test.config().data.c_str(), 0755);
  const auto started = test.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::denied);
}

TEST(Server, StopsTwiceAndAnswersNobodyAfterwards) {
  TestServer test;
  ASSERT_TRUE(test.start());
  const auto port = test.server().port();
  test.server().stop(milliseconds(100));
  test.server().stop(milliseconds(100));
  EXPECT_FALSE(test.server().ready());
  EXPECT_FALSE(net::testing::RawSocket::can_connect_to(port));
}

// --- init

class Init : public ::testing::Test {
 protected:
  Expected<broker::IssuedCode> init() {
    return initialize({.folder = folder_ / "srv", .listen = "127.0.0.1:0", .public_url = {}},
                      {.clock = clock_, .random = random_, .log = log_});
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  observe::CapturingLog log_;
  TemporaryFolder folder_;
};

TEST_F(Init, MakesAServerThatStarts) {
  const auto code = init();
  ASSERT_TRUE(code) << code.error().to_string();
  EXPECT_EQ(code->code.size(), 40U);
  const auto config = read_config(folder_ / "srv/writ.toml");
  ASSERT_TRUE(config) << config.error().to_string();
  struct stat found{};
  for (const auto* name : {"writ.toml", "seal.key", "data", "anchor", "data/writ.db"}) {
    ASSERT_EQ(::stat((folder_ / "srv" / name).c_str(), &found), 0) << name;
    EXPECT_EQ(found.st_mode & 077, 0U) << name;
  }
  PrometheusMetrics metrics;
  const auto server =
      Server::start(*config, {.clock = clock_, .random = random_, .log = log_, .metrics = metrics});
  ASSERT_TRUE(server) << server.error().to_string();
  EXPECT_TRUE((*server)->ready());
}

TEST_F(Init, NeverTouchesAServerThatIsThere) {
  ASSERT_TRUE(init());
  const auto key = read_text(folder_ / "srv/seal.key");
  const auto again = init();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_THAT(again.error().to_string(), HasSubstr("writ serve"));
  EXPECT_EQ(read_text(folder_ / "srv/seal.key"), key);
}

TEST_F(Init, TheCodeIsInNoFile) {
  const auto code = init();
  ASSERT_TRUE(code);
  const std::string text(code->code.reveal_text());
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (item.is_regular_file()) {
      EXPECT_THAT(read_text(item.path()), Not(HasSubstr(text))) << item.path();
    }
  }
  EXPECT_FALSE(log_.contains(text));
}

TEST_F(Init, AnotherCodeForAServerWhoseFirstWasLost) {
  const auto first = init();
  const auto second = another_founding_code(folder_ / "srv/writ.toml",
                                            {.clock = clock_, .random = random_, .log = log_});
  ASSERT_TRUE(second) << second.error().to_string();
  EXPECT_FALSE(second->code == first->code);
}

TEST_F(Init, AnAddressThatCannotBeListenedOnMakesNothing) {
  const auto made =
      initialize({.folder = folder_ / "srv", .listen = "0.0.0.0:80", .public_url = {}},
                 {.clock = clock_, .random = random_, .log = log_});
  EXPECT_FALSE(made);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "srv"));
}

// --- doctor

TEST_F(Init, DoctorFindsWhatAServerWouldRefuse) {
  ASSERT_TRUE(init());
  const auto examine = [&] { return examine_server(folder_ / "srv/writ.toml", clock_).value(); };
  const auto of_kind = [](const char* kind) {
    return Contains(Field(&protocol::Finding::kind, kind));
  };
  EXPECT_THAT(examine(), Not(of_kind("server.seal_key")));
  EXPECT_THAT(examine(), Not(of_kind("server.data")));
  EXPECT_THAT(examine(), of_kind("server.anchor"));  // on the data's disk
  ::chmod((folder_ / "srv/seal.key").c_str(), 0644);
  ::chmod((folder_ / "srv/data").c_str(), 0755);
  EXPECT_THAT(examine(), of_kind("server.seal_key"));
  EXPECT_THAT(examine(), of_kind("server.data"));
  EXPECT_THAT(examine(), Not(of_kind("server.clock")));
  FakeClock behind(clock_.now() - std::chrono::hours(1));
  EXPECT_THAT(examine_server(folder_ / "srv/writ.toml", behind).value(), of_kind("server.clock"));
}

TEST_F(Init, AFolderThatOthersMayWriteToIsRefused) {
  std::filesystem::create_directory(folder_ / "srv");
  for (const auto mode : {0777, 0775, 0757, 01777}) {
    ::chmod((folder_ / "srv").c_str(), static_cast<mode_t>(mode));
    const auto made = init();
    ASSERT_FALSE(made) << mode;
    EXPECT_THAT(made.error().to_string(), HasSubstr("chmod go-w"));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "srv"));
  }
  ::chmod((folder_ / "srv").c_str(), 0755);
  EXPECT_TRUE(init());
}

TEST_F(Init, DoctorNamesWhoElseMayWriteTheConfigurationOrReplaceIt) {
  ASSERT_TRUE(init());
  const auto paths = [&] {
    std::vector<std::string> out;
    for (const auto& each : examine_server(folder_ / "srv/writ.toml", clock_).value()) {
      if (each.kind == "server.configuration") out.push_back(each.subject);
    }
    return out;
  };
  const auto real = std::filesystem::canonical(folder_.path());
  EXPECT_THAT(paths(), ::testing::IsEmpty());
  ::chmod((folder_ / "srv/writ.toml").c_str(), 0666);
  EXPECT_THAT(paths(), ::testing::ElementsAre((real / "srv/writ.toml").string()));
  ::chmod((folder_ / "srv/writ.toml").c_str(), 0600);
  ::chmod((folder_ / "srv").c_str(), 0777);
  EXPECT_THAT(paths(), ::testing::ElementsAre((real / "srv").string()));
  ::chmod((folder_ / "srv").c_str(), 0700);
  ::chmod(folder_.path().c_str(), 0777);
  EXPECT_THAT(paths(), ::testing::ElementsAre(real.string())) << "a folder above is one too";
  ::chmod(folder_.path().c_str(), 0700);
}

TEST_F(Init, P22_AHardLinkOfTheSealKeyInTheDataIsNoticed) {
  ASSERT_TRUE(init());
  const auto key = folder_ / "srv/seal.key";
  const auto data = folder_ / "srv/data";
  std::filesystem::create_hard_link(key, folder_ / "kept.key");
  EXPECT_TRUE(check_seal_key(key, data, false)) << "elsewhere it may have another name";
  std::filesystem::create_directory(data / "deep");
  std::filesystem::create_hard_link(key, data / "deep/innocent.bin");
  const auto refused = check_seal_key(key, data, false);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(),
              AllOf(HasSubstr("hard link"), HasSubstr("innocent.bin")));
  EXPECT_TRUE(check_seal_key(key, data, true)) << "in a trial it may lie there";
  EXPECT_THAT(examine_server(folder_ / "srv/writ.toml", clock_).value(),
              Contains(Field(&protocol::Finding::kind, "server.seal_key")));
}

// --- files that are read again

class ReloadedServer : public ::testing::Test {
 protected:
  ServerConfig config() {
    auto out = test_.config();
    out.certificates = {{"corp", authority_.ca_file()}};
    return out;
  }
  // What everybody needs, whatever the files are.
  void expect_alive() {
    EXPECT_THAT(test_.get("/healthz"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(test_.get("/v1/session"), StartsWith("HTTP/1.1 401"));
  }

  net::testing::TestAuthority authority_;
  TestServer test_;
};

TEST_F(ReloadedServer, P48_APipeInThePlaceOfCertificatesHoldsNobodyUp) {
  ASSERT_TRUE(test_.start(config()));
  EXPECT_TRUE(test_.server().reload(config()));
  std::filesystem::remove(authority_.ca_file());
  ASSERT_EQ(::mkfifo(authority_.ca_file().c_str(), 0600), 0);
  const auto reloaded = test_.server().reload(config());
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error().to_string(),
              AllOf(HasSubstr("not a regular file"), HasSubstr(authority_.ca_file())));
  expect_alive();
  test_.stop();
  const auto started = test_.start(config());
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().to_string(), HasSubstr("not a regular file"));
}

TEST_F(ReloadedServer, AnEncryptedTlsKeyIsRefusedWhenItIsReadAgain) {
  const auto files = authority_.issue("DNS:localhost,IP:127.0.0.1");
  auto with_tls = config();
  with_tls.tls = TlsConfig{.certificate = files.certificate, .key = files.key};
  ASSERT_TRUE(test_.start(with_tls));
  net::testing::TestAuthority::encrypt(files.key);
  const auto reloaded = test_.server().reload(with_tls);
  ASSERT_FALSE(reloaded);
  EXPECT_THAT(reloaded.error().to_string(), HasSubstr("the TLS key is encrypted"));
  test_.stop();
  EXPECT_THAT(test_.start(with_tls).error().to_string(), HasSubstr("the TLS key is encrypted"));
}

TEST(StopLimit, P48_AStopThatDoesNotEndIsEnded) {
  std::promise<void> over;
  const StopLimit limit(milliseconds(1), [&] { over.set_value(); });
  over.get_future().wait();
}

TEST(StopLimit, OneThatEndsIsLeftAlone) {
  bool over = false;
  {
    const StopLimit limit(std::chrono::hours(1), [&] { over = true; });
  }
  EXPECT_FALSE(over);
}

// --- the process

// What a child of this process exits with, or the signal that ended it as a negative number.
template <typename Function>
int in_child(Function function) {
  const auto child = ::fork();
  if (child == 0) std::_Exit(function());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// failures.md 11: SIGABRT: no core file.
TEST(Process, P22_IsHardenedBeforeItHoldsASecret) {
  EXPECT_EQ(in_child([] {
              if (!harden_process()) return 1;
              const auto state = core_state();
              if (state.core_files || state.dumpable) return 2;
              return ::umask(0) == 077 ? 0 : 3;
            }),
            0);
}

#ifndef NDEBUG
TEST(Death, KillsAtTheStepThatTheEnvironmentNames) {
  const auto die = [](const char* at, std::initializer_list<const char*> steps) {
    return in_child([&] {
      ::setenv("WRIT_DIE_AT", at, 1);
      auto probe = death_from_environment();
      if (!probe) return 2;
      for (const auto* step : steps) broker::before_step(probe->get(), step);
      return 0;
    });
  };
  EXPECT_EQ(die("intent", {"dial", "intent"}), -SIGKILL);
  EXPECT_EQ(die("intent", {"dial", "claim"}), 0);
  EXPECT_EQ(die("intent:2", {"intent", "dial"}), 0);
  EXPECT_EQ(die("intent:2", {"intent", "intent"}), -SIGKILL);
  EXPECT_EQ(die("", {"dial", "claim", "intent", "first-byte", "last-byte", "outcome", "reply"}), 0);
  EXPECT_EQ(die("intents", {}), 2);
  EXPECT_EQ(die("intent:x", {}), 2);
}
#endif

}  // namespace
}  // namespace writ::app
