// SPDX-License-Identifier: Apache-2.0
// Asking a person. A passphrase comes from the terminal and from nowhere else: not from standard
// input, an argument or the environment (protocol.md P20).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret_bytes.h"
#include "cli/output.h"

namespace writ::cli {

// The terminal that asks, as it is now.
struct Screen {
  Style style{};  // its width is the terminal's own
  std::size_t rows = 24;
};

// What the commands ask through, so that they are tested without a terminal.
class Asker {
 public:
  virtual ~Asker() = default;
  // What must be seen before an answer means anything: on the terminal itself, wherever standard
  // output goes.
  virtual Expected<void> show(std::string_view text) = 0;
  // A line that is not shown while it is typed, without its newline. unsupported where there is no
  // terminal or it was closed; invalid_input for a line that is too long.
  virtual Expected<SecretBytes> secret(std::string_view prompt) = 0;
  // The same for a line that is shown while it is typed.
  virtual Expected<std::string> line(std::string_view prompt) = 0;
  virtual Screen screen() = 0;
};

// The controlling terminal, /dev/tty. Its settings are restored whatever happens: at a signal that
// ends the process they are restored first, and the process then ends by that signal; a stop
// (Ctrl-Z) restores them until it continues. For one thread at a time.
class Terminal final : public Asker {
 public:
  static constexpr std::size_t kMaxLine = 1024;

  Expected<void> show(std::string_view text) override;
  Expected<SecretBytes> secret(std::string_view prompt) override;
  Expected<std::string> line(std::string_view prompt) override;
  // Of /dev/tty, wherever standard output goes. 40 columns where it does not say.
  Screen screen() override;
};

// A passphrase for a new key: asked twice, at least kMinPassphrase characters; asked again, at most
// three times, where it is too short or the two differ.
inline constexpr std::size_t kMinPassphrase = 12;
Expected<SecretBytes> new_passphrase(Asker& asker, std::string_view whose);

}  // namespace writ::cli
