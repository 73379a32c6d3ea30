// SPDX-License-Identifier: Apache-2.0
#include "cli/audit_commands.h"

#include "audit/checkpoint.h"
#include "cli/audit_check.h"
#include "cli/files.h"
#include "cli/log_memory.h"
#include "cli/log_sources.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxReceipt = audit::ReceiptLimits{}.bytes;
constexpr std::size_t kMaxNote = 65'536;
constexpr seconds kWaitForCheckpoint{5};  // for one that covers what is to be proved

Expected<std::vector<std::string>> saved_checkpoints(const AuditCommand& command) {
  std::vector<std::string> out;
  for (const auto& file : command.checkpoints) {
    WRIT_TRY(auto note, read_file(file, kMaxNote));
    out.push_back(std::move(note));
  }
  return out;
}

// The key to verify single statements under: given, or remembered; on first use the server's own,
// and that is said.
Expected<audit::NoteVerifier> statement_key(const Context& context, const AuditCommand& command,
                                            const std::optional<RememberedLog>& remembered,
                                            const std::string& own_key) {
  const bool is_known = command.key || remembered;
  const auto& text = command.key ? *command.key : remembered ? remembered->key : own_key;
  if (!is_known) {
    context.note("Nothing is known of this log yet, so its own key is believed:");
    context.note("  " + text);
  } else if (!own_key.empty() && text != own_key) {
    return fail(Errc::denied, "the log's key is not the one that was known", {},
                "find out why before you trust either");
  }
  return audit::NoteVerifier::parse(text);
}

// The exit status of something that was to be verified and was not.
int not_verified(const Context& context, const Error& error) {
  context.environment().err(render_error(error, context.environment().err_style));
  return kNotVerified;
}

// What says that the evidence is bad, as against what could not be looked at.
bool speaks_against(const Error& error) {
  return error.code == Errc::denied || error.code == Errc::unauthenticated ||
         error.code == Errc::invalid_input;
}

// Its exit status where it speaks against the log, else the error.
Expected<int> not_held(const Context& context, const Error& error) {
  if (speaks_against(error)) return not_verified(context, error);
  return std::unexpected(error);
}

Expected<int> report(const Context& context, const CheckedLog& check, bool json) {
  if (json) {
    context.print_json(check_to_json(check));
  } else {
    context.print(render_check(check, context.style()));
  }
  return check.report.ok ? kOk : kNotVerified;
}

Expected<int> verify_receipt(const Context& context, const AuditCommand& command) {
  WRIT_TRY(const auto text, read_file(command.receipt, kMaxReceipt));
  const auto receipt = audit::Receipt::parse(text);
  if (!receipt) return not_verified(context, receipt.error());
  const auto key = [&]() -> Expected<audit::NoteVerifier> {
    if (command.key) return audit::NoteVerifier::parse(*command.key);
    WRIT_TRY(const auto session, context.session());
    WRIT_TRY(const auto remembered,
             LogMemory(context.home()).find(session.identity.server, session.identity.workspace));
    if (!remembered) {
      return fail(Errc::invalid_input, "no key is known to verify this receipt with", {},
                  "name it with --key, or look at the log first: writ audit verify");
    }
    return audit::NoteVerifier::parse(remembered->key);
  };
  WRIT_TRY(const auto verifier, key());
  const auto verified = receipt->verify(verifier);
  if (!verified) return not_verified(context, verified.error());
  if (command.json) {
    JsonObject out{{"ok", true},
                   {"index", protocol::write_count(verified->index())},
                   {"size", protocol::write_count(verified->checkpoint().size())},
                   {"entry", verified->entry().json()}};
    if (verified->opening()) out["statement"] = verified->opening()->statement;
    context.print_json(out);
  } else {
    context.print(render_receipt(*verified, context.style()));
  }
  return kOk;
}

