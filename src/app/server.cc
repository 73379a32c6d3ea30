// SPDX-License-Identifier: Apache-2.0
#include "app/server.h"

#include "app/process.h"
#include "app/seal_key_file.h"
#include "app/wiring.h"
#include "broker/outcomes.h"
#include "broker/recovery.h"
#include "broker/startup.h"
#include "broker/upgrade.h"
#include "net/answer.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_store.h"
#include "store/sqlite_upgrade.h"
#include "store/stop_file.h"

namespace writ::app {
namespace {

// The longest that any token lives, and clocks that differ.
constexpr milliseconds kTokenKeyOverlap = std::chrono::hours(1);
constexpr std::size_t kCachedTokens = 65'536;

std::vector<net::Cidr> networks(const std::vector<std::string>& texts) {
  std::vector<net::Cidr> out;
  for (const auto& text : texts) {
    if (auto parsed = net::Cidr::parse(text)) out.push_back(*parsed);
  }
  return out;
}

// "https://writ.example" → "writ.example".
std::string authority_of(const std::string& url) { return url.substr(url.find("://") + 3); }

}  // namespace

Services::Services(const ServerConfig& config, const ServerParts& its_parts, const std::string& url,
                   LoopPool& loops, broker::Store& its_store, broker::StopFile& stop_file,
                   const vault::SealKey& seal_key, broker::Anchor& anchor,
                   std::vector<broker::TokenKey> its_token_keys, const ServerOptions& options)
    : parts(its_parts),
      store(its_store),
      keys(store, seal_key, parts.clock, parts.random),
      token_keys(std::move(its_token_keys)),
      time(parts.clock, store.workspace({})),
      shares(config.shares),
      approvals(parts.clock, parts.random, shares),
      stops(stop_file, parts.random, parts.log),
      revocations(approvals, stops, parts.clock, parts.random, parts.log),
      notary({.live = live,
              .store = store,
              .keys = keys,
              .anchor = anchor,
              .clock = parts.clock,
              .random = parts.random,
              .log = parts.log,
              .metrics = parts.metrics,
              .checked = [this](broker::LiveWorkspace& each) { return settle_past(each); }},
             {.authority = authority_of(url), .accept_anchor = options.accept_anchor}),
      resume_points(approvals, parts.clock),
      tokens(kCachedTokens),
      authenticator(url, token_keys, tokens, parts.clock, config.rates),
      calls({.authenticator = authenticator,
             .approvals = approvals,
             .clock = parts.clock,
             .random = parts.random,
             .log = parts.log,
             .time = time,
             .steps = parts.steps},
            config.shares),
      resolver(loops),
      dialer(resolver),
      client(loops, dialer),
      proxy({.live = live,
             .authenticator = authenticator,
             .calls = calls,
             .client = client,
             .authorities = authorities,
             .clock = parts.clock,
             .random = parts.random,
             .log = parts.log,
             .metrics = parts.metrics,
             .steps = parts.steps},
            {.public_url = url}),
      clients(url, live, parts.clock),
      access_tokens(url, token_keys, parts.clock, parts.random),
      provider_keys(client, authorities, parts.clock, parts.log),
      subject_tokens(url, token_keys, provider_keys, parts.clock),
      grants({.tokens = access_tokens,
              .subjects = subject_tokens,
              .revocations = revocations,
              .shares = shares,
              .time = time,
              .clock = parts.clock,
              .random = parts.random,
              .log = parts.log}),
      oauth({.clients = clients,
             .grants = grants,
             .keys = token_keys,
             .clock = parts.clock,
             .random = parts.random,
             .log = parts.log,
             .metrics = parts.metrics},
            url),
      sessions(live, time, stops, parts.clock, parts.random),
      sign_ins({.store = store,
                .live = live,
                .sessions = sessions,
                .time = time,
                .seal_key = seal_key,
                .clock = parts.clock,
                .random = parts.random},
               url),
      users(sessions, revocations, stops, parts.clock, parts.random),
      builds(config.shares.builds),
      applying(approvals, sessions, revocations, builds, parts.clock, parts.random),
      proposals(applying, builds, shares, parts.clock, parts.random),
      credentials({.store = store,
                   .live = live,
                   .approvals = approvals,
                   .clock = parts.clock,
                   .random = parts.random,
                   .log = parts.log}),
      user_tokens(url, token_keys, parts.clock, parts.random),
      clock_reset({.store = store,
                   .live = live,
                   .approvals = approvals,
                   .time = time,
                   .clock = parts.clock,
                   .random = parts.random},
                  url),
      api({.live = live,
           .sign_ins = sign_ins,
           .sessions = sessions,
           .users = users,
           .builds = builds,
           .applying = applying,
           .proposals = proposals,
           .credentials = credentials,
           .revocations = revocations,
           .approvals = approvals,
           .shares = shares,
           .user_tokens = user_tokens,
           .authenticator = authenticator,
           .calls = calls,
           .time = time,
           .clock_reset = clock_reset,
           .head = [this](WorkspaceId id) { return notary.head(id); },
           .clock = parts.clock,
           .random = parts.random,
           .log = parts.log,
           .metrics = parts.metrics,
           .authorities = authorities},
          url) {}

Task<void> Services::resume_stops(broker::LiveWorkspace& workspace) {
  for (const auto& stop : co_await stops.kept(workspace)) {
    bool counts = true;
    if (stop.kind == broker::RecordKind::user) {
      const auto user = UserId::parse(stop.id);
      counts = user && workspace.recorded_standing(*user).revision == stop.revision;
      if (counts) users.resume(workspace, stop);
    } else if (stop.kind == broker::RecordKind::run) {
      counts = revocations.resume(workspace, stop);
    } else {
      sessions.resume(workspace, stop);
    }
    if (!counts) {
      co_await stops.drop(workspace, stop.key());  // the store has it, or what came after it
      continue;
    }
    parts.log.warning("server.stop_resumed", {{"stop", stop.key()}});
  }
}

Task<Expected<void>> Services::settle_past(broker::LiveWorkspace& workspace) {
  if (!unsettled.contains(workspace.id())) co_return Expected<void>();
  WRIT_CO_TRY(const auto unknown,
              co_await broker::recover(workspace, parts.clock, parts.random, parts.log));
  if (unknown != 0)
    parts.log.warning("server.recovered",
                      {{"workspace", workspace.version()->name()}, {"unknown_actions", unknown}});
  unsettled.erase(workspace.id());
  // They are stopped in any case; what could not be written is written by the next attempt.
  if (const auto ended = co_await applying.catch_up(workspace); !ended)
    parts.log.warning("server.runs_not_ended", {{"error", ended.error().to_string()}});
  co_return Expected<void>();
}

Server::Wiring::Wiring(ServerConfig config, ServerParts parts, ServerOptions options)
    : config_(std::move(config)),
      parts_(parts),
      options_(options),
      url_(config_.public_url),
      health_(parts_.metrics, {.metrics_allow = config_.metrics_allow,
                               .proxies = networks(config_.trusted_proxies)}),
      loops_(parts_.clock, config_.loops, parts_.turns),
      janitor_(parts_.log) {
  loops_.start();
}

Server::Wiring::~Wiring() {
  stop(milliseconds(0));
  // The order that http_server.h, http_client.h and sqlite_store.h ask for.
  server_.reset();
  loops_.stop();
  services_.reset();
  stop_file_.reset();
  store_.reset();
}

Expected<void> Server::Wiring::listen() {
  WRIT_TRY_VOID(
      net::validate_listener(config_.address, config_.tls.has_value(), config_.trusted_proxies));
  net::ServerOptions options{
      .address = config_.address, .port = config_.port, .tls = nullptr, .limits = config_.listener};
  options.proxies = networks(config_.trusted_proxies);
  if (!config_.trusted_proxies.empty() && !config_.tls) {
    // What is plaintext here is for them, and for this machine.
    auto from = config_.trusted_proxies;
    from.insert(from.end(), {"127.0.0.0/8", "::1/128"});
    options.only_from = networks(from);
  }
  if (config_.tls) {
    WRIT_TRY(options.tls,
             net::TlsServerContext::create({.certificate_file = config_.tls->certificate.string(),
                                            .key_file = config_.tls->key.string()}));
  }
  auto server = net::HttpServer::create(
      loops_, std::move(options),
      [this](net::ServerRequest& request, net::ServerResponse& response) {
        return route(request, response);
      },
      parts_.log, parts_.metrics);
  if (!server) {
    auto error = std::move(server).error();
    error.where = listen_text(config_.address, config_.port);
    if (error.hint.empty())
      error.hint = "is another server running there? else choose another address with listen";
    return std::unexpected(std::move(error));
  }
  server_ = std::move(*server);
  if (url_.empty())
    url_ = std::string(config_.tls ? "https://" : "http://") +
           listen_text(config_.address, server_->port());
  return {};
}

Expected<void> Server::Wiring::reload(const ServerConfig& config) {
  auto trusted = services_->authorities.load(config.certificates);
  services_->client.forget_connections();
  auto listener = config.tls ? reload_tls(*config.tls) : Expected<void>();
  return trusted ? listener : trusted;
}

Expected<void> Server::Wiring::reload_tls(const TlsConfig& tls) {
  if (!config_.tls)
    return fail(Errc::unsupported, "the listener has no TLS", {}, "restart the server");
  WRIT_TRY(auto context,
           net::TlsServerContext::create(
               {.certificate_file = tls.certificate.string(), .key_file = tls.key.string()}));
  server_->replace_tls(std::move(context));
  return {};
}

Expected<void> Server::Wiring::open() {
  WRIT_TRY(const auto key_file, find_seal_key(config_.seal_key_file));
  WRIT_TRY(seal_key_, load_seal_key(key_file, config_.data, options_.dev));
  if (options_.dev)
    parts_.log.warning("server.dev", {{"warning",
                                       "the seal key may lie with the data: for "
                                       "trials alone"}});
  if (auto locked = check_memory_lock(); !locked) {
    if (config_.require_mlock) return locked;
    parts_.log.warning("server.memory_not_locked", {{"error", locked.error().to_string()}});
  }
  WRIT_TRY(anchor_, AnchorFiles::open(config_.anchor));
  WRIT_TRY_VOID(upgrade_if_old());
  WRIT_TRY(store_,
           store::open_sqlite(
               {.directory = config_.data.string(), .create = false, .metrics = &parts_.metrics},
               seal_key_->row_keys(), parts_.clock, parts_.log));
  auto stop_file = store::open_stop_file((config_.data / store::kStopFile).string());
  if (stop_file) {
    stop_file_ = std::move(*stop_file);
  } else {
    // Stopping works all the same; what the store does not take then ends with this process.
    parts_.log.error("server.no_file_for_stops", {{"error", stop_file.error().to_string()}});
    stop_file_ = std::make_unique<broker::NoStopFile>();
  }
  return {};
}

Expected<void> Server::Wiring::upgrade_if_old() {
  WRIT_TRY(const auto age, store::age_of_store(config_.data.string()));
  if (age != store::StoreAge::unsealed) return {};
  WRIT_TRY(const auto old, store::open_unsealed(config_.data.string(), seal_key_->row_keys()));
  auto done = run_on(loops_.at(0), broker::upgrade({.store = *old,
                                                    .seal_key = *seal_key_,
                                                    .anchor = *anchor_,
                                                    .clock = parts_.clock,
                                                    .random = parts_.random,
                                                    .log = parts_.log,
                                                    .accept_anchor = options_.accept_anchor}));
  if (!done) {
    done.error().message = "the store of release 0.1 is not upgraded: " + done.error().message;
    return done;
  }
  return {};
}

Task<Expected<void>> Server::Wiring::load() {
  auto& services = *services_;
  // A clock that is behind keeps the server from being ready, not from starting: it comes back by
  // itself (P24).
  if (const auto right = co_await services.time.advance(); !right)
    parts_.log.error("server.clock", {{"error", right.error().to_string()}});
  WRIT_CO_TRY(const auto unloaded, co_await broker::load_live({.store = services.store,
                                                               .seal_key = *seal_key_,
                                                               .live = services.live,
                                                               .approvals = services.approvals,
                                                               .shares = services.shares,
                                                               .clock = parts_.clock,
                                                               .random = parts_.random,
                                                               .log = parts_.log}));
  if (!unloaded.empty()) not_loaded_ = unloaded.front().error;
  for (const auto& workspace : services.live.all()) services.unsettled.insert(workspace->id());
  for (const auto& workspace : services.live.all()) co_await services.resume_stops(*workspace);
  // Before anything is written to a log, it is checked.
  co_await services.notary.open();
  // People still see what there is of a log that nobody vouches for; nothing is added to it.
  for (const auto& workspace : services.live.all()) {
    WRIT_CO_TRY_VOID(co_await services.sessions.load(workspace));
    WRIT_CO_TRY_VOID(co_await services.proposals.load(*workspace));
  }
  co_await services.notary.round();
  co_return Expected<void>();
}

Expected<void> Server::Wiring::start() {
  WRIT_TRY_VOID(listen());
  WRIT_TRY_VOID(open());
  auto& first = loops_.at(0);
  broker::ServerKeys keys(*store_, *seal_key_, parts_.clock, parts_.random);
  WRIT_TRY(auto token_keys, run_on(first, keys.token_keys()));
  services_ = std::make_unique<Services>(config_, parts_, url_, loops_, *store_, *stop_file_,
                                         *seal_key_, *anchor_, std::move(token_keys), options_);
  WRIT_TRY_VOID(services_->authorities.load(config_.certificates));
  WRIT_TRY_VOID(run_on(first, load()));
  add_checks();
  add_duties();
  janitor_.start(first);
  serving_.store(services_.get(), std::memory_order_release);
  health_.started();
  return {};
}

void Server::Wiring::add_checks() {
  auto& services = *services_;
  health_.add("store", [&services]() -> Expected<void> {
    WRIT_TRY_VOID(services.store.health());
    return services.store.workspace({})->sound();
  });
  health_.add("clock", [&services] { return services.time.check(); });
  health_.add("log", [&services] { return services.notary.ready(); });
  health_.add("workspaces", [this]() -> Expected<void> {
    if (not_loaded_) return std::unexpected(*not_loaded_);
    return {};
  });
}

Task<Expected<void>> Server::Wiring::for_each(PerWorkspace duty) {
  auto outcome = Expected<void>();
  for (const auto& workspace : services_->live.all()) {
    auto done = co_await duty(*workspace);
    if (!done && outcome) outcome = std::move(done);
  }
  co_return outcome;
}

void Server::Wiring::add_duties() {
  auto& services = *services_;
  using std::chrono::seconds;
  // A lambda that is a coroutine keeps its captures only as long as it lives itself: the janitor
  // holds these for as long as their tasks run.
  janitor_.add("notary", milliseconds(500), [&services]() -> Task<Expected<void>> {
    co_await services.notary.round();
    co_return Expected<void>();
  });
  janitor_.add("clock", broker::TimeGuard::kTolerance / 3,
               [&services] { return services.time.advance(); });
  janitor_.add("approvals", seconds(5), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) {
      return services_->approvals.settle(workspace);
    });
  });
  janitor_.add("proposals", seconds(5), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) {
      return services_->proposals.settle(workspace);
    });
  });
  janitor_.add("stops", seconds(2), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) -> Task<Expected<void>> {
      // Each for itself: what one of them cannot write must not keep the others waiting.
      auto users = co_await services_->users.settle(workspace);
      auto runs = co_await services_->revocations.settle(workspace);
      auto sessions = co_await services_->sessions.settle(workspace);
      if (!users) co_return users;
      if (!runs) co_return runs;
      co_return sessions;
    });
  });
  janitor_.add("runs", seconds(5), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) -> Task<Expected<void>> {
      WRIT_CO_TRY_VOID(
          co_await broker::end_runs_past_their_end(workspace, parts_.clock, parts_.random));
      co_return Expected<void>();
    });
  });
  janitor_.add("outcomes", seconds(1), [this] {
    return for_each(
        [](broker::LiveWorkspace& workspace) { return broker::write_unwritten(workspace); });
  });
  janitor_.add("credentials", seconds(2), [this]() -> Task<Expected<void>> {
    co_await services_->credentials.tick(parts_.clock.now());
    co_return Expected<void>();
  });
  janitor_.add("sessions", seconds(60), [this] {
    return for_each(
        [this](broker::LiveWorkspace& workspace) { return services_->sessions.sweep(workspace); });
  });
  janitor_.add("grants", std::chrono::hours(1), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) -> Task<Expected<void>> {
      WRIT_CO_TRY_VOID(co_await broker::erase_expired_grants(workspace, parts_.clock));
      co_return Expected<void>();
    });
  });
  janitor_.add("resume points", seconds(30), [this] {
    return for_each([this](broker::LiveWorkspace& workspace) -> Task<Expected<void>> {
      // Past what was not settled, the next start would not look for it any more.
      if (services_->unsettled.contains(workspace.id())) co_return Expected<void>();
      co_return co_await services_->resume_points.move_on(workspace);
    });
  });
  janitor_.add("names", seconds(10), [this]() -> Task<Expected<void>> {
    WRIT_CO_TRY(auto read, co_await services_->files.run(
                               [resolver = &services_->resolver] { return resolver->refresh(); }));
    co_return read;
  });
  janitor_.add("provider keys", seconds(30), [this]() -> Task<Expected<void>> {
    services_->provider_keys.refresh();
    co_return Expected<void>();
  });
  janitor_.add("token keys", std::chrono::hours(1), [this]() -> Task<Expected<void>> {
    WRIT_CO_TRY(const auto rotated,
                co_await services_->keys.rotate_token_key_older_than(
                    services_->token_keys, config_.rotate_token_key_after, kTokenKeyOverlap));
    if (rotated) parts_.log.info("token_key.rotated");
    co_return Expected<void>();
  });
}

