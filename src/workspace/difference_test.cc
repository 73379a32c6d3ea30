// SPDX-License-Identifier: Apache-2.0
#include "workspace/difference.h"

#include <algorithm>
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"

namespace writ::workspace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Documents that say everything a document can say, once. "#KEYS path" stands where a test puts a
// key that nobody knows.
Documents everything() {
  return {{"workspace.toml", R"(name = "acme"
#KEYS
[groups]
finance = "Approve money"
staff = "All of us"
[users.ada]
#KEYS users.*
display = "Ada"
groups = ["finance"]
roles = ["admin"]
[users.bob]
provider = "corp"
subject = "00u1"
[providers.corp]
#KEYS providers.*
issuer = "https://login.example.com"
jwks_uri = "https://login.example.com/keys"
algorithms = ["RS256"]
client_ids = { billing = "writ-billing" }
allow_addresses = ["10.1.0.0/16"]
[approvals]
#KEYS approvals
request_life = "20m"
approval_life = "6m"
back_off = "3m"
proposal_life = "2h"
apply = "finance"
)"},
          {"agents/billing.toml", R"(role = "Settles refunds"
#KEYS
owner = "ada"
sender = "bearer"
[ceiling]
#KEYS ceiling
use = [{ tool = "billing.refund.execute", where = { amount = { max = 500 } } }]
delegate = ["billing.invoice.read"]
[[keys]]
kty = "OKP"
crv = "Ed25519"
x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
)"},
          {"workflows/refund.toml", R"(description = "Refunds"
#KEYS
[[steps]]
#KEYS steps.*
name = "settle"
agent = "billing"
life = "15m"
starts = true
for = "either"
use = ["billing.invoice.read"]
delegate = ["billing.invoice.read"]
delegates_to = ["settle"]
)"},
          {"tools/billing.toml", R"(kind = "http"
#KEYS
url = "https://billing.example.com"
environment = "production"
allow_addresses = ["10.2.0.0/16"]
ca_file = "/etc/ca.pem"
[credential]
#KEYS credential
name = "billing-api-key"
header = "Authorization"
prefix = "Bearer "
[timeouts]
#KEYS timeouts
connect = "6s"
first_byte = "31s"
idle = "31s"
total = "200s"
[limits]
#KEYS limits
request_bytes = 1000
response_bytes = 2000
["$defs".Money]
type = "integer"
[[operations]]
#KEYS operations.*
name = "billing.invoice.read"
effect = "read"
description = "Reads"
method = "GET"
path = "/v1/invoices/{invoice}"
credential = false
response_headers = ["x-total"]
[operations.arguments]
invoice = { type = "string", maxLength = 20 }
[[operations]]
name = "billing.refund.execute"
effect = "money"
title = "Refund {amount}"
method = "POST"
path = "/v1/refunds"
body = "json"
requires = ["billing.invoice.read"]
compensable = false
idempotency_header = "Idempotency-Key"
redact = false
outcomes = { 409 = "failed" }
[operations.arguments]
amount = { type = "integer", minimum = 1, maximum = 900 }
invoice = { type = "string" }
)"},
          {"policies/a.cedar", R"(@id("staff-may")
permit (principal in Writ::Group::"staff", action, resource);
@id("ask-finance")
@needs_approval("finance")
forbid (principal is Writ::Run, action, resource) when { context.input.amount > 10 };
)"}};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

std::vector<Change> from_to(const Documents& before, const Documents& after) {
  const Stated stated{before};
  return difference(&stated, {after});
}

// "WIDENS user ada: roles: operator" for one replacement in one document.
std::vector<std::string> seen(const std::string& path, std::string_view from, std::string_view to) {
  auto documents = everything();
  documents[path] = replaced(documents[path], from, to);
  std::vector<std::string> out;
  for (const auto& change : from_to(everything(), documents)) {
    out.push_back(std::string(name(change.effect)) + " " + std::string(name(change.how)) + " " +
                  change.what + (change.detail.empty() ? "" : ": " + change.detail));
  }
  return out;
}

std::string document_of(std::string_view path) {
  return std::string(path.find('/') == path.npos ? path : path.substr(0, path.find('/')));
}

// The keys that a parser knows at a place, by its own word.
std::vector<std::string> known_at(const Documents& documents, const std::string& path,
                                  std::string_view marker) {
  auto asked = documents;
  asked[path] = replaced(asked[path], marker, "zzz = 1\n");
  FakeClock clock;
  FakeRandom random;
  const auto built = build_version(WorkspaceId(), 1, asked, {}, clock, random);
  if (built) return {};
  std::vector<std::string> out;
  for (const auto& problem : built.error()) {
    constexpr std::string_view kKnown = "known here: ";
    if (!problem.hint.starts_with(kKnown)) continue;
    std::string_view rest = std::string_view(problem.hint).substr(kKnown.size());
    while (!rest.empty()) {
      const auto comma = rest.find(", ");
      out.emplace_back(rest.substr(0, comma));
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 2);
    }
  }
  return out;
}

TEST(Difference, P40_EveryKeyThatADocumentCanHaveHasAClass) {
  const auto documents = everything();
  std::size_t places = 0;
  for (const auto& [path, text] : documents) {
    for (auto at = text.find("#KEYS"); at != text.npos; at = text.find("#KEYS", at + 1)) {
      const auto end = text.find('\n', at);
      const auto marker = text.substr(at, end + 1 - at);
      const auto around = marker.size() > 7 ? marker.substr(6, marker.size() - 7) : std::string();
      const auto known = known_at(documents, path, marker);
      EXPECT_FALSE(known.empty()) << path << " " << marker;
      for (const auto& key : known) {
        EXPECT_TRUE(has_class(document_of(path), around.empty() ? key : around + "." + key))
            << path << ": a change of " << around << " " << key
            << " has no class: give it a row in difference.cc";
      }
      ++places;
    }
  }
  EXPECT_EQ(places, 13U);
  EXPECT_FALSE(has_class("agents", "budget"));
}

// Line by line: whatever is left out or comes in is told, and widens in one direction at least,
// unless it is one of the texts that only inform.
TEST(Difference, P40_NothingThatADocumentSaysIsPassedOver) {
  constexpr auto kTexts = std::to_array<std::string_view>(
      {"groups.*", "users.*.display", "description", "operations.*.description"});
  for (const auto& [path, text] : everything()) {
    if (path.starts_with("policies/")) continue;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      const auto line = text.substr(at, end + 1 - at);
      at = end + 1;
      if (line.starts_with('#') || line.starts_with('[') || line.starts_with("name = ") ||
          line.starts_with("kty") || line.starts_with("crv") || line.starts_with("x = "))
        continue;
      auto without = everything();
      without[path] = replaced(without[path], line, "");
      const auto gone = from_to(everything(), without);
      const auto come = from_to(without, everything());
      EXPECT_FALSE(gone.empty()) << line;
      EXPECT_FALSE(come.empty()) << line;
      for (const auto& change : gone) {
        EXPECT_NE(change.key, "text") << line;
        EXPECT_TRUE(has_class(document_of(path), change.key)) << change.key;
      }
      const bool text_only = std::ranges::find(kTexts, gone[0].key) != kTexts.end();
      EXPECT_EQ(widens(gone) || widens(come), !text_only) << line;
    }
  }
}

