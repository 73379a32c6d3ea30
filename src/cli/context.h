// SPDX-License-Identifier: Apache-2.0
// Context: what a command works with: where it writes, whom it asks, which session it speaks under.
// Commands are functions of a Context and their options; which words on a command line choose them
// is commands.h's business, so every command is tested without a process or a terminal.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"
#include "cli/api_client.h"
#include "cli/http.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "crypto/passphrase.h"

namespace writ::cli {

// Exit statuses of every command; a usage error is 2, an interruption ends by its signal, which
// shells show as 130.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;  // cannot reach the server, or not signed in
inline constexpr int kNotVerified = 4;

// What a failure's exit status is.
int exit_status(const Error& error);

// The world around a command.
struct Environment {
  const Clock& clock;
  Random& random;
  Asker& asker;
  std::function<void(std::string_view)> out;  // results
  std::function<void(std::string_view)> err;  // what is said beside them
  Style style{};                              // of `out`
  Style err_style{};
  // Standard input to its end, too_large beyond `limit`; and whether it is a terminal.
  std::function<Expected<SecretBytes>(std::size_t limit)> input{};
  bool input_is_terminal = false;
  bool output_is_terminal = false;
  std::filesystem::path home;  // config_directory()
  crypto::PassphraseCost cost{};
};

// The options that all commands share.
struct CommonOptions {
  std::optional<std::string> server{};
  std::optional<std::string> workspace{};
  std::optional<std::string> user{};
  std::string ca_file{};
};

// Not thread-safe.
class Context {
 public:
  Context(const Environment& environment, CommonOptions common)
      : environment_(environment), common_(std::move(common)) {}

  const Clock& clock() const { return environment_.clock; }
  Random& random() const { return environment_.random; }
  Asker& asker() const { return environment_.asker; }
  const Style& style() const { return environment_.style; }
  const Environment& environment() const { return environment_; }
  const std::filesystem::path& home() const { return environment_.home; }
  const CommonOptions& common() const { return common_; }

  void print(std::string_view text) const { environment_.out(text); }
  void print_json(const Json& value) const { environment_.out(json_text(value)); }
  // Beside the results: one line or several.
  void note(std::string_view text) const { environment_.err(visible_lines(text) + '\n'); }

  // The session chosen by the common options; unauthenticated, with the next step, without one.
  Expected<Session> session() const;
  // Under that session.
  Expected<ApiClient> api();
  // --server, or else the chosen session's.
  Expected<Url> server() const;
  Expected<Http*> http();

  // A secret from a file, or from standard input for "-" (where that is a terminal, asked for with
  // `prompt` and unseen), without one newline at its end.
  Expected<SecretBytes> secret_from(const std::string& file,
                                    std::string_view prompt = "The token: ") const;

 private:
  Expected<std::string> ca_file() const;

  const Environment& environment_;
  CommonOptions common_;
  std::unique_ptr<Http> http_;
};

// The error on standard error: what is wrong, where, and the next step. Every error of the program
// comes through here, and nothing in it drives the terminal. Only a hint may have several lines.
std::string render_error(const Error& error, const Style& style);

}  // namespace writ::cli
