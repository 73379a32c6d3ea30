// SPDX-License-Identifier: Apache-2.0
#include "cli/apply.h"

#include <algorithm>

#include "approval/statements.h"
#include "base/encoding.h"
#include "cli/proposals.h"
#include "cli/signing.h"
#include "cli/workspace_files.h"
#include "protocol/sessions.h"
#include "wire/visible.h"

namespace writ::cli {
namespace {

std::string sign_of(std::string_view kind) {
  return kind == "added" ? "+" : kind == "removed" ? "-" : "~";
}

bool is_wider(const protocol::Change& change) {
  // Whatever is not known to do less.
  return change.effect != "narrows" && change.effect != "informs";
}

// As compilers write it, so that editors find the place.
void note_problems(const Context& context, const std::string& directory,
                   const std::vector<protocol::DocumentError>& errors) {
  for (const auto& error : errors) {
    const auto place = std::filesystem::path(directory) / error.where;
    std::string text = (error.where.empty() ? directory : place.string()) + ": " + error.message;
    if (!error.hint.empty()) text += " (" + error.hint + ")";
    context.note(text);
  }
}

class Apply {
 public:
  Apply(Context& context, const ApplyCommand& command, ApiClient api,
        protocol::ApplyRequest request)
      : context_(context), command_(command), api_(std::move(api)), request_(std::move(request)) {}

  Expected<int> run() {
    if (command_.propose) return propose();
    request_.dry_run = true;
    WRIT_TRY(const auto seen, send());
    if (!seen) return kFailed;
    if (command_.dry_run || !seen->changed) return print(*seen);
    request_.dry_run = false;
    request_.base = seen->base;
    if (seen->widens() && seen->asks) {
      if (!command_.json) context_.print(render_difference(seen->changes, context_.style()));
      return propose();
    }
    if (seen->widens()) {
      WRIT_TRY_VOID(sign(*seen));
    } else if (!command_.json) {
      context_.print(render_difference(seen->changes, context_.style()));
    }
    WRIT_TRY(const auto done, send());
    return done ? print(*done) : Expected<int>(kFailed);
  }

 private:
  Expected<int> propose() {
    WRIT_TRY(const auto body, send_to("/v1/proposals"));
    if (!body) return kFailed;
    WRIT_TRY(const auto answer, ApiClient::read<protocol::ProposeAnswer>(*body));
    if (command_.json) {
      context_.print_json(answer.to_json());
    } else {
      context_.print(render_proposed(answer, context_.style()));
    }
    return kOk;
  }

  Expected<std::optional<protocol::ApplyAnswer>> send() {
    WRIT_TRY(const auto body, send_to("/v1/apply"));
    if (!body) return std::optional<protocol::ApplyAnswer>();
    WRIT_TRY(auto answer, ApiClient::read<protocol::ApplyAnswer>(*body));
    return std::optional(std::move(answer));
  }

  // Nothing where the documents have problems, which are shown then.
  Expected<std::optional<std::string>> send_to(const std::string& path) {
    auto body = api_.send_whole("POST", path, request_.to_json());
    if (body) return std::optional(std::move(*body));
    auto failure = std::move(body).error();
    if (!failure.changes.empty())
      context_.note(render_difference(failure.changes, context_.environment().err_style));
    if (failure.errors.empty()) return std::unexpected(std::move(failure.error));
    if (command_.json) {
      context_.print_json(JsonObject{{"errors", protocol::write_messages(failure.errors)}});
      return std::optional<std::string>();
    }
    note_problems(context_, command_.directory, failure.errors);
    return fail(Errc::invalid_input,
                counted(failure.errors.size(), "problem") + "; nothing was changed");
  }

  // On the terminal, where the passphrase is asked for: what is not seen is not signed.
  Expected<void> sign(const protocol::ApplyAnswer& seen) {
    WRIT_TRY(const auto person, api_.get<protocol::WhoAmI>("/v1/session"));
    WRIT_TRY(const auto key,
             open_own_key(context_, api_, difference_page(seen, person), "apply this"));
    request_.signed_by_admin = sign_difference(context_, seen, person, key);
    return {};
  }

