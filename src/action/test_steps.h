// SPDX-License-Identifier: Apache-2.0
// For tests of the rooms below policy/ and broker/: stand-ins for the friends that alone may make
// the step types. A test binary has either these or the real ones, never both.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "action/call.h"

namespace writ::broker {

class Authenticator {
 public:
  static action::AuthenticatedCall authenticate(delegation::Lineage lineage, TimePoint arrived) {
    action::AuthenticatedCall call;
    auto agent = std::make_shared<identity::Agent>();
    agent->id = lineage.run().agent;
    agent->name = lineage.run().agent_name;
    call.agent_ = std::move(agent);
    call.lineage_ = std::move(lineage);
    call.arrived_ = arrived;
    return call;
  }
};

class Calls {
 public:
  static action::RecordedAction record(action::AuthorizedAction authorized,
                                       std::uint64_t log_index = 0) {
    return {std::move(authorized), log_index, std::nullopt};
  }
};

}  // namespace writ::broker

namespace writ::policy {

class Decider {
 public:
  static action::AuthorizedAction authorize(action::ProposedAction proposed,
                                            std::set<std::string> approvals,
                                            std::uint64_t version = 1) {
    action::AuthorizedAction authorized(std::move(proposed));
    authorized.approvals_ = std::move(approvals);
    authorized.workspace_version_ = version;
    return authorized;
  }
};

}  // namespace writ::policy

namespace writ::action {

// A tool server with a refund that asks for amount, currency and invoice, a free note and labels.
inline std::shared_ptr<const tools::ToolServer> billing_server(
    ServerId id, std::string_view title = "Refund {amount} {currency} on invoice {invoice}") {
  JsonObject refund;
  refund["name"] = "billing.refund.execute";
  refund["title"] = title;
  refund["method"] = "POST";
  refund["path"] = "/v1/invoices/{invoice}/refunds";
  refund["body"] = "json";
  refund["effect"] = "money";
  refund["compensable"] = false;
  refund["arguments"] = JsonObject{
      {"invoice", JsonObject{{"type", "string"}}},
      {"amount", JsonObject{{"type", "integer"}}},
      {"currency", JsonObject{{"type", "string"}}},
      {"note", JsonObject{{"type", "string"}, {"optional", true}}},
      {"labels",
       JsonObject{{"type", "object"},
                  {"additionalProperties",
                   JsonObject{{"type", "array"}, {"items", JsonObject{{"type", "integer"}}}}},
                  {"optional", true}}}};
  JsonObject document;
  document["kind"] = "http";
  document["url"] = "https://billing.example.com";
  document["operations"] = JsonArray{refund};
  auto server = tools::parse_tool_server(document, id, "billing");
  return std::make_shared<const tools::ToolServer>(std::move(server).value());
}

// A proposal of that refund with these arguments, by a run that may be anything.
inline ProposedAction propose_refund(const delegation::Lineage& lineage, JsonObject arguments,
                                     std::optional<std::string> key = "key-1",
                                     std::shared_ptr<const tools::ToolServer> server = nullptr,
                                     std::optional<Account> account = std::nullopt) {
  if (server == nullptr) server = billing_server(ServerId(id_detail::Raw{7}));
  auto request = tools::render_request(*server->find_operation("billing.refund.execute"),
                                       std::move(arguments));
  return ProposedAction::propose(broker::Authenticator::authenticate(lineage, TimePoint()),
                                 ActionId(id_detail::Raw{8}), "acme", std::move(server),
                                 std::move(request).value(), account, std::move(key));
}

}  // namespace writ::action
