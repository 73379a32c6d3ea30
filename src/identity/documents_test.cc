// SPDX-License-Identifier: Apache-2.0
#include "identity/documents.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/es256.h"
#include "wire/toml.h"

namespace writ::identity {
namespace {

UserId id_of(std::string_view name) {
  id_detail::Raw raw{1};
  std::copy_n(name.begin(), std::min<std::size_t>(name.size(), 15), raw.begin() + 1);
  return UserId(raw);
}

Json toml(std::string_view text) {
  auto document = parse_toml(text, "test.toml");
  EXPECT_TRUE(document.has_value()) << document.error().to_string();
  return document ? document->value() : Json();
}

WorkspaceDocument workspace(std::string_view text) {
  auto parsed = parse_workspace(toml(text), id_of);
  EXPECT_TRUE(parsed.has_value()) << parsed.error().to_string();
  return parsed.value_or(WorkspaceDocument());
}
std::string refused(std::string_view text) {
  auto parsed = parse_workspace(toml(text), id_of);
  EXPECT_FALSE(parsed.has_value()) << text;
  return parsed ? "" : parsed.error().where;
}

constexpr std::string_view kWhole = R"(
name = "acme"
[groups]
finance = "Approve"
billing = "Bill"
[users.alice]
display = "Alice Archer"
groups = ["finance", "billing"]
roles = ["admin", "auditor"]
[users.bob]
provider = "corp"
subject = "00u1"
[providers.corp]
issuer = "https://login.example.com"
algorithms = ["RS256", "ES256"]
client_ids = { planner = "writ-planner", billing = "writ-billing" }
[approvals]
request_life = "1h"
)";

TEST(WorkspaceDocument, AWholeOneIsRead) {
  const auto acme = workspace(kWhole);
  EXPECT_EQ(acme.name, "acme");
  ASSERT_EQ(acme.users.size(), 2U);
  const User& alice = acme.users[0];
  EXPECT_EQ(alice.id, id_of("alice"));
  EXPECT_EQ(alice.display_name, "Alice Archer");
  EXPECT_TRUE(alice.is_local());
  EXPECT_EQ(alice.subject, "alice");
  EXPECT_EQ(alice.groups, (std::vector<std::string>{"billing", "finance"}));
  EXPECT_TRUE(alice.in_group("finance"));
  EXPECT_FALSE(alice.in_group("fin"));
  EXPECT_TRUE(alice.has_role(Role::admin));
  EXPECT_FALSE(alice.has_role(Role::operator_));
  const User& bob = acme.users[1];
  EXPECT_FALSE(bob.is_local());
  EXPECT_EQ(bob.issuer, "https://login.example.com");
  EXPECT_EQ(bob.subject, "00u1");
  EXPECT_TRUE(bob.groups.empty());
  ASSERT_EQ(acme.providers.size(), 1U);
  EXPECT_EQ(*acme.providers[0].client_id_of("planner"), "writ-planner");
  EXPECT_EQ(acme.providers[0].client_id_of("support"), nullptr);
  EXPECT_EQ(acme.approvals.request_life, std::chrono::hours(1));
  EXPECT_EQ(acme.approvals.approval_life, std::chrono::minutes(5));
  ASSERT_EQ(acme.groups.size(), 2U);
  EXPECT_EQ(acme.groups[0].name, "billing");
}

TEST(WorkspaceDocument, WhatIsUnknownOrMistypedIsRefusedWithItsPlace) {
  EXPECT_EQ(refused(R"(groups = {})"), "/name");
  EXPECT_EQ(refused(R"(name = "Acme")"), "/name");
  EXPECT_EQ(refused("name = \"acme\"\ngroup = {}"), "/group");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\ngroups = [\"finance\"]"),
            "/users/alice/groups/0");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\nrole = [\"admin\"]"), "/users/alice/role");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\nroles = [\"approver\"]"),
            "/users/alice/roles/0");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\nroles = [\"admin\", \"admin\"]"),
            "/users/alice/roles/1");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\nsubject = \"x\""), "/users/alice");
  EXPECT_EQ(refused("name = \"acme\"\n[users.alice]\nsubject = \"x\"\nprovider = \"corp\""),
            "/users/alice/provider");
  EXPECT_EQ(refused("name = \"acme\"\n[approvals]\nrequest_life = \"0s\""),
            "/approvals/request_life");
  EXPECT_EQ(refused("name = \"acme\"\n[approvals]\nrequest_life = \"30d\""),
            "/approvals/request_life");
  EXPECT_EQ(refused("name = \"acme\"\n[approvals]\nlife = \"1h\""), "/approvals/life");
  EXPECT_EQ(refused("name = \"acme\"\n[approvals]\napply = \"finance\""), "/approvals/apply");
}

