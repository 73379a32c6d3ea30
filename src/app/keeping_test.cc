// SPDX-License-Identifier: Apache-2.0
// What a server keeps in files of its own: the seal key, the anchor, and how files are written.
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/anchor_files.h"
#include "app/files.h"
#include "app/seal_key_file.h"
#include "app/testing.h"
#include "async/loop.h"

namespace writ::app {
namespace {

using std::filesystem::create_directory;
using ::testing::HasSubstr;
using testing::read_text;
using testing::TemporaryFolder;
using testing::write_text;

// --- the seal key (P22)

class SealKeyFile : public ::testing::Test {
 protected:
  SealKeyFile() {
    create_directory(data_);
    EXPECT_TRUE(make_seal_key(file_, random_));
  }
  Error refused(const std::filesystem::path& file) {
    const auto loaded = load_seal_key(file, data_, false);
    EXPECT_FALSE(loaded);
    const auto checked = check_seal_key(file, data_, false);
    EXPECT_FALSE(checked);
    return loaded ? Error{} : loaded.error();
  }

  crypto::SystemRandom random_;
  TemporaryFolder folder_;
  std::filesystem::path data_ = folder_ / "data";
  std::filesystem::path file_ = folder_ / "seal.key";
};

TEST_F(SealKeyFile, P22_IsMadeForItsOwnerAloneAndRead) {
  struct stat found{};
  ASSERT_EQ(::stat(file_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  EXPECT_TRUE(check_seal_key(file_, data_, false));
  EXPECT_TRUE(load_seal_key(file_, data_, false));
}

TEST_F(SealKeyFile, P22_IsNeverReplaced) {
  const auto before = read_text(file_);
  const auto again = make_seal_key(file_, random_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_EQ(read_text(file_), before);
}

TEST_F(SealKeyFile, P22_InTheDataDirectoryIsRefused) {
  std::filesystem::rename(file_, data_ / "seal.key");
  EXPECT_THAT(refused(data_ / "seal.key").message, HasSubstr("lies in the data directory"));
  EXPECT_THAT(refused(data_ / "../data/seal.key").message, HasSubstr("in the data directory"));
  EXPECT_TRUE(load_seal_key(data_ / "seal.key", data_, true));  // --dev
}

TEST_F(SealKeyFile, P22_ThatIsALinkIntoTheDataDirectoryIsRefused) {
  std::filesystem::rename(file_, data_ / "seal.key");
  std::filesystem::create_symlink(data_ / "seal.key", folder_ / "link.key");
  EXPECT_THAT(refused(folder_ / "link.key").message, HasSubstr("lies in the data directory"));
  std::filesystem::create_directory_symlink(data_, folder_ / "other");
  EXPECT_THAT(refused(folder_ / "other/seal.key").message, HasSubstr("in the data directory"));
}

TEST_F(SealKeyFile, P22_ThatOthersMayReadIsRefused) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0602U}) {
    ::chmod(file_.c_str(), mode);
    EXPECT_THAT(refused(file_).to_string(), HasSubstr("chmod 600")) << mode;
  }
  ::chmod(file_.c_str(), 0400);
  EXPECT_TRUE(load_seal_key(file_, data_, false));
}

TEST_F(SealKeyFile, ThatIsNoKeyIsRefusedAndNotQuoted) {
  write_text(file_, "not-hexadecimal-and-perhaps-a-secret-of-something-else-altogether");
  const auto loaded = load_seal_key(file_, data_, false);
  ASSERT_FALSE(loaded);
  const auto error = loaded.error().to_string();
  EXPECT_THAT(error, HasSubstr("seal.key"));
  EXPECT_THAT(error, ::testing::Not(HasSubstr("altogether")));
}

TEST_F(SealKeyFile, ThatIsAbsentSaysWhatToDo) {
  EXPECT_EQ(refused(folder_ / "none.key").code, Errc::not_found);
  EXPECT_THAT(refused(folder_ / "none.key").hint, HasSubstr("writ init"));
  EXPECT_EQ(refused(folder_.path()).code, Errc::invalid_input);  // a folder
}

TEST_F(SealKeyFile, IsTheServiceManagersWhereNoneIsNamed) {
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_FALSE(find_seal_key(std::nullopt));
  ::setenv("CREDENTIALS_DIRECTORY", folder_.path().c_str(), 1);
  EXPECT_EQ(find_seal_key(std::nullopt), folder_ / "seal-key");
  EXPECT_EQ(find_seal_key(file_), file_);
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

// --- files

TEST(Files, AReplacedFileIsTheOldOneOrTheNewOne) {
  const TemporaryFolder folder;
  const auto file = folder / "note";
  ASSERT_TRUE(replace_file(file, as_bytes("one")));
  write_text(folder / "note.next", "left by a process that was killed");
  ASSERT_TRUE(replace_file(file, as_bytes("two")));
  EXPECT_EQ(read_text(file), "two");
  EXPECT_FALSE(std::filesystem::exists(folder / "note.next"));
}

TEST(Files, AFileThatCannotBeWrittenLeavesNothing) {
  const TemporaryFolder folder;
  EXPECT_FALSE(write_new_file(folder / "no-folder/file", as_bytes("x")));
  write_text(folder / "there", "old");
  EXPECT_FALSE(write_new_file(folder / "there", as_bytes("x")));
  EXPECT_EQ(read_text(folder / "there"), "old");
}

// --- the anchor (P21)

class AnchorTest : public ::testing::Test {
 public:
  ~AnchorTest() override { loop_.stop(); }

 protected:
  AnchorTest() { loop_.start("anchor"); }
  std::unique_ptr<AnchorFiles> open(milliseconds timeout = milliseconds(60'000)) {
    auto anchor = AnchorFiles::open(path_, timeout);
    EXPECT_TRUE(anchor) << anchor.error().to_string();
    return std::move(*anchor);
  }
  auto latest(AnchorFiles& anchor) { return run_on(loop_, anchor.latest(log_)); }
  auto keep(AnchorFiles& anchor, std::string note) {
    return run_on(loop_, anchor.keep(log_, std::move(note)));
  }

  SystemClock clock_;
  crypto::SystemRandom random_;
  Loop loop_{clock_, milliseconds(1)};
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "anchor";
  WorkspaceId log_ = WorkspaceId::make(clock_, random_);
};

TEST_F(AnchorTest, P21_KeepsTheLatestNoteOfEachLog) {
  const auto anchor = open();
  EXPECT_EQ(latest(*anchor).value(), std::nullopt);
  ASSERT_TRUE(keep(*anchor, "one\n"));
  ASSERT_TRUE(keep(*anchor, "two\n"));
  EXPECT_EQ(latest(*anchor).value(), "two\n");
  EXPECT_EQ(latest(*open()).value(), "two\n");  // another process
  const auto other = WorkspaceId::make(clock_, random_);
  EXPECT_EQ(run_on(loop_, anchor->latest(other)).value(), std::nullopt);
}

// failures.md: audit storage deleted, replaced, read-only, hung.
TEST_F(AnchorTest, AFolderThatIsGoneIsNotAnAnchorWithoutNotes) {
  const auto anchor = open();
  ASSERT_TRUE(keep(*anchor, "one\n"));
  std::filesystem::remove_all(path_);
  const auto found = latest(*anchor);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unavailable);
  EXPECT_FALSE(keep(*anchor, "two\n"));
}

TEST_F(AnchorTest, ANoteThatCannotBeReplacedStays) {
  const auto anchor = open();
  ASSERT_TRUE(keep(*anchor, "one\n"));
  // A folder in the place of the next file: nothing can be written there, by root neither.
  create_directory(path_ / (log_.to_string() + ".checkpoint.next"));
  const auto kept = keep(*anchor, "two\n");
  ASSERT_FALSE(kept);
  EXPECT_EQ(latest(*anchor).value(), "one\n");
}

TEST_F(AnchorTest, AnAnchorThatHangsIsSaidInTimeAndHoldsNobodyElse) {
  const auto anchor = open(milliseconds(5));
  std::promise<void> disk;
  anchor->before_each([wait = disk.get_future().share()] { wait.wait(); });
  const auto first = keep(*anchor, "one\n");
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Errc::unavailable);
  // While it hangs no other operation is begun, so none can come later than one that follows.
  const auto second = keep(*anchor, "two\n");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::unavailable);
  disk.set_value();
}

TEST_F(AnchorTest, AFolderThatOthersMayWriteToIsRefused) {
  create_directory(path_);
  ::chmod(path_.c_str(), 0770);
  const auto anchor = AnchorFiles::open(path_);
  ASSERT_FALSE(anchor);
  EXPECT_EQ(anchor.error().code, Errc::denied);
}

}  // namespace
}  // namespace writ::app
