// SPDX-License-Identifier: Apache-2.0
#include "store/stop_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/clock.h"
#include "store/sqlite_testing.h"

namespace writ::store {
namespace {

class StopFileTest : public testing::Test {
 protected:
  StopFileTest() { loop_.start("stops"); }
  std::unique_ptr<broker::StopFile> open() { return open_stop_file(path()).value(); }
  Expected<void> write(broker::StopFile& file, std::uint64_t sequence, std::string text) {
    return run_on(loop_, file.write(sequence, std::move(text)));
  }
  std::string path() const { return folder_.path() + "/stops"; }

  TemporaryDirectory folder_;
  SystemClock clock_;
  Loop loop_{clock_};
};

TEST_F(StopFileTest, P35_WhatWasWrittenLastIsThereAfterARestart) {
  EXPECT_EQ(open()->text(), "");
  {
    const auto file = open();
    ASSERT_TRUE(write(*file, 1, "one"));
    ASSERT_TRUE(write(*file, 2, "two"));
  }
  EXPECT_EQ(open()->text(), "two");
  {
    const auto file = open();
    ASSERT_TRUE(write(*file, 1, "three"));
    // One that was overtaken changes nothing.
    ASSERT_TRUE(write(*file, 3, "five"));
    ASSERT_TRUE(write(*file, 2, "four"));
  }
  EXPECT_EQ(open()->text(), "five");
}

TEST_F(StopFileTest, P35_ItsSpaceIsAllocatedWhenItIsMadeAndItGrowsNoMore) {
  const auto file = open();
  const auto size = std::filesystem::file_size(path());
  EXPECT_EQ(size, 256U * 1024);
  ASSERT_TRUE(write(*file, 1, std::string(file->room(), 'x')));
  EXPECT_EQ(std::filesystem::file_size(path()), size);
  EXPECT_EQ(open()->text(), std::string(file->room(), 'x'));
}

// A write that a crash cut, at any of its bytes: what was written before it is still there.
TEST_F(StopFileTest, P35_AWriteThatIsCutLeavesTheOneBefore) {
  {
    const auto file = open();
    ASSERT_TRUE(write(*file, 1, "before"));
    ASSERT_TRUE(write(*file, 2, "after it"));
  }
  std::ifstream in(path(), std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  constexpr std::size_t kHalf = 128 * 1024;
  for (std::size_t byte = 0; byte < 8 + 8 + 4 + 32 + 8; ++byte) {
    auto torn = whole;
    torn[kHalf + byte] = static_cast<char>(torn[kHalf + byte] ^ 1);
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << torn;
    EXPECT_EQ(open()->text(), "before") << byte;
  }
}

TEST_F(StopFileTest, AFileOfAnotherSizeIsRefused) {
  std::ofstream(path()) << "short";
  EXPECT_EQ(open_stop_file(path()).error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace writ::store
