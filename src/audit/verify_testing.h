// SPDX-License-Identifier: Apache-2.0
// Logs to verify, and what a report says of them, for the tests of verify.h.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "audit/fake_log.h"
#include "audit/verify.h"

namespace writ::audit {

inline const NoteSigner& signer() {
  static const NoteSigner made = fake_signer(std::string(kFakeOrigin));
  return made;
}

// `size` leaves with a checkpoint at each of `signed_at` and at the end.
inline FakeLog log_of(std::uint64_t size, std::vector<std::uint64_t> signed_at = {},
                      std::string_view history = "") {
  FakeLog log;
  signed_at.push_back(size);
  for (const auto at : signed_at) {
    log.append_many(at - log.edge().size(), history);
    log.sign(signer());
  }
  return log;
}

// 65,537 leaves, so that there are full tiles at levels 0 and 1 and a partial one at level 2.
inline const FakeLog& large_log() {
  static const FakeLog made = [] {
    auto log = log_of(65'537, {1, 300, 60'000});
    log.keep_partial_tiles();
    return log;
  }();
  return made;
}

inline VerifyReport verify(FakeLog log, VerifyOptions options = {}) {
  auto report = verify_log(log, signer().verifier(), std::move(options)).value();
  EXPECT_EQ(report.ok, report.problems.empty());
  return report;
}

// The first problem; there is one.
inline Problem first(const VerifyReport& report) {
  EXPECT_FALSE(report.problems.empty());
  return report.problems.empty() ? Problem() : report.problems.front();
}

inline std::vector<ProblemKind> kinds(const VerifyReport& report) {
  std::vector<ProblemKind> list;
  list.reserve(report.problems.size());
  for (const auto& problem : report.problems) list.push_back(problem.kind);
  return list;
}
using Kinds = std::vector<ProblemKind>;

// What `problem` says of its place, in one line.
inline std::string said(const Problem& problem) {
  return std::string(name(problem.kind)) + " " + std::to_string(problem.level) + "/" +
         std::to_string(problem.index) + " " + problem.place;
}

// A change to an entry and nothing else.
inline void edit(FakeLog& log, std::uint64_t index) { log.stored[index].entry.push_back('!'); }
// A change to an entry by someone who knows to change its hash, too.
inline void rewrite(FakeLog& log, std::uint64_t index) {
  edit(log, index);
  log.stored[index].hash = leaf_hash(log.stored[index].entry);
}

}  // namespace writ::audit
