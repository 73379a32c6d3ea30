// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace_files.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/directory.h"
#include "wire/utf8.h"

namespace writ::cli {
namespace {

constexpr auto kFolders = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"agents", ".toml"}, {"tools", ".toml"}, {"workflows", ".toml"}, {"policies", ".cedar"}});
constexpr std::size_t kMaxEntries = 10'000;

std::unexpected<Error> unknown(const std::filesystem::path& path, std::string hint) {
  return fail(Errc::invalid_input, "not a part of a workspace", path.string(), std::move(hint));
}

class Reader {
 public:
  Reader(const std::filesystem::path& root, const protocol::ApplyLimits& limits)
      : root_(root), limits_(limits) {}

  Expected<protocol::ApplyRequest> read() {
    WRIT_TRY(const auto top, Directory::open(root_));
    WRIT_TRY(const auto names, top.names(kMaxEntries));
    for (const auto& name : names) {
      WRIT_TRY_VOID(read_top(top, name));
    }
    if (!request_.documents.contains("workspace.toml")) {
      return fail(Errc::invalid_input, "there is no workspace.toml in this directory",
                  root_.string(), "writ apply takes the directory that holds workspace.toml");
    }
    return std::move(request_);
  }

 private:
  Expected<void> read_top(const Directory& top, const std::string& name) {
    if (name.starts_with('.')) return {};
    if (name == "workspace.toml") return read_document(top, name, name);
    const auto* folder =
        std::ranges::find(kFolders, name, &std::pair<std::string_view, std::string_view>::first);
    if (folder != kFolders.end()) return read_folder(top, *folder);
    if (top.is_folder(name)) {
      return unknown(root_ / name, "its directories are agents, tools, workflows and policies");
    }
    if (name.ends_with(".toml") || name.ends_with(".cedar")) {
      return unknown(root_ / name, "documents lie in agents, tools, workflows and policies");
    }
    return {};
  }

  Expected<void> read_folder(const Directory& top,
                             std::pair<std::string_view, std::string_view> kind) {
    WRIT_TRY(const auto folder, top.folder(std::string(kind.first)));
    WRIT_TRY(const auto names, folder.names(kMaxEntries));
    for (const auto& name : names) {
      if (name.starts_with('.')) continue;
      if (!name.ends_with(kind.second) || !is_utf8(name)) {
        return unknown(folder.path() / name, std::string(kind.first) + " holds " +
                                                 std::string(kind.second) + " files alone");
      }
      WRIT_TRY_VOID(read_document(folder, name, std::string(kind.first) + "/" + name));
    }
    return {};
  }

  Expected<void> read_document(const Directory& folder, const std::string& file,
                               const std::string& name) {
    const auto path = folder.path() / file;
    if (request_.documents.size() == limits_.documents) {
      return fail(Errc::too_large, "more than " + std::to_string(limits_.documents) + " documents",
                  root_.string());
    }
    const auto left = limits_.bytes - bytes_;
    auto text = folder.read(file, left);
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

  const std::filesystem::path& root_;
  const protocol::ApplyLimits& limits_;
  std::size_t bytes_ = 0;
  protocol::ApplyRequest request_;
};

}  // namespace

Expected<protocol::ApplyRequest> read_workspace(const std::filesystem::path& directory,
                                                const protocol::ApplyLimits& limits) {
  return Reader(directory, limits).read();
}

}  // namespace writ::cli
