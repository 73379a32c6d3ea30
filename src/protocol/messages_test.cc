// SPDX-License-Identifier: Apache-2.0
// Properties that every message of /v1 has.
#include <gtest/gtest.h>

#include "protocol/message_generators.h"
#include "wire/canonical.h"
#include "wire/utf8.h"

namespace writ::protocol {
namespace {

template <typename T>
class Messages : public ::testing::Test {};
template <typename T>
class Requests : public ::testing::Test {};
template <typename T>
class Answers : public ::testing::Test {};

using RequestTypes =
    ::testing::Types<OpenSession, UserTokenRequest, ApplyRequest, RevokeRequest, DecisionRequest,
                     ResolveRequest, ClockResetRequest, ProposalDecision>;
using AnswerTypes =
    ::testing::Types<SessionOpened, WhoAmI, Invitation, UserToken, ApplyAnswer, DocumentError,
                     CredentialStored, WorkspaceView, RunView, RunList, Trace, Revoked, RevokedRuns,
                     ApprovalView, ApprovalItem, ApprovalList, ApprovalState, ActionView,
                     Explanation, ClockView, ClockResetAnswer, LogView, LogLeaves, ProposalItem,
                     ProposalView, ProposalList, ProposeAnswer>;
TYPED_TEST_SUITE(Requests, RequestTypes);
TYPED_TEST_SUITE(Answers, AnswerTypes);

template <typename T>
Expected<T> over_the_wire(const JsonObject& message) {
  WRIT_TRY(const auto parsed, parse_json(canonical_json(message)));
  return T::from_json(parsed);
}

template <typename T>
void round_trips() {
  EXPECT_TRUE(rc::check("what is written reads back the same", [] {
    const T message = testing::any<T>();
    const auto read = over_the_wire<T>(message.to_json());
    if (!read) RC_FAIL(read.error().to_string());
    RC_ASSERT(*read == message);
  }));
}

// Each member that the smallest form has is needed, and must be of its type.
template <typename T>
void needs_its_members(std::initializer_list<std::string_view> optional) {
  EXPECT_TRUE(rc::check("a member that is missing or null is named", [&] {
    const auto whole = testing::any<T>().to_json();
    for (const auto& member : whole) {
      const std::string name(text_of(member));
      auto wrong = whole;
      wrong[name] = nullptr;
      const auto null = over_the_wire<T>(wrong);
      RC_ASSERT(!null.has_value());
      if (std::ranges::find(optional, name) != optional.end()) continue;
      wrong.erase(name);
      const auto missing = over_the_wire<T>(wrong);
      RC_ASSERT(!missing.has_value());
      RC_ASSERT(missing.error().where == "/" + name);
    }
  }));
}

TYPED_TEST(Requests, ReadBackTheSame) { round_trips<TypeParam>(); }

TYPED_TEST(Requests, AreReadStrictly) {
  needs_its_members<TypeParam>({"base", "code", "dry_run", "key", "note", "signature"});
  EXPECT_TRUE(rc::check("an unknown member is refused", [] {
    auto object = testing::any<TypeParam>().to_json();
    object["surprise"] = 1;
    const auto read = over_the_wire<TypeParam>(object);
    RC_ASSERT(!read.has_value());
    RC_ASSERT(read.error().where == "/surprise");
  }));
}

TYPED_TEST(Answers, ReadBackTheSame) { round_trips<TypeParam>(); }

TYPED_TEST(Answers, AreReadTolerantlyAndNeedWhatTheyName) {
  EXPECT_TRUE(rc::check("an unknown member is passed over", [] {
    const auto message = testing::any<TypeParam>();
    auto object = message.to_json();
    object["surprise"] = 1;
    const auto read = over_the_wire<TypeParam>(object);
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == message);
  }));
  // Null is an answer's result like any other.
  if constexpr (!std::is_same_v<TypeParam, ActionView>) {
    needs_its_members<TypeParam>({"hint", "user", "parent", "ending", "approved_until",
                                  "retry_after", "cursor", "decided_by", "published", "proposal"});
  }
}

TEST(ListTexts, P37_AreCutAtTwoHundredColumnsAndSayThatTheyAre) {
  EXPECT_EQ(cut_for_list("short"), "short");
  const std::string exact(kListColumns, 'x');
  EXPECT_EQ(cut_for_list(exact), exact);
  EXPECT_EQ(cut_for_list(exact + "x"), std::string(kListColumns - 2, 'x') + "\u2026");
  EXPECT_TRUE(rc::check("what is cut is UTF-8 and no wider", [] {
    std::string text;
    for (int i = *rc::gen::inRange(0, 300); i > 0; --i)
      text += *rc::gen::element<std::string>("a", "\u00e9", "\u6f22", "\xff", "\U0001f600");
    const auto cut = cut_for_list(text);
    std::size_t columns = 0;
    for (std::size_t at = 0; at < cut.size();) {
      const auto c = next_code_point(cut, at);
      if (!c) ++at;
      columns += c && *c < 0x80 ? 1 : 2;
    }
    RC_ASSERT(columns <= kListColumns);
    RC_ASSERT(cut == text || cut.ends_with("\u2026"));
    RC_ASSERT(!is_utf8(text) || is_utf8(cut));
  }));
}

TEST(ListMessages, P34_MoreWithoutACursorIsNotUnderstood) {
  auto list = RunList{.runs = {}, .cursor = "c"}.to_json();
  list.erase("cursor");
  EXPECT_FALSE(RunList::from_json(Json(list)));
}

TEST(OpenSessionMessage, ACodeAndAKeyComeTogether) {
  JsonObject object{{"workspace", "acme"}, {"user", "alice"}, {"assertion", "x"}, {"code", "c"}};
  EXPECT_FALSE(OpenSession::from_json(Json(object)));
  object["key"] = JsonObject();
  EXPECT_TRUE(OpenSession::from_json(Json(object)));
  object.erase("code");
  EXPECT_FALSE(OpenSession::from_json(Json(object)));
}

TEST(ApplyMessage, P5_IsBounded) {
  ApplyRequest request;
  request.documents["a"] = "1234";
  request.documents["b"] = "1234";
  const Json json(request.to_json());
  EXPECT_TRUE(ApplyRequest::from_json(json, {}, {.documents = 2, .bytes = 10}));
  const auto many = ApplyRequest::from_json(json, {}, {.documents = 1, .bytes = 10});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Errc::too_large);
  const auto large = ApplyRequest::from_json(json, {}, {.documents = 2, .bytes = 9});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Errc::too_large);
}

TEST(DecisionMessage, P20_NoGroupsIsNotAllGroups) {
  EXPECT_TRUE(rc::check("a decision for nobody is refused", [] {
    auto object = testing::any<DecisionRequest>().to_json();
    object["groups"] = JsonArray();
    RC_ASSERT(!DecisionRequest::from_json(Json(object)).has_value());
  }));
}

TEST(TraceMessage, IsBoundedInDepth) {
  Trace trace;
  trace.run.name = trace.run.agent = trace.run.workflow = trace.run.step = "x";
  trace.run.id = RunId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, 1});
  for (int i = 0; i < 15; ++i) {
    Trace parent = trace;
    parent.children = {trace};
    trace = parent;
  }
  EXPECT_TRUE(Trace::from_json(Json(trace.to_json())));
  Trace parent = trace;
  parent.children = {trace};
  const auto deep = Trace::from_json(Json(parent.to_json()));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Errc::too_large);
}

}  // namespace
}  // namespace writ::protocol
