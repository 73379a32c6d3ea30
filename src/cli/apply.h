// SPDX-License-Identifier: Apache-2.0
// writ apply: shows the difference, has a person's key sign what widens, and applies exactly that
// (protocol.md P40); with --propose it leaves that to who decides it, and so it does where what
// widens is a group's to decide. Returns the exit status.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/signing_page.h"
#include "jose/signer.h"
#include "protocol/apply.h"
#include "protocol/sessions.h"

namespace writ::cli {

struct ApplyCommand {
  std::string directory;
  bool dry_run = false;
  bool propose = false;  // left for somebody else to sign
  bool json = false;
};

// conflict, with the difference shown, where another version was published since the difference was
// made; unsupported where something widens and there is no terminal to ask for the passphrase on.
Expected<int> run_apply(Context& context, const ApplyCommand& command);

// What is shown before it is signed: all of it, what widens first.
SigningPage difference_page(const protocol::ApplyAnswer& seen, const protocol::WhoAmI& person);
// By the person's own key, over what was seen.
protocol::ApplySignature sign_difference(const Context& context, const protocol::ApplyAnswer& seen,
                                         const protocol::WhoAmI& person, const jose::Signer& key);

// The changes as lines, what widens marked and counted.
std::string render_difference(const std::vector<protocol::Change>& changes, const Style& style);

}  // namespace writ::cli
