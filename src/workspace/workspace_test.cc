// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "workspace/version.h"

namespace writ::workspace {
namespace {

Documents example() {
  const std::filesystem::path root = std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme";
  Documents documents;
  for (const auto& item : std::filesystem::recursive_directory_iterator(root)) {
    if (!item.is_regular_file()) continue;
    std::ifstream in(item.path());
    documents[std::filesystem::relative(item.path(), root).generic_string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return documents;
}

class Workspace : public testing::Test {
 protected:
  std::expected<Built, std::vector<Error>> build(const Documents& documents, Names names = {}) {
    return build_version(id_, 1, documents, std::move(names), clock_, random_);
  }
  Built built(const Documents& documents, Names names = {}) {
    auto out = build(documents, std::move(names));
    if (!out) {
      for (const auto& problem : out.error()) ADD_FAILURE() << problem.to_string();
      std::abort();
    }
    return std::move(*out);
  }
  std::string problems(const Documents& documents) {
    const auto out = build(documents);
    if (out) return "none";
    std::string text;
    for (const auto& problem : out.error()) text += problem.to_string() + "\n";
    return text;
  }

  FakeClock clock_;
  FakeRandom random_;
  WorkspaceId id_ = WorkspaceId::make(clock_, random_);
};

// The budget is the version's, not a file's: many small files are no way around it.
TEST_F(Workspace, P48_PatternsOfAllFilesShareOneBudget) {
  auto documents = example();
  const auto server = [](int i, int repeated) {
    const auto name = "s" + std::to_string(i);
    return "kind = \"http\"\nurl = \"https://api.example.com\"\n[[operations]]\nname = \"" + name +
           ".read\"\nmethod = \"GET\"\npath = \"/x\"\neffect = \"read\"\n[operations.arguments]\n" +
           "item = { type = \"string\", pattern = \"(a|b|c){" + std::to_string(repeated) +
           "}\" }\n";
  };
  for (int i = 0; i < 20; ++i) documents["tools/s" + std::to_string(i) + ".toml"] = server(i, 10);
  const DocumentLimits limits{.compilation_steps = 20'000};
  EXPECT_TRUE(
      build_version(id_, 1, documents, {}, clock_, random_, kCurrentRules, limits).has_value());
  for (int i = 0; i < 20; ++i) documents["tools/s" + std::to_string(i) + ".toml"] = server(i, 200);
  const auto refused = build_version(id_, 1, documents, {}, clock_, random_, kCurrentRules, limits);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().front().code, Errc::too_large);
  EXPECT_THAT(refused.error().front().where, testing::HasSubstr("tools/s"));
}

TEST_F(Workspace, TheExampleIsWhole) {
  const auto version = built(example()).version;
  EXPECT_EQ(version->name(), "acme");
  for (const auto* agent : {"planner", "support", "billing"})
    EXPECT_NE(version->agent(agent), nullptr) << agent;
  ASSERT_NE(version->workflow("refund"), nullptr);
  for (const auto* step : {"plan", "triage", "settle"})
    EXPECT_NE(version->workflow("refund")->step(step), nullptr) << step;
  EXPECT_NE(version->server_of("billing.refund.execute"), nullptr);
}

TEST_F(Workspace, P1_ThePlannerMayHandRefundsDownAndNotUseThem) {
  const auto version = built(example()).version;
  const auto& ceiling = version->agent("planner")->ceiling;
  EXPECT_FALSE(ceiling.use.names("billing.refund.execute"));
  EXPECT_TRUE(ceiling.delegate.names("billing.refund.execute"));
}

TEST_F(Workspace, P5_ANameKeepsItsId) {
  const auto first = built(example());
  const auto second = built(example(), first.names);
  EXPECT_EQ(first.version->agent("billing")->agent->id,
            second.version->agent("billing")->agent->id);
  EXPECT_EQ(first.version->digest(), second.version->digest());
}

TEST_F(Workspace, P5_AnAbsentAgentIsGoneAndWhatNamesItIsAProblem) {
  auto documents = example();
  documents.erase("agents/support.toml");
  EXPECT_THAT(problems(documents), testing::HasSubstr("workflows/refund.toml:"));
}

TEST_F(Workspace, AProblemNamesFileAndLineAndAllOfThemAreShown) {
  auto documents = example();
  documents["agents/billing.toml"] += "\nsurprise = 1\n";
  documents["policies/refund.cedar"] += "\npermit (";
  documents["notes.txt"] = "hello";
  const auto text = problems(documents);
  EXPECT_THAT(text, testing::HasSubstr("agents/billing.toml:"));
  EXPECT_THAT(text, testing::HasSubstr("policies/refund.cedar:"));
  EXPECT_THAT(text, testing::HasSubstr("notes.txt"));
}

TEST_F(Workspace, WhatOnlyFollowsFromAFileThatFailedIsNotShown) {
  const auto count = [&](const Documents& documents) {
    const auto out = build(documents);
    return out ? 0U : out.error().size();
  };
  auto documents = example();
  documents["tools/billing.toml"] += "\nsurprise = 1\n";
  EXPECT_EQ(count(documents), 1U) << problems(documents);
  EXPECT_THAT(problems(documents), testing::HasSubstr("tools/billing.toml:"));
  documents = example();
  documents["tools/billing.toml"] = "no TOML";
  EXPECT_EQ(count(documents), 1U) << problems(documents);
  // What would be wrong with that file whole, too, is.
  auto& planner = documents["agents/planner.toml"];
  const auto at = planner.find("use = [");
  ASSERT_NE(at, std::string::npos);
  planner.insert(at + 7, "\"nowhere.read\", ");
  EXPECT_EQ(count(documents), 2U);
  EXPECT_THAT(problems(documents), testing::HasSubstr("no tool is named \"nowhere.read\""));

  documents = example();
  auto& root = documents["workspace.toml"];
  const auto groups = root.find("groups = [\"");
  ASSERT_NE(groups, std::string::npos);
  root.insert(groups + 11, "no-such-group");
  EXPECT_EQ(count(documents), 1U) << problems(documents);
  EXPECT_THAT(problems(documents), testing::HasSubstr("no group is named"));
}

TEST_F(Workspace, P4_ANeedForApprovalNamesAGroupThatCanAnswer) {
  auto documents = example();
  documents["policies/extra.cedar"] =
      "@id(\"x\") @needs_approval(\"nobody-here\") forbid (principal, action, resource);";
  EXPECT_THAT(problems(documents), testing::HasSubstr("policies/extra.cedar:1:"));
  documents["policies/extra.cedar"] =
      "@id(\"x\") @needs_approval(\"finance\") permit (principal, action, resource);";
  EXPECT_THAT(problems(documents), testing::HasSubstr("stands on a permit"));
}

TEST_F(Workspace, APolicyThatNamesWhatIsNotDeclaredIsAProblemWithItsPlace) {
  auto documents = example();
  documents["policies/extra.cedar"] =
      "@id(\"x\") @needs_approval(\"finance\")\n"
      "forbid (principal, action == Writ::Action::\"billing.refund.exeucte\", resource);";
  EXPECT_THAT(
      problems(documents),
      testing::HasSubstr("policies/extra.cedar:1:1: the policy names "
                         "Writ::Action::\"billing.refund.exeucte\", which is not declared"));
}

TEST_F(Workspace, AnEmptyDirectoryIsNoWorkspace) {
  EXPECT_THAT(problems({}), testing::HasSubstr("there is no workspace.toml"));
}

TEST_F(Workspace, APathThatLeavesTheDirectoryIsNoFileOfIt) {
  auto documents = example();
  documents["agents/../../etc/passwd.toml"] = "";
  EXPECT_THAT(problems(documents), testing::HasSubstr("a file that no workspace has"));
}

TEST_F(Workspace, LimitsRefuseTheWhole) {
  auto documents = example();
  documents["policies/big.cedar"] = std::string(2 << 20, ' ');
  EXPECT_THAT(problems(documents), testing::HasSubstr("policies/big.cedar"));
}

TEST_F(Workspace, P48_ADocumentThatNamesAFileIsRefusedAndOneThatWasStoredIsServed) {
  auto documents = example();
  auto& billing = documents.at("tools/billing.toml");
  const std::string_view url = "url = \"http://127.0.0.1:8710\"";
  const auto at = billing.find(url);
  ASSERT_NE(at, std::string::npos);
  billing.replace(at, url.size(), "url = \"https://127.0.0.1:8710\"\nca_file = \"/dev/ptmx\"");
  EXPECT_NE(problems(documents).find("a document names no file of the server"), std::string::npos);
  EXPECT_NE(problems(documents).find("tools/billing.toml:"), std::string::npos);
  const auto stored = build_version(id_, 1, documents, {}, clock_, random_, Rules::first);
  ASSERT_TRUE(stored) << stored.error().front().to_string();
  EXPECT_EQ(stored->version->server("billing")->authorities().source,
            tools::Authorities::Source::file);
}

}  // namespace
}  // namespace writ::workspace
