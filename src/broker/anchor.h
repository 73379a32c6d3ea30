// SPDX-License-Identifier: Apache-2.0
// Anchor: the latest signed checkpoint of each log, kept out of reach of whoever can change the
// store (P21): a log that was cut, forked or restored from an older backup contradicts it. app/ has
// it as files outside the data directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/id.h"

namespace writ::broker {

class Anchor {
 public:
  virtual ~Anchor() = default;

  // The note kept last; nothing where there never was one, or it was deleted. unavailable where it
  // cannot be read, or not within a few seconds.
  virtual Task<Expected<std::optional<std::string>>> latest(WorkspaceId log) = 0;
  // All logs that it has a note of. Errors as above.
  virtual Task<Expected<std::vector<WorkspaceId>>> logs() = 0;
  // Replaces it; durable when this returns. unavailable where it could not be done, or not within a
  // few seconds: then it may yet be done.
  virtual Task<Expected<void>> keep(WorkspaceId log, std::string note) = 0;
};

}  // namespace writ::broker
