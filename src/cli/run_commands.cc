// SPDX-License-Identifier: Apache-2.0
#include "cli/run_commands.h"

#include <iterator>

#include <unistd.h>

#include "cli/decide.h"
#include "cli/proposals.h"
#include "cli/render_actions.h"
#include "cli/render_runs.h"
#include "protocol/actions.h"
#include "protocol/approvals.h"
#include "protocol/runs.h"
#include "wire/url.h"

namespace writ::cli {
namespace {

// An id of a kind, by its prefix, before anything is sent.
template <typename T>
Expected<std::string> id_text(const std::string& text, std::string_view what) {
  const auto id = T::parse(text);
  if (id) return id->to_string();
  return fail(Errc::invalid_input, quoted_extract(text) + " is no id of " + std::string(what), {},
              "it begins with " + std::string(T::prefix()) + " and has 26 characters more");
}

Expected<std::string> run_path(const std::string& run) {
  WRIT_TRY(const auto id, id_text<RunId>(run, "a run"));
  return "/v1/runs/" + id;
}
Expected<std::string> action_path(const std::string& action) {
  WRIT_TRY(const auto id, id_text<ActionId>(action, "an action"));
  return "/v1/actions/" + id;
}

// GET, and either the server's own JSON or what `render` makes of it.
template <typename T, typename Render>
Expected<int> show(Context& context, const std::string& path, bool json, const Render& render) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto answer, api.get<T>(path));
  if (json) {
    context.print_json(answer.to_json());
  } else {
    context.print(render(answer, context.style()));
  }
  return kOk;
}

// Pages of one list, each of which may be empty and still have another one after it.
constexpr int kMostPages = 200;
// What a trace shows at most, in runs, actions and approvals.
constexpr std::size_t kMostTraced = 20'000;

std::string with_query(const std::string& path, const Form& query) {
  return query.fields().empty() ? path : path + "?" + query.encode();
}

// Follows the cursors of a list of `items` until there are no more, or enough.
template <typename List, typename Items>
Expected<List> read_list(ApiClient& api, const std::string& path, const ListCommand& command,
                         Items List::* items) {
  List out;
  if (!command.after.empty()) out.cursor = command.after;
  for (int pages = 0; pages < kMostPages && (out.*items).size() < kMostListed; ++pages) {
    Form query;
    if (!command.state.empty()) query.add("state", command.state);
    if (out.cursor) query.add("cursor", *out.cursor);
    WRIT_TRY(auto page, api.get<List>(with_query(path, query)));
    for (auto& item : page.*items) (out.*items).push_back(std::move(item));
    out.cursor = std::move(page.cursor);
    if (!out.cursor) break;
  }
  return out;
}

void say_if_cut(Context& context, const std::optional<std::string>& cursor,
                const std::string& words) {
  if (!cursor) return;
  context.print(
      context.style().notice("There is more: " + words + " --after " + visible_text(*cursor)) +
      '\n');
}

template <typename List, typename Items, typename Render>
Expected<int> show_list(Context& context, const std::string& path, const ListCommand& command,
                        Items List::* items, const std::string& words, const Render& render) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto list, read_list(api, path, command, items));
  if (command.json) {
    context.print_json(list.to_json());
    return kOk;
  }
  context.print(render(list, context.style()));
  say_if_cut(context, list.cursor,
             words + (command.state.empty() ? "" : " --state " + command.state));
  return kOk;
}

// Reads on where a trace was cut, as far as one command shows.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the trace, which from_json() bounds
Expected<void> read_on(ApiClient& api, protocol::Trace& trace, std::size_t& shown) {
  shown += 1 + trace.actions.size() + trace.approvals.size();
  while (trace.cursor && shown < kMostTraced) {
    Form query;
    query.add("cursor", *trace.cursor);
    WRIT_TRY(auto more, api.get<protocol::Trace>(
                            with_query("/v1/runs/" + trace.run.id.to_string() + "/trace", query)));
    if (more.run.id != trace.run.id)
      return fail(Errc::internal, "the server answered with the trace of another run");
    const bool stuck = more.cursor == trace.cursor;
    shown += more.actions.size() + more.approvals.size();
    const auto append = [](auto& to, auto& from) {
      to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
    };
    append(trace.actions, more.actions);
    append(trace.approvals, more.approvals);
    append(trace.children, more.children);
    trace.cursor = std::move(more.cursor);
    if (stuck) break;
  }
  for (auto& child : trace.children) {
    WRIT_TRY_VOID(read_on(api, child, shown));
  }
  return {};
}

}  // namespace

Expected<int> run_list_runs(Context& context, const ListCommand& command) {
  return show_list(context, "/v1/runs", command, &protocol::RunList::runs, "writ run list",
                   render_runs);
}

