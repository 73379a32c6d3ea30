// SPDX-License-Identifier: Apache-2.0
#include "tools/tool_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "base/check.h"
#include "base/encoding.h"
#include "crypto/certificates.h"
#include "crypto/hash.h"
#include "tools/compiled_schema.h"
#include "tools/operation_parser.h"
#include "tools/text_value.h"
#include "wire/canonical.h"
#include "wire/network.h"

namespace writ::tools {
namespace {

std::unexpected<Error> wrong(std::string where, std::string message, std::string hint = {}) {
  return fail(Errc::invalid_input, std::move(message), std::move(where), std::move(hint));
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count <= 0 || count > 1'000'000'000) return std::nullopt;
  const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit == "ms") return milliseconds(count);
  if (unit == "s") return seconds(count);
  if (unit == "m") return std::chrono::minutes(count);
  if (unit == "h") return std::chrono::hours(count);
  return std::nullopt;
}

std::string segment_key(std::string_view method, std::string_view first_segment) {
  std::string key(method);
  key += ' ';
  key += first_segment;
  return key;
}

// Whether the argument at this place can never be this text.
bool refuses(const Operation& operation, const Argument& argument, std::string_view text,
             StepBudget& budget) {
  const auto value = value_from_text(argument.text_type, text);
  const auto* schema = schema_detail::property_of(operation.schema, argument.name);
  return !value || !schema_detail::validate_with(*schema, *value, budget);
}

// Whether some path fits both templates.
bool overlap(const Operation& a, const Operation& b, StepBudget& budget) {
  (void)budget.spend(1);
  if (a.method != b.method || a.segments.size() != b.segments.size()) return false;
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    const auto& left = a.segments[i];
    const auto& right = b.segments[i];
    if (left.argument && right.argument) continue;
    const bool apart =
        left.argument    ? refuses(a, a.arguments[*left.argument], right.literal, budget)
        : right.argument ? refuses(b, b.arguments[*right.argument], left.literal, budget)
                         : left.literal != right.literal;
    if (apart) return false;
  }
  return true;
}

std::size_t literal_segments(const Operation& operation) {
  return static_cast<std::size_t>(std::ranges::count_if(
      operation.segments, [](const Operation::Segment& s) { return !s.argument; }));
}

}  // namespace

class ToolServerParser {
 public:
  ToolServerParser(const Json& document, const ServerId& id, std::string_view name,
                   StepBudget& budget, const ToolServerLimits& limits)
      : reader_(document, ""), budget_(budget), limits_(limits) {
    server_.id_ = id;
    server_.name_ = name;
  }

  Expected<ToolServer> parse() {
    if (!is_name_word(server_.name_) || server_.name_.size() > 40) {
      return wrong("",
                   "a server's name has lower-case letters, digits, \"-\" and \"_\", begins with a "
                   "letter and has at most 40 characters");
    }
    if (reader_.choice("kind", {"http", "mcp"}) == "mcp") {
      return fail(Errc::unsupported, "servers of kind \"mcp\" are not supported yet",
                  reader_.pointer("kind"), "an HTTP API can be offered to agents over MCP");
    }
    read_members();
    WRIT_TRY_VOID(reader_.finish());
    WRIT_TRY_VOID(read_addresses());
    WRIT_TRY_VOID(read_url());
    WRIT_TRY_VOID(read_authorities());
    WRIT_TRY_VOID(read_credential());
    WRIT_TRY_VOID(read_timeouts());
    WRIT_TRY_VOID(read_limits());
    WRIT_TRY_VOID(check_definitions());
    WRIT_TRY_VOID(read_operations());
    WRIT_TRY_VOID(check_templates());
    WRIT_TRY_VOID(bind_requirements());
    WRIT_TRY_VOID(check_requirement_cycles());
    WRIT_TRY_VOID(check_compensations());
    finish();
    return std::move(server_);
  }

