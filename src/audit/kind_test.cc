// SPDX-License-Identifier: Apache-2.0
#include "audit/kind.h"

#include <fstream>
#include <iterator>
#include <string>

namespace writ::audit {
namespace {

TEST(Kind, every_name_reads_back_as_its_kind) {
  for (const auto kind : kKinds) {
    const auto parsed = parse_kind(name(kind));
    ASSERT_TRUE(parsed) << name(kind);
    EXPECT_EQ(*parsed, kind);
  }
  EXPECT_FALSE(parse_kind("action.intent "));
  EXPECT_FALSE(parse_kind(""));
}

TEST(Kind, docs_log_says_what_each_records) {
  std::ifstream file(WRIT_SOURCE_DIR "/docs/log.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(page.empty());
  for (const auto kind : kKinds)
    EXPECT_NE(page.find(name(kind)), std::string::npos) << name(kind) << " is not in docs/log.md";
}

}  // namespace
}  // namespace writ::audit
