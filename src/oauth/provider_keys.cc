// SPDX-License-Identifier: Apache-2.0
#include "oauth/provider_keys.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "net/egress.h"
#include "wire/canonical.h"
#include "wire/url.h"

namespace writ::oauth {
namespace {

constexpr std::string_view kDiscovery = "/.well-known/openid-configuration";

std::string key_of(const identity::Provider& provider) {
  JsonArray parts{provider.issuer, provider.jwks_uri};
  parts.push_back(JsonArray(provider.algorithms.begin(), provider.algorithms.end()));
  parts.push_back(JsonArray(provider.allow_addresses.begin(), provider.allow_addresses.end()));
  return canonical_json(Json(std::move(parts)));
}

// `max-age` of Cache-Control (RFC 9111 section 5.2.2.1); no-store and no-cache count as none.
std::optional<seconds> max_age(const Fields& fields) {
  constexpr std::string_view kName = "max-age=";
  const auto list = fields.list("Cache-Control");
  if (!list) return std::nullopt;
  for (const auto member : *list) {
    if (!to_lower(member).starts_with(kName)) continue;
    const auto digits = member.substr(kName.size());
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && value >= 0)
      return seconds(std::min<std::int64_t>(value, 1'000'000));
  }
  return std::nullopt;
}

Expected<std::vector<jose::Algorithm>> algorithms_of(const identity::Provider& provider) {
  std::vector<jose::Algorithm> out;
  for (const auto& name : provider.algorithms) {
    WRIT_TRY(const auto algorithm, jose::algorithm_named(name));
    out.push_back(algorithm);
  }
  return out;
}

}  // namespace

std::shared_ptr<FetchedProviderKeys::Entry> FetchedProviderKeys::entry(
    const identity::Provider& provider) {
  auto key = key_of(provider);
  const auto found = entries_.find(key);
  if (found != entries_.end()) return found->second;
  // Only an admin declares providers; those that are not declared any more are not looked for.
  if (entries_.size() >= limits_.providers) {
    std::erase_if(entries_, [](const auto& item) { return !item.second->fetching; });
  }
  auto made = std::make_shared<Entry>();
  made->provider = provider;
  return entries_.emplace(std::move(key), std::move(made)).first->second;
}

bool FetchedProviderKeys::is_usable(const Entry& entry) const {
  return entry.keys != nullptr && clock_.steady_now() - entry.fetched < limits_.stale;
}

bool FetchedProviderKeys::attempted_within(const Entry& entry, seconds span) const {
  return entry.attempted && clock_.steady_now() - *entry.attempted < span;
}

FetchedProviderKeys::Next FetchedProviderKeys::next(const Entry& entry,
                                                    const std::string& kid) const {
  const bool usable = is_usable(entry);
  const bool known = usable && (kid.empty() || entry.keys->find(kid) != nullptr);
  if (known) {
    const bool due = clock_.steady_now() >= entry.fresh_until && !entry.fetching &&
                     !attempted_within(entry, limits_.between_failures);
    return due ? Next::use_and_fetch : Next::use;
  }
  if (entry.fetching) return Next::wait;
  if (usable && attempted_within(entry, limits_.between_kids)) return Next::use;
  if (!attempted_within(entry, limits_.between_failures)) return Next::fetch_and_wait;
  return usable ? Next::use : Next::nothing;
}

Task<Expected<std::shared_ptr<const jose::JwkSet>>> FetchedProviderKeys::keys(
    identity::Provider provider, std::string kid) {
  std::shared_ptr<Entry> mine;
  std::uint64_t seen = 0;
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    mine = entry(provider);
    mine->asked = clock_.steady_now();
    seen = mine->changed.version();
    switch (next(*mine, kid)) {
      case Next::use:
        co_return mine->keys;
      case Next::use_and_fetch:
        begin_fetch(mine);
        co_return mine->keys;
      case Next::fetch_and_wait:
        begin_fetch(mine);
        waits = true;
        break;
      case Next::wait:
        waits = true;
        break;
      case Next::nothing:
        break;
    }
  }
  // Once, whatever comes of it: a provider that is slow or has no such key holds nobody longer.
  if (waits) {
    const auto deadline = clock_.steady_now() + limits_.fetch_total;
    (void)co_await mine->changed.wait_past(seen, {.deadline = deadline, .cancel = {}});
    const std::lock_guard lock(mutex_);
    if (is_usable(*mine)) co_return mine->keys;
  }
  co_return fail(Errc::unavailable, "the keys of the identity provider cannot be had now",
                 provider.name, "safe to send again; an operator finds the cause in the log");
}

