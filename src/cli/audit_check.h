// SPDX-License-Identifier: Apache-2.0
// Verifying a log with what the auditor brought along (P21): a pinned key, checkpoints seen before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "audit/checkpoint.h"
#include "audit/receipt.h"
#include "audit/verify.h"
#include "base/error.h"
#include "cli/log_memory.h"
#include "cli/output.h"

namespace writ::cli {

enum class Trust : std::uint8_t {
  given,       // by the caller, with --key
  remembered,  // from the last look
  first_use,   // believed because nothing else is known: says little about the past
};

struct CheckedLog {
  std::string origin;
  std::string key;  // under which it was verified
  Trust trust = Trust::first_use;
  std::size_t saved = 0;  // checkpoints it was held against
  audit::VerifyReport report;
  std::string checkpoint;  // the last one that held; empty where none did
};

// What to hold a log against. The log says its own key; it counts only where nothing better is
// known.
struct Known {
  std::optional<std::string> given_key{};
  std::optional<RememberedLog> remembered{};
  std::vector<std::string> saved_checkpoints{};
};

// Errors where nothing could be verified: a key that is none, a log that cannot be read. denied
// where the given key, the remembered one and the log's own are not one: then the log is not the
// one that was known.
Expected<CheckedLog> check_log(audit::LogSource& log, const std::string& own_key,
                               const Known& known);

// That the log goes on from everything known of it, without reading all of it: `now` covers no less
// than what was remembered and saved, and begins with it (RFC 9162 section 2.1.4). denied where it
// does not; what cannot be read is another error.
Expected<void> check_goes_on(audit::LogSource& log, const audit::NoteVerifier& key,
                             const audit::SignedCheckpoint& now, const Known& known);
// That of two checkpoints of one log the larger goes on from the smaller.
Expected<void> check_one_log(audit::LogSource& log, const audit::SignedCheckpoint& one,
                             const audit::SignedCheckpoint& other);

// "first bad place first".
std::string render_check(const CheckedLog& check, const Style& style);
JsonObject check_to_json(const CheckedLog& check);

std::string render_receipt(const audit::VerifiedReceipt& receipt, const Style& style);

}  // namespace writ::cli
