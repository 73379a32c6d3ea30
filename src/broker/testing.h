// SPDX-License-Identifier: Apache-2.0
// Acme: for tests of the broker and of what stands on it, the example workspace as it would run:
// the documents of examples/acme with a key for each agent, users with keys to approve with, the
// billing credential in the vault, runs of the refund story, their tokens and proofs. Everything is
// real but the store, the clock, the randomness and the upstream.
//
//   Acme acme;
//   const auto billing = acme.refund_chain();      // planner → support → billing, for alice
//   auto call = acme.authenticate(*billing);       // with a token and a DPoP proof
//   FakeDialer dialer;
//   auto sent = acme.run(acme.calls().prepare(acme.workspace(),
//       acme.matched(*billing, "POST", "/v1/refunds", body, "key-1"), dialer, {}));
//
// A mistake of the test's own ends the process. Members may be used from several loops' threads;
// what changes the workspace (apply, edit, start) is for one thread at a time.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "base/check.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "broker/authority.h"
#include "broker/calls.h"
#include "broker/fake_store.h"
#include "broker/live_records.h"
#include "broker/run_record.h"
#include "jose/dpop.h"
#include "jose/signer.h"
#include "observe/capture.h"
#include "wire/canonical.h"

namespace writ::broker {

// The text of each file of a workspace directory.
inline workspace::Documents read_documents(const std::filesystem::path& root) {
  workspace::Documents documents;
  for (const auto& item : std::filesystem::recursive_directory_iterator(root)) {
    if (!item.is_regular_file()) continue;
    std::ifstream in(item.path());
    documents[std::filesystem::relative(item.path(), root).generic_string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return documents;
}

// Lets every step of the workflows be for a user or for the workspace.
inline void for_either(workspace::Documents& documents) {
  for (auto& [path, text] : documents) {
    if (!path.starts_with("workflows/")) continue;
    if (const auto said = text.find("for = \"user\"\n"); said != text.npos)
      text.erase(said, std::string_view("for = \"user\"\n").size());
    constexpr std::string_view kStep = "[[steps]]\n";
    for (auto at = text.find(kStep); at != text.npos; at = text.find(kStep, at + 1))
      text.insert(at + kStep.size(), "for = \"either\"\n");
  }
}
// A file of stops in memory, which outlives the Stops that use it, as a file outlives a process.
class FakeStopFile final : public StopFile {
 public:
  std::size_t room() const override { return room_; }
  std::string text() const override { return text_; }
  Task<Expected<void>> write(std::uint64_t, std::string text) override {
    if (refuse) co_return std::unexpected(*refuse);
    text_ = std::move(text);
    co_return Expected<void>();
  }

  std::optional<Error> refuse;  // what every write answers
  std::size_t room_ = 100'000;
  std::string text_;
};

// Connects to nothing, and counts.
class FakeDialer final : public Dialer {
 public:
  Task<Expected<std::unique_ptr<Upstream>>> dial(const action::AuthorizedAction&) override {
    ++dials;
    if (before) before();
    if (refuse) co_return std::unexpected(*refuse);
    co_return std::make_unique<Upstream>();
  }

  std::atomic<int> dials = 0;
  std::optional<Error> refuse;   // what every dial answers
  std::function<void()> before;  // runs within each dial: between the decision and the commit
};

// A request as the gateway would present it, each part open to a test's meddling.
struct TestRequest {
  std::string scheme = "DPoP";
  std::string token;
  std::optional<std::string> proof;
  std::string method = "GET";
  std::string url;
  std::string audience;
  TimePoint arrived;

  Presented presented() const {
    return {.scheme = scheme,
            .token = token,
            .proof = proof ? std::optional<std::string_view>(*proof) : std::nullopt,
            .method = method,
            .url = url,
            .audience = audience,
            .arrived = arrived};
  }
};

class Acme {
 public:
  static constexpr std::string_view kIssuer = "https://writ.example";
  static constexpr std::string_view kAudience = "https://writ.example/tools/acme/billing";
  static constexpr std::string_view kSecret = "sk_test_0123456789abcdef";

  // No test meets these by chance.
  static SharedLimits roomy() {
    constexpr std::uint64_t kMany = 1'000'000;
    constexpr ShareLimits kAny{.server = kMany, .workspace = kMany, .agent = kMany};
    constexpr ShareLimits kBytes{
        .server = kMany << 20, .workspace = kMany << 20, .agent = kMany << 20};
    SharedLimits out;
    out.calls = out.held = out.questions = out.runs = out.control_requests = kAny;
    out.questions.run = 20;
    out.call_bytes = out.question_bytes = out.control_bytes = kBytes;
    return out;
  }

  // `change` is made to the documents before anything is made of them.
  explicit Acme(RateLimits rates = {.per_second = 100'000, .burst = 100'000},
                const SharedLimits& limits = roomy(),
                const std::function<void(workspace::Documents&)>& change = {})
      : rates_(rates), limits_(limits) {
    side_.start("acme-side");
    loop_.start("acme");
    if (change) change(documents_);
    for (const auto* name : {"planner", "support", "billing"}) {
      const auto& key = keys_.try_emplace(name, crypto::Es256PrivateKey::generate()).first->second;
      documents_["agents/" + std::string(name) + ".toml"] += toml_key(key.public_jwk());
    }
    put(RecordKind::data_key, id_.to_string(), 0, to_data_key_record(data_key_.wrapped));
    apply();
    for (const auto* name : {"alice", "bob", "carol", "admin"}) {
      const auto& key = keys_.try_emplace(name, crypto::Es256PrivateKey::generate()).first->second;
      enrol(name, key.public_jwk());
    }
    store_credential(vault::new_credential(
        workspace_->data_key(), random_, id_, CredentialId::make(clock_, random_),
        "billing-api-key", vault::Origin::of(workspace_->version()->server("billing")->url()),
        SecretBytes::copy_of(kSecret), clock_.now()));
    WRIT_CHECK(run(time_.advance()).has_value());
  }

  FakeClock& clock() { return clock_; }
  FakeRandom& random() { return random_; }
  FakeStore& store() { return store_; }
  observe::CapturingLog& log() { return log_; }
  Loop& loop() { return loop_; }
  LiveWorkspace& workspace() { return *workspace_; }
  const std::shared_ptr<LiveWorkspace>& shared_workspace() { return workspace_; }
  Live& live() { return live_; }
  TokenKeys& token_keys() { return token_keys_; }
  Authenticator& authenticator() { return authenticator_; }
  Approvals& approvals() { return approvals_; }
  Shares& shares() { return shares_; }
  TimeGuard& time() { return time_; }
  Calls& calls() { return calls_; }
  const vault::SealKey& seal_key() const { return seal_; }
  const jose::Es256Signer& key(std::string_view name) const { return keys_.at(std::string(name)); }

  template <typename T>
  T run(Task<T> task) {
    return run_on(loop_, std::move(task));
  }

  // --- the workspace

  // Publishes the documents as they are now, as the next version.
  void apply() {
    const auto before = workspace_->version();
    const auto number = before == nullptr ? 1 : before->number() + 1;
    auto built =
        workspace::build_version(id_, number, documents_, workspace_->names(), clock_, random_);
    WRIT_CHECK(built.has_value());
    put(RecordKind::workspace, id_.to_string(), number - 1,
        to_record(WorkspaceRecord{documents_, built->names, built->version->rules()}));
    workspace_->publish(built->version, documents_, built->names);
    if (before == nullptr) WRIT_CHECK(live_.add(workspace_).has_value());
  }
  workspace::Documents& documents() { return documents_; }
  // Replaces the one occurrence of `from` in a document, and applies.
  void edit(const std::string& path, std::string_view from, std::string_view to) {
    auto& text = documents_.at(path);
    const auto at = text.find(from);
    WRIT_CHECK(at != text.npos && text.find(from, at + 1) == text.npos);
    text.replace(at, from.size(), to);
    apply();
  }
  void enrol(std::string_view user, const jose::Jwk& key, bool disabled = false) {
    const auto id = user_id(user);
    auto standing = workspace_->recorded_standing(id);
    if (standing.key != key) standing.enrolled = clock_.now();
    standing.key = key;
    standing.disabled = disabled;
    put(RecordKind::user, id.to_string(), standing.revision, to_record(standing));
    ++standing.revision;
    workspace_->set_standing(id, std::move(standing));
  }
  void disable(std::string_view user) { enrol(user, key(user).public_jwk(), true); }
  // The durable half alone, as between the commit and its effect in memory.
  void disable_record(std::string_view user) {
    const auto id = user_id(user);
    auto standing = workspace_->standing(id);
    standing.disabled = true;
    put(RecordKind::user, id.to_string(), standing.revision, to_record(standing));
  }
  UserId user_id(std::string_view name) { return workspace_->version()->user(name)->id; }
  // Another secret: of the same account or of another one (P12).
  void rotate_credential(bool same_account) {
    store_credential(vault::rotate(
        workspace_->data_key(), random_, id_, *workspace_->credential("billing-api-key").credential,
        SecretBytes::copy_of("sk_test_fedcba9876543210"), seconds(60), same_account, clock_.now()));
  }

  // --- runs

  using SharedRun = std::shared_ptr<const delegation::Run>;

  // A run in `step`, with all that step and ceiling allow, or what is asked for of it. A null user
  // is a run of the workspace; a child has its parent's.
  SharedRun start(std::string_view step_name, const char* user = "alice",
                  const delegation::ScopeRequest& asked = {}) {
    return begin(step_name, nullptr, user, asked);
  }
  SharedRun delegate(const SharedRun& parent, std::string_view step_name,
                     const delegation::ScopeRequest& asked = {}) {
    return begin(step_name, parent, nullptr, asked);
  }
  // planner → support → billing: the run of billing that the other two lead to.
  SharedRun refund_chain(const char* user = "alice") {
    return delegate(delegate(start("plan", user), "triage"), "settle");
  }
  // Ends a run as a revocation does: durable first.
  void revoke(RunId id) {
    for (const auto each : workspace_->runs().subtree(id)) end_record(each);
    workspace_->runs().end(workspace_->runs().subtree(id), {});
  }
  // The durable half alone, as between a revocation's commit and its effect in memory.
  void end_record(RunId id) {
    RunRecord record{.run = *workspace_->runs().find(id),
                     .ended = RunEnding{.at = clock_.now(),
                                        .cause = {.by = "server", .by_name = {}, .reason = {}}}};
    put(RecordKind::run, id.to_string(), 1, canonical_json(record.to_json()));
  }

  // --- requests

  JsonObject claims(const delegation::Run& run) {
    return {{"iss", kIssuer},
            {"sub", run.user ? run.user->to_string() : run.workspace.to_string()},
            {"aud", JsonArray{kAudience}},
            {"client_id", "acme/" + run.agent_name},
            {"iat", to_unix_seconds(clock_.now())},
            {"exp", to_unix_seconds(clock_.now()) + 600},
            {"jti", ActionId::make(clock_, random_).to_string()},
            {"run", run.id.to_string()},
            {"cnf", JsonObject{{"jkt", run.key_thumbprint}}}};
  }
  std::string token(const JsonObject& claims) {
    return jose::sign_jwt(*token_keys_.signer(), "at+jwt", claims);
  }
  std::string token(const delegation::Run& run) { return token(claims(run)); }
  TestRequest request(const delegation::Run& run, std::string method = "GET",
                      std::string_view path = "/v1/invoices/inv_1") {
    return request_with(run, token(run), std::move(method), path);
  }
  TestRequest request_with(const delegation::Run& run, std::string token,
                           std::string method = "GET",
                           std::string_view path = "/v1/invoices/inv_1") {
    TestRequest out{.token = std::move(token),
                    .proof = std::nullopt,
                    .method = std::move(method),
                    .url = std::string(kAudience) + std::string(path),
                    .audience = std::string(kAudience),
                    .arrived = clock_.now()};
    out.proof =
        jose::make_dpop_proof(key(run.agent_name), out.method, out.url, out.token, clock_, random_);
    return out;
  }
  Expected<action::AuthenticatedCall> authenticate(const TestRequest& request) {
    return authenticator_.authenticate(*workspace_, request.presented());
  }
  action::AuthenticatedCall authenticate(const delegation::Run& run) {
    auto call = authenticate(request(run));
    WRIT_CHECK(call.has_value());
    return std::move(*call);
  }
  // An authenticated request, matched to an operation of the billing server.
  Matched matched(const delegation::Run& run, std::string_view method, std::string_view target,
                  std::string_view body = {}, std::optional<std::string> key = std::nullopt) {
    return matched(authenticate(run), method, target, body, std::move(key));
  }
  Matched matched(action::AuthenticatedCall call, std::string_view method, std::string_view target,
                  std::string_view body = {}, std::optional<std::string> key = std::nullopt) {
    auto server = workspace_->version()->server("billing");
    Fields fields;
    if (!body.empty()) WRIT_CHECK(fields.add("Content-Type", "application/json").has_value());
    auto request = tools::match_request(*server, method, target, fields, as_bytes(body));
    WRIT_CHECK(request.has_value());
    auto slot = calls_.admit(call, body.size());
    WRIT_CHECK(slot.has_value());
    return {.call = std::move(call),
            .server = std::move(server),
            .request = std::move(*request),
            .idempotency_key = std::move(key),
            .slot = std::move(*slot)};
  }
  static std::string refund_body(std::int64_t amount = 12'000) {
    return canonical_json(JsonObject{
        {"amount", amount}, {"currency", "EUR"}, {"invoice", "inv_1"}, {"preview_id", "prv_1"}});
  }
  static std::string preview_body(std::int64_t amount = 12'000) {
    return canonical_json(
        JsonObject{{"amount", amount}, {"currency", "EUR"}, {"invoice", "inv_1"}});
  }
  Matched read(const delegation::Run& run) { return matched(run, "GET", "/v1/invoices/inv_1"); }
  Matched refund(const delegation::Run& run, std::string key, std::int64_t amount = 12'000) {
    return matched(run, "POST", "/v1/refunds", refund_body(amount), std::move(key));
  }
  // A preview of it, done: what the refund requires (P2).
  void preview(const delegation::Run& run, std::int64_t amount = 12'000) {
    FakeDialer dialer;
    auto sent = this->run(calls_.prepare(
        *workspace_, matched(run, "POST", "/v1/refund-previews", preview_body(amount)), dialer,
        {}));
    WRIT_CHECK(sent.has_value());
    WRIT_CHECK(this->run(finish(sent->action, tools::Outcome::done)).has_value());
  }
  Task<Expected<void>> finish(const action::RecordedAction& action, tools::Outcome outcome) {
    return calls_.finish(*workspace_, action,
                         {.outcome = outcome,
                          .status = 200,
                          .response_bytes = 2,
                          .credential_version = 1,
                          .detail = {},
                          .result = std::nullopt});
  }

  // --- people

  approval::SignedDecision decision(const approval::Approval& about, std::string_view user,
                                    std::vector<std::string> groups,
                                    approval::Verdict verdict = approval::Verdict::approve) {
    const auto bytes = approval::canonical_decision(approval::statement_of(about, verdict, groups));
    return {.verdict = verdict,
            .commitment = approval::commitment_of(about),
            .groups = std::move(groups),
            .signature = key(user).sign(as_bytes(bytes))};
  }
  Expected<Approvals::Shared> decide(const approval::Approval& about, std::string_view user,
                                     std::vector<std::string> groups,
                                     approval::Verdict verdict = approval::Verdict::approve) {
    auto subject = subject_of(about);
    // Whoever asks gets as far as the approval's own rules.
    const auto& own = workspace_->version()->user(user)->groups;
    subject.groups.insert(subject.groups.end(), own.begin(), own.end());
    WRIT_TRY(auto by, try_authority(user, Operation::decide_approval, std::move(subject)));
    return run(approvals_.decide(*workspace_, about.id,
                                 decision(about, user, std::move(groups), verdict), std::move(by)));
  }

  // The decision that a request of this person's would get now, on a session made for it.
  Authority authority(std::string_view user, Operation operation, ControlSubject subject = {}) {
    auto made = try_authority(user, operation, std::move(subject));
    WRIT_CHECK(made.has_value());
    return *std::move(made);
  }
  Expected<Authority> try_authority(std::string_view user, Operation operation,
                                    ControlSubject subject = {}) {
    return Authority::decide(sessions_, session_of(user), operation, std::move(subject));
  }
  static ControlSubject subject_of(const approval::Approval& about) {
    return {.run = about.run, .user = about.user, .groups = about.groups};
  }
  Sessions& sessions() { return sessions_; }
  FakeStopFile& stop_file() { return stop_file_; }
  Stops& stops() { return stops_; }
  // A session of the person's, opened when there is none that holds.
  Session session_of(std::string_view name) {
    const auto user = workspace_->version()->user(name);
    const auto standing = workspace_->standing(user->id).revision;
    auto& session = held_sessions_[std::string(name)];
    if (session && session->standing == standing) return *session;
    const auto key = crypto::Es256PrivateKey::generate();
    auto opening = sessions_.prepare(*workspace_, *user,
                                     jose::Es256Signer(key).public_jwk().thumbprint(), standing);
    put(RecordKind::session, opening.put.id, 0, opening.put.value);
    sessions_.add(workspace_, opening);
    session = Session{.id = opening.id,
                      .workspace = workspace_,
                      .user = user,
                      .expires = opening.expires,
                      .standing = standing,
                      .version = workspace_->version()->number(),
                      .cut = {}};
    return *session;
  }

  // --- the log

  std::vector<audit::Entry> entries(std::optional<audit::Kind> kind = std::nullopt) {
    std::vector<audit::Entry> out;
    for (const auto& row : run(workspace_->store().read_log(0, 100'000)).value()) {
      auto entry = audit::Entry::parse(as_bytes(row.entry));
      WRIT_CHECK(entry.has_value());
      if (!kind || entry->kind() == *kind) out.push_back(std::move(*entry));
    }
    return out;
  }

  // A write of the test's own, which must succeed.
  void put(RecordKind kind, std::string id, std::uint64_t expected, std::string value) {
    Unit unit;
    unit.puts.push_back({kind, std::move(id), expected, std::move(value)});
    WRIT_CHECK(run_on(side_, workspace_->store().commit(std::move(unit))).has_value());
  }

 private:
  static std::string toml_key(const jose::Jwk& key) {
    std::string out = "\n[[keys]]\n";
    for (const auto& member : key.with_kid("k1").to_json()) {
      out += std::string(text_of(member)) + " = " + write_json(member.value()) + '\n';
    }
    return out;
  }
  void store_credential(Expected<vault::Credential> credential) {
    WRIT_CHECK(credential.has_value());
    const auto revision = workspace_->credential(credential->name).revision;
    put(RecordKind::credential, credential->id.to_string(), revision,
        canonical_json(credential->to_json()));
    workspace_->set_credential(std::move(*credential), revision + 1);
  }
  SharedRun begin(std::string_view step_name, const SharedRun& parent, const char* user,
                  const delegation::ScopeRequest& asked) {
    const auto version = workspace_->version();
    const auto* workflow = version->workflow("refund");
    const auto* step = workflow->step(step_name);
    const auto& agent = *version->agent(step->agent);
    delegation::Run run;
    if (parent != nullptr) {
      const auto lineage = workspace_->runs().alive(parent->id, clock_.now());
      WRIT_CHECK(lineage.has_value());
      auto scope = delegation::child_scope(asked, *lineage, *step, agent.ceiling, version->terms());
      WRIT_CHECK(scope.has_value());
      run.scope = std::move(*scope);
      run.user = parent->user;
      run.user_name = parent->user_name;
      run.parent = parent->id;
      run.depth = parent->depth + 1;
      run.trace_id = parent->trace_id;
    } else {
      auto scope = delegation::start_scope(asked, *step, agent.ceiling, user != nullptr);
      WRIT_CHECK(scope.has_value());
      run.scope = std::move(*scope);
      if (user != nullptr) {
        run.user = user_id(user);
        run.user_name = user;
      }
      run.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    }
    run.id = RunId::make(clock_, random_);
    run.workspace = id_;
    run.name = std::string(step_name) + "-4711";
    run.role = agent.agent->role;
    run.agent = agent.agent->id;
    run.agent_name = agent.agent->name;
    run.workflow = workflow->id;
    run.workflow_name = workflow->name;
    run.workflow_digest = workflow->digest;
    run.step = step->name;
    run.pinned = step->scope;
    run.grant = GrantId::make(clock_, random_);
    run.started = clock_.now();
    run.ends = delegation::run_end(clock_.now(), *step, parent.get());
    run.key_thumbprint = agent.agent->sender == identity::SenderConstraint::bearer
                             ? ""
                             : key(run.agent_name).public_jwk().thumbprint();
    put(RecordKind::run, run.id.to_string(), 0,
        canonical_json(RunRecord{.run = run, .ended = std::nullopt}.to_json()));
    auto shared = std::make_shared<const delegation::Run>(std::move(run));
    WRIT_CHECK(workspace_->runs().add(shared).has_value());
    return shared;
  }

  const RateLimits rates_;
  const SharedLimits limits_;
  FakeClock clock_;
  FakeRandom random_;
  observe::CapturingLog log_;
  FakeStore store_{clock_};
  WorkspaceId id_ = WorkspaceId::make(clock_, random_);
  vault::SealKey seal_ = vault::SealKey::from_text(vault::SealKey::generate_text(random_)).value();
  vault::SealKey::NewDataKey data_key_ = seal_.new_data_key(random_, id_);
  std::shared_ptr<LiveWorkspace> workspace_ =
      std::make_shared<LiveWorkspace>(id_, store_.workspace(id_), std::move(data_key_.key));
  Live live_;
  workspace::Documents documents_ =
      read_documents(std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme");
  std::map<std::string, jose::Es256Signer> keys_;
  TokenKeys token_keys_{
      {{.signer = std::make_shared<const jose::Es256Signer>(crypto::Es256PrivateKey::generate()),
        .created = clock_.now(),
        .retires = std::nullopt}}};
  jose::VerifiedTokenCache cache_{1024};
  Authenticator authenticator_{std::string(kIssuer), token_keys_, cache_, clock_, rates_};
  Shares shares_{limits_};
  Approvals approvals_{clock_, random_, shares_};
  TimeGuard time_{clock_, store_.workspace(WorkspaceId())};
  FakeStopFile stop_file_;
  Stops stops_{stop_file_, random_, log_};
  Sessions sessions_{live_, time_, stops_, clock_, random_};
  std::map<std::string, std::optional<Session>> held_sessions_;
  Calls calls_{{.authenticator = authenticator_,
                .approvals = approvals_,
                .clock = clock_,
                .random = random_,
                .log = log_,
                .time = time_},
               limits_};
  Loop side_{clock_, milliseconds(1)};  // for put(), which tests call within tasks of the other
  Loop loop_{clock_, milliseconds(1)};  // the last, so that it ends before what its tasks use
};

}  // namespace writ::broker