 private:
  void read_members() {
    url_ = reader_.string("url");
    server_.environment_ = reader_.optional_string("environment", {.max = 64}).value_or("");
    server_.allow_addresses_ =
        reader_.optional_strings("allow_addresses", {.max = limits_.list_entries})
            .value_or(std::vector<std::string>());
    ca_ = reader_.optional_string("ca", {.max = crypto::CertificateLimits().bytes});
    ca_name_ = reader_.optional_string("ca_name", {.max = 63});
    ca_file_ = reader_.optional_string("ca_file");
    credential_ = reader_.optional_object("credential");
    timeouts_ = reader_.optional_object("timeouts");
    body_limits_ = reader_.optional_object("limits");
    definitions_ = reader_.optional_object("$defs");
    declared_operations_ = &reader_.array("operations", {.min = 1, .max = limits_.operations});
  }

  Expected<void> read_addresses() {
    for (std::size_t i = 0; i < server_.allow_addresses_.size(); ++i) {
      const auto network = Network::parse(server_.allow_addresses_[i]);
      if (!network) {
        return wrong(json_pointer(reader_.pointer("allow_addresses"), i),
                     "must be a network as \"10.1.0.0/16\" or \"127.0.0.1/32\", with no bits set "
                     "beyond its prefix");
      }
      networks_.push_back(*network);
    }
    return {};
  }

  Expected<void> read_url() {
    const auto at = reader_.pointer("url");
    auto url = parse_url(url_);
    if (!url) return wrong(at, url.error().message, url.error().hint);
    if (url->path != "/" || url->query) {
      return wrong(at, "must be scheme, host and port alone",
                   "each operation's \"path\" is the whole path");
    }
    if (!url->is_https()) {
      if (networks_.empty()) {
        return wrong(at, "plain http would carry the credential in the clear",
                     "use https, or name the addresses to trust in allow_addresses");
      }
    }
    server_.url_ = *std::move(url);
    if (server_.url_.is_https() || host_kind(server_.url_.host) == HostKind::name) return {};
    const auto address = Network::of_host(server_.url_.host);
    if (address && std::ranges::any_of(networks_, [&](const Network& network) {
          return network.contains(*address);
        })) {
      return {};
    }
    return wrong(at, "plain http goes to allow_addresses alone, and this address is not in them");
  }

  // No document names a path of the server (P48): the certificates stand in it, or writ.toml names
  // their file.
  Expected<void> read_authorities() {
    auto& out = server_.authorities_;
    const int given = int{ca_.has_value()} + int{ca_name_.has_value()} + int{ca_file_.has_value()};
    if (given == 0) return {};
    const auto at = reader_.pointer(ca_ ? "ca" : ca_name_ ? "ca_name" : "ca_file");
    if (given > 1) return wrong(at, "ca and ca_name are two ways to say one thing: give one");
    if (!server_.url_.is_https()) return wrong(at, "plain http has no certificates to check");
    if (ca_file_) {
      out = {.source = Authorities::Source::file, .name = *ca_file_};
      return {};
    }
    if (ca_name_) {
      if (!is_name_word(*ca_name_)) {
        return wrong(at, "must be a name that the server's writ.toml has under [certificates]");
      }
      out = {.source = Authorities::Source::named, .name = *ca_name_};
      return {};
    }
    auto certificates = crypto::read_certificates(*ca_);
    if (!certificates) return wrong(at, certificates.error().message, certificates.error().hint);
    out = {.source = Authorities::Source::document, .certificates = *std::move(certificates)};
    return {};
  }

  Expected<void> read_credential() {
    if (credential_ == nullptr) return {};
    const auto at = reader_.pointer("credential");
    ObjectReader reader(*credential_, at);
    const auto name = reader.string("name", {.max = 64});
    place_ = read_credential_place(reader);
    WRIT_TRY_VOID(reader.finish());
    if (!is_name_word(name)) {
      return wrong(json_pointer(at, "name"),
                   "must be lower-case letters, digits, \"-\" and \"_\", and begin with a letter");
    }
    if (!place_) return wrong(at, "must say header, query or basic: where the credential goes");
    server_.credential_name_ = name;
    return {};
  }

