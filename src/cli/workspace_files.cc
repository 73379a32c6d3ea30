// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace_files.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cli/files.h"
#include "wire/json.h"
#include "wire/utf8.h"

namespace writ::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto kFolders = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"agents", ".toml"}, {"tools", ".toml"}, {"workflows", ".toml"}, {"policies", ".cedar"}});
constexpr std::size_t kMaxEntries = 10'000;

Expected<std::vector<fs::path>> entries(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (out.size() == kMaxEntries)
      return fail(Errc::too_large, "too many files in one directory", directory.string());
    out.push_back(at->path());
  }
  if (failed) {
    const bool absent = failed == std::errc::no_such_file_or_directory;
    return fail(absent ? Errc::not_found : Errc::unavailable,
                "cannot read the directory: " + failed.message(), directory.string());
  }
  std::ranges::sort(out);
  return out;
}

std::unexpected<Error> unknown(const fs::path& path, std::string hint) {
  return fail(Errc::invalid_input, "not a part of a workspace", visible_text(path.string()),
              std::move(hint));
}

class Reader {
 public:
  Reader(const fs::path& root, const protocol::ApplyLimits& limits)
      : root_(root), limits_(limits) {}

  Expected<protocol::ApplyRequest> read() {
    std::error_code failed;
    canonical_root_ = fs::canonical(root_, failed);
    if (failed) {
      return fail(Errc::not_found, "cannot read the directory: " + failed.message(),
                  root_.string());
    }
    WRIT_TRY(const auto top, entries(root_));
    for (const auto& path : top) {
      WRIT_TRY_VOID(read_top(path));
    }
    if (!request_.documents.contains("workspace.toml")) {
      return fail(Errc::invalid_input, "there is no workspace.toml in this directory",
                  root_.string(), "writ apply takes the directory that holds workspace.toml");
    }
    return std::move(request_);
  }

 private:
  Expected<void> read_top(const fs::path& path) {
    const auto name = path.filename().string();
    if (name.starts_with('.')) return {};
    if (name == "workspace.toml") return read_document(path, name);
    const auto* folder =
        std::ranges::find(kFolders, name, &std::pair<std::string_view, std::string_view>::first);
    if (folder != kFolders.end()) return read_folder(path, *folder);
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      return unknown(path, "its directories are agents, tools, workflows and policies");
    }
    const auto extension = path.extension();
    if (extension == ".toml" || extension == ".cedar") {
      return unknown(path, "documents lie in agents, tools, workflows and policies");
    }
    return {};
  }

  Expected<void> read_folder(const fs::path& folder,
                             std::pair<std::string_view, std::string_view> kind) {
    WRIT_TRY_VOID(stays_within(folder));
    WRIT_TRY(const auto files, entries(folder));
    for (const auto& path : files) {
      const auto name = path.filename().string();
      if (name.starts_with('.')) continue;
      if (path.extension() != kind.second) {
        return unknown(
            path, std::string(kind.first) + " holds " + std::string(kind.second) + " files alone");
      }
      WRIT_TRY_VOID(read_document(path, std::string(kind.first) + "/" + name));
    }
    return {};
  }

  // A link within the directory is a file of it; one that leads out would apply what its owners do
  // not review.
  Expected<void> stays_within(const fs::path& path) const {
    std::error_code failed;
    const auto real = fs::canonical(path, failed);
    if (failed)
      return fail(Errc::invalid_input, "cannot follow it: " + failed.message(), path.string());
    const auto relative = real.lexically_relative(canonical_root_);
    if (relative.empty() || *relative.begin() == "..") {
      return fail(Errc::invalid_input, "a symbolic link that leaves the directory", path.string());
    }
    return {};
  }

  Expected<void> read_document(const fs::path& path, const std::string& name) {
    WRIT_TRY_VOID(stays_within(path));
    if (request_.documents.size() == limits_.documents) {
      return fail(Errc::too_large, "more than " + std::to_string(limits_.documents) + " documents",
                  root_.string());
    }
    const auto left = limits_.bytes - bytes_;
    auto text = read_file(path, left);
    if (!text && text.error().code == Errc::too_large) {
      return fail(Errc::too_large,
                  "the documents are more than " + std::to_string(limits_.bytes) + " bytes",
                  path.string());
    }
    if (!text) return std::unexpected(text.error());
    if (!is_utf8(*text)) return fail(Errc::invalid_input, "not UTF-8 text", path.string());
    bytes_ += text->size();
    request_.documents.emplace(name, *std::move(text));
    return {};
  }

  const fs::path& root_;
  const protocol::ApplyLimits& limits_;
  fs::path canonical_root_;
  std::size_t bytes_ = 0;
  protocol::ApplyRequest request_;
};

}  // namespace

Expected<protocol::ApplyRequest> read_workspace(const fs::path& directory,
                                                const protocol::ApplyLimits& limits) {
  return Reader(directory, limits).read();
}

}  // namespace writ::cli