Expected<int> run_show_run(Context& context, const std::string& run, bool json) {
  WRIT_TRY(const auto path, run_path(run));
  return show<protocol::RunView>(context, path, json, render_run);
}

Expected<int> run_trace(Context& context, const std::string& run, bool json) {
  WRIT_TRY(const auto path, run_path(run));
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(auto trace, api.get<protocol::Trace>(path + "/trace"));
  std::size_t shown = 0;
  WRIT_TRY_VOID(read_on(api, trace, shown));
  if (json) {
    context.print_json(trace.to_json());
  } else {
    context.print(render_trace(trace, context.style()));
  }
  return kOk;
}

Expected<int> run_revoke(Context& context, const std::string& run, const std::string& reason) {
  WRIT_TRY(const auto path, run_path(run));
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto answer,
           api.post<protocol::Revoked>(path + "/revoke",
                                       protocol::RevokeRequest{.reason = reason}.to_json()));
  if (answer.revoked.empty()) {
    context.print("It had ended already.\n");
    return kOk;
  }
  context.print(counted(answer.revoked.size(), "run") +
                " revoked; no byte leaves for them any more:\n");
  for (const auto& id : answer.revoked) context.print("  " + id.to_string() + '\n');
  return kOk;
}

Expected<int> run_explain(Context& context, const std::string& action, bool json) {
  WRIT_TRY(const auto path, action_path(action));
  return show<protocol::Explanation>(context, path + "/explain", json, render_explanation);
}

Expected<int> run_show_action(Context& context, const std::string& action, bool json) {
  WRIT_TRY(const auto path, action_path(action));
  return show<protocol::ActionView>(context, path, json, render_action);
}

Expected<int> run_resolve_action(Context& context, const std::string& action,
                                 const std::string& outcome, const std::string& detail) {
  WRIT_TRY(const auto path, action_path(action));
  WRIT_TRY(auto api, context.api());
  const protocol::ResolveRequest request{.outcome = outcome, .detail = detail};
  WRIT_TRY_VOID(api.send_json("POST", path + "/resolve", request.to_json()));
  context.print("Settled as " + outcome + "; the log says by whom and why.\n");
  return kOk;
}

Expected<int> run_approvals(Context& context, const ListCommand& command) {
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto list,
           read_list(api, "/v1/approvals", command, &protocol::ApprovalList::approvals));
  // Before all others, and all at once: there are few.
  protocol::ProposalList proposals;
  if (command.after.empty()) {
    WRIT_TRY(proposals, api.get<protocol::ProposalList>("/v1/proposals"));
  }
  if (command.json) {
    auto out = list.to_json();
    out["proposals"] = protocol::write_messages(proposals.proposals);
    context.print_json(out);
    return kOk;
  }
  const auto& style = context.style();
  const auto of_applies = render_proposals(proposals, style);
  context.print(of_applies);
  if (!list.approvals.empty() || of_applies.empty()) {
    context.print((of_applies.empty() ? "" : "\n") + render_approvals(list, style));
  }
  say_if_cut(context, list.cursor, "writ approvals");
  return kOk;
}

Expected<int> run_decide(Context& context, const DecideCommand& command) {
  if (command.approval.starts_with(protocol::ProposalId::prefix()))
    return decide_proposal(context, command);
  WRIT_TRY(const auto id, id_text<ApprovalId>(command.approval, "an approval"));
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto file, load_user_key(context.home(), api.identity()));
  WRIT_TRY(const auto person, api.get<protocol::WhoAmI>("/v1/session"));
  WRIT_TRY(const auto approval, api.get<protocol::ApprovalView>("/v1/approvals/" + id));
  if (approval.id.to_string() != id)
    return fail(Errc::denied, "the server answered with another approval than the one asked for");
  WRIT_TRY(const auto prepared,
           prepare_decision(approval, command.verdict, person, command.groups));

  // On the terminal, where the passphrase is asked for: what is not seen is not signed.
  const auto verb = std::string(approval::name(command.verdict));
  WRIT_TRY(const auto passphrase,
           ask_to_sign(context.asker(), decision_page(approval, prepared),
                       "Passphrase of " + api.identity().user + " to " + verb + ": "));
  WRIT_TRY(const auto key, file.open(passphrase));
  const auto decision = sign_decision(prepared, key, command.note);
  WRIT_TRY(const auto after, api.post<protocol::ApprovalView>("/v1/approvals/" + id + "/decisions",
                                                              decision.to_json()));
  context.print("Recorded. The approval is " + visible_text(after.state));
  if (after.state == "pending" && !after.missing.empty()) {
    context.print("; it still waits for ");
    for (std::size_t i = 0; i < after.missing.size(); ++i)
      context.print((i > 0 ? ", " : "") + visible_text(after.missing[i]));
  }
  context.print(".\n");
  return kOk;
}

}  // namespace writ::cli