// failures.md 13
TEST(WorkspaceDocument, ANameWithACapitalSeparatorPatternOrNulIsRefused) {
  for (const char* bad :
       {"Alice", "alice ", "a,b", "a*", "a/b", "a+b", "a.b", "1a", "-a", "", "\u00e4b", "a\nb"}) {
    EXPECT_FALSE(is_name(bad)) << bad;
  }
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_name(std::string(64, 'a')));
  EXPECT_TRUE(is_name(std::string(63, 'a')));
  EXPECT_TRUE(is_name("billing-managers_2"));
  EXPECT_EQ(refused("name = \"acme\"\n[users.Alice]\n"), "/users/Alice");
  EXPECT_EQ(refused("name = \"acme\"\n[groups]\n\"a/b\" = \"\""), "/groups/a~1b");
}

TEST(WorkspaceDocument, P6_TwoAgentsNeverShareAClientAtAProvider) {
  EXPECT_EQ(refused(R"(
name = "acme"
[providers.corp]
issuer = "https://login.example.com"
algorithms = ["ES256"]
client_ids = { billing = "one", planner = "one" }
)"),
            "/providers/corp/client_ids/planner");
}

TEST(WorkspaceDocument, P6_TwoUsersNeverShareASubjectNorTwoProvidersAnIssuer) {
  constexpr std::string_view provider = R"(
issuer = "https://login.example.com"
algorithms = ["ES256"]
client_ids = { billing = "one" }
)";
  const std::string one = "name = \"acme\"\n[providers.corp]" + std::string(provider);
  EXPECT_EQ(refused(one + R"(
[users.alice]
provider = "corp"
subject = "1"
[users.bob]
provider = "corp"
subject = "1"
)"),
            "/users/bob/subject");
  EXPECT_EQ(refused(one + "[providers.other]" + std::string(provider)), "/providers/other/issuer");
}

TEST(WorkspaceDocument, AProviderNeedsHttpsAndNamesItsAlgorithms) {
  const auto with = [](std::string_view issuer, std::string_view algorithms) {
    return "name = \"acme\"\n[providers.p]\nissuer = \"" + std::string(issuer) +
           "\"\nalgorithms = " + std::string(algorithms) + "\nclient_ids = {}";
  };
  EXPECT_EQ(refused(with("http://login.example.com", R"(["ES256"])")), "/providers/p/issuer");
  EXPECT_EQ(refused(with("http://127.0.0.1.example.com", R"(["ES256"])")), "/providers/p/issuer");
  EXPECT_EQ(refused(with("http://127.0.0.1:8600", R"(["ES256"])")), "/providers/p/issuer");
  EXPECT_EQ(refused(with("https://a.example", "[]")), "/providers/p/algorithms");
  EXPECT_EQ(refused(with("https://a.example", R"(["none"])")), "/providers/p/algorithms/0");
  EXPECT_EQ(refused(with("https://a.example", R"(["HS256"])")), "/providers/p/algorithms/0");
  EXPECT_EQ(refused(with("https://a.example", R"(["ES256","ES256"])")),
            "/providers/p/algorithms/1");
}

TEST(WorkspaceDocument, P19_AProviderOnAPrivateAddressIsNamedByIt) {
  const auto with = [](std::string_view issuer, std::string_view addresses) {
    return "name = \"acme\"\n[providers.p]\nissuer = \"" + std::string(issuer) +
           "\"\nalgorithms = [\"ES256\"]\nclient_ids = {}\nallow_addresses = " +
           std::string(addresses);
  };
  const auto local = workspace(with("http://127.0.0.1:8600", R"(["127.0.0.1/32"])"));
  EXPECT_EQ(local.providers.at(0).allow_addresses, std::vector<std::string>{"127.0.0.1/32"});
  EXPECT_EQ(refused(with("http://127.0.0.1:8600", R"(["127.0.0.2/32"])")), "/providers/p/issuer");
  EXPECT_EQ(refused(with("http://127.0.0.1:8600", "[]")), "/providers/p/issuer");
  EXPECT_EQ(refused(with("https://idp.internal", R"(["10.1.0.1/16"])")),
            "/providers/p/allow_addresses/0");
  EXPECT_EQ(workspace(with("https://idp.internal", R"(["10.1.0.0/16"])")).providers.size(), 1U);
}

TEST(WorkspaceDocument, TooManyAreRefused) {
  std::string text = "name = \"acme\"\n";
  for (const char* user : {"a", "b", "c"}) text += "[users." + std::string(user) + "]\n";
  EXPECT_EQ(parse_workspace(toml(text), id_of, {.users = 2}).error().code, Errc::too_large);
}