TEST(Difference, P40_WhatWidensAUsersPlaceIsMarked) {
  const std::string root = "workspace.toml";
  EXPECT_THAT(seen(root, R"(["admin"])", R"(["admin", "operator"])"),
              ElementsAre("widens added user ada: roles: operator"));
  EXPECT_THAT(seen(root, R"(["admin"])", "[]"),
              ElementsAre("narrows removed user ada: roles: admin"));
  EXPECT_THAT(seen(root, R"(["finance"])", R"(["finance", "staff"])"),
              ElementsAre("widens added user ada: groups: staff"));
  EXPECT_THAT(seen(root, "[users.bob]", "[users.mallory]\nroles = [\"admin\"]\n[users.bob]"),
              ElementsAre("widens added user mallory", "widens added user mallory: roles: admin"));
  EXPECT_THAT(seen(root, "[users.bob]\nprovider = \"corp\"\nsubject = \"00u1\"\n", ""),
              ElementsAre("narrows removed user bob"));
  EXPECT_THAT(seen(root, "00u1", "00u2"),
              ElementsAre("widens changed user bob: subject: \"00u1\" → \"00u2\""));
  EXPECT_THAT(seen(root, "\"Ada\"", "\"Bob\""),
              ElementsAre("informs changed user ada: display: \"Ada\" → \"Bob\""));
}