// A key says who signed, and not that this is all that was signed (P36).
void note_what_a_key_proves(const Context& context, const Known& known) {
  const bool seen = !known.saved_checkpoints.empty() ||
                    (known.remembered && !known.remembered->checkpoint.empty());
  if (known.given_key && !seen) {
    context.note(
        "No checkpoint of this log was known before: an older copy of all of it would pass as "
        "well. Keep one elsewhere: writ audit checkpoint.");
  }
}

Expected<int> verify_export(const Context& context, const AuditCommand& command) {
  WRIT_TRY(auto log, ExportedLog::open(command.directory));
  // What is known of a log is found by the name that its key signs under: the origin beside it is
  // only said, and under another one no memory would be found.
  const auto key = audit::NoteVerifier::parse(log.key());
  if (!key) return not_verified(context, key.error());
  if (key->name() != log.origin()) {
    return not_verified(context,
                        {.code = Errc::denied,
                         .message = "this export says that it is of " + log.origin() +
                                    ", and its key is that of " + key->name(),
                         .where = {},
                         .hint = "export the log again; if it says so again, ask its operator"});
  }
  Known known{.given_key = command.key};
  WRIT_TRY(known.saved_checkpoints, saved_checkpoints(command));
  WRIT_TRY(known.remembered, LogMemory(context.home()).find_origin(key->name()));
  auto check = check_log(log, log.key(), known);
  if (!check) {
    if (speaks_against(check.error())) return not_verified(context, check.error());
    return std::unexpected(check.error());
  }
  note_what_a_key_proves(context, known);
  return report(context, *check, command.json);
}

struct OpenedLog {
  protocol::LogView view;
  std::optional<RememberedLog> remembered;
};
// What is held against what is known before anything of a server's log is given out.
struct KnownLog {
  audit::NoteVerifier key;
  audit::SignedCheckpoint checkpoint;  // the latest; it goes on from every one seen before
};
Expected<OpenedLog> open_log(const Context& context, ApiClient& api) {
  OpenedLog out;
  WRIT_TRY(out.view, api.get<protocol::LogView>("/v1/log"));
  WRIT_TRY(out.remembered,
           LogMemory(context.home()).find(api.identity().server, api.identity().workspace));
  return out;
}

// Every command that gives out a part of a server's log comes through here. Errors that speak
// against the log: see speaks_against().
Expected<KnownLog> hold_against_known(const Context& context, ApiClient& api,
                                      const OpenedLog& opened, const AuditCommand& command) {
  WRIT_TRY(auto key, statement_key(context, command, opened.remembered, opened.view.key));
  Known known{.remembered = opened.remembered};
  WRIT_TRY(known.saved_checkpoints, saved_checkpoints(command));
  if (opened.view.checkpoint.empty()) {
    const bool had_one = !known.saved_checkpoints.empty() ||
                         (known.remembered && !known.remembered->checkpoint.empty());
    if (had_one) {
      return fail(Errc::denied, "this log has no checkpoint any more, and one was seen before", {},
                  "find out why before you trust it");
    }
    return fail(Errc::not_found, "this log has no checkpoint yet", {}, "try again in a moment");
  }
  WRIT_TRY(auto checkpoint, audit::SignedCheckpoint::open(opened.view.checkpoint, key));
  ServerLog log(api, opened.view);
  WRIT_TRY_VOID(check_goes_on(log, key, checkpoint, known));
  return KnownLog{.key = std::move(key), .checkpoint = std::move(checkpoint)};
}

Expected<void> write_or_print(const Context& context, const std::string& out,
                              const std::string& text) {
  if (out.empty()) {
    context.print(context.environment().output_is_terminal ? visible_lines(text) : text);
    return {};
  }
  WRIT_TRY_VOID(write_file(out, as_bytes(text)));
  context.note("Written to " + visible_text(out) + ".");
  return {};
}

}  // namespace