  Expected<void> read_timeouts() {
    if (timeouts_ == nullptr) return {};
    ObjectReader reader(*timeouts_, reader_.pointer("timeouts"));
    const auto read = [&](std::string_view name, milliseconds& out) {
      const auto text = reader.optional_string(name, {.max = 16});
      if (!text) return;
      const auto value = parse_duration(*text);
      if (!value || *value > limits_.longest_timeout) {
        reader.refuse(name, "must be a time as \"500ms\", \"10s\" or \"2m\", of at most " +
                                std::to_string(limits_.longest_timeout.count() / 1000) + "s");
        return;
      }
      out = *value;
    };
    read("connect", server_.timeouts_.connect);
    read("first_byte", server_.timeouts_.first_byte);
    read("idle", server_.timeouts_.idle);
    read("total", server_.timeouts_.total);
    return reader.finish();
  }

  Expected<void> read_limits() {
    if (body_limits_ == nullptr) return {};
    ObjectReader reader(*body_limits_, reader_.pointer("limits"));
    const IntegerRule rule{.min = 1, .max = static_cast<std::int64_t>(limits_.largest_body)};
    const auto request = reader.optional_integer("request_bytes", rule);
    const auto response = reader.optional_integer("response_bytes", rule);
    WRIT_TRY_VOID(reader.finish());
    auto& out = server_.limits_;
    if (request) out.request_bytes = static_cast<std::uint64_t>(*request);
    if (response) out.response_bytes = static_cast<std::uint64_t>(*response);
    return {};
  }

  // All of them, used or not, with places that are the document's own.
  Expected<void> check_definitions() {
    if (definitions_ == nullptr) return {};
    WRIT_TRY_VOID(ArgumentSchema::compile({{"$defs", *definitions_}, {"type", "null"}}, budget_,
                                          limits_.schema));
    return {};
  }

  Expected<void> read_operations() {
    const OperationContext context{.server = server_.name_,
                                   .has_credential = server_.credential_name_.has_value(),
                                   .definitions = definitions_,
                                   .credential = place_,
                                   .limits = limits_,
                                   .budget = budget_};
    for (std::size_t i = 0; i < declared_operations_->size(); ++i) {
      const auto at = json_pointer(reader_.pointer("operations"), i);
      WRIT_TRY(auto operation, parse_operation((*declared_operations_)[i], at, context));
      if (!places_.emplace(operation.name, at).second) {
        return wrong(json_pointer(at, "name"), "another operation has this name");
      }
      server_.operations_.push_back(std::move(operation));
    }
    std::ranges::sort(server_.operations_, {}, &Operation::name);
    return {};
  }

  const std::string& place(const Operation& operation) const { return places_.at(operation.name); }

