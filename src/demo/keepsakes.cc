// SPDX-License-Identifier: Apache-2.0
#include "demo/keepsakes.h"

#include "cli/files.h"
#include "demo/acme_files.h"
#include "jose/private_jwk.h"

namespace writ::demo {
namespace {

Expected<void> write_documents(const Keepsakes& keepsakes) {
  WRIT_TRY(const auto documents, acme_documents({.billing_port = keepsakes.stage.billing_port(),
                                                 .agent_keys = keepsakes.cast.agent_keys(),
                                                 .proposed = true}));
  for (const auto& [path, text] : documents) {
    WRIT_TRY_VOID(cli::write_private_file(keepsakes.directory / "acme" / path, as_bytes(text)));
  }
  return {};
}

std::filesystem::path key_path(const Keepsakes& keepsakes, const Agent& agent) {
  return keepsakes.directory / "agents" / (agent.name + ".jwk");
}

Expected<void> write_keys(Keepsakes& keepsakes) {
  auto& cast = keepsakes.cast;
  for (const Agent* agent : {&cast.planner, &cast.support, &cast.billing}) {
    const auto text = jose::write_private_jwk(agent->key, jose::Jwk(agent->key.public_key()).kid());
    WRIT_TRY_VOID(cli::write_private_file(key_path(keepsakes, *agent), text.reveal()));
  }
  // The admin last: the session that is written last is the current one.
  for (const Person* person :
       {&cast.ci, &cast.alice, &cast.bob, &cast.carol, &cast.olivia, &cast.ada}) {
    WRIT_TRY_VOID(person->write_down(keepsakes.directory / "home"));
  }
  // For those who follow docs/protocol.md with curl: nobody is there to type a passphrase.
  return cast.ada.write_key(keepsakes.directory / "people" / "admin.jwk");
}

JsonObject as_json(const Keepsakes& keepsakes) {
  const auto& cast = keepsakes.cast;
  JsonObject agents;
  for (const Agent* agent : {&cast.planner, &cast.support, &cast.billing}) {
    agents[agent->name] = key_path(keepsakes, *agent).string();
  }
  JsonObject out{{"url", keepsakes.stage.server().origin()},
                 {"directory", keepsakes.directory.string()},
                 {"documents", (keepsakes.directory / "acme").string()},
                 {"home", (keepsakes.directory / "home").string()},
                 {"agents", std::move(agents)},
                 {"passphrase", keepsakes.passphrase.reveal_text()},
                 {"billing_port", keepsakes.stage.billing_port()},
                 {"server_pid", keepsakes.stage.server_pid()},
                 {"billing_pid", keepsakes.stage.billing_pid()}};
  if (const auto control = keepsakes.stage.billing_control_port(); control != 0) {
    out["billing_control_port"] = control;
  }
  const auto& left = keepsakes.left;
  if (!left.planner_run.empty()) out["run"] = left.planner_run;
  if (!left.refund_action.empty()) out["action"] = left.refund_action;
  return out;
}

// How this very program is called.
std::string program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "writ" : path.string();
}

std::string in_words(const Keepsakes& keepsakes) {
  const auto& left = keepsakes.left;
  const auto writ = "  " + program() + " ";
  const auto directory = keepsakes.directory.string();
  std::string text = "\nStill serving at " + keepsakes.stage.server().origin() +
                     ", with all that belongs to it in " + directory +
                     ". Ctrl-C ends it. Look further with:\n\n" +
                     "  export WRIT_HOME=" + directory + "/home\n";
  if (!left.planner_run.empty()) text += writ + "trace " + left.planner_run + " --user olivia\n";
  if (!left.refund_action.empty()) {
    text += writ + "explain " + left.refund_action + " --user olivia\n";
  }
  text += writ + "audit verify --user olivia\n";
  text += writ + "apply " + directory + "/acme --user admin   # after a change there\n";
  text += "\nEach request as curl, from docs/protocol.md (The story with curl):\n\n  export URL=" +
          keepsakes.stage.server().origin() + " DEMO=" + directory + "\n";
  text += "\nThe people's keys, in " + directory + "/home/keys, are under the passphrase " +
          std::string(keepsakes.passphrase.reveal_text()) + "; the agents' are in " + directory +
          "/agents, the logs in " + directory + "/logs.\n";
  return text;
}

}  // namespace

Expected<void> leave_keepsakes(Keepsakes keepsakes, Narrator& narrator) {
  WRIT_TRY_VOID(write_documents(keepsakes));
  WRIT_TRY_VOID(write_keys(keepsakes));
  narrator.invite("serving", as_json(keepsakes), in_words(keepsakes));
  return {};
}

}  // namespace writ::demo
