// SPDX-License-Identifier: Apache-2.0
// P21: each way of changing a log is found, and nothing is found in one that is whole.
#include "demo/log_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/fake_log.h"
#include "audit/tree.h"

namespace writ::demo {
namespace {

using audit::ProblemKind;

class LogCopyTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  LogCopyTest() {
    audit::FakeLog log;
    log.append_many(GetParam() - 2);
    log.sign(signer_);
    log.append_many(2);
    log.sign(signer_);
    copy_.emplace(signer_.verifier(), log.stored, log.checkpoints);
  }

  audit::VerifyReport verify(const LogCopy& copy) const {
    return copy.verify({copy_->latest_checkpoint()}).value();
  }
  static std::vector<ProblemKind> kinds(const audit::VerifyReport& report) {
    std::vector<ProblemKind> out;
    out.reserve(report.problems.size());
    for (const auto& problem : report.problems) out.push_back(problem.kind);
    return out;
  }

  audit::NoteSigner signer_ = audit::fake_signer(std::string(audit::kFakeOrigin));
  std::optional<LogCopy> copy_;
};

TEST_P(LogCopyTest, P21_AWholeLogVerifies) { EXPECT_TRUE(verify(*copy_).ok); }

TEST_P(LogCopyTest, P21_AChangedLeafIsFoundAtItsPlace) {
  auto changed = *copy_;
  changed.change_leaf(3);
  const auto report = verify(changed);
  ASSERT_FALSE(report.ok);
  EXPECT_EQ(report.problems.front().kind, ProblemKind::changed_leaf);
  EXPECT_EQ(report.problems.front().index, 3U);
}

TEST_P(LogCopyTest, P21_AChangedNodeIsFound) {
  auto changed = *copy_;
  changed.change_node();
  const auto report = verify(changed);
  ASSERT_FALSE(report.ok);
  EXPECT_THAT(kinds(report), ::testing::Contains(ProblemKind::changed_node));
}

TEST_P(LogCopyTest, P21_AChangedCheckpointIsFound) {
  auto changed = *copy_;
  changed.change_checkpoint();
  EXPECT_THAT(kinds(verify(changed)), ::testing::Contains(ProblemKind::bad_checkpoint));
}

TEST_P(LogCopyTest, P21_ACutTailIsFound) {
  auto changed = *copy_;
  changed.cut_tail(1);
  EXPECT_THAT(kinds(verify(changed)), ::testing::Contains(ProblemKind::cut_tail));
}

TEST_P(LogCopyTest, P21_ALogThatWasSignedAnewContradictsASavedCheckpointAlone) {
  auto rewritten = *copy_;
  rewritten.rewrite(3, signer_);
  EXPECT_TRUE(rewritten.verify().value().ok);
  EXPECT_THAT(kinds(verify(rewritten)), ::testing::Contains(ProblemKind::saved_contradicted));
}

INSTANTIATE_TEST_SUITE_P(Sizes, LogCopyTest, ::testing::Values(9, 256, 700));

}  // namespace
}  // namespace writ::demo
