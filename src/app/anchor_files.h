// SPDX-License-Identifier: Apache-2.0
// AnchorFiles: the anchor as a folder outside the data directory, best on another disk or machine:
// for each log a file WORKSPACE.checkpoint with its latest note, replaced as a whole and synced.
//
// A disk that hangs holds a thread of its own and nobody else: each operation ends after `timeout`
// as unavailable, and while one hangs the next ones are refused at once. So an operation that ended
// in doubt ends before another begins.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>

#include "async/workers.h"
#include "broker/anchor.h"

namespace writ::app {

// Thread-safe.
class AnchorFiles final : public broker::Anchor {
 public:
  // The folder is made where it is absent; denied where others may write there.
  static Expected<std::unique_ptr<AnchorFiles>> open(std::filesystem::path folder,
                                                     milliseconds timeout = milliseconds(5000));

  Task<Expected<std::optional<std::string>>> latest(WorkspaceId log) override;
  Task<Expected<std::vector<WorkspaceId>>> logs() override;
  Task<Expected<void>> keep(WorkspaceId log, std::string note) override;

  // Runs before each operation, on its thread; for tests of a disk that hangs.
  void before_each(std::function<void()> hook) { before_ = std::move(hook); }

 private:
  AnchorFiles(std::filesystem::path folder, milliseconds timeout)
      : folder_(std::move(folder)), timeout_(timeout) {}

  template <typename Function>
  Task<std::invoke_result_t<Function>> run(Function function);
  std::filesystem::path file_of(WorkspaceId log) const {
    return folder_ / (log.to_string() + ".checkpoint");
  }

  const std::filesystem::path folder_;
  const milliseconds timeout_;
  std::function<void()> before_;
  // Of the operation that is under way, if one is; shared with it, since it may outlive the wait.
  std::shared_ptr<std::atomic<bool>> busy_ = std::make_shared<std::atomic<bool>>(false);
  Workers worker_{1, 16};
};

}  // namespace writ::app
