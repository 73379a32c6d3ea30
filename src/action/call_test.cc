// SPDX-License-Identifier: Apache-2.0
#include "action/call.h"

#include <concepts>
#include <type_traits>

#include <gtest/gtest.h>

#include "action/test_steps.h"
#include "wire/canonical.h"

namespace writ::action {
namespace {

// Each step is made by the step before it, or not at all: these hold or nothing compiles.
static_assert(!std::default_initializable<AuthenticatedCall>);
static_assert(!std::default_initializable<ProposedAction>);
static_assert(!std::default_initializable<AuthorizedAction>);
static_assert(!std::default_initializable<RecordedAction>);
static_assert(!std::constructible_from<ProposedAction, AuthenticatedCall>);
static_assert(!std::constructible_from<AuthorizedAction, ProposedAction>);
static_assert(!std::constructible_from<RecordedAction, AuthorizedAction, std::uint64_t,
                                       std::optional<ApprovalId>>);
static_assert(!std::is_aggregate_v<AuthenticatedCall> && !std::is_aggregate_v<ProposedAction> &&
              !std::is_aggregate_v<AuthorizedAction> && !std::is_aggregate_v<RecordedAction>);
// One intent is one key to the vault.
static_assert(!std::copy_constructible<RecordedAction> && std::movable<RecordedAction>);

delegation::Lineage lineage() {
  auto run = std::make_shared<delegation::Run>();
  run->id = RunId(id_detail::Raw{1});
  run->workspace = WorkspaceId(id_detail::Raw{2});
  run->agent = AgentId(id_detail::Raw{3});
  run->user = UserId(id_detail::Raw{4});
  return {{run}};
}

const JsonObject kRefund{{"invoice", "inv_1"}, {"amount", 12000}, {"currency", "EUR"}};

TEST(ProposedAction, P12_ItStatesTheCallAsItWillBeSent) {
  const Account account{.credential = CredentialId(id_detail::Raw{6}), .generation = 3};
  const auto server = billing_server(ServerId(id_detail::Raw{5}));
  const auto action = propose_refund(lineage(), kRefund, "key-1", server, account);
  const auto stated = parse_json_object(action.statement()).value();
  EXPECT_EQ(stated.at("run"), Json(action.call().run().id.to_string()));
  EXPECT_EQ(stated.at("agent"), Json(action.call().run().agent.to_string()));
  EXPECT_EQ(stated.at("user"), Json(action.call().run().user->to_string()));
  EXPECT_EQ(stated.at("workspace"), Json(action.call().run().workspace.to_string()));
  EXPECT_EQ(stated.at("tool"), Json("billing.refund.execute"));
  EXPECT_EQ(stated.at("server"), Json(server->id().to_string()));
  EXPECT_EQ(stated.at("method"), Json(action.request().method));
  EXPECT_EQ(stated.at("target"), Json("/v1/invoices/inv_1/refunds"));
  EXPECT_EQ(stated.at("arguments"), Json(action.request().arguments));
  EXPECT_EQ(stated.at("credential"), Json(account.credential.to_string()));
  EXPECT_EQ(stated.at("generation"), Json(3));
  EXPECT_EQ(stated.at("idempotency_key"), Json("key-1"));
  EXPECT_EQ(action.digest(), action_digest(action.statement()));
}

TEST(ProposedAction, P12_TheSameCallIsTheSameActionWhateverItsId) {
  EXPECT_EQ(propose_refund(lineage(), kRefund).digest(),
            propose_refund(lineage(), kRefund).digest());
}

// failures.md 24: another definition of the tool is another action, though the request is the same.
TEST(ProposedAction, P12_AnotherDefinitionOfTheToolIsAnotherAction) {
  const ServerId id(id_detail::Raw{5});
  const auto before = propose_refund(lineage(), kRefund, "key-1", billing_server(id));
  const auto after = propose_refund(lineage(), kRefund, "key-1",
                                    billing_server(id, "Read {invoice}, {amount}, {currency}"));
  EXPECT_NE(before.digest(), after.digest());
  EXPECT_EQ(before.likeness(), after.likeness());
}

TEST(ProposedAction, P12_ARotationKeepsTheActionAndAnotherAccountDoesNot) {
  const auto with = [](Account account) {
    return propose_refund(lineage(), kRefund, "key-1", nullptr, account).digest();
  };
  const CredentialId credential(id_detail::Raw{6});
  EXPECT_EQ(with({credential, 1}), with({credential, 1}));
  EXPECT_NE(with({credential, 1}), with({credential, 2}));
  EXPECT_NE(with({credential, 1}), with({CredentialId(id_detail::Raw{7}), 1}));
}

TEST(ProposedActionDeathTest, AnOperationOfAnotherServerIsABug) {
  const auto one = billing_server(ServerId(id_detail::Raw{5}));
  const auto other = billing_server(ServerId(id_detail::Raw{6}));
  auto request =
      tools::render_request(*one->find_operation("billing.refund.execute"), kRefund).value();
  EXPECT_DEATH(
      ProposedAction::propose(broker::Authenticator::authenticate(lineage(), TimePoint()),
                              ActionId(), "acme", other, request, std::nullopt, std::nullopt),
      "find_operation");
}

}  // namespace
}  // namespace writ::action