Expected<int> run_audit_verify(Context& context, const AuditCommand& command) {
  if (!command.receipt.empty()) return verify_receipt(context, command);
  if (!command.directory.empty()) return verify_export(context, command);

  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto opened, open_log(context, api));
  ServerLog log(api, opened.view);
  Known known{.given_key = command.key, .remembered = opened.remembered};
  WRIT_TRY(known.saved_checkpoints, saved_checkpoints(command));
  const auto check = check_log(log, opened.view.key, known);
  if (!check) {
    if (check.error().code == Errc::denied) return not_verified(context, check.error());
    return std::unexpected(check.error());
  }
  note_what_a_key_proves(context, known);
  if (check->report.ok) {
    RememberedLog now{.server = api.identity().server,
                      .workspace = api.identity().workspace,
                      .key = check->key,
                      .checkpoint = check->checkpoint};
    const LogMemory memory(context.home());
    WRIT_TRY_VOID(memory.save(now));
    if (check->trust == Trust::first_use) {
      context.note("Key and checkpoint are remembered in " +
                   memory.path(now.server, now.workspace).string() + ".");
      context.note("Compare the key with the one that the server's operator names.");
    }
  }
  return report(context, *check, command.json);
}

Expected<int> run_audit_prove(Context& context, const std::string& action,
                              const AuditCommand& command) {
  const auto id = ActionId::parse(action);
  if (!id) {
    return fail(Errc::invalid_input, quoted_extract(action) + " is no id of an action", {},
                "it begins with " + std::string(ActionId::prefix()) +
                    "; writ trace RUN lists the actions of a run");
  }
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto opened, open_log(context, api));
  WRIT_TRY(const auto text,
           api.send("GET", "/v1/actions/" + id->to_string() + "/receipt", kWaitForCheckpoint));
  const auto known = hold_against_known(context, api, opened, command);
  if (!known) return not_held(context, known.error());
  const auto receipt = audit::Receipt::parse(text);
  if (!receipt) return not_verified(context, receipt.error());
  const auto verified = receipt->verify(known->key);
  if (!verified) return not_verified(context, verified.error());
  ServerLog log(api, opened.view);
  const auto one_log = check_one_log(log, verified->checkpoint(), known->checkpoint);
  if (!one_log) return not_held(context, one_log.error());
  if (verified->entry().subjects().action != *id) {
    return not_verified(context, {.code = Errc::denied,
                                  .message = "the receipt holds, and is about another action",
                                  .where = {},
                                  .hint = {}});
  }
  WRIT_TRY_VOID(write_or_print(context, command.out, receipt->to_json() + "\n"));
  context.note("It holds. Anyone who has the log's key can check it with no server:");
  context.note("  writ audit verify --receipt FILE --key KEY");
  return kOk;
}

Expected<int> run_audit_checkpoint(Context& context, const AuditCommand& command) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto opened, open_log(context, api));
  const auto known = hold_against_known(context, api, opened, command);
  if (!known) return not_held(context, known.error());
  WRIT_TRY_VOID(write_or_print(context, command.out, known->checkpoint.note()));
  return kOk;
}

Expected<int> run_audit_export(Context& context, const std::string& directory) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto opened, open_log(context, api));
  ServerLog log(api, opened.view);
  WRIT_TRY(const auto written, export_log(log, opened.view, directory));
  context.print(counted(written, "entry", "entries") + " written to " + visible_text(directory) +
                ".\n");
  context.print("Verify them anywhere: writ audit verify --dir " + visible_text(directory) +
                " --key KEY\n");
  // What was written is what is verified; it stays as evidence where it does not hold.
  WRIT_TRY(auto exported, ExportedLog::open(directory));
  const auto check = check_log(exported, opened.view.key, {.remembered = opened.remembered});
  if (!check) return not_held(context, check.error());
  if (check->report.ok) return kOk;
  context.environment().err(render_check(*check, context.environment().err_style));
  return kNotVerified;
}

}  // namespace writ::cli
