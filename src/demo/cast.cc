// SPDX-License-Identifier: Apache-2.0
#include "demo/cast.h"

#include "base/encoding.h"

namespace writ::demo {
namespace {

Agent agent(std::string name) {
  return {.name = std::move(name), .key = crypto::Es256PrivateKey::generate()};
}

}  // namespace

JsonObject claims_within(const SecretBytes& token) {
  const auto text = token.reveal_text();
  const auto first = text.find('.');
  const auto second = text.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  const auto payload = base64url_decode(text.substr(first + 1, second - first - 1));
  if (!payload) return {};
  auto claims = parse_json_object(as_text(*payload));
  return claims ? *std::move(claims) : JsonObject{};
}

std::string Agent::run() const {
  if (!tokens) return {};
  const auto claims = claims_within(tokens->access_token);
  const auto* found = claims.if_contains("run");
  return found != nullptr && found->is_string() ? std::string(text_of(found->get_string()))
                                                : std::string();
}

Expected<Cast> Cast::create(const Place& place, const SecretBytes& passphrase) {
  WRIT_TRY(auto ada, Person::create(place, "admin", passphrase));
  WRIT_TRY(auto alice, Person::create(place, "alice", passphrase));
  WRIT_TRY(auto bob, Person::create(place, "bob", passphrase));
  WRIT_TRY(auto carol, Person::create(place, "carol", passphrase));
  WRIT_TRY(auto olivia, Person::create(place, "olivia", passphrase));
  WRIT_TRY(auto ci, Person::create(place, "ci", passphrase));
  return Cast{.place = place,
              .ada = std::move(ada),
              .alice = std::move(alice),
              .bob = std::move(bob),
              .carol = std::move(carol),
              .olivia = std::move(olivia),
              .ci = std::move(ci),
              .planner = agent("planner"),
              .support = agent("support"),
              .billing = agent("billing")};
}

Expected<void> Cast::discover() {
  for (Agent* one : {&planner, &support, &billing}) {
    WRIT_TRY(auto client,
             cli::AgentClient::discover(place.http, place.server, place.workspace + "/" + one->name,
                                        std::make_shared<jose::Es256Signer>(one->key), place.clock,
                                        place.random));
    one->client.emplace(std::move(client));
  }
  return {};
}

std::map<std::string, jose::Jwk> Cast::agent_keys() const {
  std::map<std::string, jose::Jwk> keys;
  for (const Agent* one : {&planner, &support, &billing}) {
    keys.emplace(one->name, jose::Jwk(one->key.public_key()));
  }
  return keys;
}

}  // namespace writ::demo
