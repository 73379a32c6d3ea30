// SPDX-License-Identifier: Apache-2.0
// The matrix of who is refused what once a user, an agent, a key or a run is no longer there.
#include <gtest/gtest.h>

#include "broker/grants.h"
#include "broker/grants_testing.h"

namespace writ::broker {
namespace {

std::string refusal(const auto& result) {
  return result ? "granted"
                : std::string(name(result.error().code)) + " at " + result.error().where;
}

// Failures.md 6: {every grant, refresh, introspection} × {disabled user, agent, key, run, workspace
// version}.
struct Ending {
  const char* name;
  void (*end)(GrantsAcme&, RunId planner_run);
};
class Failures6 : public testing::TestWithParam<Ending> {
 protected:
  bool active(std::string_view agent, std::string_view token) {
    return acme_.run(acme_.grants().introspect(acme_.client(agent), SecretBytes::copy_of(token)))
        .value()
        .has_value();
  }
  GrantsAcme acme_;
};

void remove_planner(GrantsAcme& acme, RunId) {
  acme.documents().erase("agents/planner.toml");
  acme.documents().erase("workflows/refund.toml");
  acme.documents().at("policies/refund.cedar") = "";
  acme.apply();
}
void change_key(GrantsAcme& acme, RunId) {
  auto& text = acme.documents().at("agents/planner.toml");
  text.resize(text.find("\n[[keys]]"));
  const auto key = jose::Es256Signer(crypto::Es256PrivateKey::generate()).public_jwk();
  text += "\n[[keys]]\n";
  for (const auto& member : key.to_json())
    text += std::string(text_of(member)) + " = " + write_json(member.value()) + '\n';
  acme.apply();
}

INSTANTIATE_TEST_SUITE_P(
    , Failures6,
    testing::Values(Ending{"user", [](GrantsAcme& acme, RunId) { acme.disable("alice"); }},
                    Ending{"agent", remove_planner}, Ending{"key", change_key},
                    Ending{"run", [](GrantsAcme& acme, RunId run) { acme.revoke(run); }},
                    Ending{"run_durably",
                           [](GrantsAcme& acme, RunId run) { acme.end_record(run); }},
                    Ending{"life", [](GrantsAcme& acme,
                                      RunId) { acme.clock().advance(std::chrono::minutes(61)); }}),
    [](const auto& about) { return about.param.name; });

TEST_P(Failures6, EveryGrantIsDenied) {
  const std::string what = GetParam().name;
  const auto planner = acme_.start_run().value();
  const auto token = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  const auto support = acme_.take_over("support", token).value();
  const auto pending = acme_.hand_down("support", support, GrantsAcme::to_billing())->token.text;
  const auto again = acme_.hand_down("planner", planner, GrantsAcme::to_support())->token.text;
  const auto user_token = acme_.user_token();
  GetParam().end(acme_, planner.run);

  const auto client = [&] {
    return acme_.authenticate_client(acme_.assertion("planner"), acme_.proof(acme_.key("planner")));
  };
  // A removed agent and a removed key do not authenticate at all.
  const bool known = client().has_value();
  EXPECT_EQ(known, what != "agent" && what != "key");
  if (known) {
    EXPECT_FALSE(acme_.go_on("planner", planner.refresh));
    EXPECT_FALSE(acme_.hand_down("planner", planner, GrantsAcme::to_support()));
    if (what == "user" || what == "life") {
      EXPECT_EQ(refusal(acme_.start_with(SubjectKind::jwt, user_token)),
                what == "user" ? "denied at subject_token" : "unauthenticated at subject_token");
    }
    // Memory alone answers who asks; the durable end without it is what commits meet.
    if (what != "run_durably") EXPECT_FALSE(active("planner", planner.access.text));
    if (what != "run_durably") EXPECT_FALSE(active("planner", planner.refresh.reveal_text()));
  }
  // Nor does what was handed down live on; a key's end leaves the runs, by P8 their own key is
  // theirs.
  if (what != "key") {
    EXPECT_FALSE(acme_.go_on("support", support.refresh));
    EXPECT_FALSE(acme_.take_over("support", again));
    EXPECT_FALSE(acme_.take_over("billing", pending));
  }
}

}  // namespace
}  // namespace writ::broker