void FetchedProviderKeys::refresh() {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.steady_now();
  std::erase_if(entries_, [&](const auto& item) {
    return !item.second->fetching && now - item.second->asked >= limits_.stale;
  });
  for (const auto& [key, each] : entries_) {
    if (now >= each->fresh_until && !each->fetching &&
        !attempted_within(*each, limits_.between_failures))
      begin_fetch(each);
  }
}

void FetchedProviderKeys::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return running_ == 0; });
}

void FetchedProviderKeys::begin_fetch(const std::shared_ptr<Entry>& entry) {
  entry->attempted = clock_.steady_now();
  if (stopping_) return;
  entry->fetching = true;
  ++running_;
  // Posted, because a task runs at once up to its first wait, and this holds the mutex.
  auto& loop = Loop::current();
  loop.post([this, &loop, entry] { spawn(loop, run_fetch(entry)); });
}

Task<void> FetchedProviderKeys::run_fetch(std::shared_ptr<Entry> entry) {
  auto fetched = co_await fetch(entry->provider);
  if (!fetched) {
    log_.warning("provider.keys_not_fetched",
                 {{"provider", entry->provider.name}, {"why", fetched.error().to_string()}});
  }
  const std::lock_guard lock(mutex_);
  entry->fetching = false;
  // From its end on: one that took all its time is not followed by another at once.
  entry->attempted = clock_.steady_now();
  if (fetched) {
    entry->keys = std::move(fetched->keys);
    entry->fetched = clock_.steady_now();
    entry->fresh_until = entry->fetched + fetched->life;
  }
  entry->changed.notify();
  --running_;
  idle_.notify_all();
}

Task<Expected<FetchedProviderKeys::Fetched>> FetchedProviderKeys::fetch(
    const identity::Provider& provider) {
  const auto until = clock_.steady_now() + limits_.fetch_total;
  std::string url = provider.jwks_uri;
  if (url.empty()) {
    WRIT_CO_TRY(url, co_await discover(provider, until));
  }
  WRIT_CO_TRY(const auto document, co_await get(provider, std::move(url), until));
  WRIT_CO_TRY(auto set, usable_keys(provider, document.json));
  if (set.empty())
    co_return fail(Errc::invalid_input, "no key of the declared algorithms is published");
  co_return Fetched{.keys = std::make_shared<const jose::JwkSet>(std::move(set)),
                    .life = std::clamp(document.max_age.value_or(limits_.usual_life),
                                       limits_.shortest_life, limits_.longest_life)};
}

// One key that cannot be used does not take the others with it (P34).
Expected<jose::JwkSet> FetchedProviderKeys::usable_keys(const identity::Provider& provider,
                                                        const Json& json) const {
  const auto* object = json.if_object();
  const auto* member = object != nullptr ? object->if_contains("keys") : nullptr;
  const auto* list = member != nullptr ? member->if_array() : nullptr;
  if (list == nullptr)
    return fail(Errc::invalid_input, "a key set must be an object with a list of keys", "/keys");
  WRIT_TRY(const auto declared, algorithms_of(provider));
  std::vector<jose::Jwk> keys;
  for (std::size_t at = 0; at < list->size(); ++at) {
    const auto skip = [&](std::string why) {
      log_.warning("provider.key_skipped",
                   {{"provider", provider.name}, {"key", json_pointer("/keys", at)}, {"why", why}});
    };
    if (at == limits_.keys) {
      skip("the set has more than " + std::to_string(limits_.keys) + " keys");
      break;
    }
    // For each declared algorithm by itself: a key without `alg` is for all that its type and
    // curve allow (P33).
    std::optional<Error> unusable;
    for (const auto algorithm : declared) {
      auto key = jose::Jwk::from_json((*list)[at], {.algorithms = {algorithm}});
      if (!key) {
        // Of another algorithm, or not for signatures, is no fault.
        if (key.error().code != Errc::unsupported) unusable = std::move(key).error();
        continue;
      }
      const bool taken = std::ranges::any_of(keys, [&](const jose::Jwk& other) {
        return !key->kid().empty() && other.kid() == key->kid() &&
               other.thumbprint() != key->thumbprint();
      });
      if (taken) {
        unusable = fail(Errc::invalid_input, "another key has its kid").error();
      } else {
        keys.push_back(std::move(*key));
      }
    }
    if (unusable) skip(unusable->to_string());
  }
  return jose::JwkSet::of(std::move(keys));
}