// Who leaves a group may be forbidden less.
TEST(Difference, P40_LeavingAGroupNarrowsOnlyWhereNoPolicyForbidsTheGroup) {
  const auto leave = [](const Documents& documents) {
    auto after = documents;
    after["workspace.toml"] =
        replaced(after["workspace.toml"], R"(groups = ["finance"])", "groups = []");
    const auto changes = from_to(documents, after);
    return changes.size() == 1 ? name(changes[0].effect) : "several";
  };
  auto documents = everything();
  EXPECT_EQ(leave(documents), "narrows");
  auto& policies = documents["policies/a.cedar"];
  policies += "@id(\"f\") permit (principal in Writ::Group::\"finance\", action, resource);\n";
  EXPECT_EQ(leave(documents), "narrows");
  const auto plain = policies;
  policies += "@id(\"g\") forbid (principal in Writ::Group::\"finance\", action, resource);\n";
  EXPECT_EQ(leave(documents), "widens");
  policies = plain +
             "@id(\"g\") permit (principal, action, resource) unless { principal in "
             "Writ::Group::\"finance\" };\n";
  EXPECT_EQ(leave(documents), "widens");
}

TEST(Difference, P40_WhoDecidesAppliesWidensHoweverItChanges) {
  const std::string line = "apply = \"finance\"\n";
  const std::string root = "workspace.toml";
  auto without = everything();
  without[root] = replaced(without[root], line, "");
  const auto set = from_to(without, everything());
  ASSERT_EQ(set.size(), 1U);
  EXPECT_EQ(set[0].key, "approvals.apply");
  EXPECT_EQ(set[0].effect, Effect::widens);
  EXPECT_THAT(seen(root, line, ""), ElementsAre("widens removed workspace: apply: \"finance\""));
  EXPECT_THAT(seen(root, line, "apply = \"staff\"\n"),
              ElementsAre("widens changed workspace: apply: \"finance\" → \"staff\""));
}

TEST(Difference, P40_BoundsTimesAndNumbersSayWhichWayTheyGo) {
  EXPECT_THAT(seen("workspace.toml", "\"20m\"", "\"15m\""),
              ElementsAre("narrows narrower workspace: request_life: \"20m\" → \"15m\""));
  EXPECT_THAT(seen("workspace.toml", "\"20m\"", "\"7d\""),
              ElementsAre("widens wider workspace: request_life: \"20m\" → \"7d\""));
  // What is not said is compared as what it means.
  EXPECT_THAT(seen("workspace.toml", "request_life = \"20m\"\n", ""),
              ElementsAre("narrows narrower workspace: request_life: \"20m\" → \"15m\""));
  EXPECT_THAT(seen("workspace.toml", "\"3m\"", "\"1m\""),
              ElementsAre("widens wider workspace: back_off: \"3m\" → \"1m\""));
  const std::string agent = "agents/billing.toml";
  EXPECT_THAT(seen(agent, ", where = { amount = { max = 500 } }", ""),
              ElementsAre("widens wider agent billing: use: billing.refund.execute where "
                          "{\"amount\":{\"max\":500}} → billing.refund.execute"));
  EXPECT_THAT(seen(agent, "max = 500", "max = 400"),
              testing::Contains(testing::StartsWith("narrows")));
  EXPECT_THAT(seen(agent, "delegate = [", "delegate = [\"billing.refund.execute\", "),
              ElementsAre("widens added agent billing: delegate: billing.refund.execute"));
  EXPECT_THAT(seen(agent, "\"bearer\"", "\"dpop\""),
              ElementsAre("narrows narrower agent billing: sender: \"bearer\" → \"dpop\""));
  EXPECT_THAT(seen("tools/billing.toml", "maximum = 900", "maximum = 1000"),
              ElementsAre("widens wider operation billing.refund.execute: "
                          "arguments.amount.maximum: 900 → 1000"));
  EXPECT_THAT(seen("tools/billing.toml", "https://billing", "https://evil"),
              ElementsAre("widens changed tool server billing: url: "
                          "\"https://billing.example.com\" → \"https://evil.example.com\""));
  EXPECT_THAT(
      seen("tools/billing.toml", "redact = false", "redact = true"),
      ElementsAre("narrows narrower operation billing.refund.execute: redact: false → true"));
}

