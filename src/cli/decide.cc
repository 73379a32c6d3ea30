// SPDX-License-Identifier: Apache-2.0
#include "cli/decide.h"

#include <algorithm>

#include "action/digest.h"
#include "base/encoding.h"
#include "wire/canonical.h"
#include "wire/time_text.h"
#include "wire/utf8.h"

namespace writ::cli {
namespace {

std::string list_of(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + visible_text(text);
  return out;
}

// Text over as many lines as it needs, `used` columns of the first being taken. Folded here,
// because a terminal folds to its first column, where a part of a long value would look like
// another field: each line but the first begins with a mark that nothing else begins with.
// Characters outside ASCII count double, as the widest of them are.
std::string folded(std::string_view text, std::size_t width, std::size_t used) {
  constexpr std::string_view kMark = "    > ";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto start = at;
    const auto c = next_code_point(text, at);
    if (!c) ++at;
    const std::size_t columns = c && *c < 0x80 ? 1 : 2;
    if (used + columns > width) {
      (out += '\n') += kMark;
      used = kMark.size();
    }
    out.append(text, start, at - start);
    used += columns;
  }
  return out;
}

// In quotes, on one line.
std::string quoted(const std::string& text) { return visible_text(write_json(Json(text))); }

std::unexpected<Error> two_stories(std::string_view what) {
  return fail(Errc::denied,
              "the server's " + std::string(what) + " is not that of the action it shows", {},
              "do not decide this; tell who runs the server");
}

// The groups in which this person may speak, sorted and unique.
std::vector<std::string> own_groups(const std::vector<std::string>& needed,
                                    const std::vector<std::string>& mine,
                                    const std::vector<std::string>& only) {
  std::vector<std::string> out;
  for (const auto& group : needed) {
    const bool wanted = only.empty() || std::ranges::find(only, group) != only.end();
    if (wanted && std::ranges::find(mine, group) != mine.end()) out.push_back(group);
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace

Expected<PreparedDecision> prepare_decision(const protocol::ApprovalView& approval,
                                            approval::Verdict verdict,
                                            const protocol::WhoAmI& person,
                                            const std::vector<std::string>& only) {
  const bool denial = verdict == approval::Verdict::deny;
  if (approval.state != "pending" && !(denial && approval.state == "approved")) {
    return fail(Errc::conflict, "approval " + approval.id.to_string() + " is " +
                                    visible_text(approval.state) +
                                    ": there is nothing to decide any more");
  }
  WRIT_TRY(auto shown, approval::show_statement(approval.statement));
  // An answer about something else than an action is shown by other rules than this page's.
  if (approval.subject != approval::name(approval::Subject::action)) return two_stories("subject");
  const auto commitment = approval::commitment(approval.salt, shown.digest);
  if (commitment != approval.commitment) return two_stories("commitment");
  // show_statement() has parsed it within bounds and found every field.
  WRIT_TRY(const auto object, action::parse_statement(approval.statement));
  ObjectReader r(object);
  r.allow_unknown();
  const auto workspace_text = r.string("workspace");
  const auto run = r.string("run");
  const auto tool = r.string("tool");
  WRIT_TRY_VOID(r.finish());
  if (run != approval.run.to_string()) return two_stories("run");
  if (tool != approval.tool) return two_stories("tool");
  WRIT_TRY(const auto workspace, WorkspaceId::parse(workspace_text));
  if (workspace != person.workspace_id) return two_stories("workspace");

  auto groups = own_groups(approval.groups, person.user.groups, only);
  if (groups.empty()) {
    return fail(Errc::denied, "this needs " + list_of(approval.groups) + "; " +
                                  visible_text(person.user.name) + " is not in it");
  }
  return PreparedDecision{.statement = {.workspace = workspace,
                                        .approval = approval.id,
                                        .subject = approval::Subject::action,
                                        .commitment = commitment,
                                        .verdict = verdict,
                                        .groups = std::move(groups),
                                        .nonce = approval.nonce,
                                        .expires = approval.expires},
                          .shown = std::move(shown)};
}

std::string render_decision(const protocol::ApprovalView& approval,
                            const PreparedDecision& prepared, const Style& style) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.dim(label) + folded(text, style.width, label.size()) + '\n';
  };
  out += style.bold("Approval " + approval.id.to_string()) + '\n';
  if (!approval.title.empty()) line({}, visible_text(approval.title));
  line("asked by  ",
       "agent " + visible_text(approval.agent) + ", in the run " + quoted(approval.run_name));
  line("for       ", approval.user ? visible_text(*approval.user) : std::string("the workspace"));
  line("open till ", format_time(approval.expires));
  line("needs     ", list_of(approval.groups));
  for (const auto& decision : approval.decided) {
    line("          ", visible_text(decision.by) + ": " + visible_text(decision.decision) +
                           " for " + list_of(decision.groups) + ", " + format_time(decision.at));
  }
  if (approval.identical.done > 0 || approval.identical.unknown > 0) {
    out += style.notice("An action that says the same was done " +
                        counted(approval.identical.done, "time"));
    if (approval.identical.unknown > 0) {
      out += style.notice(" and may have been done " +
                          counted(approval.identical.unknown, "more time"));
    }
    out += style.notice(" already.") + '\n';
  }
  out += '\n' + style.bold("The action, exactly:") + '\n';
  for (const auto& field : prepared.shown.lines) line("  ", field);
  out += '\n';
  line("sha-256   ", hex_encode(prepared.shown.digest) + " (of the above)");
  const bool denial = prepared.statement.verdict == approval::Verdict::deny;
  const auto verdict =
      std::string(denial ? "Deny" : "Approve") + " for " + list_of(prepared.statement.groups) + "?";
  out += (denial ? style.bad(verdict) : style.good(verdict)) + '\n';
  return out;
}

protocol::DecisionRequest sign_decision(const PreparedDecision& prepared, const jose::Signer& key,
                                        std::optional<std::string> note) {
  const auto& statement = prepared.statement;
  return {.decision = std::string(approval::name(statement.verdict)),
          .commitment = statement.commitment,
          .groups = statement.groups,
          .nonce = statement.nonce,
          .expiry = statement.expires,
          .signature = key.sign(as_bytes(approval::canonical_decision(statement))),
          .note = std::move(note)};
}

}  // namespace writ::cli