Task<void> Server::Wiring::route(net::ServerRequest& request, net::ServerResponse& response) {
  if (Health::owns(request.target())) {
    co_await health_.handle(request, response);
    co_return;
  }
  auto* services = serving_.load(std::memory_order_acquire);
  if (services == nullptr) {
    Fields fields;
    (void)fields.add("Retry-After", "1");
    co_await net::send_problem(response,
                               {.status = 503,
                                .type = "starting",
                                .detail = "the server is starting or stopping",
                                .hint = "try again in a moment"},
                               std::move(fields));
    co_return;
  }
  if (gateway::Proxy::owns(request.target())) {
    co_await services->proxy.handle(request, response);
    co_return;
  }
  if (services->oauth.owns(request.target())) {
    co_await services->oauth.handle(request, response);
    co_return;
  }
  if (services->api.owns(request.target())) {
    co_await services->api.handle(request, response);
    co_return;
  }
  co_await net::send_problem(response,
                             {.status = 404, .type = {}, .detail = "there is nothing here"});
}

Expected<void> Server::Wiring::ready() const {
  auto troubles = health_.troubles();
  if (troubles.empty()) return {};
  return std::unexpected(std::move(troubles.front().error));
}

void Server::Wiring::stop(milliseconds grace) {
  if (std::exchange(stopped_, true)) return;
  health_.stopping();
  if (server_) {
    server_->stop(grace, [this] {
      if (auto* services = serving_.load(std::memory_order_acquire)) {
        services->client.cut();
        services->builds.stop();
      }
    });
  }
  janitor_.stop();
  if (services_) {
    services_->client.cut();
    services_->provider_keys.stop();
  }
  // Not where the start failed: then nothing was vouched for.
  if (serving_.exchange(nullptr, std::memory_order_acq_rel) != nullptr)
    run_on(loops_.at(0), services_->notary.round());
}

Server::Server(std::unique_ptr<Wiring> wiring) : wiring_(std::move(wiring)) {}
Server::~Server() = default;

Expected<std::unique_ptr<Server>> Server::start(ServerConfig config, ServerParts parts,
                                                ServerOptions options) {
  auto wiring = std::make_unique<Wiring>(std::move(config), parts, options);
  WRIT_TRY_VOID(wiring->start());
  return std::unique_ptr<Server>(new Server(std::move(wiring)));
}

Expected<void> Server::reload(const ServerConfig& config) { return wiring_->reload(config); }
std::uint16_t Server::port() const { return wiring_->port(); }
const std::string& Server::url() const { return wiring_->url(); }
Expected<void> Server::ready() const { return wiring_->ready(); }
void Server::stop(milliseconds grace) { wiring_->stop(grace); }

}  // namespace writ::app
