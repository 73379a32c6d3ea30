// SPDX-License-Identifier: Apache-2.0
// Cast: who plays in the story: five people, a pipeline and three agents, each with a key of its
// own.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/agent_client.h"
#include "demo/person.h"
#include "jose/jwk.h"
#include "jose/signer.h"

namespace writ::demo {

// An agent and, once it has a run, the tokens of it.
struct Agent {
  std::string name;
  crypto::Es256PrivateKey key;
  std::optional<cli::AgentClient> client{};
  std::optional<cli::Tokens> tokens{};

  const SecretBytes& token() const { return tokens->access_token; }
  // The run that its token is for, as the token says; empty before.
  std::string run() const;
};

// Of one thread, but for what Agent::client says of itself.
struct Cast {
  // `passphrase`: under which people's keys could be written down.
  static Expected<Cast> create(const Place& place, const SecretBytes& passphrase);

  // Agents find the server's endpoints.
  Expected<void> discover();
  std::map<std::string, jose::Jwk> agent_keys() const;

  Place place;
  Person ada;     // the admin
  Person alice;   // for whom refunds are made
  Person bob;     // of finance
  Person carol;   // of the controllers
  Person olivia;  // the auditor
  Person ci;      // a pipeline, which proposes and no more
  Agent planner;
  Agent support;
  Agent billing;
};

// The claims within a token, unverified: what its holder may read in it. Empty where it is no JWT.
JsonObject claims_within(const SecretBytes& token);

}  // namespace writ::demo
