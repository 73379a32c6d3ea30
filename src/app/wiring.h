// SPDX-License-Identifier: Apache-2.0
// The inside of server.h: the objects of a server, in the order in which they stand on one another.
#pragma once

#include <atomic>
#include <optional>
#include <set>

#include "api/api.h"
#include "app/anchor_files.h"
#include "app/health.h"
#include "app/server.h"
#include "async/loop.h"
#include "async/workers.h"
#include "broker/access_tokens.h"
#include "broker/applying.h"
#include "broker/approvals.h"
#include "broker/authenticator.h"
#include "broker/calls.h"
#include "broker/clients.h"
#include "broker/clock_reset.h"
#include "broker/credentials.h"
#include "broker/grant_sweep.h"
#include "broker/grants.h"
#include "broker/housekeeping.h"
#include "broker/janitor.h"
#include "broker/live.h"
#include "broker/log_gate.h"
#include "broker/notary.h"
#include "broker/proposals.h"
#include "broker/revocations.h"
#include "broker/server_keys.h"
#include "broker/sessions.h"
#include "broker/sign_in.h"
#include "broker/stops.h"
#include "broker/subject_tokens.h"
#include "broker/time_guard.h"
#include "broker/token_keys.h"
#include "broker/user_tokens.h"
#include "broker/users.h"
#include "gateway/proxy.h"
#include "jose/token_cache.h"
#include "net/authorities.h"
#include "net/dns_resolver.h"
#include "net/egress.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "oauth/authorization_server.h"
#include "oauth/provider_keys.h"
#include "vault/keys.h"

namespace writ::app {

// What stands on the store. Made when it is open, on the owner's thread; complete before
// anything but health is answered.
struct Services {
  Services(const ServerConfig& config, const ServerParts& its_parts, const std::string& url,
           LoopPool& loops, broker::Store& store, broker::StopFile& stop_file,
           const vault::SealKey& seal_key, broker::Anchor& anchor,
           std::vector<broker::TokenKey> token_keys, const ServerOptions& options);

  // What the process before had stopped and could not record: before anybody is answered.
  Task<void> resume_stops(broker::LiveWorkspace& workspace);
  // What the process before left open in a workspace: once, when its log has been checked, and
  // before anything begins in it.
  Task<Expected<void>> settle_past(broker::LiveWorkspace& workspace);

  const ServerParts parts;
  // Workspaces whose past is not settled yet. Of the first loop's tasks.
  std::set<WorkspaceId> unsettled;
  broker::GatedStore store;
  broker::ServerKeys keys;
  broker::TokenKeys token_keys;
  broker::TimeGuard time;
  broker::Live live;
  broker::Shares shares;
  broker::Approvals approvals;
  broker::Stops stops;
  broker::Revocations revocations;
  broker::Notary notary;
  broker::ResumePoints resume_points;

  jose::VerifiedTokenCache tokens;
  broker::Authenticator authenticator;
  broker::Calls calls;

  net::Authorities authorities;
  net::DnsResolver resolver;
  Workers files{1, 4};  // reads what is not to be read on a loop
  net::Dialer dialer;
  net::HttpClient client;
  gateway::Proxy proxy;

  broker::Clients clients;
  broker::AccessTokens access_tokens;
  oauth::FetchedProviderKeys provider_keys;
  broker::SubjectTokens subject_tokens;
  broker::Grants grants;
  oauth::AuthorizationServer oauth;

  broker::Sessions sessions;
  broker::SignIns sign_ins;
  broker::Users users;
  broker::Builds builds;
  broker::Applying applying;
  broker::Proposals proposals;
  broker::Credentials credentials;
  broker::UserTokens user_tokens;
  broker::ClockReset clock_reset;
  api::Api api;
};

class Server::Wiring {
 public:
  Wiring(ServerConfig config, ServerParts parts, ServerOptions options);
  ~Wiring();

  Expected<void> start();
  void stop(milliseconds grace);

  std::uint16_t port() const { return server_->port(); }
  const std::string& url() const { return url_; }
  Expected<void> ready() const;
  Expected<void> reload(const ServerConfig& config);

 private:
  Expected<void> reload_tls(const TlsConfig& tls);
  Expected<void> listen();
  Expected<void> open();
  Expected<void> upgrade_if_old();
  Task<Expected<void>> load();
  void add_checks();
  void add_duties();
  Task<void> route(net::ServerRequest& request, net::ServerResponse& response);

  // A duty for each workspace that lives; the first error is the duty's, and stops none of the
  // others.
  using PerWorkspace = std::function<Task<Expected<void>>(broker::LiveWorkspace&)>;
  Task<Expected<void>> for_each(PerWorkspace duty);

  const ServerConfig config_;
  const ServerParts parts_;
  const ServerOptions options_;
  std::string url_;
  Health health_;
  LoopPool loops_;
  std::unique_ptr<net::HttpServer> server_;
  std::optional<vault::SealKey> seal_key_;
  std::unique_ptr<broker::Store> store_;
  std::unique_ptr<broker::StopFile> stop_file_;
  std::unique_ptr<AnchorFiles> anchor_;
  std::unique_ptr<Services> services_;
  std::atomic<Services*> serving_ = nullptr;
  std::optional<Error> not_loaded_;  // a workspace that could not be; written before serving
  broker::Janitor janitor_;
  bool stopped_ = false;
};

}  // namespace writ::app
