// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/testing_people.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using testing::TempDirectory;

unsigned mode_of(const std::filesystem::path& path) {
  struct stat about{};
  EXPECT_EQ(::stat(path.c_str(), &about), 0);
  return about.st_mode & 0777;
}

std::size_t entries(const std::filesystem::path& directory) {
  std::size_t count = 0;
  for (const auto& each : std::filesystem::directory_iterator(directory)) {
    (void)each;
    ++count;
  }
  return count;
}

TEST(Files, PrivateOnesAreForTheirOwnerAloneWhateverTheUmask) {
  const TempDirectory directory;
  const auto before = ::umask(0);
  const auto path = directory / "a/b/secret";
  EXPECT_TRUE(write_private_file(path, as_bytes("one")));
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(directory / "a/b"), 0700U);
  EXPECT_EQ(mode_of(directory / "a"), 0700U);
  EXPECT_TRUE(write_private_file(path, as_bytes("two")));
  EXPECT_EQ(read_private_file(path, 100).value().reveal_text(), "two");
  EXPECT_EQ(entries(directory / "a/b"), 1U) << "nothing is left beside it";
}

TEST(Files, APrivateFileThatOthersMayReadIsRefusedWithTheRemedy) {
  const TempDirectory directory;
  const auto path = directory / "secret";
  ASSERT_TRUE(write_private_file(path, as_bytes("x")));
  for (const mode_t mode : {0640U, 0604U, 0660U, 0606U}) {
    ::chmod(path.c_str(), mode);
    const auto refused = read_private_file(path, 100);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code, Errc::denied);
    EXPECT_EQ(refused.error().hint, "chmod 600 " + path.string());
  }
  ::chmod(path.c_str(), 0400);
  EXPECT_TRUE(read_private_file(path, 100));
}

TEST(Files, AnExistingOneIsKeptWhereAsked) {
  const TempDirectory directory;
  const auto path = directory / "key";
  ASSERT_TRUE(write_private_file(path, as_bytes("old"), Existing::keep));
  const auto refused = write_private_file(path, as_bytes("new"), Existing::keep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_EQ(read_file(path, 100).value(), "old");
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(Files, WhatIsNoFileOrTooLargeIsRefused) {
  const TempDirectory directory;
  ASSERT_TRUE(write_file(directory / "f", as_bytes("12345")));
  EXPECT_EQ(mode_of(directory / "f"), 0644U);
  EXPECT_TRUE(read_file(directory / "f", 5));
  EXPECT_EQ(read_file(directory / "f", 4).error().code, Errc::too_large);
  EXPECT_EQ(read_file(directory / "absent", 4).error().code, Errc::not_found);
  EXPECT_EQ(read_file(directory.path(), 4).error().code, Errc::invalid_input);
  ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(directory / "pipe", 4).error().code, Errc::invalid_input);
  EXPECT_THAT(read_file(directory / "absent", 4).error().where, HasSubstr("absent"));
}

TEST(Files, RemovingIsIdempotent) {
  const TempDirectory directory;
  ASSERT_TRUE(write_file(directory / "f", as_bytes("1")));
  EXPECT_TRUE(remove_file(directory / "f"));
  EXPECT_TRUE(remove_file(directory / "f"));
  EXPECT_FALSE(std::filesystem::exists(directory / "f"));
}

TEST(Files, TheConfigurationDirectoryIsChosenInOrder) {
  const auto with = [](const char* writ, const char* xdg, const char* home) {
    for (const auto& [name, value] :
         {std::pair{"WRIT_HOME", writ}, {"XDG_CONFIG_HOME", xdg}, {"HOME", home}}) {
      if (value == nullptr) {
        ::unsetenv(name);
      } else {
        ::setenv(name, value, 1);
      }
    }
    return config_directory();
  };
  const std::string before = ::getenv("HOME") != nullptr ? ::getenv("HOME") : "";
  EXPECT_EQ(with("/w", "/x", "/h").value().lexically_normal(), "/w/");
  EXPECT_EQ(with("", "/x", "/h").value(), "/x/writ");
  EXPECT_EQ(with(nullptr, nullptr, "/h").value(), "/h/.config/writ");
  EXPECT_FALSE(with(nullptr, nullptr, nullptr));
  EXPECT_FALSE(with("relative", nullptr, nullptr));
  with(nullptr, nullptr, before.c_str());
}

}  // namespace
}  // namespace writ::cli
