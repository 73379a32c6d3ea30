// SPDX-License-Identifier: Apache-2.0
// The draft policies of the refund story, and what they say to its requests.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/testdata.h"
#include "cedar/authorizer.h"

namespace writ::cedar {
namespace {

using Ids = std::vector<std::string>;

EntityUid writ(const std::string& type, const std::string& id) { return {"Writ::" + type, id}; }
EntityUid action(const std::string& id) { return writ("Action", id); }

Entities directory() {
  const EntityUid acme = writ("Workspace", "acme");
  const Record in_acme{{"workspace", acme}};
  auto entities = Entities::create({
      {.uid = acme, .attributes = {{"suspended", false}}, .tags = {}, .parents = {}},
      {.uid = writ("Group", "billing-managers"), .attributes = {}, .tags = {}, .parents = {}},
      {.uid = writ("User", "alice"),
       .attributes = in_acme,
       .tags = {},
       .parents = {writ("Group", "billing-managers"), acme}},
      {.uid = writ("User", "carol"), .attributes = in_acme, .tags = {}, .parents = {acme}},
      {.uid = writ("Agent", "billing"), .attributes = in_acme, .tags = {}, .parents = {acme}},
      {.uid = writ("Workflow", "refund"), .attributes = {}, .tags = {}, .parents = {acme}},
      {.uid = writ("Step", "refund/settle"),
       .attributes = {},
       .tags = {},
       .parents = {writ("Workflow", "refund")}},
      {.uid = writ("ToolServer", "billing"), .attributes = in_acme, .tags = {}, .parents = {acme}},
      {.uid = action("tool.call"), .attributes = {}, .tags = {}, .parents = {}},
      {.uid = action("tool.read"), .attributes = {}, .tags = {}, .parents = {action("tool.call")}},
      {.uid = action("tool.write"), .attributes = {}, .tags = {}, .parents = {action("tool.call")}},
      {.uid = action("tool.money"),
       .attributes = {},
       .tags = {},
       .parents = {action("tool.write")}},
      {.uid = action("billing.refund.preview"),
       .attributes = {},
       .tags = {},
       .parents = {action("tool.read")}},
      {.uid = action("billing.refund.execute"),
       .attributes = {},
       .tags = {},
       .parents = {action("tool.money")}},
  });
  EXPECT_TRUE(entities) << entities.error().to_string();
  return *std::move(entities);
}

class RefundStory : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = testing_data("cedar/draft/broker.cedar");
    if (!path) GTEST_SKIP() << "the test data directory has no cedar/draft";
    std::ifstream in(*path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto policies = parse_policies(text, "broker.cedar");
    ASSERT_TRUE(policies) << policies.error().to_string();
    policies_ = *std::move(policies);
  }

  Entity run() const {
    return {.uid = run_,
            .attributes = {{"agent", writ("Agent", "billing")},
                           {"workspace", writ("Workspace", "acme")},
                           {"user", writ("User", "alice")},
                           {"grant", Record{{"delegator", writ("User", "alice")},
                                            {"delegate", writ("Agent", "billing")},
                                            {"expires", *Datetime::parse("2026-01-02T04:00:00Z")}}},
                           {"depth", 2},
                           {"ends", *Datetime::parse("2026-01-02T04:00:00Z")}},
            .tags = {},
            .parents = {writ("Agent", "billing"), writ("Step", "refund/settle"),
                        writ("Workspace", "acme")}};
  }
  static Record context(std::int64_t amount, const char* now = "2026-01-02T03:04:05Z") {
    return {{"session", Record{{"now", *Datetime::parse(now)}}},
            {"input", Record{{"amount", amount}, {"currency", "EUR"}, {"invoice", "i-1"}}}};
  }
  Response ask(const EntityUid& principal, const std::string& tool, Record with) const {
    return ask(principal, tool, std::move(with), run());
  }
  Response ask(const EntityUid& principal, const std::string& tool, Record with,
               const Entity& acting) const {
    const auto entities = directory_.with({acting});
    EXPECT_TRUE(entities);
    return authorize({.principal = principal,
                      .action = action(tool),
                      .resource = writ("ToolServer", "billing"),
                      .context = std::move(with)},
                     policies_, *entities);
  }
  static Ids ids(const std::vector<const Policy*>& policies) {
    Ids out;
    for (const Policy* policy : policies) out.push_back(policy->id());
    return out;
  }
  static Ids groups(const Response& response) {
    Ids out;
    for (const Policy* policy : response.forbids) {
      const std::string* group = policy->annotation("needs_approval");
      out.push_back(group != nullptr ? *group : "-");
    }
    return out;
  }

