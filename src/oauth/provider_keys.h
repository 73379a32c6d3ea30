// SPDX-License-Identifier: Apache-2.0
// FetchedProviderKeys: the keys of identity providers, found by OpenID Connect Discovery 1.0
// (section 4) or at the declared jwks_uri, through the egress guard (P6, P19).
//
// Sets are fetched again in the background before their time is up: a token request waits for a
// provider only where there is no set yet or a kid is new, and then for one fetch at most, which is
// bounded (P48). What could not be fetched again counts on for `stale` and no longer.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "async/event.h"
#include "broker/subject_tokens.h"
#include "net/authorities.h"
#include "net/http_client.h"
#include "observe/log.h"

namespace writ::oauth {

struct ProviderKeyLimits {
  std::size_t document_bytes = std::size_t{256} * 1024;
  milliseconds fetch_total{8'000};  // discovery and keys together
  seconds shortest_life{60};        // of what was fetched, whatever Cache-Control says
  seconds usual_life{300};          // where it says nothing
  seconds longest_life{600};
  seconds stale{3600};          // since the fetch: how long keys count while none follows
  seconds between_kids{30};     // two fetches for keys that were not there
  seconds between_failures{5};  // two fetches of which the first failed
  std::size_t providers = 256;
  std::size_t keys = 64;  // of a set
};

// Thread-safe; used from tasks on the client's loops. What the constructor takes outlives it.
class FetchedProviderKeys final : public broker::ProviderKeys {
 public:
  FetchedProviderKeys(net::HttpClient& client, const net::Authorities& authorities,
                      const Clock& clock, observe::Log& log, ProviderKeyLimits limits = {})
      : client_(client), authorities_(authorities), clock_(clock), log_(log), limits_(limits) {}

  // On a loop: begins to fetch what is past its time, and forgets what was not asked for as long as
  // old keys count. To be called every half minute or so.
  void refresh();
  // Begins nothing more, and returns when no fetch is under way; the loops run meanwhile, and the
  // client has been cut. Idempotent.
  void stop();

  Task<Expected<std::shared_ptr<const jose::JwkSet>>> keys(identity::Provider provider,
                                                           std::string kid) override;

 private:
  using Keys = std::shared_ptr<const jose::JwkSet>;
  // Of one provider as it is declared; another declaration is another entry.
  struct Entry {
    identity::Provider provider;
    Keys keys;
    SteadyPoint fetched{};
    SteadyPoint fresh_until{};
    SteadyPoint asked{};
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
  enum class Next : std::uint8_t { use, use_and_fetch, wait, fetch_and_wait, nothing };

  // All but fetch() and what it calls are under mutex_.
  std::shared_ptr<Entry> entry(const identity::Provider& provider);
  bool is_usable(const Entry& entry) const;
  bool attempted_within(const Entry& entry, seconds span) const;
  Next next(const Entry& entry, const std::string& kid) const;
  // On a task of its own, which whoever asked does not end.
  void begin_fetch(const std::shared_ptr<Entry>& entry);
  Task<void> run_fetch(std::shared_ptr<Entry> entry);
  Task<Expected<Fetched>> fetch(const identity::Provider& provider);
  Task<Expected<std::string>> discover(const identity::Provider& provider, SteadyPoint until);
  Task<Expected<Document>> get(const identity::Provider& provider, std::string url,
                               SteadyPoint until);
  Expected<jose::JwkSet> usable_keys(const identity::Provider& provider, const Json& json) const;

  net::HttpClient& client_;
  const net::Authorities& authorities_;
  const Clock& clock_;
  observe::Log& log_;
  const ProviderKeyLimits limits_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::map<std::string, std::shared_ptr<Entry>> entries_;  // what they hold is under mutex_ too
};

}  // namespace writ::oauth
