// SPDX-License-Identifier: Apache-2.0
#include "app/initialize.h"

#include <utility>

#include "app/config.h"
#include "app/files.h"
#include "app/seal_key_file.h"
#include "app/write_access.h"
#include "async/loop.h"
#include "broker/recover.h"
#include "broker/server_keys.h"
#include "broker/startup.h"
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

// With a loop and the store's handle of the server itself. What `use` returns, once the store is
// closed again.
template <typename Use>
auto with_store(store::SqliteOptions options, const vault::SealKey& seal_key,
                const InitializeParts& parts, Use use)
    -> decltype(use(std::declval<Loop&>(), std::declval<broker::Store&>())) {
  WRIT_TRY(const auto store,
           store::open_sqlite(std::move(options), seal_key.row_keys(), parts.clock, parts.log));
  Loop loop(parts.clock);
  loop.start("init");
  auto result = use(loop, *store);
  loop.stop();
  return result;
}

Expected<broker::IssuedCode> founding_code(const std::filesystem::path& data, bool create,
                                           const vault::SealKey& seal_key,
                                           const InitializeParts& parts) {
  return with_store({.directory = data.string(), .create = create}, seal_key, parts,
                    [&](Loop& loop, broker::Store& store) -> Expected<broker::IssuedCode> {
                      WRIT_TRY_VOID(store::open_stop_file((data / store::kStopFile).string()));
                      // So that the first start has nothing to make.
                      broker::ServerKeys keys(store, seal_key, parts.clock, parts.random);
                      WRIT_TRY_VOID(run_on(loop, keys.token_keys()));
                      const auto server = store.workspace({});
                      return run_on(
                          loop, broker::issue_founding_code(*server, parts.clock, parts.random));
                    });
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
  WRIT_TRY(auto code, founding_code(config.data, true, seal_key, parts));
  WRIT_TRY_VOID(write_new_file(config_file, as_bytes(text)));
  return code;
}

Expected<broker::IssuedCode> another_founding_code(const std::filesystem::path& config_file,
                                                   InitializeParts parts) {
  WRIT_TRY(const auto config, read_config(config_file));
  WRIT_TRY(const auto key_file, find_seal_key(config.seal_key_file));
  WRIT_TRY(const auto seal_key, load_seal_key(key_file, config.data, false));
  return founding_code(config.data, false, seal_key, parts);
}

Expected<broker::IssuedCode> recover_admin(const std::filesystem::path& config_file,
                                           const std::string& workspace, const std::string& user,
                                           InitializeParts parts) {
  WRIT_TRY(const auto config, read_config(config_file));
  WRIT_TRY(const auto key_file, find_seal_key(config.seal_key_file));
  WRIT_TRY(const auto seal_key, load_seal_key(key_file, config.data, false));
  return with_store(
      {.directory = config.data.string(), .create = false}, seal_key, parts,
      [&](Loop& loop, broker::Store& store) -> Expected<broker::IssuedCode> {
        broker::Live live;
        broker::Shares shares(config.shares);
        broker::Approvals approvals(parts.clock, parts.random, shares);
        WRIT_TRY(const auto unloaded, run_on(loop, broker::load_live({.store = store,
                                                                      .seal_key = seal_key,
                                                                      .live = live,
                                                                      .approvals = approvals,
                                                                      .shares = shares,
                                                                      .clock = parts.clock,
                                                                      .random = parts.random,
                                                                      .log = parts.log})));
        const auto found = live.find(workspace);
        if (found == nullptr) {
          // One that cannot be loaded may be the one that was meant.
          if (!unloaded.empty()) return std::unexpected(unloaded.front().error);
          return fail(Errc::not_found, "this server has no workspace of this name", workspace);
        }
        return run_on(loop, broker::recover_admin(*found, user, parts.clock, parts.random));
      });
}

}  // namespace writ::app
