// SPDX-License-Identifier: Apache-2.0
// ApiServer: for tests, /v1 as it would run: the example workspace and its people behind a
// net::HttpServer on a port of its own. Its public URL is another than where it listens.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "api/api.h"
#include "audit/fake_log.h"
#include "broker/control_testing.h"
#include "crypto/hash.h"
#include "net/testing.h"
#include "observe/capture.h"
#include "protocol/apply.h"

namespace writ::api {

struct Seen {
  int status = 0;
  std::string head;
  std::string body;

  JsonObject json() const { return parse_json_object(body).value_or(JsonObject()); }
  std::string text(std::string_view name) const {
    return broker::text_member(json(), name).value_or("");
  }
};

class ApiServer : public broker::ControlPlane {
 public:
  ApiServer() {
    // Besides the people of the example: an operator, and one who is nothing in particular.
    acme.documents()["workspace.toml"] +=
        "\n[users.opal]\nroles = [\"operator\"]\n\n[users.dave]\n";
    acme.apply();
    for (const auto* name : {"opal", "dave", "olivia"}) {
      const auto& key =
          more_keys_.try_emplace(name, crypto::Es256PrivateKey::generate()).first->second;
      acme.enrol(name, key.public_jwk());
    }
    loops_.start();
    server_ = net::HttpServer::create(
                  loops_, {.address = asio::ip::make_address("127.0.0.1")},
                  [this](net::ServerRequest& request, net::ServerResponse& response) {
                    return api_.handle(request, response);
                  },
                  acme.log(), metrics_)
                  .value();
  }
  ~ApiServer() {
    server_.reset();  // while the loops run
    loops_.stop();
  }
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  const observe::CapturingMetrics& metrics() const { return metrics_; }
  const jose::Es256Signer& key_of(const std::string& name) {
    const auto found = more_keys_.find(name);
    return found == more_keys_.end() ? acme.key(name) : found->second;
  }
  // A person's session, opened when it is first needed.
  const broker::TestSession& session_of(const std::string& name) {
    auto& session = sessions_[name];
    if (session.text.empty()) {
      auto done = sign_in("acme", name, login(key_of(name), "acme", name, session.key));
      WRIT_CHECK(done.has_value());
      session.text = std::string(done->session.reveal_text());
    }
    return session;
  }
  // Of the founder of another workspace, who is its admin and operator.
  const broker::TestSession& stranger() {
    if (stranger_.text.empty()) {
      const auto code = acme.run(broker::issue_founding_code(*acme.store().workspace(WorkspaceId()),
                                                             acme.clock(), acme.random()));
      const auto& key =
          more_keys_.try_emplace("ada", crypto::Es256PrivateKey::generate()).first->second;
      auto done = sign_in(
          "beta", "ada", login(key, "beta", "ada", stranger_.key),
          broker::SignInRequest::Enrol{.code = code->code.clone(), .key = key.public_jwk()});
      WRIT_CHECK(done.has_value());
      stranger_.text = std::string(done->session.reveal_text());
    }
    return stranger_;
  }