Task<Expected<std::string>> FetchedProviderKeys::discover(const identity::Provider& provider,
                                                          SteadyPoint until) {
  std::string url = provider.issuer;
  if (url.ends_with('/')) url.pop_back();
  WRIT_CO_TRY(const auto document, co_await get(provider, url + std::string(kDiscovery), until));
  ObjectReader reader(document.json);
  reader.allow_unknown();
  const auto issuer = reader.string("issuer", {.max = 512});
  auto jwks_uri = reader.string("jwks_uri", {.max = 1024});
  WRIT_CO_TRY_VOID(reader.finish());
  // Section 4.3: exactly the issuer that was asked, or another's keys would stand for it.
  if (issuer != provider.issuer)
    co_return fail(Errc::denied, "the discovery document is of another issuer", "/issuer");
  co_return jwks_uri;
}

Task<Expected<FetchedProviderKeys::Document>> FetchedProviderKeys::get(
    const identity::Provider& provider, std::string text, SteadyPoint until) {
  const auto left = std::chrono::floor<milliseconds>(until - clock_.steady_now());
  if (left <= milliseconds(0))
    co_return fail(Errc::unavailable, "the provider took too long", text);
  WRIT_CO_TRY(const auto url, parse_url(text));
  // Also for a jwks_uri that the provider's own document names: plain http goes to the addresses
  // that the workspace names, and to no other.
  if (!url.is_https() && provider.allow_addresses.empty())
    co_return fail(Errc::denied, "plain http is taken towards allow_addresses alone", text);
  WRIT_CO_TRY(auto rules, net::EgressRules::create(provider.allow_addresses, !url.is_https()));
  net::Upstream upstream{.scheme = url.scheme,
                         .host = url.host,
                         .port = url.port,
                         .binding = "provider:" + key_of(provider),
                         .owner = "provider:" + provider.issuer,
                         .rules = std::make_shared<const net::EgressRules>(std::move(rules)),
                         .tls = nullptr};
  if (url.is_https()) {
    WRIT_CO_TRY(upstream.tls, authorities_.system());
  }
  WRIT_CO_TRY(auto exchange,
              co_await client_.connect(
                  std::move(upstream),
                  {.timeouts = {.connect = left, .head = left, .idle = left, .total = left},
                   .cancel = {}}));
  net::OutgoingRequest request{.method = "GET", .target = url.target(), .host = url.authority()};
  WRIT_CO_TRY_VOID(request.fields.add("Accept", "application/json"));
  WRIT_CO_TRY_VOID(request.fields.add("Accept-Encoding", "identity"));
  WRIT_CO_TRY_VOID(co_await exchange.send(std::move(request), {}));
  WRIT_CO_TRY(const auto head, co_await exchange.receive_head());
  // A redirect is an answer like any other that is not 200: what was asked for is not there.
  if (head.status != 200)
    co_return fail(Errc::unavailable, "answered " + std::to_string(head.status), text);
  WRIT_CO_TRY(const auto body, co_await exchange.receive_all(limits_.document_bytes));
  auto json = parse_json(as_text(body), {.bytes = limits_.document_bytes,
                                         .depth = 16,
                                         .values = 20'000,
                                         .numbers = JsonNumbers::ieee754});
  if (!json) co_return fail(Errc::invalid_input, json.error().to_string(), text);
  co_return Document{.json = std::move(*json), .max_age = max_age(head.fields)};
}

}  // namespace writ::oauth
