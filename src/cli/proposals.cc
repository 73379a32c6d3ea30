// SPDX-License-Identifier: Apache-2.0
#include "cli/proposals.h"

#include <algorithm>

#include "approval/proposal.h"
#include "approval/statements.h"
#include "cli/apply.h"
#include "cli/signing.h"
#include "protocol/sessions.h"
#include "wire/time_text.h"
#include "wire/visible.h"

namespace writ::cli {
namespace {

std::string size_of(const protocol::ProposalItem& item) {
  return counted(item.changes, "change") + ", of which " + std::to_string(item.widening) +
         (item.widening == 1 ? " widens" : " widen");
}

SigningPage proposal_page(const protocol::ProposalView& view, const protocol::ApplyAnswer& seen,
                          const protocol::WhoAmI& person, bool denial) {
  auto page = difference_page(seen, person);
  page.title = "Proposal " + view.item.id.to_string();
  auto& about = page.recap.back().lines;
  about.push_back({"  proposed   ", "by " + visible_text(view.item.proposed_by) + ", " +
                                        format_time(view.item.created)});
  about.push_back({"  open till  ", format_time(view.item.expires)});
  if (denial) {
    page.question = "Deny this? Ctrl-C leaves it.";
    page.question_paint = &Style::bad;
  }
  return page;
}

// Said before the passphrase is asked for; the server decides.
Expected<void> check_decider(const protocol::ProposalItem& item, const protocol::WhoAmI& person) {
  const auto has = [](const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (!item.group) {
    if (has(person.user.roles, "admin")) return {};
    return fail(Errc::denied, "an admin decides a proposal", {}, "this needs the role admin");
  }
  const auto group = visible_text(*item.group);
  if (item.proposed_by == person.user.name) {
    return fail(Errc::denied, "you proposed this, and a second person decides it", {},
                "somebody else of the group " + group + " runs writ approve or writ deny");
  }
  if (has(person.user.groups, *item.group)) return {};
  return fail(Errc::denied, "the group " + group + " decides a proposal here", {},
              "a member of it runs writ approve or writ deny");
}

// The server's answer about one, as it stands; nothing but the item where that is all one may see.
struct Looked {
  protocol::ProposalItem item;
  std::optional<protocol::ProposalView> view;
};
Expected<Looked> look(ApiClient& api, const std::string& path) {
  WRIT_TRY(const auto body, api.send("GET", path, seconds(0), kMostBytes<protocol::ApplyAnswer>));
  Looked out;
  WRIT_TRY(out.item, ApiClient::read<protocol::ProposalItem>(body));
  WRIT_TRY(const auto json, parse_json_object(body, {.bytes = body.size(),
                                                     .values = 2'000'000,
                                                     .members = 100'000,
                                                     .string_bytes = std::size_t{8} << 20}));
  if (json.contains("changes")) {
    WRIT_TRY(out.view, ApiClient::read<protocol::ProposalView>(body));
  }
  return out;
}

protocol::ApplyAnswer answer_of(const protocol::ProposalView& view) {
  return {.version = view.from.version,
          .digest = view.digest,
          .changed = true,
          .base = view.from,
          .changes = view.changes,
          .revoked_runs = view.revoked_runs};
}

Bytes sign_denial(const protocol::ProposalView& view, const protocol::WhoAmI& person,
                  const jose::Signer& key) {
  const approval::ProposalStatement about{
      .workspace = person.workspace_id,
      .base_version = view.from.version,
      .base = view.from.digest,
      .digest = view.digest,
      .difference = approval::difference_digest(protocol::write_messages(view.changes))};
  return key.sign(as_bytes(approval::canonical_decision(approval::denial_of(
      about, view.item.id.to_string(), view.salt, view.nonce, view.item.expires))));
}

}  // namespace

Expected<int> decide_proposal(Context& context, const DecideCommand& command) {
  const auto id = protocol::ProposalId::parse(command.approval);
  if (!id) {
    return fail(Errc::invalid_input, quoted_extract(command.approval) + " is no id of a proposal",
                {}, "it begins with prp_ and has 26 characters more");
  }
  if (!command.groups.empty()) {
    return fail(Errc::invalid_input, "a proposal is decided as a whole, and for no group by name",
                {}, "leave out --group");
  }
  const bool denial = command.verdict == approval::Verdict::deny;
  WRIT_TRY(auto api, context.api());
  WRIT_TRY(const auto person, api.get<protocol::WhoAmI>("/v1/session"));
  const auto path = "/v1/proposals/" + id->to_string();
  WRIT_TRY(const auto looked, look(api, path));
  if (looked.item.id != *id)
    return fail(Errc::denied, "the server answered with another proposal than the one asked for");
  if (looked.item.state == "superseded" && looked.view) {
    context.note(render_difference(looked.view->changes, context.environment().err_style));
    return fail(
        Errc::conflict,
        "another version was published since this was proposed; above is what it would "
        "change now",
        {}, "let it be proposed again, from version " + std::to_string(looked.view->from.version));
  }
  if (looked.item.state != "pending") {
    return fail(Errc::conflict, "the proposal is " + visible_text(looked.item.state) +
                                    ": there is nothing to decide any more");
  }
  WRIT_TRY_VOID(check_decider(looked.item, person));
  if (!looked.view)
    return fail(Errc::denied, "the server does not show what this would change", {}, "try again");
  const auto& view = *looked.view;
  const auto seen = answer_of(view);

  // On the terminal, where the passphrase is asked for: what is not seen is not signed.
  WRIT_TRY(const auto key, open_own_key(context, api, proposal_page(view, seen, person, denial),
                                        denial ? "deny this" : "apply this"));
  protocol::ProposalDecision decision{.signed_by_admin = {}, .denial = {}, .note = command.note};
  if (denial) {
    decision.denial = sign_denial(view, person, key);
  } else {
    decision.signed_by_admin = sign_difference(context, seen, person, key);
  }
  auto body = api.send_whole("POST", path + "/decisions", decision.to_json());
  if (!body) {
    auto failure = std::move(body).error();
    if (!failure.changes.empty())
      context.note(render_difference(failure.changes, context.environment().err_style));
    return std::unexpected(std::move(failure.error));
  }
  WRIT_TRY(const auto after, ApiClient::read<protocol::ProposalItem>(*body));
  context.print("Recorded. The proposal is " + visible_text(after.state) +
                (after.version ? ": version " + std::to_string(*after.version) + " is in force.\n"
                               : std::string(".\n")));
  return kOk;
}

std::string render_proposals(const protocol::ProposalList& list, const Style& style) {
  std::string out;
  for (const auto& each : list.proposals) {
    if (!out.empty()) out += '\n';
    out += style.bold(each.id.to_string()) + "  " + visible_text(each.state) + " until " +
           format_time(each.expires) + '\n';
    out += "  an apply with " + size_of(each) + ", made from version " + std::to_string(each.base) +
           '\n';
    out += "  " + style.dim("proposed by " + visible_text(each.proposed_by)) + '\n';
    out += each.group ? "  waits for somebody of the group " + visible_text(*each.group) +
                            " who has not proposed it\n"
                      : "  waits for an admin\n";
  }
  if (!out.empty()) {
    out += '\n' +
           style.dim("To see the difference and sign it: writ approve PROPOSAL, or writ deny") +
           '\n';
  }
  return out;
}

std::string render_proposed(const protocol::ProposeAnswer& answer, const Style& style) {
  if (!answer.proposal) return "Nothing changes, so there is nothing to propose.\n";
  const auto& item = *answer.proposal;
  return "Proposed as " + style.bold(item.id.to_string()) + ": " + size_of(item) + ".\n" +
         (item.group ? "Somebody else of the group " + visible_text(*item.group) + " reads"
                     : std::string("An admin reads")) +
         " the difference and signs it, until " + format_time(item.expires) + ":\n  writ approve " +
         item.id.to_string() + "\nWhat becomes of it:\n  writ approvals\n";
}

}  // namespace writ::cli
