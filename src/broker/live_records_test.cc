// SPDX-License-Identifier: Apache-2.0
#include "broker/live_records.h"

#include <gtest/gtest.h>

#include "base/fake_random.h"
#include "crypto/es256.h"

namespace writ::broker {
namespace {

TEST(LiveRecords, AWorkspaceReadsBackAsItWasWritten) {
  const WorkspaceRecord written{
      .documents = {{"workspace.toml", "name = \"acme\"\n"}, {"policies/a.cedar", "// \u202e\n"}},
      .names = workspace::Names({{"agent/billing", "agt_00000000000000000000000000"}})};
  const auto read = parse_workspace_record(to_record(written));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->documents, written.documents);
  EXPECT_EQ(read->names.ids(), written.names.ids());
  EXPECT_EQ(read->rules, workspace::kCurrentRules);
}

TEST(LiveRecords, P39_AVersionFromBeforeTheRuleSaysSo) {
  const auto read = parse_workspace_record(R"({"v":1,"documents":{},"names":{}})");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->rules, workspace::Rules::first);
  EXPECT_EQ(parse_workspace_record(to_record(*read))->rules, workspace::Rules::first);
  EXPECT_FALSE(parse_workspace_record(R"({"v":1,"documents":{},"names":{},"rules":3})"));
}

TEST(LiveRecords, AStandingReadsBackAsItWasWritten) {
  const Standing written{.key = jose::Jwk(crypto::Es256PrivateKey::generate().public_key()),
                         .enrolled = from_unix_millis(1234),
                         .disabled = true,
                         .revision = 0};
  const auto read = parse_standing_record(
      {.kind = RecordKind::user, .id = "usr_", .revision = 7, .value = to_record(written)});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->key, written.key);
  EXPECT_EQ(read->enrolled, written.enrolled);
  EXPECT_TRUE(read->disabled);
  EXPECT_EQ(read->revision, 7U);
}

// It is not taken for one that was there from the beginning.
TEST(LiveRecords, P40_AKeyOfWhichNobodyKnowsWhenItWasEnrolledSaysSo) {
  const Standing written{.key = jose::Jwk(crypto::Es256PrivateKey::generate().public_key())};
  const auto read = parse_standing_record(
      {.kind = RecordKind::user, .id = "usr_", .revision = 1, .value = to_record(written)});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_TRUE(read->key);
  EXPECT_FALSE(read->enrolled);
}

TEST(LiveRecords, ADataKeyReadsBackAsItWasWritten) {
  const Bytes wrapped{1, 2, 250};
  const auto read = parse_data_key_record(to_data_key_record(wrapped));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, wrapped);
}

TEST(LiveRecords, WhatALaterBuildWroteIsRefusedAndNotHalfUnderstood) {
  EXPECT_FALSE(parse_workspace_record(R"({"v":2,"documents":{},"names":{}})"));
  EXPECT_FALSE(parse_workspace_record(R"({"v":1,"documents":{},"names":{},"more":1})"));
  EXPECT_FALSE(parse_workspace_record(R"({"v":1,"documents":{"a":1},"names":{}})"));
  EXPECT_FALSE(parse_data_key_record(R"({"v":2,"wrapped":"AQ"})"));
  const auto standing = [](std::string text) {
    return parse_standing_record(
        {.kind = RecordKind::user, .id = "usr_", .revision = 1, .value = std::move(text)});
  };
  EXPECT_TRUE(standing(R"({"v":1,"disabled":false})"));
  EXPECT_FALSE(standing(R"({"v":2,"disabled":false})"));
  EXPECT_FALSE(standing(R"({"v":1,"disabled":false,"enrolled":1})"));
  EXPECT_FALSE(standing(R"({"v":1})"));
  EXPECT_FALSE(standing(R"({"v":1,"disabled":false,"key":{"kty":"oct","k":"AAAA"}})"));
}

}  // namespace
}  // namespace writ::broker