  // A path that two operations fit would be decided as one and done as the other.
  Expected<void> check_templates() {
    const auto& all = server_.operations_;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const bool one = overlap(all[i], all[j], budget_);
        if (budget_.exhausted()) {
          return fail(Errc::too_large,
                      "the workspace's path patterns take more than " +
                          std::to_string(budget_.limit()) + " steps to tell apart",
                      json_pointer(place(all[i]), "path"), "write simpler patterns");
        }
        if (!one) continue;
        return wrong(json_pointer(place(all[i]), "path"),
                     all[i].method + ' ' + all[i].path + " can be mistaken for " + all[j].name +
                         ", " + all[j].path,
                     "a \"pattern\" that keeps the argument from being the other's word tells them "
                     "apart");
      }
    }
    return {};
  }

  Expected<void> bind_requirements() {
    for (auto& operation : server_.operations_) {
      const auto at = json_pointer(place(operation), "requires");
      std::set<std::string_view> seen;
      for (std::size_t i = 0; i < operation.requires_done.size(); ++i) {
        WRIT_TRY_VOID(bind_requirement(operation, operation.requires_done[i], json_pointer(at, i)));
        if (!seen.insert(operation.requires_done[i].operation).second) {
          return wrong(json_pointer(at, i), "is required twice");
        }
      }
    }
    return {};
  }

  Expected<void> bind_requirement(const Operation& operation, Requirement& requirement,
                                  const std::string& at) const {
    const Operation* other = server_.find_operation(requirement.operation);
    if (other == nullptr) {
      return wrong(at, "this server has no operation " + quoted_extract(requirement.operation));
    }
    if (requirement.same.empty()) {
      for (const auto& argument : operation.arguments) {
        if (other->find_argument(argument.name) != nullptr) {
          requirement.same.push_back(argument.name);
        }
      }
      if (requirement.same.empty()) {
        return wrong(at, "shares no argument with " + other->name,
                     "a requirement that binds nothing would hold for every call");
      }
    }
    std::ranges::sort(requirement.same);
    if (std::ranges::adjacent_find(requirement.same) != requirement.same.end()) {
      return wrong(at, "binds an argument twice");
    }
    for (const auto& name : requirement.same) {
      const auto* mine = operation.find_argument(name);
      const auto* theirs = other->find_argument(name);
      if (mine == nullptr || theirs == nullptr) {
        return wrong(at, "both operations must declare the argument " + quoted_extract(name));
      }
      if (!mine->required || !theirs->required) {
        return wrong(at, "the argument \"" + name + "\" is optional and cannot be bound",
                     "name the arguments to bind: { operation = \"…\", same = [\"…\"] }");
      }
    }
    return {};
  }

  Expected<void> check_requirement_cycles() const {
    enum class State { open, done };
    std::map<std::string_view, State> states;
    // Operations are few hundred at most, so the recursion is bounded by them.
    const auto visit = [&](const auto& self, const Operation& operation) -> Expected<void> {
      const auto [state, is_new] = states.emplace(operation.name, State::open);
      if (!is_new) {
        if (state->second == State::done) return {};
        return wrong(json_pointer(place(operation), "requires"),
                     "leads back to itself, and could never be done");
      }
      for (const auto& requirement : operation.requires_done) {
        WRIT_TRY_VOID(self(self, *server_.find_operation(requirement.operation)));
      }
      states[operation.name] = State::done;
      return {};
    };
    for (const auto& operation : server_.operations_) {
      WRIT_TRY_VOID(visit(visit, operation));
    }
    return {};
  }

  Expected<void> check_compensations() const {
    for (const auto& operation : server_.operations_) {
      if (!operation.compensation) continue;
      const auto at = json_pointer(place(operation), "compensation");
      const Operation* other = server_.find_operation(*operation.compensation);
      if (other == nullptr) {
        return wrong(at, "this server has no operation " + quoted_extract(*operation.compensation));
      }
      if (other == &operation) return wrong(at, "an operation does not undo itself");
      if (other->effect == Effect::read) return wrong(at, other->name + " is a read");
    }
    return {};
  }

  Json server_json() const {
    JsonObject out;
    out["name"] = server_.name_;
    out["kind"] = tools::name(server_.kind_);
    out["url"] = server_.url_.origin();
    out["environment"] = server_.environment_;
    out["allow_addresses"] = boost::json::value_from(server_.allow_addresses_);
    const auto& authorities = server_.authorities_;
    // Also where there is none, as in version 0.1: a definition that has not changed keeps its
    // digest.
    out["ca_file"] =
        authorities.source == Authorities::Source::file ? Json(authorities.name) : Json();
    if (authorities.source == Authorities::Source::named) out["ca_name"] = authorities.name;
    if (authorities.source == Authorities::Source::document) {
      JsonArray digests;
      for (const auto& certificate : authorities.certificates)
        digests.emplace_back(hex_encode(crypto::sha256(certificate)));
      out["ca"] = std::move(digests);
    }
    out["credential"] = server_.credential_name_ ? Json(*server_.credential_name_) : Json();
    return out;
  }

  void finish() {
    const Json server = server_json();
    JsonArray definitions;
    for (std::uint32_t i = 0; i < server_.operations_.size(); ++i) {
      auto& operation = server_.operations_[i];
      operation.definition = crypto::sha256(canonical_json(JsonObject(
          {{"tag", "writ-operation-v1"}, {"server", server}, {"operation", to_json(operation)}})));
      definitions.push_back(to_json(operation));
      const auto& first = operation.segments.front();
      server_
          .by_method_and_segment_[first.argument ? segment_key(operation.method, "")
                                                 : segment_key(operation.method, first.literal)]
          .push_back(i);
    }
    // An operation whose first segment is an argument is a candidate under every word.
    for (auto& [key, positions] : server_.by_method_and_segment_) {
      const auto method = std::string_view(key).substr(0, key.find(' '));
      const auto open = server_.by_method_and_segment_.find(segment_key(method, ""));
      if (open != server_.by_method_and_segment_.end() && &open->second != &positions) {
        positions.insert(positions.end(), open->second.begin(), open->second.end());
      }
      std::ranges::sort(positions, [&](std::uint32_t a, std::uint32_t b) {
        const auto left = literal_segments(server_.operations_[a]);
        const auto right = literal_segments(server_.operations_[b]);
        return left != right ? left > right : a < b;
      });
    }
    JsonObject timeouts;
    timeouts["connect"] = server_.timeouts_.connect.count();
    timeouts["first_byte"] = server_.timeouts_.first_byte.count();
    timeouts["idle"] = server_.timeouts_.idle.count();
    timeouts["total"] = server_.timeouts_.total.count();
    server_.definition_ = crypto::sha256(canonical_json(
        JsonObject({{"tag", "writ-tool-server-v1"},
                    {"server", server},
                    {"timeouts", std::move(timeouts)},
                    {"request_bytes", static_cast<std::int64_t>(server_.limits_.request_bytes)},
                    {"response_bytes", static_cast<std::int64_t>(server_.limits_.response_bytes)},
                    {"operations", std::move(definitions)}})));
  }

  ObjectReader reader_;
  StepBudget& budget_;
  const ToolServerLimits& limits_;
  ToolServer server_;

  std::string url_;
  std::optional<std::string> ca_;
  std::optional<std::string> ca_name_;
  std::optional<std::string> ca_file_;
  std::vector<Network> networks_;
  const JsonObject* credential_ = nullptr;
  std::optional<CredentialPlace> place_;
  const JsonObject* timeouts_ = nullptr;
  const JsonObject* body_limits_ = nullptr;
  const JsonObject* definitions_ = nullptr;
  const JsonArray* declared_operations_ = nullptr;
  std::map<std::string, std::string> places_;  // of each operation, by name
};