  Expected<int> print(const protocol::ApplyAnswer& answer) {
    if (command_.json) {
      context_.print_json(answer.to_json());
      return kOk;
    }
    const auto& style = context_.style();
    std::string out;
    const auto digest = hex_encode(answer.digest).substr(0, 16);
    if (!answer.changed) {
      out = "Nothing changes: version " + std::to_string(answer.version) + " (" + digest +
            "…) says the same.\n";
    } else if (command_.dry_run) {
      out = render_difference(answer.changes, style) +
            "Nothing was changed: this was a dry run against version " +
            std::to_string(answer.version) + ".\n";
      if (!answer.revoked_runs.empty())
        out += "Applying it would revoke " + counted(answer.revoked_runs.size(), "run") + ".\n";
    } else {
      out = "Version " + std::to_string(answer.version) + " (" + digest + "…) is in force.\n";
      if (!answer.revoked_runs.empty()) {
        out += style.notice(counted(answer.revoked_runs.size(), "run") + " revoked:") + '\n';
        for (const auto& run : answer.revoked_runs) out += "  " + run.to_string() + '\n';
      }
    }
    context_.print(out);
    return kOk;
  }

  Context& context_;
  const ApplyCommand& command_;
  ApiClient api_;
  protocol::ApplyRequest request_;
};

}  // namespace

SigningPage difference_page(const protocol::ApplyAnswer& seen, const protocol::WhoAmI& person) {
  SigningPage::Part wider{.heading = "What widens what somebody may do:"};
  SigningPage::Part rest{.heading = "What only narrows or informs:"};
  std::size_t count = 0;
  for (const auto& change : seen.changes) {
    auto& part = is_wider(change) ? wider : rest;
    count += is_wider(change) ? 1 : 0;
    part.lines.push_back({"  " + sign_of(change.kind) + " ",
                          visible_text(change.what) +
                              (change.detail.empty() ? "" : "  " + visible_text(change.detail))});
    for (const auto& line : change.lines) part.lines.push_back({"      ", visible_text(line)});
  }
  SigningPage::Part about{.heading = "Once more:"};
  about.lines = {
      {"  workspace  ", visible_text(person.workspace)},
      {"  from       ", "version " + std::to_string(seen.base.version)},
      {"  as         ", visible_text(person.user.name)},
      {"  changes    ", std::to_string(seen.changes.size()) + ", of which " +
                            std::to_string(count) + (count == 1 ? " widens" : " widen")}};
  SigningPage page{.title = "What this apply changes",
                   .parts = {std::move(wider)},
                   .recap = {std::move(about)},
                   .question = "Apply exactly this? Ctrl-C leaves it."};
  if (!rest.lines.empty()) page.parts.push_back(std::move(rest));
  return page;
}

protocol::ApplySignature sign_difference(const Context& context, const protocol::ApplyAnswer& seen,
                                         const protocol::WhoAmI& person, const jose::Signer& key) {
  const approval::ApplyStatement statement{
      .workspace = person.workspace_id,
      .base_version = seen.base.version,
      .base = seen.base.digest,
      .digest = seen.digest,
      .difference = approval::difference_digest(protocol::write_messages(seen.changes)),
      .fresh = new_freshness(context)};
  return {.difference = statement.difference,
          .nonce = statement.fresh.nonce,
          .expiry = statement.fresh.expires,
          .signature = key.sign(as_bytes(approval::canonical_apply(statement)))};
}

std::string render_difference(const std::vector<protocol::Change>& changes, const Style& style) {
  std::string out;
  std::size_t wider = 0;
  for (const auto& change : changes) {
    const bool widens = is_wider(change);
    wider += widens ? 1 : 0;
    auto line = std::string(widens ? "WIDENS " : "       ") + sign_of(change.kind) + " " +
                visible_text(change.what);
    if (!change.detail.empty()) line += "  " + visible_text(change.detail);
    line = wrap(line, style.width, 11);
    out += (widens ? style.bad(line) : line) + '\n';
    for (const auto& each : change.lines)
      out += "           " + wrap(visible_text(each), style.width - 11, 15) + '\n';
  }
  if (!changes.empty()) {
    out += counted(changes.size(), "change") + ", " + std::to_string(wider) +
           (wider == 1 ? " widens" : " widen") + ".\n";
  }
  return out;
}

Expected<int> run_apply(Context& context, const ApplyCommand& command) {
  WRIT_TRY(auto request, read_workspace(command.directory));
  WRIT_TRY(auto api, context.api());
  return Apply(context, command, std::move(api), std::move(request)).run();
}

}  // namespace writ::cli