  Seen send(std::string_view text) {
    auto socket = net::testing::RawSocket::connect_to(server_->port());
    WRIT_CHECK(socket.send(text));
    const auto all = socket.read_all();
    const auto end = all.find("\r\n\r\n");
    WRIT_CHECK(end != std::string::npos);
    Seen out{.status = 0, .head = all.substr(0, end + 2), .body = all.substr(end + 4)};
    out.status = std::stoi(all.substr(9, 3));
    return out;
  }
  // `fields` are whole lines with their CRLF.
  Seen request(std::string_view method, std::string_view target, std::string_view fields = {},
               std::string_view body = {}, std::string_view type = "application/json") {
    std::string out = std::string(method) + " " + std::string(target) +
                      " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + std::string(fields);
    if (method == "POST") {
      out += "Content-Type: " + std::string(type) +
             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    return send(out + "\r\n" + std::string(body));
  }
  std::string fields_of(const broker::TestSession& session, std::string_view method,
                        std::string_view target) {
    return "Authorization: DPoP " + session.text +
           "\r\nDPoP: " + proof(session, method, net::path_of(target)) + "\r\n";
  }
  Seen as(const broker::TestSession& session, std::string_view method, std::string_view target,
          std::string_view body = {}, std::string_view type = "application/json") {
    return request(method, target, fields_of(session, method, target), body, type);
  }
  Seen as(const std::string& name, std::string_view method, std::string_view target,
          std::string_view body = {}, std::string_view type = "application/json") {
    return as(session_of(name), method, target, body, type);
  }
  net::testing::RawSocket connect() { return net::testing::RawSocket::connect_to(server_->port()); }
  // Declares another person, with these lines under their name, and gives them a key.
  void add_person(const std::string& name, std::string_view lines) {
    acme.documents()["workspace.toml"] += "\n[users." + name + "]\n" + std::string(lines) + "\n";
    acme.apply();
    const auto& key =
        more_keys_.try_emplace(name, crypto::Es256PrivateKey::generate()).first->second;
    acme.enrol(name, key.public_jwk());
  }
  // How often a handler has asked for the log's signed head.
  int heads_asked() const { return heads_asked_; }

  // The field that signs a request with this person's own key (P40).
  std::string signature_field(const std::string& name, std::string_view method,
                              std::string_view target, std::string_view body,
                              std::optional<approval::Freshness> fresh = std::nullopt) {
    const approval::RouteStatement statement{.workspace = acme.workspace().id(),
                                             .method = std::string(method),
                                             .target = std::string(target),
                                             .body = crypto::sha256(body),
                                             .salt = Digest{1},
                                             .fresh = fresh ? *fresh : freshness()};
    const auto signature = key_of(name).sign(as_bytes(approval::canonical_route(statement)));
    return std::string(approval::kSignatureField) + ": " +
           approval::to_field(
               {.fresh = statement.fresh, .salt = statement.salt, .signature = signature}) +
           "\r\n";
  }
  Seen as_signed(const std::string& name, std::string_view method, std::string_view target,
                 std::string_view body, std::string_view type = "application/json") {
    return request(
        method, target,
        fields_of(session_of(name), method, target) + signature_field(name, method, target, body),
        body, type);
  }
  // Of this person's own key, over what an apply changes.
  protocol::ApplySignature apply_signature(const std::string& name,
                                           const protocol::VersionName& base, const Digest& digest,
                                           const JsonArray& changes) {
    const approval::ApplyStatement statement{.workspace = acme.workspace().id(),
                                             .base_version = base.version,
                                             .base = base.digest,
                                             .digest = digest,
                                             .difference = approval::difference_digest(changes),
                                             .fresh = freshness()};
    return {.difference = statement.difference,
            .nonce = statement.fresh.nonce,
            .expiry = statement.fresh.expires,
            .signature = key_of(name).sign(as_bytes(approval::canonical_apply(statement)))};
  }
  // The body of an apply of these documents, as the command line makes it: against what a dry run
  // answers, and signed with this person's own key. Unsigned where the dry run is refused.
  std::string signed_apply_body(const std::string& name, const workspace::Documents& documents) {
    protocol::ApplyRequest message{
        .documents = documents, .dry_run = true, .base = {}, .signed_by_admin = {}};
    const auto seen = as(name, "POST", "/v1/apply", write_json(message.to_json()));
    message.dry_run = false;
    if (seen.status != 200) return write_json(message.to_json());
    const auto shown = read<protocol::ApplyAnswer>(seen);
    message.base = shown.base;
    message.signed_by_admin =
        apply_signature(name, shown.base, shown.digest, protocol::write_messages(shown.changes));
    return write_json(message.to_json());
  }
  // What Acme's documents say now.
  Seen apply_signed() {
    return as("admin", "POST", "/v1/apply", signed_apply_body("admin", acme.documents()));
  }
  // With the access token of a run for /v1.
  Seen as_agent(const delegation::Run& run, std::string_view method, std::string_view target,
                std::string_view body = {}) {
    auto claims = acme.claims(run);
    claims["aud"] = JsonArray{std::string(kUrl) + "/v1"};
    claims["workspace"] = "acme";
    const auto token = acme.token(claims);
    const auto url = std::string(kUrl) + std::string(net::path_of(target));
    const auto made = jose::make_dpop_proof(acme.key(run.agent_name), method, url, token,
                                            acme.clock(), acme.random());
    return request(method, target, "Authorization: DPoP " + token + "\r\nDPoP: " + made + "\r\n",
                   body);
  }

  // --- what tests ask for again and again

  template <typename T>
  static T read(const Seen& seen) {
    auto message = T::from_json(Json(seen.json()));
    if (!message) ADD_FAILURE() << seen.status << " " << seen.body;
    return message ? std::move(*message) : T();
  }
  std::shared_ptr<const approval::Approval> ask(const delegation::Run& run,
                                                std::string key = "key-1",
                                                std::int64_t amount = 12'000) {
    broker::FakeDialer dialer;
    auto stopped = acme.run(acme.calls().prepare(
        acme.workspace(), acme.refund(run, std::move(key), amount), dialer, {}));
    return std::get<broker::ApprovalNeeded>(stopped.error()).approval;
  }
  // A refund that was approved by Bob and has ended so.
  ActionId refund(const delegation::Run& run, tools::Outcome outcome) {
    acme.preview(run);
    const auto approval = ask(run);
    WRIT_CHECK(acme.decide(*approval, "bob", {"finance"}).has_value());
    broker::FakeDialer dialer;
    auto sent =
        acme.run(acme.calls().prepare(acme.workspace(), acme.refund(run, "key-1"), dialer, {}));
    broker::EntryWriter::Ending ending{.outcome = outcome,
                                       .status = 201,
                                       .response_bytes = 17,
                                       .credential_version = 1,
                                       .detail = {},
                                       .result = "{\"refund\":\"ref_1\"}"};
    WRIT_CHECK(acme.run(acme.calls().finish(acme.workspace(), sent->action, std::move(ending)))
                   .has_value());
    return sent->action.id();
  }
  std::string apply_body(bool dry_run = false) {
    return write_json(protocol::ApplyRequest{
        .documents = acme.documents(), .dry_run = dry_run, .base = {}, .signed_by_admin = {}}
                          .to_json());
  }

  // Signs the log as it is, as the notary would.
  void sign_log() {
    auto& store = acme.workspace().store();
    audit::TileEdge edge;
    for (const auto& row : acme.run(store.read_log(0, 100'000)).value())
      WRIT_CHECK(edge.append(row.leaf).has_value());
    const auto checkpoint = audit::SignedCheckpoint::sign(
        {.origin = signer_.name(), .size = edge.size(), .root = edge.root(), .extensions = {}},
        signer_);
    broker::Publication publication{
        .size = edge.size(), .checkpoint = checkpoint->note(), .tiles = {}};
    for (auto& tile : edge.take_full()) {
      publication.tiles.push_back(
          {.level = tile.id.level, .index = tile.id.index, .hashes = std::move(tile.bytes)});
    }
    WRIT_CHECK(acme.run(store.publish(std::move(publication))).has_value());
    auto head = std::make_shared<broker::SignedHead>();
    head->origin = signer_.name();
    head->key = signer_.verifier().to_string();
    head->size = edge.size();
    head->root = edge.root();
    head->checkpoint = checkpoint->note();
    head->partial = edge.partial();
    head_ = std::move(head);
  }
  const audit::NoteVerifier& log_key() const { return signer_.verifier(); }

 private:
  audit::NoteSigner signer_ = audit::fake_signer("writ.example/log/acme");
  std::atomic<std::shared_ptr<const broker::SignedHead>> head_;
  std::atomic<int> heads_asked_ = 0;
  std::map<std::string, jose::Es256Signer> more_keys_;
  std::map<std::string, broker::TestSession> sessions_;
  broker::TestSession stranger_;
  observe::CapturingMetrics metrics_;
  net::Authorities authorities_;
  broker::UserTokens user_tokens_{std::string(kUrl), acme.token_keys(), acme.clock(),
                                  acme.random()};
  broker::ClockReset clock_reset_{{.store = acme.store(),
                                   .live = acme.live(),
                                   .approvals = acme.approvals(),
                                   .time = acme.time(),
                                   .clock = acme.clock(),
                                   .random = acme.random()},
                                  std::string(kUrl)};
  Api api_{{.live = acme.live(),
            .sign_ins = sign_ins,
            .sessions = sessions,
            .users = users,
            .builds = builds,
            .applying = applying,
            .proposals = proposals,
            .credentials = credentials,
            .revocations = revocations,
            .approvals = acme.approvals(),
            .shares = acme.shares(),
            .user_tokens = user_tokens_,
            .authenticator = acme.authenticator(),
            .calls = acme.calls(),
            .time = acme.time(),
            .clock_reset = clock_reset_,
            .head =
                [this](WorkspaceId) {
                  ++heads_asked_;
                  return head_.load();
                },
            .clock = acme.clock(),
            .random = acme.random(),
            .log = acme.log(),
            .metrics = metrics_,
            .authorities = authorities_},
           std::string(kUrl)};
  SystemClock system_clock_;
  LoopPool loops_{system_clock_, 1};
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace writ::api
