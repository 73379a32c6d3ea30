// SPDX-License-Identifier: Apache-2.0
// FetchedProviderKeys: the keys of identity providers, found by OpenID Connect Discovery 1.0
// (section 4) or at the declared jwks_uri, through the egress guard (P6, P19).
//
// What was fetched is kept for as long as the provider says, within bounds; a kid that is not among
// it is looked for again, seldom enough that a stranger's tokens cause no traffic; and while the
// provider does not answer, the keys last seen count on for a while. One fetch serves all who wait.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "async/event.h"
#include "broker/subject_tokens.h"
#include "net/http_client.h"
#include "observe/log.h"

namespace writ::oauth {

struct ProviderKeyLimits {
  std::size_t document_bytes = std::size_t{256} * 1024;
  milliseconds fetch_total{8'000};
  seconds shortest_life{60};  // of what was fetched, whatever Cache-Control says
  seconds usual_life{600};    // where it says nothing
  seconds longest_life{3600};
  seconds stale{24 * 3600};     // that old keys count on while the provider does not answer
  seconds between_kids{30};     // two fetches for keys that were not there
  seconds between_failures{5};  // two fetches of which the first failed
  std::size_t providers = 256;
};

// Thread-safe; used from tasks on the client's loops. What the constructor takes outlives it.
class FetchedProviderKeys final : public broker::ProviderKeys {
 public:
  FetchedProviderKeys(net::HttpClient& client, const Clock& clock, observe::Log& log,
                      ProviderKeyLimits limits = {})
      : client_(client), clock_(clock), log_(log), limits_(limits) {}

  Task<Expected<std::shared_ptr<const jose::JwkSet>>> keys(identity::Provider provider,
                                                           std::string kid) override;

 private:
  using Keys = std::shared_ptr<const jose::JwkSet>;
  // Of one provider as it is declared; another declaration is another entry.
  struct Entry {
    Keys keys;
    SteadyPoint fetched{};
    SteadyPoint fresh_until{};
    std::optional<SteadyPoint> attempted;
    bool fetching = false;
    Broadcast changed;
  };
  struct Fetched {
    Keys keys;
    seconds life;
  };
  struct Document {
    Json json;
    std::optional<seconds> max_age;
  };
  enum class Next : std::uint8_t { use, wait, fetch, nothing };

  std::shared_ptr<Entry> entry(const identity::Provider& provider);
  Next next(const Entry& entry, const std::string& kid) const;
  Task<Expected<Fetched>> fetch(const identity::Provider& provider);
  Task<Expected<std::string>> discover(const identity::Provider& provider);
  Task<Expected<Document>> get(const identity::Provider& provider, std::string url);
  Expected<std::shared_ptr<const net::TlsClientContext>> tls();

  net::HttpClient& client_;
  const Clock& clock_;
  observe::Log& log_;
  const ProviderKeyLimits limits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;  // what they hold is under mutex_ too
  std::shared_ptr<const net::TlsClientContext> tls_;
};

}  // namespace writ::oauth
