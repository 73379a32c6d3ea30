// SPDX-License-Identifier: Apache-2.0
#include "api/api.h"

#include <algorithm>

#include "api/approval_page.h"
#include "api/bodies.h"
#include "base/encoding.h"
#include "protocol/credentials.h"
#include "wire/http_fields.h"

namespace writ::api {
namespace {

constexpr seconds kProofWindow{60};  // as broker::Authenticator has it
constexpr std::size_t kMaxProofs = 100'000;

constexpr std::string_view kSignIn = "/v1/sessions";
constexpr std::string_view kPages = "/approvals/";

// The workspace that an access token says it is of: to find whose runs to look in, and for nothing
// else; a token that lies about it names a run that is not there.
std::optional<std::string> claimed_workspace(std::string_view token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos) return std::nullopt;
  const auto bytes = base64url_decode(token.substr(first + 1, second - first - 1));
  if (!bytes) return std::nullopt;
  const auto claims = parse_json_object(as_text(*bytes), {.bytes = 16 * 1024, .depth = 16});
  return claims ? broker::text_member(*claims, "workspace") : std::nullopt;
}

// The methods of a path that has not the one that was asked for.
std::string allowed(std::string_view path) {
  if (path == kSignIn) return "POST";
  const auto found = match({}, path);
  return found ? found->allowed : std::string();
}

std::string needs(broker::Operation operation) {
  using broker::Operation;
  switch (operation) {
    case Operation::decide_proposal:
      return "this is an admin's to do or, where [approvals] apply names a group, a member's of it "
             "who has not proposed it";
    case Operation::apply:
    case Operation::invite:
      return "this needs the role admin";
    case Operation::propose:
      return "this needs the role proposer or admin";
    case Operation::disable_user:
    case Operation::enable_user:
    case Operation::keep_credentials:
    case Operation::revoke:
    case Operation::resolve:
    case Operation::reset_clock:
      return "this needs the role operator";
    case Operation::read_log:
    case Operation::prove:
      return "this needs the role auditor or admin";
    case Operation::list_approvals:
    case Operation::decide_approval:
      return "this is for members of the groups that are asked";
    default:
      return "this is not for you to do";
  }
}

template <typename Id>
std::optional<Id> parse_id(const std::string& text) {
  const auto id = Id::parse(text);
  return id ? std::optional(*id) : std::nullopt;
}

broker::ControlSubject subject_of(const delegation::Run& run) {
  return {.run = run.id, .user = run.user, .groups = {}};
}

std::unexpected<net::Problem> denied(broker::Operation operation) {
  return problem(fail(Errc::denied, needs(operation)).error());
}

}  // namespace

Api::Api(const Parts& parts, std::string public_url)
    : parts_(parts),
      public_url_(public_url),
      endpoints_(parts, std::move(public_url)),
      strangers_("api", parts.log, parts.metrics, parts.clock),
      began_(std::chrono::ceil<seconds>(parts.clock.now())) {}

bool Api::owns(std::string_view path) const {
  path = net::path_of(path);
  return path == "/v1" || path.starts_with("/v1/") || path.starts_with("/log/") ||
         path.starts_with(kPages);
}

Task<void> Api::handle(net::ServerRequest& request, net::ServerResponse& response) {
  if (net::path_of(request.target()).starts_with(kPages)) {
    co_await send_approval_page(request, response, public_url_);
    co_return;
  }
  auto handled = co_await answer(request);
  if (handled) {
    const CancelRegistration cut(handled->until, request.loop(), [&response] { response.cut(); });
    co_await net::send_bytes(response, handled->status, handled->type, handled->body);
    co_return;
  }
  const auto& why = handled.error();
  Fields fields;
  if (why.status == 401) {
    strangers_.refused(fail(Errc::unauthenticated, why.detail).error());
    (void)fields.add("WWW-Authenticate", "DPoP algs=\"ES256 EdDSA\", resource_metadata=\"" +
                                             public_url_ +
                                             "/.well-known/oauth-protected-resource/v1\"");
  }
  if ((why.status == 429 || why.status == 503) && !why.retry_after)
    (void)fields.add("Retry-After", "1");
  if (why.status >= 500) {
    parts_.log.warning("api.failed", {{"method", request.method()},
                                      {"path", net::path_of(request.target())},
                                      {"status", why.status},
                                      {"detail", why.detail}});
  }
  // RFC 9110 section 15.5.6
  if (why.status == 405) (void)fields.add("Allow", allowed(net::path_of(request.target())));
  co_await net::send_problem(response, why, std::move(fields));
}

