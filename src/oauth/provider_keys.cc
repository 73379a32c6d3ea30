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
  return entries_.emplace(std::move(key), std::make_shared<Entry>()).first->second;
}

FetchedProviderKeys::Next FetchedProviderKeys::next(const Entry& entry,
                                                    const std::string& kid) const {
  const auto now = clock_.steady_now();
  const auto attempted_within = [&](seconds span) {
    return entry.attempted && now - *entry.attempted < span;
  };
  const bool fresh = entry.keys != nullptr && now < entry.fresh_until;
  const bool usable = entry.keys != nullptr && now - entry.fetched < limits_.stale;
  const bool known = entry.keys != nullptr && (kid.empty() || entry.keys->find(kid) != nullptr);
  if (fresh && known) return Next::use;
  if (entry.fetching) return usable && known ? Next::use : Next::wait;
  if (fresh) return attempted_within(limits_.between_kids) ? Next::use : Next::fetch;
  if (!attempted_within(limits_.between_failures)) return Next::fetch;
  return usable ? Next::use : Next::nothing;
}

Task<Expected<std::shared_ptr<const jose::JwkSet>>> FetchedProviderKeys::keys(
    identity::Provider provider, std::string kid) {
  // Twice at most: who has waited for another's fetch finds its result, or fetches itself.
  for (int turn = 0; turn < 3; ++turn) {
    std::shared_ptr<Entry> mine;
    Next what{};
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      mine = entry(provider);
      what = next(*mine, kid);
      if (what == Next::use) co_return mine->keys;
      seen = mine->changed.version();
      if (what == Next::fetch) {
        mine->fetching = true;
        mine->attempted = clock_.steady_now();
      }
    }
    if (what == Next::nothing) break;
    if (what == Next::wait) {
      const auto deadline = clock_.steady_now() + limits_.fetch_total;
      if (!co_await mine->changed.wait_past(seen, {.deadline = deadline, .cancel = {}})) break;
      continue;
    }
    auto fetched = co_await fetch(provider);
    {
      const std::lock_guard lock(mutex_);
      mine->fetching = false;
      if (fetched) {
        mine->keys = std::move(fetched->keys);
        mine->fetched = clock_.steady_now();
        mine->fresh_until = mine->fetched + fetched->life;
      }
    }
    mine->changed.notify();
    if (!fetched) {
      log_.warning("provider.keys_not_fetched",
                   {{"provider", provider.name}, {"why", fetched.error().to_string()}});
    }
  }
  co_return fail(Errc::unavailable, "the keys of the identity provider cannot be had now",
                 provider.name, "safe to send again; an operator finds the cause in the log");
}

Task<Expected<FetchedProviderKeys::Fetched>> FetchedProviderKeys::fetch(
    const identity::Provider& provider) {
  WRIT_CO_TRY(auto algorithms, algorithms_of(provider));
  std::string url = provider.jwks_uri;
  if (url.empty()) {
    WRIT_CO_TRY(url, co_await discover(provider));
  }
  WRIT_CO_TRY(const auto document, co_await get(provider, std::move(url)));
  WRIT_CO_TRY(auto set,
              jose::JwkSet::from_json(document.json, {.algorithms = std::move(algorithms)}));
  if (set.empty())
    co_return fail(Errc::invalid_input, "no key of the declared algorithms is published");
  co_return Fetched{.keys = std::make_shared<const jose::JwkSet>(std::move(set)),
                    .life = std::clamp(document.max_age.value_or(limits_.usual_life),
                                       limits_.shortest_life, limits_.longest_life)};
}

Task<Expected<std::string>> FetchedProviderKeys::discover(const identity::Provider& provider) {
  std::string url = provider.issuer;
  if (url.ends_with('/')) url.pop_back();
  WRIT_CO_TRY(const auto document, co_await get(provider, url + std::string(kDiscovery)));
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

Expected<std::shared_ptr<const net::TlsClientContext>> FetchedProviderKeys::tls() {
  const std::lock_guard lock(mutex_);
  if (tls_ == nullptr) {
    WRIT_TRY(tls_, net::TlsClientContext::create({}));
  }
  return tls_;
}

Task<Expected<FetchedProviderKeys::Document>> FetchedProviderKeys::get(
    const identity::Provider& provider, std::string text) {
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
                         .rules = std::make_shared<const net::EgressRules>(std::move(rules)),
                         .tls = nullptr};
  if (url.is_https()) {
    WRIT_CO_TRY(upstream.tls, tls());
  }
  WRIT_CO_TRY(auto exchange,
              co_await client_.connect(std::move(upstream),
                                       {.timeouts = {.connect = limits_.fetch_total / 2,
                                                     .head = limits_.fetch_total,
                                                     .idle = limits_.fetch_total / 2,
                                                     .total = limits_.fetch_total},
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
