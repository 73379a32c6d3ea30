// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <fstream>
#include <sstream>

#include "identity/principal.h"
#include "wire/toml.h"
#include "wire/url.h"

namespace writ::app {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{256} << 10;

Expected<std::string> public_url(const std::string& text) {
  WRIT_TRY(const auto url, parse_url(text));
  if (url.path != "/" || url.query)
    return fail(Errc::invalid_input, "public_url has no path and no query", {},
                "write it as https://writ.example");
  return url.origin();
}

struct Listen {
  net::Address address;
  std::uint16_t port = 0;
};

Expected<Listen> listen(const std::string& text) {
  const auto wrong = [&](std::string what) {
    return fail(Errc::invalid_input, std::move(what), {},
                "write it as 127.0.0.1:8700 or [::1]:8700");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong("listen is an address and a port");
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return wrong("an IPv6 address stands in brackets");
  }
  boost::system::error_code failed;
  Listen out{.address = boost::asio::ip::make_address(host, failed), .port = 0};
  if (failed) return wrong(quoted_extract(host) + " is not an IP address");
  unsigned port = 0;
  if (digits.empty() || digits.size() > 5) return wrong("the port is a number from 0 to 65535");
  for (const char c : digits) {
    if (c < '0' || c > '9') return wrong("the port is a number from 0 to 65535");
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  if (port > 65535) return wrong("the port is a number from 0 to 65535");
  out.port = static_cast<std::uint16_t>(port);
  return out;
}

observe::Level level_named(std::string_view text) {
  for (const auto level : {observe::Level::debug, observe::Level::warning, observe::Level::error}) {
    if (observe::name(level) == text) return level;
  }
  return observe::Level::info;
}

// Whether `path` lies in `folder` or is it, by its text.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto relative = path.lexically_normal().lexically_relative(folder.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

class Reader {
 public:
  Reader(const JsonObject& object, const std::filesystem::path& base) : base_(base), top_(object) {}

  Expected<ServerConfig> read() {
    read_places();
    read_listener();
    read_certificates();
    read_log();
    read_limits();
    read_tokens();
    read_metrics();
    config_.require_mlock = top_.optional_boolean("require_mlock").value_or(false);
    config_.loops = number(top_, "loops", {.min = 0, .max = 256}, config_.loops);
    // What is wrong with the whole is said before what is wrong within a part: an unknown table.
    WRIT_TRY_VOID(top_.finish());
    if (error_) return std::unexpected(std::move(*error_));
    WRIT_TRY_VOID(check_together());
    return std::move(config_);
  }

 private:
  static constexpr TextRule kPath{.min = 1, .max = 4096};

  template <typename T>
  static T number(ObjectReader& from, std::string_view name, IntegerRule rule, T fallback) {
    const auto value = from.optional_integer(name, rule);
    return value ? static_cast<T>(*value) : fallback;
  }
  void keep(Expected<void> result) {
    if (!result && !error_) error_ = std::move(result).error();
  }
  // An error about a member's value, at that member.
  static Error at(Error error, std::string pointer) {
    error.where = std::move(pointer);
    return error;
  }
  template <typename T, typename Parse>
  void parse(ObjectReader& from, std::string_view name, Parse parse, T& into) {
    const auto text = from.optional_string(name);
    if (!text) return;
    auto parsed = parse(*text);
    if (parsed) {
      into = std::move(*parsed);
    } else if (!error_) {
      error_ = at(std::move(parsed).error(), from.pointer(name));
    }
  }
  std::filesystem::path path(const std::string& text) const {
    return (base_ / text).lexically_normal();
  }

  void read_places() {
    config_.data = path(top_.optional_string("data", kPath).value_or("data"));
    config_.anchor = path(top_.optional_string("anchor", kPath).value_or("anchor"));
    if (const auto file = top_.optional_string("seal_key_file", kPath))
      config_.seal_key_file = path(*file);
  }

  void read_listener() {
    parse(top_, "public_url", public_url, config_.public_url);
    Listen where{.address = config_.address, .port = config_.port};
    parse(top_, "listen", listen, where);
    config_.address = where.address;
    config_.port = where.port;
    config_.trusted_proxies =
        top_.optional_strings("trusted_proxies", {.max = 64}).value_or(std::vector<std::string>());
    for (const auto& proxy : config_.trusted_proxies) {
      if (auto parsed = net::Cidr::parse(proxy); !parsed && !error_)
        error_ = at(std::move(parsed).error(), top_.pointer("trusted_proxies"));
    }
    if (const auto* object = top_.optional_object("tls")) {
      ObjectReader tls(*object, top_.pointer("tls"));
      config_.tls = TlsConfig{.certificate = path(tls.string("certificate", kPath)),
                              .key = path(tls.string("key", kPath))};
      keep(tls.finish());
    }
  }

  void read_certificates() {
    const auto* all = top_.optional_object("certificates");
    if (all == nullptr) return;
    for (const auto& member : *all) {
      const std::string name(text_of(member));
      const auto where = json_pointer(top_.pointer("certificates"), name);
      const auto* object = member.value().if_object();
      if (!identity::is_name(name) || object == nullptr) {
        keep(fail(Errc::invalid_input, "is no table of a name", where,
                  "write [certificates.NAME]; a name has lower-case letters, digits, \"-\" and "
                  "\"_\", and begins with a letter"));
        continue;
      }
      ObjectReader entry(*object, where);
      config_.certificates[name] = path(entry.string("file", kPath));
      keep(entry.finish());
    }
  }

  void read_log() {
    const auto* object = top_.optional_object("log");
    if (object == nullptr) return;
    ObjectReader log(*object, top_.pointer("log"));
    config_.log.level = level_named(
        log.optional_choice("level", {"debug", "info", "warning", "error"}).value_or("info"));
    if (log.optional_choice("format", {"text", "json"}) == "json")
      config_.log.format = LogFormat::json;
    keep(log.finish());
  }

  void read_limits() {
    const auto* object = top_.optional_object("limits");
    if (object == nullptr) return;
    ObjectReader limits(*object, top_.pointer("limits"));
    auto& listener = config_.listener;
    listener.connections =
        number(limits, "connections", {.min = 1, .max = 1'000'000}, listener.connections);
    listener.body =
        number(limits, "body_bytes", {.min = 1024, .max = std::int64_t{1} << 40}, listener.body);
    listener.body_bytes_per_second =
        number(limits, "body_bytes_per_second", {.min = 0, .max = 1'000'000'000},
               listener.body_bytes_per_second);
    auto& strangers = listener.strangers;
    const IntegerRule connections{.min = 1, .max = 1'000'000};
    strangers.connections = number(limits, "strangers", connections, strangers.connections);
    strangers.connections_per_address = number(limits, "strangers_per_address", connections,
                                               std::max<std::size_t>(1, strangers.connections / 4));
    // A head of the largest size fits in any case.
    const IntegerRule bytes{.min = std::int64_t{256} << 10, .max = std::int64_t{1} << 40};
    strangers.bytes = number(limits, "stranger_bytes", bytes, strangers.bytes);
    strangers.bytes_per_address =
        number(limits, "stranger_bytes_per_address", bytes,
               std::max<std::size_t>(std::size_t{256} << 10, strangers.bytes / 4));
    auto& rates = config_.rates;
    rates.per_second =
        number(limits, "calls_per_second", {.min = 1, .max = 1'000'000}, rates.per_second);
    rates.burst = number(limits, "burst", {.min = 1, .max = 1'000'000}, rates.burst);
    auto& shares = config_.shares;
    constexpr std::int64_t kMany = 1'000'000;
    constexpr std::int64_t kBytes = std::int64_t{1} << 40;
    share(limits, "calls", kMany, shares.calls);
    share(limits, "call_bytes", kBytes, shares.call_bytes);
    share(limits, "held", kMany, shares.held);
    share(limits, "questions", kMany, shares.questions);
    share(limits, "question_bytes", kBytes, shares.question_bytes);
    share(limits, "proposals", kMany, shares.proposals, "_per_user");
    share(limits, "proposal_bytes", kBytes, shares.proposal_bytes, "_per_user");
    // As many as one message may name (protocol::kMaxList).
    share(limits, "runs", 10'000, shares.runs);
    share(limits, "control_requests", kMany, shares.control_requests, "_per_user");
    share(limits, "control_bytes", kBytes, shares.control_bytes, "_per_user");
    share(limits, "builds", 1'000, shares.builds, "_per_user");
    keep(limits.finish());
  }

  // The server's bound; what its workspaces and their agents may have of it is said too, or in
  // proportion.
  static void share(ObjectReader& from, const std::string& name, std::int64_t max,
                    broker::ShareLimits& into, std::string_view of_member = "_per_agent") {
    const auto part = [](std::uint64_t whole, std::uint64_t numerator, std::uint64_t denominator) {
      return std::max<std::uint64_t>(
          1, whole / denominator * numerator + whole % denominator * numerator / denominator);
    };
    const auto before = into;
    const IntegerRule rule{.min = 1, .max = max};
    into.server = number(from, name, rule, into.server);
    into.workspace = number(from, name + "_per_workspace", rule,
                            part(into.server, before.workspace, before.server));
    into.agent = number(from, name + std::string(of_member), rule,
                        part(into.workspace, before.agent, before.workspace));
    if (into.run) into.run = number(from, name + "_per_run", rule, *into.run);
  }

  void read_tokens() {
    const auto* object = top_.optional_object("tokens");
    if (object == nullptr) return;
    ObjectReader tokens(*object, top_.pointer("tokens"));
    config_.rotate_token_key_after =
        tokens.optional_duration("rotate_after", {.min = std::chrono::hours(1)})
            .value_or(config_.rotate_token_key_after);
    keep(tokens.finish());
  }

  void read_metrics() {
    const auto* object = top_.optional_object("metrics");
    if (object == nullptr) return;
    ObjectReader metrics(*object, top_.pointer("metrics"));
    for (const auto& text :
         metrics.optional_strings("allow", {.max = 64}).value_or(std::vector<std::string>())) {
      auto parsed = net::Cidr::parse(text);
      if (parsed) {
        config_.metrics_allow.push_back(*parsed);
      } else if (!error_) {
        error_ = at(std::move(parsed).error(), metrics.pointer("allow"));
      }
    }
    keep(metrics.finish());
  }

  Expected<void> check_together() const {
    if (auto valid = net::validate_listener(config_.address, config_.tls.has_value(),
                                            config_.trusted_proxies);
        !valid)
      return std::unexpected(at(std::move(valid).error(), "/listen"));
    if (config_.public_url.empty() && !config_.address.is_loopback()) {
      return fail(Errc::invalid_input,
                  "a server that others reach has to know by which URL: tokens and proofs are "
                  "checked against it",
                  "/public_url", "add public_url = \"https://…\"");
    }
    if (lies_in(config_.anchor, config_.data)) {
      return fail(Errc::invalid_input,
                  "the anchor lies in the data directory: whoever can change the one could change "
                  "the other with it",
                  "/anchor", "put it elsewhere, on another machine's disk if you can");
    }
    return {};
  }

  const std::filesystem::path& base_;
  ObjectReader top_;
  ServerConfig config_;
  std::optional<Error> error_;
};

}  // namespace

Expected<ServerConfig> parse_config(std::string_view text, const std::string& filename,
                                    const std::filesystem::path& base) {
  WRIT_TRY(const auto document,
           parse_toml(text, filename, {.bytes = kMaxConfigBytes, .depth = 4, .values = 1000}));
  auto config = Reader(document.object(), base).read();
  if (!config) return std::unexpected(document.locate(std::move(config).error()));
  return config;
}

Expected<ServerConfig> read_config(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    return fail(Errc::not_found, "there is no configuration that can be read", file.string(),
                "make one with: writ init");
  }
  std::error_code failed;
  auto base = std::filesystem::absolute(file, failed).parent_path();
  if (failed) base = file.parent_path();
  return parse_config(text.str(), file.string(), base);
}

std::string listen_text(const net::Address& address, std::uint16_t port) {
  const auto text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

}  // namespace writ::app