Task<Handled> Api::answer(net::ServerRequest& request) {
  const auto path = net::path_of(request.target());
  if (path == kSignIn && request.method() == "POST")
    co_return co_await endpoints_.open_session(request);
  auto found = match(request.method(), path);
  if (!found && path != kSignIn) co_return std::unexpected(not_here());
  if (!found || found->route == nullptr) {
    co_return std::unexpected(net::Problem{.status = 405,
                                           .type = "method-not-allowed",
                                           .detail = "this path does not answer to that method",
                                           .hint = "it answers to " + allowed(path)});
  }
  co_return co_await answer(request, std::move(*found));
}

void Api::note_refusal(const Asked& asked, broker::Operation operation,
                       broker::ControlVerdict why) {
  const broker::EntryWriter writer(asked.workspace->id(), asked.workspace->data_key(), parts_.clock,
                                   parts_.random);
  // Not waited for: how long the answer takes must not tell what exists.
  asked.workspace->store().append_later({broker::control_refused(
      writer, operation, asked.caller, asked.names.empty() ? "" : asked.names.front(), why)});
}

Task<Handled> Api::answer(net::ServerRequest& request, Match match) {
  const auto& route = *match.route;
  const auto operation = route.access.operation();
  WRIT_API_TRY(auto asked, authenticate(request, operation));
  request.known();
  asked.names = std::move(match.names);
  // P37: before anything is looked up, or a byte of the body is read.
  WRIT_API_TRY(asked.share, admit(asked, route.takes));
  // What nobody of this kind may do to anything is refused before anything is looked up.
  if (asked.caller.run != nullptr &&
      broker::decide(operation, asked.caller, {}) == broker::ControlVerdict::denied) {
    note_refusal(asked, operation, broker::ControlVerdict::denied);
    co_return denied(operation);
  }
  WRIT_API_TRY(const auto subject, co_await look_up(asked, route.access.about()));
  if (!subject) co_return std::unexpected(not_here());
  const auto verdict = broker::decide(operation, asked.caller, *subject);
  if (verdict != broker::ControlVerdict::allowed) {
    note_refusal(asked, operation, verdict);
    if (verdict == broker::ControlVerdict::denied) co_return denied(operation);
    co_return std::unexpected(not_here());
  }
  WRIT_API_TRY(asked.query, parse_form(net::query_of(request.target())));

  const auto read = co_await read_body(asked, route.takes);
  // Before anything is said of the body: whoever may not do it any more learns that alone.
  if (auto still = decide_again(asked, operation, *subject); !still)
    co_return std::unexpected(std::move(still).error());
  if (!read) co_return problem(read.error());

  auto handled = co_await (endpoints_.*route.handler)(asked);
  const bool is_read = route.method == "GET" || (handled && handled->is_read);
  // A commit that met another caller than the one decided on, or a check of documents that was cut;
  // and what was read for somebody who may not see it any more.
  if (is_read || (!handled && handled.error().status == 409)) {
    if (auto still = decide_again(asked, operation, *subject); !still)
      co_return std::unexpected(std::move(still).error());
  }
  if (is_read && handled) handled->until = asked.ended;
  if (handled) handled->share = asked.share;
  co_return handled;
}

Expected<std::shared_ptr<const void>> Api::admit(const Asked& asked, Takes takes) {
  const broker::Holder holder{.workspace = asked.workspace->id(),
                              .member = asked.caller.run != nullptr ? asked.caller.run->agent.raw()
                                                                    : asked.caller.user->id.raw()};
  const std::uint64_t most = !asked.request.has_body()   ? 0
                             : takes == Takes::documents ? kMaxApplyBody
                                                         : kMaxSmallBody;
  // What a request takes of its sender's share.
  struct Admitted {
    broker::Share::Slot request;
    broker::Share::Slot bytes;
  };
  auto out = std::make_shared<Admitted>();
  WRIT_TRY(out->request, parts_.shares.control_requests.take(holder));
  WRIT_TRY(out->bytes, parts_.shares.control_bytes.take(
                           holder, std::min(asked.request.declared_length().value_or(most), most)));
  return out;
}

