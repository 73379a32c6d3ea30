// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/testing_people.h"

namespace writ::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::identity_of;
using testing::session_for;
using testing::TempDirectory;

const Url kOne = parse_url("https://one.example").value();
const Url kTwo = parse_url("https://two.example").value();
const TimePoint kNow = from_unix_seconds(1'800'000'000);
const TimePoint kLater = kNow + std::chrono::hours(12);

class SessionsTest : public ::testing::Test {
 public:
  void sign_in(const Url& server, std::string_view user, TimePoint expires = kLater) {
    EXPECT_TRUE(sessions_.save(session_for(identity_of(server, user), expires)));
  }
  TempDirectory home_;
  Sessions sessions_{home_.path()};
};

TEST_F(SessionsTest, AreSavedForTheirOwnerAlone) {
  auto session = session_for(identity_of(kOne), kLater);
  session.ca_file = "/etc/ca.pem";
  ASSERT_TRUE(sessions_.save(session));
  const auto path = home_ / "sessions/acme.bob@one.example.json";
  struct stat about{};
  ASSERT_EQ(::stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U);

  const auto found = sessions_.find({}, kNow);
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->identity, session.identity);
  EXPECT_EQ(found->session, session.session);
  EXPECT_EQ(found->expires, kLater);
  EXPECT_EQ(found->ca_file, "/etc/ca.pem");
  EXPECT_EQ(jose::read_private_jwk(found->key).value().public_jwk(),
            jose::read_private_jwk(session.key).value().public_jwk());

  ::chmod(path.c_str(), 0644);
  EXPECT_FALSE(sessions_.find({}, kNow)) << "a session that others can read is not used";
}

TEST_F(SessionsTest, WithoutOneTheNextStepIsSaid) {
  const auto none = sessions_.find({.server = kOne.origin()}, kNow);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::unauthenticated);
  EXPECT_THAT(none.error().message, HasSubstr("not signed in"));
  EXPECT_THAT(none.error().hint, AllOf(HasSubstr("writ login"), HasSubstr("https://one.example")));
}

TEST_F(SessionsTest, OneIsChosenByServerWorkspaceAndUser) {
  sign_in(kOne, "alice");
  sign_in(kTwo, "bob");
  EXPECT_EQ(sessions_.find({}, kNow).value().identity.user, "bob") << "the current one";
  EXPECT_EQ(sessions_.find({.server = kOne.origin()}, kNow).value().identity.user, "alice");
  EXPECT_EQ(sessions_.find({.user = "alice"}, kNow).value().identity.server, kOne.origin());
  EXPECT_FALSE(sessions_.find({.workspace = "other"}, kNow));
}

TEST_F(SessionsTest, AmongSeveralNoneIsGuessed) {
  sign_in(kOne, "alice");
  sign_in(kOne, "bob");
  sign_in(kTwo, "carol");
  const auto either = sessions_.find({.server = kOne.origin()}, kNow);
  ASSERT_FALSE(either);
  EXPECT_THAT(either.error().hint, AllOf(HasSubstr("alice"), HasSubstr("bob")));
}

TEST_F(SessionsTest, AnExpiredOneSaysSo) {
  sign_in(kOne, "alice", kNow);
  const auto expired = sessions_.find({}, kNow);
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, Errc::unauthenticated);
  EXPECT_THAT(expired.error().message, HasSubstr("expired"));
  EXPECT_THAT(expired.error().hint, HasSubstr("--user alice"));
}

TEST_F(SessionsTest, RemovingOneLeavesTheOthers) {
  sign_in(kOne, "alice");
  sign_in(kTwo, "bob");
  ASSERT_TRUE(sessions_.remove(identity_of(kTwo)));
  EXPECT_EQ(sessions_.all().size(), 1U);
  EXPECT_EQ(sessions_.find({}, kNow).value().identity.user, "alice");
}

}  // namespace
}  // namespace writ::cli