  const EntityUid run_ = writ("Run", "run_1");
  PolicySet policies_;
  Entities directory_ = directory();
};

TEST_F(RefundStory, TheUsersOwnAuthorityIsADecisionOfItsOwn) {
  const Response alice = ask(writ("User", "alice"), "billing.refund.execute", context(50'000));
  EXPECT_EQ(alice.decision, Decision::allow);
  EXPECT_EQ(ids(alice.permits), Ids{"billing-managers-may-refund"});
  EXPECT_EQ(ask(writ("User", "carol"), "billing.refund.execute", context(50'000)).decision,
            Decision::deny);
}

TEST_F(RefundStory, TheRunPreviews) {
  const Response response = ask(run_, "billing.refund.preview", context(50'000));
  EXPECT_EQ(response.decision, Decision::allow);
  EXPECT_EQ(ids(response.permits), Ids{"billing-agent-previews"});
  EXPECT_TRUE(response.errors.empty());
}

TEST_F(RefundStory, MoneyAsksFinanceAndMuchMoneyControllersToo) {
  const Response small = ask(run_, "billing.refund.execute", context(100'000));
  EXPECT_EQ(small.decision, Decision::deny);
  EXPECT_EQ(ids(small.permits), Ids{"billing-agent-refunds-small"});
  EXPECT_EQ(groups(small), Ids{"finance"});
  EXPECT_EQ(groups(ask(run_, "billing.refund.execute", context(100'001))),
            (Ids{"finance", "controllers"}));
  EXPECT_TRUE(ask(run_, "billing.refund.execute", context(500'001)).permits.empty());
  EXPECT_TRUE(ask(run_, "billing.refund.execute", context(0)).permits.empty());
}

TEST_F(RefundStory, ARunDoesNotInheritItsUsersPermits) {
  EXPECT_FALSE(directory_.with({run()})->is_in(run_, writ("Group", "billing-managers")));
  EXPECT_TRUE(ask(run_, "billing.other", context(1)).permits.empty());
}

TEST_F(RefundStory, AnExpiredGrantOrAForeignDelegateForbids) {
  EXPECT_EQ(ids(ask(run_, "billing.refund.preview", context(1, "2026-01-02T04:00:00Z")).forbids),
            Ids{"delegation-is-whole-and-alive"});
  Entity foreign = run();
  foreign.attributes.set("grant", Record{{"delegator", writ("User", "carol")},
                                         {"delegate", writ("Agent", "billing")},
                                         {"expires", *Datetime::parse("2026-01-02T04:00:00Z")}});
  EXPECT_EQ(ids(ask(run_, "billing.refund.preview", context(1), foreign).forbids),
            Ids{"delegation-is-whole-and-alive"});
}

TEST_F(RefundStory, AnErrorIsReportedForTheCallerToDeny) {
  Entity broken = run();
  broken.attributes.set("workspace", 7);
  Record with = context(1);
  with.set("input", Record{{"currency", "EUR"}});
  const Response response = ask(run_, "billing.refund.preview", with, broken);
  EXPECT_EQ(response.decision, Decision::deny);
  ASSERT_EQ(response.errors.size(), 1U);
  EXPECT_EQ(response.errors[0].policy->id(), "billing-agent-previews");
}

}  // namespace
}  // namespace writ::cedar
