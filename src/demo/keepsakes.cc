// SPDX-License-Identifier: Apache-2.0
#include "demo/keepsakes.h"

#include "cli/files.h"
#include "demo/acme_files.h"
#include "jose/private_jwk.h"

namespace writ::demo {
namespace {

Expected<void> write_documents(const Keepsakes& keepsakes) {
  WRIT_TRY(const auto documents, acme_documents({.billing_port = keepsakes.stage.billing_port(),
                                                 .agent_keys = keepsakes.cast.agent_keys()}));
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
  for (const Person* person : {&cast.alice, &cast.bob, &cast.carol, &cast.olivia, &cast.ada}) {
    WRIT_TRY_VOID(person->write_down(keepsakes.directory / "home"));
  }
  return {};
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

std::string in_words(const Keepsakes& keepsakes) {
  const auto& left = keepsakes.left;
  std::string text = "Still serving " + keepsakes.stage.server().origin() + ", in " +
                     keepsakes.directory.string() + ". Ctrl-C ends it all. Meanwhile:\n\n" +
                     "  export WRIT_HOME=" + (keepsakes.directory / "home").string() +
                     "   # the sessions of the story's people\n";
  if (!left.planner_run.empty()) text += "  writ trace " + left.planner_run + " --user olivia\n";
  if (!left.refund_action.empty()) {
    text += "  writ explain " + left.refund_action + " --user olivia\n";
  }
  text += "  writ audit verify --user olivia\n";
  text += "  writ apply " + (keepsakes.directory / "acme").string() +
          " --user admin   # after a change there\n";
  text += "\nThe people's keys are in WRIT_HOME/keys under the passphrase\n  " +
          std::string(keepsakes.passphrase.reveal_text()) + "\nthe agents' in " +
          (keepsakes.directory / "agents").string() + "; the server's log is " +
          (keepsakes.directory / "logs" / "server.log").string() + ".\n";
  return text;
}

}  // namespace

Expected<void> leave_keepsakes(Keepsakes keepsakes, Narrator& narrator) {
  WRIT_TRY_VOID(write_documents(keepsakes));
  WRIT_TRY_VOID(write_keys(keepsakes));
  narrator.exhibit("serving", in_words(keepsakes), as_json(keepsakes), "");
  return {};
}

}  // namespace writ::demo