Task<Expected<void>> Api::read_body(Asked& asked, Takes takes) {
  auto& request = asked.request;
  const CancelRegistration cut(asked.ended, request.loop(), [&request] {
    request.refuse_body(
        fail(Errc::conflict, "what you may do changed while this was sent", {}, "send it again")
            .error());
  });
  switch (takes) {
    case Takes::nothing:
      break;
    case Takes::empty: {
      WRIT_CO_TRY(asked.body, co_await read_optional(request));
      ObjectReader reader(asked.body);
      co_return reader.finish();
    }
    case Takes::message: {
      WRIT_CO_TRY(asked.body, co_await net::read_json(request, kMaxSmallBody));
      break;
    }
    case Takes::documents: {
      WRIT_CO_TRY(asked.documents, co_await net::read_json_text(request, kMaxApplyBody));
      break;
    }
    case Takes::secret: {
      WRIT_CO_TRY(asked.secret, co_await read_secret(request, protocol::kMaxCredentialBytes));
      break;
    }
  }
  co_return Expected<void>();
}

std::expected<void, net::Problem> Api::decide_again(Asked& asked, broker::Operation operation,
                                                    const broker::ControlSubject& subject) {
  if (!asked.session) {
    // An agent: its run and those above it live.
    const auto alive = asked.workspace->runs().alive(asked.caller.run->id, parts_.clock.now());
    if (!alive) return problem(alive.error());
    return {};
  }
  auto authority = broker::Authority::decide(parts_.sessions, *asked.session, operation, subject);
  if (authority) {
    asked.caller = authority->caller();
    asked.ended = authority->session().cut;
    asked.authority = std::move(*authority);
    return {};
  }
  asked.authority.reset();
  const auto& why = authority.error();
  if (why.code == Errc::unauthenticated) return problem(why);
  const bool hidden = why.code == Errc::not_found;
  note_refusal(asked, operation,
               hidden ? broker::ControlVerdict::hidden : broker::ControlVerdict::denied);
  if (hidden) return std::unexpected(not_here());
  return denied(operation);
}

Expected<Asked> Api::authenticate(net::ServerRequest& request, broker::Operation operation) {
  WRIT_TRY(const auto credentials, net::credentials_of(request.fields()));
  const auto url = public_url_ + std::string(net::path_of(request.target()));
  // A session's text has no period; an access token has two.
  if (credentials.token.find('.') != std::string::npos)
    return authenticate_agent(request, credentials, url);
  WRIT_TRY(auto session,
           parts_.sessions.authenticate(
               {.scheme = credentials.scheme,
                .token = credentials.token,
                .proof = credentials.proof ? std::optional<std::string_view>(*credentials.proof)
                                           : std::nullopt,
                .method = request.method(),
                .url = url,
                .operation = operation}));
  const auto ended = session.cut;
  return Asked{.request = request,
               .caller = {.user = session.user, .run = nullptr},
               .workspace = session.workspace,
               .session = std::move(session),
               .authority = {},
               .ended = ended,
               .names = {},
               .query = {},
               .run = {},
               .action = {},
               .approval = {},
               .proposal = {},
               .body = {},
               .secret = {},
               .documents = {},
               .share = {}};
}

