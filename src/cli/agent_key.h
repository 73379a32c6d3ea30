// SPDX-License-Identifier: Apache-2.0
// An agent's key: made here, the private half in a file of its own, the public half in the agent's
// document, from where `writ apply` takes it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "jose/jwk.h"
#include "jose/signer.h"

namespace writ::cli {

// The block that declares the key:
//
//   [[keys]]
//   kty = "EC"
//   …
std::string keys_block(const jose::Jwk& key);

// The document with the block added at its end, and read again to see that it means what it should:
// the same document with one key more. `filename` is for errors. conflict, with the block, where
// the document holds its keys as an inline array, to which it cannot be added so.
Expected<std::string> add_key(std::string_view document, const std::string& filename,
                              const jose::Jwk& key);

struct MadeKey {
  std::filesystem::path key_file;
  std::filesystem::path document;
  std::string kid;
};
// Makes an ES256 key, writes `out` (0600; conflict where it exists) and adds it to
// `directory`/agents/`name`.toml. Where the latter fails the former is removed again.
Expected<MadeKey> make_agent_key(const std::string& name, const std::filesystem::path& directory,
                                 const std::filesystem::path& out);

Expected<jose::Es256Signer> load_agent_key(const std::filesystem::path& file);

}  // namespace writ::cli