TEST(Difference, P40_ANewAgentKeyWidensAndALostOneNarrows) {
  const std::string key =
      "[[keys]]\nkty = \"OKP\"\ncrv = \"Ed25519\"\nx = "
      "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"\n";
  const auto gone = seen("agents/billing.toml", key, "");
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_THAT(gone[0], testing::StartsWith("narrows removed agent billing: keys: "));
  const auto other = seen("agents/billing.toml", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                          "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw");
  ASSERT_EQ(other.size(), 2U);
  EXPECT_THAT(other[0], testing::StartsWith("widens added agent billing: keys: "));
}

TEST(Difference, P40_EachPolicyIsToldByItsIdWithItsLinesAndWhomItAsks) {
  auto documents = everything();
  documents["policies/a.cedar"] =
      replaced(documents["policies/a.cedar"], "@needs_approval(\"finance\")\n", "");
  auto changes = from_to(everything(), documents);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].what, "policy ask-finance");
  EXPECT_EQ(changes[0].detail, "no longer asks finance");
  EXPECT_EQ(changes[0].effect, Effect::widens);
  EXPECT_THAT(changes[0].lines, testing::Contains("- @needs_approval(\"finance\")"));

  changes = from_to(documents, everything());
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].detail, "asks finance");

  const auto effect_of = [](std::string_view added) {
    auto after = everything();
    after["policies/b.cedar"] = added;
    const auto come = from_to(everything(), after);
    const auto gone = from_to(after, everything());
    EXPECT_EQ(come.size(), 1U);
    EXPECT_EQ(gone.size(), 1U);
    return std::string(name(come[0].effect)) + " " + std::string(name(gone[0].effect));
  };
  EXPECT_EQ(effect_of("@id(\"b\") permit (principal, action, resource);"), "widens narrows");
  // One that could fail has refused.
  EXPECT_EQ(effect_of("@id(\"b\") permit (principal, action, resource) when { context.a };"),
            "widens widens");
  EXPECT_EQ(effect_of("@id(\"b\") forbid (principal, action, resource);"), "narrows widens");
}

TEST(Difference, WhatDiffersInTextAloneInforms) {
  auto documents = everything();
  documents["agents/billing.toml"] += "# a comment\n";
  documents["policies/a.cedar"] += "// a comment\n";
  const auto changes = from_to(everything(), documents);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_FALSE(widens(changes));
  EXPECT_THAT(from_to(everything(), everything()), IsEmpty());
}

TEST(Difference, P40_AWholeNewWorkspaceWidens) {
  const auto documents = everything();
  EXPECT_TRUE(widens(difference(nullptr, {documents})));
}

TEST(Difference, P39_TheFirstApplyUnderTheRuleNamesEachStepThatDidNotSay) {
  auto documents = everything();
  auto& text = documents["workflows/refund.toml"];
  text = replaced(text, "for = \"either\"\n", "");
  const Stated before{documents, Rules::first};
  const auto changes = difference(&before, {documents});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].what, "step refund/settle");
  EXPECT_EQ(changes[0].detail, "for: \"either\" → \"user\"");
  EXPECT_EQ(changes[0].effect, Effect::narrows);
}

}  // namespace
}  // namespace writ::workspace
