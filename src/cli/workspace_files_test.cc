// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace_files.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/context.h"
#include "cli/files.h"
#include "cli/testing_people.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Key;
using testing::TempDirectory;
using ::testing::UnorderedElementsAre;

class WorkspaceFilesTest : public ::testing::Test {
 public:
  WorkspaceFilesTest() { put("workspace.toml", "name = \"acme\"\n"); }
  void put(std::string_view name, std::string_view text = "x") {
    EXPECT_TRUE(write_private_file(directory_ / name, as_bytes(text)));
  }
  Error refused() {
    const auto read = read_workspace(directory_.path());
    EXPECT_FALSE(read);
    return read ? Error{} : read.error();
  }
  TempDirectory directory_;
};

TEST_F(WorkspaceFilesTest, AllPartsAreReadAndNothingElse) {
  put("agents/a.toml");
  put("tools/b.toml");
  put("workflows/c.toml");
  put("policies/d.cedar", "permit(principal, action, resource);");
  put("README.md");
  put(".git/config");
  put("agents/.a.toml.swp");
  const auto read = read_workspace(directory_.path());
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_THAT(read->documents,
              UnorderedElementsAre(Key("workspace.toml"), Key("agents/a.toml"), Key("tools/b.toml"),
                                   Key("workflows/c.toml"), Key("policies/d.cedar")));
  EXPECT_EQ(read->documents.at("workspace.toml"), "name = \"acme\"\n");
  EXPECT_FALSE(read->dry_run);
}

TEST_F(WorkspaceFilesTest, P5_WhatMayBeAMisspelledPartIsNotLeftOut) {
  put("policy/refund.cedar");
  EXPECT_THAT(refused().where, HasSubstr("policy"));
  std::filesystem::remove_all(directory_ / "policy");
  put("refund.cedar");
  EXPECT_THAT(refused().where, HasSubstr("refund.cedar"));
  std::filesystem::remove(directory_ / "refund.cedar");
  put("policies/refund.cedar.bak");
  EXPECT_THAT(refused().where, HasSubstr("refund.cedar.bak"));
  std::filesystem::remove_all(directory_ / "policies");
  put("agents/a.cedar");
  EXPECT_THAT(refused().hint, HasSubstr(".toml"));
}

TEST_F(WorkspaceFilesTest, P5_NoLinkIsFollowed) {
  const TempDirectory outside;
  ASSERT_TRUE(write_private_file(outside / "secret.toml", as_bytes("x")));
  put("agents/a.toml");
  for (const auto& target : {outside / "secret.toml", std::filesystem::path("a.toml"),
                             std::filesystem::path("/proc/self/fd/0")}) {
    std::filesystem::create_symlink(target, directory_ / "agents/c.toml");
    EXPECT_THAT(refused().message, HasSubstr("a symbolic link")) << target;
    std::filesystem::remove(directory_ / "agents/c.toml");
  }
  std::filesystem::create_directory_symlink(outside.path(), directory_ / "tools");
  EXPECT_THAT(refused().message, HasSubstr("a symbolic link"));
  std::filesystem::remove(directory_ / "tools");
  // The directory itself is the one that was named, whatever its name is.
  const TempDirectory elsewhere;
  std::filesystem::create_directory_symlink(directory_.path(), elsewhere / "acme");
  EXPECT_TRUE(read_workspace(elsewhere / "acme"));
}

// Somebody who may write into the directory swaps a file and a folder for links while it is read.
TEST_F(WorkspaceFilesTest, P5_NoRaceReadsAFileFromOutside) {
  const TempDirectory outside;
  constexpr auto kSecret = "-----BEGIN PRIVATE KEY-----";
  ASSERT_TRUE(write_private_file(outside / "a.toml", as_bytes(kSecret)));
  put("agents/a.toml", "role = 1");
  std::atomic<bool> done = false;
  std::jthread swapping([&] {
    const auto file = directory_ / "agents/a.toml";
    const auto folder = directory_ / "agents";
    std::error_code ignored;
    while (!done) {
      std::filesystem::create_symlink(outside / "a.toml", directory_ / ".link", ignored);
      std::filesystem::rename(directory_ / ".link", file, ignored);
      (void)write_private_file(directory_ / ".file", as_bytes("role = 1"));
      std::filesystem::rename(directory_ / ".file", file, ignored);
      std::filesystem::rename(folder, directory_ / ".agents", ignored);
      std::filesystem::create_directory_symlink(outside.path(), folder, ignored);
      std::filesystem::remove(folder, ignored);
      std::filesystem::rename(directory_ / ".agents", folder, ignored);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto read = read_workspace(directory_.path());
    if (!read || !read->documents.contains("agents/a.toml")) continue;
    ASSERT_NE(read->documents.at("agents/a.toml"), kSecret);
  }
  done = true;
}

TEST_F(WorkspaceFilesTest, AHostileNameIsAPlainErrorOnTheTerminal) {
  put("agents/a\x1b[2J\nerror: b.toml.bak");
  const auto text = render_error(refused(), {});
  EXPECT_THAT(text, HasSubstr("a\\u001b[2J\\u000aerror: b.toml.bak: not a part of a workspace\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
}

TEST_F(WorkspaceFilesTest, ItIsBounded) {
  put("agents/a.toml", "12345");
  const auto size = std::string_view("name = \"acme\"\n").size() + 5;
  EXPECT_TRUE(read_workspace(directory_.path(), {.documents = 2, .bytes = size}));
  const auto large = read_workspace(directory_.path(), {.documents = 2, .bytes = size - 1});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Errc::too_large);
  const auto many = read_workspace(directory_.path(), {.documents = 1, .bytes = size});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Errc::too_large);
}

TEST_F(WorkspaceFilesTest, WhatIsNoTextOrNoFileIsRefused) {
  put("agents/a.toml", "\xff");
  EXPECT_THAT(refused().message, HasSubstr("UTF-8"));
  std::filesystem::remove(directory_ / "agents/a.toml");
  ASSERT_EQ(::mkfifo((directory_ / "agents/a.toml").c_str(), 0600), 0);
  EXPECT_EQ(refused().code, Errc::invalid_input);
}

TEST_F(WorkspaceFilesTest, WithoutWorkspaceTomlItIsNoWorkspace) {
  std::filesystem::remove(directory_ / "workspace.toml");
  EXPECT_THAT(refused().hint, HasSubstr("workspace.toml"));
  EXPECT_EQ(read_workspace("/nowhere").error().code, Errc::not_found);
}

TEST(WorkspaceFiles, TheExampleIsOne) {
  const auto read = read_workspace(std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_GE(read->documents.size(), 6U);
}

}  // namespace
}  // namespace writ::cli