Expected<Asked> Api::authenticate_agent(net::ServerRequest& request,
                                        const net::Credentials& credentials, std::string_view url) {
  WRIT_TRY_VOID(parts_.time.check());
  const auto name = claimed_workspace(credentials.token);
  auto workspace = name ? parts_.live.find(*name) : nullptr;
  if (workspace == nullptr)
    return fail(Errc::unauthenticated, "the token is not one of this server's", "Authorization",
                "get a token for " + public_url_ + "/v1 from /oauth/token");
  const auto audience = public_url_ + "/v1";
  WRIT_TRY(const auto call,
           parts_.authenticator.authenticate(
               *workspace,
               {.scheme = credentials.scheme,
                .token = credentials.token,
                .proof = credentials.proof ? std::optional<std::string_view>(*credentials.proof)
                                           : std::nullopt,
                .method = request.method(),
                .url = url,
                .audience = audience,
                .arrived = parts_.clock.now()}));
  if (call.proof()) {
    WRIT_TRY_VOID(parts_.time.check(call.proof()->made));
    WRIT_TRY_VOID(use_proof(*call.proof()));
  }
  const auto& run = call.lineage().runs.front();
  const auto ended = workspace->runs().token(run->id);
  return Asked{.request = request,
               .caller = {.user = nullptr, .run = run},
               .workspace = std::move(workspace),
               .session = std::nullopt,
               .authority = {},
               .ended = ended,
               .names = {},
               .query = {},
               .run = {},
               .action = {},
               .approval = {},
               .proposal = {},
               .body = {},
               .secret = {},
               .documents = {},
               .share = {}};
}

Expected<void> Api::use_proof(const action::ProofId& proof) {
  const auto now = parts_.clock.now();
  // Reads leave no record, so proofs are remembered here; one from before this process began may
  // have been used then.
  if (proof.expires - 2 * kProofWindow < began_) {
    return fail(Errc::unavailable,
                "the server has just started, and cannot tell whether this DPoP proof was used",
                "DPoP", "make a new proof in a second");
  }
  const std::lock_guard lock(mutex_);
  while (!proof_ends_.empty() && proof_ends_.front().first <= now) {
    proofs_.erase(proof_ends_.front().second);
    proof_ends_.pop_front();
  }
  if (proofs_.size() >= kMaxProofs)
    return fail(Errc::rate_limited, "too many requests of agents at once");
  if (!proofs_.insert(proof.digest).second) {
    return fail(Errc::unauthenticated, "this DPoP proof was used before", "DPoP",
                "make a new proof for each request");
  }
  proof_ends_.emplace_back(now + 2 * kProofWindow + broker::TimeGuard::kTolerance + seconds(1),
                           proof.digest);
  return {};
}

Task<Expected<std::optional<broker::ControlSubject>>> Api::look_up(Asked& asked, About about) {
  using Found = std::optional<broker::ControlSubject>;
  auto& workspace = *asked.workspace;
  switch (about) {
    case About::workspace:
      co_return Found(broker::ControlSubject{});
    case About::log:
      if (asked.names.front() != workspace.version()->name()) co_return Found();
      co_return Found(broker::ControlSubject{});
    case About::approval: {
      const auto id = parse_id<ApprovalId>(asked.names.front());
      if (!id) co_return Found();
      WRIT_CO_TRY(asked.approval, co_await broker::find_approval(workspace, parts_.approvals, *id));
      if (asked.approval == nullptr) co_return Found();
      co_return Found(broker::ControlSubject{.run = asked.approval->run,
                                             .user = asked.approval->user,
                                             .groups = asked.approval->groups});
    }
    case About::proposal: {
      const auto id = parse_id<broker::ProposalId>(asked.names.front());
      if (!id) co_return Found();
      WRIT_CO_TRY(asked.proposal, co_await parts_.proposals.find(workspace, *id));
      if (asked.proposal == nullptr) co_return Found();
      co_return Found(broker::subject_of(workspace, *asked.proposal));
    }
    case About::run:
    case About::action:
      break;
  }
  std::optional<RunId> run_id;
  if (about == About::run) {
    run_id = parse_id<RunId>(asked.names.front());
  } else if (const auto id = parse_id<ActionId>(asked.names.front())) {
    WRIT_CO_TRY(asked.action, co_await broker::find_action(workspace, *id));
    if (asked.action) run_id = asked.action->run;
  }
  if (!run_id) co_return Found();
  WRIT_CO_TRY(asked.run, co_await broker::find_run(workspace, *run_id));
  if (!asked.run) co_return Found();
  co_return Found(subject_of(*asked.run->run));
}

}  // namespace writ::api
