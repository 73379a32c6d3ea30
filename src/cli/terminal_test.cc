// SPDX-License-Identifier: Apache-2.0
// On a pseudo-terminal: the child asks on its controlling terminal, the test is the person.
#include "cli/terminal.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cli/testing_people.h"

namespace writ::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedPerson;

class Pty {
 public:
  // `child` runs with the terminal as its controlling one; its result is its exit status.
  explicit Pty(const std::function<int()>& child, unsigned short columns = 0) {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = columns / 2;
    child_ = ::forkpty(&master_, nullptr, nullptr, &size);
    if (child_ == 0) ::_exit(child());
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  ~Pty() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(master_);
  }

  void type(std::string_view text) {
    ASSERT_EQ(::write(master_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What is on the screen up to and with `text`; all there is if the terminal ends or ten seconds
  // pass first.
  std::string read_to(std::string_view text) {
    while (screen_.find(text) == std::string::npos) {
      pollfd wait{.fd = master_, .events = POLLIN, .revents = 0};
      char block[512];
      if (::poll(&wait, 1, 10'000) <= 0) break;
      const auto got = ::read(master_, block, sizeof block);
      if (got <= 0) break;
      screen_.append(block, static_cast<std::size_t>(got));
    }
    return screen_;
  }
  // waitpid()'s status.
  int wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return status;
  }
  bool echoes() const {
    termios now{};
    ::tcgetattr(master_, &now);
    return (now.c_lflag & ECHO) != 0;
  }
  // Waits until echo is as said; the child changes it on its own time.
  bool echo_becomes(bool on) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (echoes() != on) {
      if (std::chrono::steady_clock::now() > end) return false;
      ::poll(nullptr, 0, 1);
    }
    return true;
  }
  pid_t child() const { return child_; }

 private:
  int master_ = -1;
  pid_t child_ = -1;
  std::string screen_;
};

int ask_for(std::string_view expected) {
  Terminal terminal;
  const auto answer = terminal.secret("Passphrase: ");
  return answer && answer->reveal_text() == expected ? 0 : 1;
}

TEST(TerminalOnAPty, P20_APassphraseIsReadAndNotShown) {
  Pty pty([] { return ask_for("open sesame"); });
  EXPECT_THAT(pty.read_to("Passphrase: "), HasSubstr("Passphrase: "));
  ASSERT_TRUE(pty.echo_becomes(false));
  pty.type("open sesame\n");
  const int status = pty.wait();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(pty.echoes()) << "the terminal is as it was";
  EXPECT_THAT(pty.read_to("never there"), Not(HasSubstr("sesame")));
}

TEST(TerminalOnAPty, CtrlCRestoresTheTerminalAndEndsByTheSignal) {
  Pty pty([] { return ask_for("x"); });
  pty.read_to("Passphrase: ");
  ASSERT_TRUE(pty.echo_becomes(false));
  pty.type("half a pass\x03");
  const int status = pty.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << "a shell shows this as 130";
  EXPECT_EQ(WTERMSIG(status), SIGINT);
  EXPECT_TRUE(pty.echoes());
}

TEST(TerminalOnAPty, ATerminationRestoresTheTerminalToo) {
  Pty pty([] { return ask_for("x"); });
  pty.read_to("Passphrase: ");
  ASSERT_TRUE(pty.echo_becomes(false));
  ::kill(pty.child(), SIGTERM);
  const int status = pty.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_TRUE(pty.echoes());
}

TEST(TerminalOnAPty, AStopRestoresTheTerminalUntilItGoesOn) {
  Pty pty([] { return ask_for("open sesame"); });
  pty.read_to("Passphrase: ");
  ASSERT_TRUE(pty.echo_becomes(false));
  ::kill(pty.child(), SIGTSTP);
  // The child leads a session, so its process group is orphaned and the stop itself is passed over
  // (POSIX, 2.4.3): what is left of it is that everything is put back, and asked for again.
  EXPECT_THAT(pty.read_to("Passphrase: \r\nPassphrase: "),
              HasSubstr("Passphrase: \r\nPassphrase: "));
  ASSERT_TRUE(pty.echo_becomes(false));
  pty.type("open sesame\n");
  const int status = pty.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(TerminalOnAPty, AClosedTerminalIsAnError) {
  Pty pty([] {
    ::signal(SIGHUP, SIG_IGN);
    Terminal terminal;
    const auto answer = terminal.secret("Passphrase: ");
    return !answer && answer.error().code == Errc::unsupported ? 0 : 1;
  });
  pty.read_to("Passphrase: ");
  ASSERT_TRUE(pty.echo_becomes(false));
  pty.type("\x04");  // end of file at the beginning of a line
  const int status = pty.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(TerminalOnAPty, P20_WithoutATerminalNothingElseIsRead) {
  // A new session has no controlling terminal; a passphrase waits on standard input in vain.
  int input[2];
  ASSERT_EQ(::pipe(input), 0);
  ASSERT_EQ(::write(input[1], "open sesame\n", 12), 12);
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    ::dup2(input[0], STDIN_FILENO);
    Terminal terminal;
    const auto answer = terminal.secret("Passphrase: ");
    ::_exit(!answer && answer.error().code == Errc::unsupported &&
                    answer.error().hint.find("terminal") != std::string::npos
                ? 0
                : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(input[0]);
  ::close(input[1]);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(TerminalOnAPty, P20_ThePageHasTheWidthOfTheTerminalThatAsks) {
  for (const auto& [columns, width] :
       {std::pair<unsigned short, std::size_t>{50, 50}, {30, 30}, {200, 100}, {0, 40}}) {
    Pty pty(
        [width] {
          int ends[2];
          if (::pipe(ends) != 0) return 1;
          ::dup2(ends[1], STDOUT_FILENO);  // standard output is no terminal
          return Terminal().screen().style.width == width ? 0 : 1;
        },
        columns);
    const int status = pty.wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << columns;
  }
}

TEST(TerminalOnAPty, ALineIsReadAndShown) {
  Pty pty([] { return Terminal().line("m or Enter: ").value_or("") == "m" ? 0 : 1; });
  pty.read_to("m or Enter: ");
  pty.type("m\n");
  EXPECT_THAT(pty.read_to("m\r\n"), HasSubstr("m\r\n"));
  const int status = pty.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(NewPassphrase, IsAskedAgainAndNotForEver) {
  ScriptedPerson agrees(
      {"a", "long enough it is", "long enough it was", "long enough it is", "long enough it is"});
  EXPECT_EQ(new_passphrase(agrees, "bob").value().reveal_text(), "long enough it is");
  ScriptedPerson never({"a", "b", "c", "d"});
  EXPECT_FALSE(new_passphrase(never, "bob"));
  EXPECT_EQ(never.prompts.size(), 3U);
}

}  // namespace
}  // namespace writ::cli
