// SPDX-License-Identifier: Apache-2.0
// The billing API as a process of its own: `writ demo --billing-api`, which the demo starts and
// tests start too. Its key comes on an inherited descriptor and is nowhere else: no argument, no
// environment, no file.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "base/secret_bytes.h"
#include "demo/child_process.h"

namespace writ::demo {

struct BillingProcessOptions {
  int key_descriptor = ChildProcess::kSecretDescriptor;
  std::uint16_t port = 0;  // 0: any
  bool control = false;    // whether tests may make it fail, on a port of its own
};

// The key, read to the end of the descriptor, which is closed. invalid_input or too_large unless it
// is 16 to 4095 bytes.
Expected<SecretBytes> read_billing_key(int descriptor);

// In that process: says "billing API on PORT" and, with control, "control on PORT" on standard
// output, and serves until SIGINT or SIGTERM. Returns an exit status.
int run_billing_process(const BillingProcessOptions& options);

struct BillingProcess {
  ChildProcess process;
  std::uint16_t port = 0;
  std::uint16_t control_port = 0;
};

// In the demo: starts it and waits until it serves.
Expected<BillingProcess> start_billing_process(const SecretBytes& key, const std::string& log,
                                               bool control);

}  // namespace writ::demo
