// SPDX-License-Identifier: Apache-2.0
#include "app/anchor_files.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

#include "app/files.h"

namespace writ::app {
namespace {

constexpr std::string_view kExtension = ".checkpoint";
constexpr std::size_t kMaxNote = std::size_t{64} << 10;

Expected<std::optional<std::string>> read_note(const std::filesystem::path& file) {
  const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) {
    const int cause = errno;
    // The folder is gone with everything in it: that is not "no checkpoint yet".
    if (cause == ENOENT && std::filesystem::is_directory(file.parent_path()))
      return std::optional<std::string>();
    return fail(Errc::unavailable,
                std::string("the anchor cannot be read: ") + std::strerror(cause), file.string());
  }
  std::string note;
  char block[4096];
  for (;;) {
    const auto got = ::read(opened.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(Errc::unavailable,
                  std::string("the anchor cannot be read: ") + std::strerror(errno), file.string());
    if (got == 0) return std::optional(std::move(note));
    note.append(block, static_cast<std::size_t>(got));
    if (note.size() > kMaxNote)
      return fail(Errc::invalid_input, "what lies in the anchor is no checkpoint", file.string());
  }
}

Expected<std::vector<WorkspaceId>> list_notes(const std::filesystem::path& folder) {
  std::vector<WorkspaceId> out;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at->path().extension() != kExtension) continue;
    // What else lies there under such a name is nobody's note.
    if (const auto id = WorkspaceId::parse(at->path().stem().string())) out.push_back(*id);
  }
  if (failed)
    return fail(Errc::unavailable, "the anchor cannot be read: " + failed.message(),
                folder.string());
  return out;
}

}  // namespace

Expected<std::unique_ptr<AnchorFiles>> AnchorFiles::open(std::filesystem::path folder,
                                                         milliseconds timeout) {
  WRIT_TRY_VOID(make_private_folder(folder));
  struct stat found{};
  if (::stat(folder.c_str(), &found) != 0)
    return fail(Errc::unavailable,
                std::string("the anchor cannot be used: ") + std::strerror(errno), folder.string());
  if ((found.st_mode & 022) != 0)
    return fail(Errc::denied, "others may write to the anchor", folder.string(),
                "take that away: chmod go-w " + folder.string());
  return std::unique_ptr<AnchorFiles>(new AnchorFiles(std::move(folder), timeout));
}

// One at a time. An operation whose wait has ended goes on, and keeps the place until it ends.
template <typename Function>
Task<std::invoke_result_t<Function>> AnchorFiles::run(Function function) {
  if (busy_->exchange(true))
    co_return fail(Errc::unavailable, "the anchor does not answer", folder_.string(),
                   "see to the disk that it lies on");
  auto result = co_await worker_.run(
      [busy = busy_, before = before_, function = std::move(function)]() mutable {
        if (before) before();
        auto done = function();
        busy->store(false);
        return done;
      },
      {.deadline = Loop::current().now() + timeout_, .cancel = {}});
  if (!result)
    co_return fail(Errc::unavailable, "the anchor does not answer", folder_.string(),
                   "see to the disk that it lies on");
  co_return std::move(*result);
}

Task<Expected<std::optional<std::string>>> AnchorFiles::latest(WorkspaceId log) {
  co_return co_await run([file = file_of(log)] { return read_note(file); });
}

Task<Expected<std::vector<WorkspaceId>>> AnchorFiles::logs() {
  co_return co_await run([folder = folder_] { return list_notes(folder); });
}

Task<Expected<void>> AnchorFiles::keep(WorkspaceId log, std::string note) {
  co_return co_await run(
      [file = file_of(log), note = std::move(note)] { return replace_file(file, as_bytes(note)); });
}

}  // namespace writ::app