TEST(WorkspaceDocument, ItsNameIsFoundWithoutReadingMore) {
  EXPECT_EQ(parse_workspace_name(toml("name = \"acme\"\nwhat = 1")).value(), "acme");
  EXPECT_FALSE(parse_workspace_name(toml("name = \"A\"")).has_value());
}

class AgentDocument : public testing::Test {
 protected:
  FakeClock clock_;
  FakeRandom random_;
  AgentContext context_{.workspace = "acme",
                        .name = "billing",
                        .id = AgentId::make(clock_, random_),
                        .user = [](std::string_view name) -> std::optional<UserId> {
                          if (name != "alice") return std::nullopt;
                          return id_of(name);
                        }};
  Json document_ = toml("role = \"Settles\"\nowner = \"alice\"\nceiling = {}");

  Expected<Agent> parse() const { return parse_agent(document_, context_); }
};

TEST_F(AgentDocument, AWholeOneIsRead) {
  const auto key = jose::Jwk(crypto::Es256PrivateKey::generate().public_key());
  document_.get_object()["keys"] = JsonArray{key.to_json()};
  const auto agent = parse();
  ASSERT_TRUE(agent.has_value()) << agent.error().to_string();
  EXPECT_EQ(agent->id, context_.id);
  EXPECT_EQ(agent->client_id, "acme/billing");
  EXPECT_EQ(agent->owner, id_of("alice"));
  EXPECT_EQ(agent->sender, SenderConstraint::dpop);
  // A key without a kid is found by its thumbprint.
  ASSERT_NE(agent->keys.find(key.thumbprint()), nullptr);
  EXPECT_EQ(*agent->keys.find(key.thumbprint()), key);
}

TEST_F(AgentDocument, P8_ItIsSenderConstrainedUnlessItSaysOtherwise) {
  EXPECT_EQ(parse()->sender, SenderConstraint::dpop);
  document_.get_object()["sender"] = "bearer";
  EXPECT_EQ(parse()->sender, SenderConstraint::bearer);
  document_.get_object()["sender"] = "none";
  EXPECT_EQ(parse().error().where, "/sender");
}

TEST_F(AgentDocument, WithoutAKeyItHasNone) { EXPECT_TRUE(parse()->keys.empty()); }

TEST_F(AgentDocument, WhatDoesNotFitIsRefusedWithItsPlace) {
  const auto with = [&](std::string_view member, Json value) {
    Json changed = document_;
    changed.get_object()[member] = std::move(value);
    auto agent = parse_agent(changed, context_);
    return agent ? "accepted" : agent.error().where;
  };
  EXPECT_EQ(with("owner", "mallory"), "/owner");
  EXPECT_EQ(with("role", 1), "/role");
  EXPECT_EQ(with("tools", JsonArray()), "/tools");
  EXPECT_EQ(with("keys", JsonArray()), "/keys");
  EXPECT_EQ(with("keys", JsonArray{JsonObject{{"kty", "oct"}, {"k", "AAAA"}}}), "/keys/0");
  const auto key = jose::Jwk(crypto::Es256PrivateKey::generate().public_key()).to_json();
  EXPECT_EQ(with("keys", JsonArray{key, key}), "/keys/1");
  auto secret = key;
  secret["d"] = "AAAA";
  EXPECT_EQ(with("keys", JsonArray{secret}), "/keys/0");
  context_.name = "Billing";
  EXPECT_FALSE(parse().has_value());
}

TEST(ExampleDocuments, TheExampleWorkspaceAndItsAgentsAreRead) {
  const auto root = std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme";
  const auto read = [&](const char* file) {
    std::ifstream in(root / file);
    std::stringstream text;
    text << in.rdbuf();
    return toml(text.str());
  };
  const auto acme = parse_workspace(read("workspace.toml"), id_of);
  ASSERT_TRUE(acme.has_value()) << acme.error().to_string();
  for (const char* name : {"planner", "support", "billing"}) {
    const auto agent =
        parse_agent(read(("agents/" + std::string(name) + ".toml").c_str()),
                    {.workspace = acme->name,
                     .name = name,
                     .id = {},
                     .user = [&](std::string_view user) -> std::optional<UserId> {
                       const auto at = std::ranges::find(acme->users, user, &User::name);
                       return at == acme->users.end() ? std::nullopt : std::optional(at->id);
                     }});
    EXPECT_TRUE(agent.has_value()) << name << ": " << agent.error().to_string();
  }
}

TEST(Role, EachNameIsOneRole) {
  for (const Role role : {Role::admin, Role::operator_, Role::auditor}) {
    EXPECT_EQ(parse_role(name(role)).value(), role);
  }
  EXPECT_FALSE(parse_role("Admin").has_value());
  EXPECT_FALSE(parse_role("").has_value());
}

}  // namespace
}  // namespace writ::identity
