// SPDX-License-Identifier: Apache-2.0
// The stored form of an approval, version 2. Times are milliseconds since the epoch, lives are
// seconds, digests and salt hexadecimal, nonce and signatures base64url; what is absent has no
// member:
//   {"v":2, "id":"apr_…", "workspace":"wsp_…", "run":"run_…", "agent":"agt_…", "user"?:"usr_…",
//    "run_name", "agent_name", "user_name", "tool", "title", "digest", "salt", "likeness",
//    "statement", "groups":[…], "barred":["usr_…"…], "identical":{"done","unknown"}, "nonce",
//    "created", "request_expires", "approval_life", "back_off", "state",
//    "decisions":[{"user":"usr_…","user_name","decision","groups":[…],"at","key","signature"}…],
//    "approved_at"?, "approval_expires"?, "ended_at"?, "claimed_by"?:"act_…",
//    "superseded_by"?:"apr_…", "retry_after"?}
#include <algorithm>
#include <limits>

#include "approval/approval.h"
#include "base/encoding.h"

namespace writ::approval {
namespace {

constexpr std::int64_t kVersion = 2;
constexpr std::size_t kMost = 1000;  // of groups, decisions, barred
constexpr std::size_t kText = std::size_t{1} << 20;

template <typename T>
T read_id(ObjectReader& reader, std::string_view member) {
  auto id = T::parse(reader.string(member, {.max = 64}));
  if (!id) {
    reader.refuse(member, id.error().message);
    return T();
  }
  return *id;
}
template <typename T>
std::optional<T> read_optional_id(ObjectReader& reader, std::string_view member) {
  if (!reader.has(member)) return std::nullopt;
  return read_id<T>(reader, member);
}

Digest read_digest(ObjectReader& reader, std::string_view member) {
  Digest digest{};
  const auto bytes = hex_decode(reader.string(member, {.max = 64}));
  if (bytes && bytes->size() == digest.size()) {
    std::ranges::copy(*bytes, digest.begin());
  } else {
    reader.refuse(member, "not a digest");
  }
  return digest;
}

Bytes read_bytes(ObjectReader& reader, std::string_view member, std::size_t size) {
  auto bytes = base64url_decode(reader.string(member, {.max = 128}));
  if (!bytes || bytes->size() != size) {
    reader.refuse(member, "not " + std::to_string(size) + " bytes in base64url");
    return {};
  }
  return std::move(*bytes);
}

TimePoint read_time(ObjectReader& reader, std::string_view member) {
  return from_unix_millis(reader.integer(member, {.min = 0}));
}
std::optional<TimePoint> read_optional_time(ObjectReader& reader, std::string_view member) {
  if (!reader.has(member)) return std::nullopt;
  return read_time(reader, member);
}

std::vector<std::string> read_groups(ObjectReader& reader) {
  auto groups = reader.strings("groups", {.min = 1, .max = kMost}, {.max = 63});
  if (std::ranges::adjacent_find(groups, std::ranges::greater_equal()) != groups.end()) {
    reader.refuse("groups", "not sorted, or not unique");
  }
  return groups;
}

Expected<Decision> read_decision(const Json& value, const std::string& where) {
  ObjectReader reader(value, where);
  Decision decision;
  decision.user = read_id<UserId>(reader, "user");
  decision.user_name = reader.string("user_name", {.max = 63});
  const auto verdict = parse_verdict(reader.choice("decision", {"approve", "deny"}));
  decision.groups = read_groups(reader);
  decision.at = read_time(reader, "at");
  decision.key = reader.string("key", {.max = 64});
  decision.signature = read_bytes(reader, "signature", 64);
  WRIT_TRY_VOID(reader.finish());
  decision.verdict = verdict.value_or(Verdict::deny);
  return decision;
}

Expected<State> parse_state(std::string_view text) {
  for (const State state : {State::pending, State::approved, State::denied, State::expired,
                            State::superseded, State::cancelled, State::claimed}) {
    if (text == name(state)) return state;
  }
  return fail(Errc::invalid_input, "not a state", "/state");
}

// What the machine could never have produced must not be read back as if it had.
Expected<void> check_whole(const Approval& approval) {
  const auto broken = [](std::string_view where, std::string_view why) {
    return fail(Errc::invalid_input, "not an approval: " + std::string(why), std::string(where));
  };
  if (action::action_digest(approval.statement) != approval.digest) {
    return broken("/digest", "the digest is not its statement's");
  }
  for (std::size_t i = 0; i < approval.decisions.size(); ++i) {
    const auto& decision = approval.decisions[i];
    const auto at = approval.decisions.begin() + static_cast<std::ptrdiff_t>(i);
    if (decision.verdict == Verdict::approve &&
        std::find_if(approval.decisions.begin(), at,
                     [&](const Decision& other) { return other.user == decision.user; }) != at) {
      return broken("/decisions", "one person has decided twice");
    }
    if (!std::ranges::includes(approval.groups, decision.groups)) {
      return broken("/decisions", "a decision is for a group that was not asked");
    }
  }
  if (approval.approved_at.has_value() != approval.approval_expires.has_value()) {
    return broken("/approved_at", "it has half of its times");
  }
  const State state = approval.state;
  if ((state == State::approved || state == State::claimed) && !approval.approved_at) {
    return broken("/approved_at", "it was never approved");
  }
  if (is_final(state) != approval.ended_at.has_value()) {
    return broken("/ended_at", "its end and its state differ");
  }
  if ((state == State::claimed) != approval.claimed_by.has_value()) {
    return broken("/claimed_by", "its claim and its state differ");
  }
  return {};
}

void set_time(JsonObject& object, std::string_view member, const std::optional<TimePoint>& at) {
  if (at) object[member] = to_unix_millis(*at);
}

JsonArray to_array(const std::vector<std::string>& texts) {
  return JsonArray(texts.begin(), texts.end());
}

}  // namespace

Json Approval::to_json() const {
  JsonObject object;
  object["v"] = kVersion;
  object["id"] = id.to_string();
  object["workspace"] = workspace.to_string();
  object["run"] = run.to_string();
  object["agent"] = agent.to_string();
  if (user) object["user"] = user->to_string();
  object["run_name"] = run_name;
  object["agent_name"] = agent_name;
  object["user_name"] = user_name;
  object["tool"] = tool;
  object["title"] = title;
  object["digest"] = hex_encode(digest);
  object["salt"] = hex_encode(salt);
  object["likeness"] = hex_encode(likeness);
  object["statement"] = statement;
  object["groups"] = to_array(groups);
  JsonArray excluded;
  for (const auto& each : barred) excluded.emplace_back(each.to_string());
  object["barred"] = std::move(excluded);
  object["identical"] = JsonObject{{"done", std::int64_t{identical.done}},
                                   {"unknown", std::int64_t{identical.unknown}}};
  object["nonce"] = base64url_encode(nonce);
  object["created"] = to_unix_millis(created);
  object["request_expires"] = to_unix_millis(request_expires);
  object["approval_life"] = approval_life.count();
  object["back_off"] = back_off.count();
  object["state"] = approval::name(state);
  JsonArray answers;
  for (const auto& decision : decisions) {
    JsonObject answer;
    answer["user"] = decision.user.to_string();
    answer["user_name"] = decision.user_name;
    answer["decision"] = approval::name(decision.verdict);
    answer["groups"] = to_array(decision.groups);
    answer["at"] = to_unix_millis(decision.at);
    answer["key"] = decision.key;
    answer["signature"] = base64url_encode(decision.signature);
    answers.emplace_back(std::move(answer));
  }
  object["decisions"] = std::move(answers);
  set_time(object, "approved_at", approved_at);
  set_time(object, "approval_expires", approval_expires);
  set_time(object, "ended_at", ended_at);
  if (claimed_by) object["claimed_by"] = claimed_by->to_string();
  if (superseded_by) object["superseded_by"] = superseded_by->to_string();
  set_time(object, "retry_after", retry_after);
  return object;
}

Expected<Approval> Approval::from_json(const Json& value) {
  ObjectReader reader(value);
  Approval approval;
  reader.integer("v", {.min = kVersion, .max = kVersion});
  approval.id = read_id<ApprovalId>(reader, "id");
  approval.workspace = read_id<WorkspaceId>(reader, "workspace");
  approval.run = read_id<RunId>(reader, "run");
  approval.agent = read_id<AgentId>(reader, "agent");
  approval.user = read_optional_id<UserId>(reader, "user");
  approval.run_name = reader.string("run_name", {.min = 0, .max = kText});
  approval.agent_name = reader.string("agent_name", {.min = 0, .max = kText});
  approval.user_name = reader.string("user_name", {.min = 0, .max = kText});
  approval.tool = reader.string("tool", {.max = kText});
  approval.title = reader.string("title", {.min = 0, .max = kText});
  approval.digest = read_digest(reader, "digest");
  approval.salt = read_digest(reader, "salt");
  approval.likeness = read_digest(reader, "likeness");
  approval.statement = reader.string("statement", {.max = kText});
  approval.groups = read_groups(reader);
  const auto barred = reader.strings("barred", {.max = kMost}, {.max = 64});
  const JsonObject& identical = reader.object("identical");
  approval.nonce = read_bytes(reader, "nonce", 32);
  approval.created = read_time(reader, "created");
  approval.request_expires = read_time(reader, "request_expires");
  approval.approval_life = seconds(reader.integer("approval_life", {.min = 1}));
  approval.back_off = seconds(reader.integer("back_off", {.min = 0}));
  const auto state = reader.string("state", {.max = 16});
  const JsonArray& decisions = reader.array("decisions", {.max = kMost});
  approval.approved_at = read_optional_time(reader, "approved_at");
  approval.approval_expires = read_optional_time(reader, "approval_expires");
  approval.ended_at = read_optional_time(reader, "ended_at");
  approval.claimed_by = read_optional_id<ActionId>(reader, "claimed_by");
  approval.superseded_by = read_optional_id<ApprovalId>(reader, "superseded_by");
  approval.retry_after = read_optional_time(reader, "retry_after");
  WRIT_TRY_VOID(reader.finish());

  WRIT_TRY(approval.state, parse_state(state));
  for (std::size_t i = 0; i < barred.size(); ++i) {
    auto user = UserId::parse(barred[i]);
    if (!user) {
      return fail(Errc::invalid_input, user.error().message, json_pointer("/barred", i));
    }
    approval.barred.push_back(*user);
  }
  ObjectReader counts(identical, "/identical");
  constexpr std::int64_t kCount = std::numeric_limits<std::uint32_t>::max();
  approval.identical.done =
      static_cast<std::uint32_t>(counts.integer("done", {.min = 0, .max = kCount}));
  approval.identical.unknown =
      static_cast<std::uint32_t>(counts.integer("unknown", {.min = 0, .max = kCount}));
  WRIT_TRY_VOID(counts.finish());
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    WRIT_TRY(auto decision, read_decision(decisions[i], json_pointer("/decisions", i)));
    approval.decisions.push_back(std::move(decision));
  }
  WRIT_TRY_VOID(check_whole(approval));
  return approval;
}

}  // namespace writ::approval
