// SPDX-License-Identifier: Apache-2.0
#include "app/initialize.h"

#include "app/config.h"
#include "app/files.h"
#include "app/seal_key_file.h"
#include "app/write_access.h"
#include "async/loop.h"
#include "broker/server_keys.h"
#include "store/sqlite_store.h"
#include "store/stop_file.h"
#include "wire/canonical.h"

namespace writ::app {
namespace {

std::string toml_string(std::string_view text) {
  std::string out;
  write_json_string(text, out);  // a TOML basic string has the same escapes
  return out;
}

std::string configuration(const InitializeOptions& options) {
  std::string out =
      "# A Writ server. docs/operations.md says what else may stand here.\n"
      "listen = " +
      toml_string(options.listen) + "\n";
  if (options.public_url.empty()) {
    out +=
        "# What tokens and proofs are checked against; needed once others than this machine reach "
        "it.\n"
        "# public_url = \"https://writ.example\"\n";
  } else {
    out += "public_url = " + toml_string(options.public_url) + "\n";
  }
  out +=
      "data = \"data\"\n"
      "# Keep a copy of it elsewhere: without it nothing in data can be read, backups included.\n"
      "seal_key_file = \"seal.key\"\n"
      "# Checkpoints of the audit logs. On another disk or machine it also guards against who can "
      "change\n"
      "# the data.\n"
      "anchor = \"anchor\"\n"
      "\n"
      "[log]\n"
      "level = \"info\"\n"
      "format = \"text\"\n";
  return out;
}

// With the server's keys made, so that the first start has nothing to make.
Expected<broker::IssuedCode> prepare_store(const std::filesystem::path& data,
                                           const vault::SealKey& seal_key,
                                           const InitializeParts& parts) {
  WRIT_TRY(const auto store,
           store::open_sqlite({.directory = data.string()}, parts.clock, parts.log));
  WRIT_TRY_VOID(store::open_stop_file((data / store::kStopFile).string()));
  Loop loop(parts.clock);
  loop.start("init");
  broker::ServerKeys keys(*store, seal_key, parts.clock, parts.random);
  auto made = run_on(loop, keys.token_keys());
  auto code = Expected<broker::IssuedCode>();
  if (made) {
    const auto server = store->workspace({});
    code = run_on(loop, broker::issue_founding_code(*server, parts.clock, parts.random));
  } else {
    code = std::unexpected(std::move(made).error());
  }
  loop.stop();
  return code;
}

}  // namespace

Expected<broker::IssuedCode> initialize(const InitializeOptions& options, InitializeParts parts) {
  const auto text = configuration(options);
  const auto config_file = options.folder / "writ.toml";
  WRIT_TRY(const auto config, parse_config(text, config_file.string(), options.folder));
  for (const auto* name : {"writ.toml", "seal.key", "data", "anchor"}) {
    if (std::filesystem::exists(options.folder / name)) {
      return fail(Errc::conflict, "there is a server here already, or a part of one",
                  (options.folder / name).string(),
                  "start it with: writ serve --config " + config_file.string() +
                      ", or choose another --dir");
    }
  }
  WRIT_TRY_VOID(make_private_folder(options.folder));
  // A folder that was there: whoever can write to it could put another server's files in place.
  if (const auto others = write_access(options.folder); !others.empty())
    return fail(Errc::denied, "the folder is not this user's alone", others.front().path.string(),
                others.front().what);
  WRIT_TRY_VOID(make_seal_key(options.folder / "seal.key", parts.random));
  WRIT_TRY(const auto seal_key, load_seal_key(options.folder / "seal.key", config.data, false));
  WRIT_TRY_VOID(make_private_folder(config.anchor));
  WRIT_TRY(auto code, prepare_store(config.data, seal_key, parts));
  WRIT_TRY_VOID(write_new_file(config_file, as_bytes(text)));
  return code;
}

Expected<broker::IssuedCode> another_founding_code(const std::filesystem::path& config_file,
                                                   InitializeParts parts) {
  WRIT_TRY(const auto config, read_config(config_file));
  WRIT_TRY(const auto key_file, find_seal_key(config.seal_key_file));
  WRIT_TRY(const auto seal_key, load_seal_key(key_file, config.data, false));
  return prepare_store(config.data, seal_key, parts);
}

}  // namespace writ::app
