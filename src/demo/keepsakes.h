// SPDX-License-Identifier: Apache-2.0
// Keepsakes: what the demo leaves for who wants to look further while it serves: the workspace's
// files, the agents' keys, everyone's sessions and keys for the command line, and the commands to
// try with them.
//
//   DIR/acme/    the workspace's files as applied
//   DIR/agents/  NAME.jwk, private keys, mode 0600
//   DIR/home/    WRIT_HOME of the demo's people; their keys under the passphrase that is printed
#pragma once

#include <filesystem>

#include "demo/cast.h"
#include "demo/narrator.h"
#include "demo/stage.h"
#include "demo/story.h"

namespace writ::demo {

struct Keepsakes {
  std::filesystem::path directory;
  const Stage& stage;
  Cast& cast;
  const Story::Left& left;
  const SecretBytes& passphrase;  // of the people's keys
};

Expected<void> leave_keepsakes(Keepsakes keepsakes, Narrator& narrator);

}  // namespace writ::demo
