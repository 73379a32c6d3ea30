// SPDX-License-Identifier: Apache-2.0
// `writ serve`: a server as a process: hardened before it reads a secret, with signals.
//
//   SIGTERM, SIGINT   takes no more requests, lets what runs finish for ten seconds, ends; the
//                     second one ends it at once, and so does the first while it starts
//   SIGHUP            reads the log's level and the TLS certificate again
#pragma once

#include <filesystem>

#include "app/server.h"

namespace writ::app {

struct ServeOptions {
  std::filesystem::path config_file = "writ.toml";
  ServerOptions server;
};

// Returns an exit status: 0 after a signal ended it, 1 where it could not start, with the reason
// and the next step on standard error. From the main thread, before any other is started.
int serve(const ServeOptions& options);

}  // namespace writ::app
