// SPDX-License-Identifier: Apache-2.0
#include "cedar/policy_set.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cedar/authorizer.h"
#include "cedar/printer.h"

namespace writ::cedar {
namespace {

PolicySet parse(const std::string& text, const std::string& file = "p.cedar") {
  auto set = parse_policies(text, file);
  EXPECT_TRUE(set) << set.error().to_string();
  return *std::move(set);
}

const std::string kAny = "permit(principal, action, resource);";
const std::string kTemplate =
    "@id(\"t\") @note(\"n\") permit(principal in ?principal, action, resource == ?resource);";

TEST(PolicySet, IdsAreOfTheAnnotationOrThePlace) {
  const PolicySet set = parse(kAny + "@id(\"x\")" + kAny + kAny);
  ASSERT_EQ(set.policies().size(), 3U);
  EXPECT_EQ(set.policies()[0]->id(), "policy0");
  EXPECT_EQ(set.policies()[1]->id(), "x");
  EXPECT_EQ(set.policies()[2]->id(), "policy2");
  EXPECT_EQ(set.policies()[1]->body().place(), "p.cedar:1:37");
  EXPECT_EQ(set.find("x"), set.policies()[1].get());
  EXPECT_EQ(set.find("y"), nullptr);
}

TEST(PolicySet, ARepeatedIdIsRefusedWithBothPlaces) {
  const auto set = parse_policies("@id(\"x\")" + kAny + "\n@id(\"x\")" + kAny, "p");
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Errc::conflict);
  EXPECT_EQ(set.error().where, "p:2:1");
  EXPECT_NE(set.error().message.find("p:1:1"), std::string::npos);
  EXPECT_FALSE(parse_policies(kAny + "@id(\"policy0\")" + kAny, "p"));
  EXPECT_FALSE(parse_policies("@id(\"t\")" + kAny + kTemplate, "p"));
}

TEST(PolicySet, FilesCombineUnlessIdsRepeat) {
  const std::vector<PolicySet> good = {parse("@id(\"a\")" + kAny, "a"),
                                       parse("@id(\"b\")" + kAny, "b")};
  const auto both = PolicySet::combine(good);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->policies().size(), 2U);
  const std::vector<PolicySet> bad = {parse(kAny, "a"), parse(kAny, "b")};
  const auto refused = PolicySet::combine(bad);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, "b:1:1");
  EXPECT_NE(refused.error().hint.find("@id"), std::string::npos);
}

TEST(PolicySet, ATemplateIsNoPolicyUntilItIsLinked) {
  const PolicySet set = parse(kTemplate);
  EXPECT_TRUE(set.policies().empty());
  ASSERT_EQ(set.templates().size(), 1U);
  const EntityUid alice{"User", "alice"};
  const EntityUid doc{"Doc", "d"};
  const Request request{
      .principal = alice, .action = {"Action", "a"}, .resource = doc, .context = {}};
  EXPECT_EQ(authorize(request, set, Entities()).decision, Decision::deny);

  const std::vector<TemplateLink> links = {
      {.template_id = "t", .id = "link", .principal = alice, .resource = doc}};
  const auto linked = set.link(links);
  ASSERT_TRUE(linked) << linked.error().to_string();
  const Response response = authorize(request, *linked, Entities());
  EXPECT_EQ(response.decision, Decision::allow);
  ASSERT_EQ(response.permits.size(), 1U);
  EXPECT_EQ(response.permits[0]->id(), "link");
  EXPECT_EQ(response.permits[0]->body().id, "t");
  EXPECT_EQ(*response.permits[0]->annotation("note"), "n");
  Request other = request;
  other.principal.id = "bob";
  EXPECT_EQ(authorize(other, *linked, Entities()).decision, Decision::deny);
  EXPECT_TRUE(set.policies().empty());
}

TEST(PolicySet, LinkingRefusesMissingAndExtraSlotsAndTakenIds) {
  const PolicySet set = parse(
      kTemplate + "@id(\"p\") permit(principal == ?principal, action, resource);@id(\"x\")" + kAny);
  const EntityUid uid{"A", "a"};
  const auto links = [&](TemplateLink link) {
    const std::vector<TemplateLink> one = {std::move(link)};
    return set.link(one).has_value();
  };
  EXPECT_TRUE(links({"t", "l", uid, uid}));
  EXPECT_FALSE(links({"t", "l", uid, std::nullopt}));
  EXPECT_FALSE(links({"t", "l", std::nullopt, uid}));
  EXPECT_TRUE(links({"p", "l", uid, std::nullopt}));
  EXPECT_FALSE(links({"p", "l", uid, uid}));
  EXPECT_FALSE(links({"nope", "l", uid, uid}));
  EXPECT_FALSE(links({"x", "l", std::nullopt, std::nullopt}));
  EXPECT_FALSE(links({"t", "x", uid, uid}));
  EXPECT_FALSE(links({"t", "t", uid, uid}));
  const std::vector<TemplateLink> twice = {{"t", "l", uid, uid}, {"t", "l", uid, uid}};
  EXPECT_FALSE(set.link(twice));
}

TEST(Printer, PrintsPoliciesThatParseToEqualOnes) {
  for (const std::string& text :
       {kAny, kTemplate,
        std::string("@a @if(\"\\n\\\"\") forbid(principal is A::B in ?principal, action in "
                    "[Action::\"x\", N::Action::\"y\"], resource is C) when { true } unless { "
                    "principal has a.b && context[\"if\"] like \"a*\\*\" };"),
        std::string("forbid(principal == A::\"\\u{202e}\", action in Action::\"x\", resource in "
                    "D::\"d\");"),
        std::string("permit(principal, action == Action::\"x\", resource == ?resource);"),
        std::string("permit(principal, action in [], resource);")}) {
    const PolicySet first = parse(text);
    const Template& body =
        first.templates().empty() ? first.policies()[0]->body() : *first.templates()[0];
    const PolicySet again = parse(print(body));
    const Template& printed =
        again.templates().empty() ? again.policies()[0]->body() : *again.templates()[0];
    EXPECT_TRUE(printed == body) << print(body);
  }
}

}  // namespace
}  // namespace writ::cedar
