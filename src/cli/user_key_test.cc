// SPDX-License-Identifier: Apache-2.0
#include "cli/user_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "cli/testing_people.h"
#include "crypto/random.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using testing::identity_of;
using testing::kCheap;
using testing::TempDirectory;

const Url kServer = parse_url("https://writ.example").value();

SecretBytes passphrase(std::string_view text = "correct horse battery") {
  return SecretBytes::copy_of(text);
}

class UserKeyTest : public ::testing::Test {
 public:
  UserKey make(std::string_view user = "bob") {
    return UserKey::generate(identity_of(kServer, user), passphrase(), random_, kCheap).value();
  }
  // The file with one member changed.
  static Expected<jose::Es256Signer> opened_with(const UserKey& key, std::string_view member,
                                                 const Json& value) {
    auto object = parse_json_object(key.to_text()).value();
    object[member] = value;
    WRIT_TRY(const auto changed, UserKey::parse(canonical_json(object)));
    return changed.open(passphrase());
  }

  crypto::SystemRandom random_;
};

TEST_F(UserKeyTest, IsWrittenReadAndOpened) {
  const auto key = make();
  const auto read = UserKey::parse(key.to_text());
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->owner(), identity_of(kServer));
  const auto signer = read->open(passphrase());
  ASSERT_TRUE(signer) << signer.error().to_string();
  EXPECT_TRUE(key.public_jwk().verify(as_bytes("m"), signer->sign(as_bytes("m"))));
  EXPECT_EQ(signer->public_jwk().kid(), key.public_jwk().thumbprint());
}

TEST_F(UserKeyTest, P20_AnotherPassphraseDoesNotOpenIt) {
  const auto refused = make().open(passphrase("correct horse batterz"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_THAT(refused.error().message, HasSubstr("bob"));
  EXPECT_FALSE(make().open(passphrase("")));
}

TEST_F(UserKeyTest, WhatTheFileSaysIsSealedWithTheKey) {
  const auto key = make();
  const auto other = make();
  EXPECT_FALSE(opened_with(key, "user", "alice"));
  EXPECT_FALSE(opened_with(key, "workspace", "other"));
  EXPECT_FALSE(opened_with(key, "server", "https://evil.example"));
  EXPECT_FALSE(opened_with(key, "public", other.public_jwk().to_json()));
  EXPECT_FALSE(opened_with(key, "v", 2));
  EXPECT_FALSE(opened_with(key, "type", "other"));
  EXPECT_FALSE(opened_with(key, "more", 1));
  EXPECT_TRUE(opened_with(key, "user", "bob"));
}

TEST_F(UserKeyTest, TheFileHoldsNoPlainKey) {
  const auto key = make();
  const auto object = parse_json_object(key.to_text()).value();
  EXPECT_FALSE(object.at("public").get_object().contains("d"));
  const auto der = key.open(passphrase());
  ASSERT_TRUE(der);
}

TEST_F(UserKeyTest, IsLoadedOnlyWhereItIsThisIdentitysAndPrivate) {
  const TempDirectory home;
  const auto bob = identity_of(kServer);
  const auto absent = load_user_key(home.path(), bob);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_THAT(absent.error().hint, HasSubstr("--code"));

  const auto path = user_key_path(home.path(), bob);
  ASSERT_TRUE(write_private_file(path, as_bytes(make().to_text())));
  EXPECT_TRUE(load_user_key(home.path(), bob));
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(load_user_key(home.path(), bob).error().code, Errc::denied);

  ASSERT_TRUE(write_private_file(path, as_bytes(make("alice").to_text())));
  const auto other = load_user_key(home.path(), bob);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("alice"));
  ASSERT_TRUE(write_private_file(path, as_bytes("{}")));
  EXPECT_EQ(load_user_key(home.path(), bob).error().code, Errc::invalid_input);
}

TEST(IdentityTest, NamesAreNamesAndStemsAreFileNames) {
  EXPECT_EQ(identity_of(parse_url("http://[::1]:8700").value()).file_stem(), "acme.bob@___1__8700");
  EXPECT_EQ(identity_of(kServer).file_stem(), "acme.bob@writ.example");
  for (const auto* name : {"", "../x", "a/b", "A", "a.b"}) {
    EXPECT_FALSE(make_identity(kServer, name, "bob")) << name;
    EXPECT_FALSE(make_identity(kServer, "acme", name)) << name;
  }
}

}  // namespace
}  // namespace writ::cli
