// SPDX-License-Identifier: Apache-2.0
// For tests: a directory of one's own, a person who answers as scripted, and sessions made without
// a server.
#pragma once

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "base/check.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "crypto/es256.h"
#include "jose/jwk.h"
#include "jose/private_jwk.h"

namespace writ::cli::testing {

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-cli-XXXXXX";
    WRIT_CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class ScriptedPerson final : public Asker {
 public:
  explicit ScriptedPerson(std::deque<std::string> answers = {}) : answers_(std::move(answers)) {}

  Expected<void> show(std::string_view text) override {
    shown += text;
    return {};
  }
  Expected<SecretBytes> secret(std::string_view prompt) override {
    prompts.emplace_back(prompt);
    if (answers_.empty()) return fail(Errc::unsupported, "there is no terminal to ask on");
    auto answer = answers_.front();
    answers_.pop_front();
    return SecretBytes::copy_of(answer);
  }
  // Enter, where nothing else was scripted.
  Expected<std::string> line(std::string_view prompt) override {
    prompts.emplace_back(prompt);
    if (lines.empty()) return std::string();
    auto answer = lines.front();
    lines.pop_front();
    return answer;
  }
  // The last one stays.
  Screen screen() override {
    const auto now = screens.front();
    if (screens.size() > 1) screens.pop_front();
    return now;
  }

  std::deque<std::string> lines;
  std::deque<Screen> screens{Screen()};
  std::string shown;
  std::vector<std::string> prompts;

 private:
  std::deque<std::string> answers_;
};

// The least that Argon2id takes: tests stretch no passphrase for long.
inline constexpr crypto::PassphraseCost kCheap{.operations = 1, .memory_kib = 64};

inline Identity identity_of(const Url& server, std::string_view user = "bob",
                            std::string_view workspace = "acme") {
  return make_identity(server, workspace, user).value();
}

inline Session session_for(const Identity& identity, TimePoint expires,
                           std::string_view text = "session-text") {
  const auto key = crypto::Es256PrivateKey::generate();
  return {.identity = identity,
          .session = SecretBytes::copy_of(text),
          .key = jose::write_private_jwk(key, jose::Jwk(key.public_key()).thumbprint()),
          .expires = expires,
          .ca_file = {}};
}

}  // namespace writ::cli::testing