std::string_view name(ServerKind kind) {
  switch (kind) {
    case ServerKind::http:
      return "http";
  }
  WRIT_UNREACHABLE();
}

bool ToolServer::only_allowed_addresses() const { return !url_.is_https(); }

std::uint64_t ToolServer::request_limit(const Operation& operation) const {
  return operation.body == BodyKind::opaque ? limits_.request_bytes
                                            : std::min(limits_.request_bytes, kLargestDecidedBody);
}

const Operation* ToolServer::find_operation(std::string_view operation_name) const {
  const auto found = std::ranges::lower_bound(operations_, operation_name, {}, &Operation::name);
  return found != operations_.end() && found->name == operation_name ? &*found : nullptr;
}

std::span<const std::uint32_t> ToolServer::candidates(std::string_view method,
                                                      std::string_view first_segment) const {
  auto found = by_method_and_segment_.find(segment_key(method, first_segment));
  if (found == by_method_and_segment_.end()) {
    found = by_method_and_segment_.find(segment_key(method, ""));
  }
  if (found == by_method_and_segment_.end()) return {};
  return found->second;
}

Expected<ToolServer> parse_tool_server(const Json& document, const ServerId& id,
                                       std::string_view name, StepBudget& budget,
                                       const ToolServerLimits& limits) {
  return ToolServerParser(document, id, name, budget, limits).parse();
}

Expected<ToolServer> parse_tool_server(const Json& document, const ServerId& id,
                                       std::string_view name, const ToolServerLimits& limits) {
  StepBudget budget(kCompilationSteps);
  return parse_tool_server(document, id, name, budget, limits);
}

}  // namespace writ::tools
