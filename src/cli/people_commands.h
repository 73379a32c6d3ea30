// SPDX-License-Identifier: Apache-2.0
// login, logout, user, run token: who one is and who else may be. Each returns the exit status.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/context.h"

namespace writ::cli {

struct LoginCommand {
  bool with_code = false;         // asked for on the terminal
  std::string code_file{};        // or read from this file, or from standard input for "-"
  bool code_as_argument = false;  // given where every process on the machine can read it
  // A file with a key of its own, for a machine that nobody is at: without a passphrase. It signs
  // in and no more: what is signed is signed with a key that a passphrase opens.
  std::string machine_key{};
};
// invalid_input for a code as an argument.
Expected<int> run_login(Context& context, const LoginCommand& command);
Expected<int> run_logout(Context& context);

Expected<int> run_user_invite(Context& context, const std::string& name);
Expected<int> run_user_disable(Context& context, const std::string& name);
// Signs, after showing both clocks, that the server's is right now (P24).
Expected<int> run_clock_reset(Context& context);
Expected<int> run_user_enable(Context& context, const std::string& name);

struct UserTokenCommand {
  std::string agent;
  std::string out;  // a file of mode 0600; empty: standard output
};
Expected<int> run_user_token(Context& context, const UserTokenCommand& command);

}  // namespace writ::cli
