// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/files.h"
#include "cli/testing_people.h"
#include "identity/documents.h"
#include "wire/toml.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TempDirectory;

jose::Jwk a_key() {
  const jose::Jwk bare(crypto::Es256PrivateKey::generate().public_key());
  return bare.with_kid(bare.thumbprint());
}

constexpr std::string_view kDocument =
    "# Kept as it is.\nrole = \"r\"\nowner = \"admin\"\n\n[ceiling]\nuse = [\"a.b\"]\n";

TEST(AgentKey, IsAddedAtTheEndAndTheRestStays) {
  const auto one = a_key();
  const auto two = a_key();
  const auto first = add_key(kDocument, "agents/a.toml", one);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_THAT(*first, StartsWith(std::string(kDocument)));
  const auto second = add_key(*first, "agents/a.toml", two);
  ASSERT_TRUE(second) << second.error().to_string();

  // As the server reads it.
  const auto document = parse_toml(*second, "agents/a.toml").value();
  const auto agent = identity::parse_agent(
      document.value(), {.workspace = "acme", .name = "a", .id = {}, .user = [](std::string_view) {
                           return std::optional(UserId());
                         }});
  ASSERT_TRUE(agent) << agent.error().to_string();
  EXPECT_EQ(agent->keys.keys().size(), 2U);
  EXPECT_NE(agent->keys.find(one.kid()), nullptr);
  EXPECT_EQ(*agent->keys.find(two.kid()), two);
}

TEST(AgentKey, ADocumentWithoutANewlineAtItsEndIsNoTrap) {
  const auto added = add_key("role = \"r\"", "agents/a.toml", a_key());
  ASSERT_TRUE(added) << added.error().to_string();
}

TEST(AgentKey, WhereItCannotBeAddedTheBlockIsGiven) {
  for (const auto* document : {"keys = []\n", "keys = [{kty = \"EC\"}]\n"}) {
    const auto refused = add_key(document, "agents/a.toml", a_key());
    ASSERT_FALSE(refused) << document;
    EXPECT_EQ(refused.error().code, Errc::conflict);
    EXPECT_THAT(refused.error().hint, HasSubstr("[[keys]]"));
  }
  EXPECT_FALSE(add_key("keys = 1\n", "agents/a.toml", a_key()));
  EXPECT_FALSE(add_key("role = ", "agents/a.toml", a_key()));
}

TEST(AgentKey, NothingIsLeftBehindWhereItFails) {
  const TempDirectory directory;
  const auto out = directory / "a.jwk";
  const auto absent = make_agent_key("a", directory.path(), out);
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().hint, HasSubstr("--dir"));
  EXPECT_FALSE(std::filesystem::exists(out));
  ASSERT_TRUE(write_private_file(directory / "agents/a.toml", as_bytes("keys = 1\n")));
  EXPECT_FALSE(make_agent_key("a", directory.path(), out));
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_FALSE(make_agent_key("../a", directory.path(), out));
}

TEST(AgentKey, ItsFileIsReadOnlyWhileItIsPrivate) {
  const TempDirectory directory;
  ASSERT_TRUE(write_private_file(directory / "agents/a.toml", as_bytes(kDocument)));
  const auto made = make_agent_key("a", directory.path(), directory / "a.jwk");
  ASSERT_TRUE(made) << made.error().to_string();
  const auto key = load_agent_key(made->key_file);
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(key->public_jwk().kid(), made->kid);
  std::filesystem::permissions(made->key_file, std::filesystem::perms(0644));
  EXPECT_EQ(load_agent_key(made->key_file).error().code, Errc::denied);
}

}  // namespace
}  // namespace writ::cli
