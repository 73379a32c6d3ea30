// SPDX-License-Identifier: Apache-2.0
// The files of examples/acme, as they were when the program was built: the demo needs nothing
// beside the program.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "jose/jwk.h"

namespace writ::demo {

struct EmbeddedFile {
  std::string_view path;  // within examples/acme, with forward slashes
  std::string_view text;
};

// Defined by cmake/embed.cmake.
std::span<const EmbeddedFile> acme_files();

// What the example leaves to its user: where the billing API is, and each agent's public key.
struct AcmeSettings {
  std::uint16_t billing_port = 0;
  std::map<std::string, jose::Jwk> agent_keys;  // by the agent's name
  // With what the story's pipeline proposes: a minute more to act on an approval.
  bool proposed = false;
};

// The documents, by path, with these settings in them, and with the story's pipeline as a user.
// internal if the example has changed so that they do not fit.
Expected<std::map<std::string, std::string, std::less<>>> acme_documents(
    const AcmeSettings& settings);

}  // namespace writ::demo
