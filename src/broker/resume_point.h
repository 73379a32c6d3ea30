// SPDX-License-Identifier: Apache-2.0
// ResumePoint: from where on a start has to look at what a workspace stores, so that it need not
// read the whole past. A record `setting` of the workspace, "resume", written now and then; correct
// also when stale, and by default everything is looked at.
//
//   {"approvals":ms,"log":index,"runs":ms,"v":1}
#pragma once

#include <cstdint>
#include <string>

#include "broker/store.h"

namespace writ::broker {

struct ResumePoint {
  // Every intent before this index has its outcome in the log.
  std::uint64_t log = 0;
  // Runs and approvals whose ids were made before these times are over.
  TimePoint runs{};
  TimePoint approvals{};
  std::uint64_t revision = 0;  // of its record; 0: none yet

  friend bool operator==(const ResumePoint&, const ResumePoint&) = default;
};

Task<Expected<ResumePoint>> read_resume_point(WorkspaceStore& store);
// On the condition of point.revision.
Put to_put(const ResumePoint& point);

// What stands before every id of this kind that was made at `at` or later: for list()'s `after`.
template <typename Id>
std::string before_ids_of(TimePoint at) {
  const auto millis = static_cast<std::uint64_t>(to_unix_millis(at));
  id_detail::Raw raw{};
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<std::uint8_t>(millis >> (40 - 8 * i));
  return Id(raw).to_string();
}

// When an id was made.
template <typename Id>
TimePoint made_at(const Id& id) {
  std::int64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis << 8 | id.raw()[i];
  return from_unix_millis(millis);
}

}  // namespace writ::broker
