// SPDX-License-Identifier: Apache-2.0
// What the notary makes of an anchor that is lost, late or goes back, and what its gate lets
// through.
#include "broker/notary_testing.h"

namespace writ::broker {
namespace {

using ::testing::HasSubstr;

TEST_F(NotaryTest, AnAnchorThatWasDeletedIsSeenAtStart) {
  history();
  restart();
  anchor_.notes.clear();
  expect_refused("the anchor has no checkpoint of this log");
}

TEST_F(NotaryTest, AnAnchorThatWentBackIsSeenAtStart) {
  history();
  restart();
  anchor_.notes[id_] = run_on(loop_, inner_->checkpoints(0, 1))->front();
  expect_refused("the anchor has an older checkpoint than the store");
}

TEST_F(NotaryTest, AnAnchorThatWasLostOnPurposeIsMadeAgainWhenAsked) {
  history();
  anchor_.notes.clear();
  restart(true);
  open();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(anchor_.notes.at(id_), notary_->head(id_)->checkpoint);
}

TEST_F(NotaryTest, AcceptingAnAnchorAcceptsNothingElse) {
  history();
  anchor_.notes.clear();
  restart(true);
  tampered_->row = [](LogRow& row) {
    if (row.index == 17) row.leaf[5] ^= 1;
  };
  expect_refused("leaf 17");
  EXPECT_TRUE(anchor_.notes.empty());
}

TEST_F(NotaryTest, AnAnchorThatIsDeletedUnderARunningServerIsSeen) {
  history();
  anchor_.notes.clear();
  round();
  EXPECT_TRUE(notary_->ready());  // nobody looked yet
  clock_.advance(seconds(5));
  expect_refused("deleted or replaced");
}

TEST_F(NotaryTest, AnAnchorThatCannotBeWrittenClosesTheGateWithinItsPatience) {
  history();
  anchor_.unwritable = error(Errc::unavailable, "read-only file system");
  append(1);
  round();
  EXPECT_TRUE(notary_->ready());
  clock_.advance(seconds(5));
  round();
  ASSERT_FALSE(notary_->ready());
  EXPECT_THAT(notary_->ready().error().to_string(), HasSubstr("read-only file system"));
  EXPECT_FALSE(gated_.gate(id_)->check());

  anchor_.unwritable.reset();
  round();
  EXPECT_TRUE(notary_->ready());
  EXPECT_TRUE(gated_.gate(id_)->check());
  EXPECT_EQ(notary_->head(id_)->size, 342U);
}

TEST_F(NotaryTest, AnAnchorThatTookItAndDidNotSayItIsNotMistakenForAReplacedOne) {
  history();
  anchor_.unwritable = error(Errc::unavailable, "not within 5 seconds");
  anchor_.writes_before_it_fails = true;
  append(1);
  round();
  anchor_.unwritable.reset();
  append(1);
  round();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(anchor_.notes.at(id_), notary_->head(id_)->checkpoint);
  EXPECT_EQ(notary_->head(id_)->size, 343U);
}

TEST_F(NotaryTest, ACrashBetweenAnchorAndStoreIsNoContradiction) {
  history();
  tampered_->unpublishable = error(Errc::unavailable, "the disk is full");
  append(300);
  round();
  restart();
  tampered_->unpublishable.reset();
  open();
  round();
  ASSERT_TRUE(notary_->ready()) << notary_->ready().error().to_string();
  EXPECT_EQ(notary_->head(id_)->size, 641U);
  EXPECT_TRUE(verify().ok);
}

TEST_F(NotaryTest, ALogThatCannotBeReadAtStartClosesTheGateAtOnce) {
  history();
  restart();
  anchor_.unreadable = fail(Errc::unavailable, "hung", "/srv/anchor").error();
  open();
  EXPECT_FALSE(notary_->ready());
  ASSERT_FALSE(gated_.gate(id_)->check());
  EXPECT_EQ(gated_.gate(id_)->check().error().where, "") << "is for who runs the server";
  anchor_.unreadable.reset();
  round();
  EXPECT_TRUE(notary_->ready());
}

// I6: what the process before left open is settled while nothing new can begin.
TEST_F(NotaryTest, I6_TheGateOpensWhenThePastIsSettled) {
  history();
  std::optional<Error> trouble = error(Errc::unavailable, "the disk is full");
  int asked = 0;
  bool was_open = false;
  notary_ =
      std::make_unique<Notary>(NotaryParts{.live = live_,
                                           .store = gated_,
                                           .keys = keys_,
                                           .anchor = anchor_,
                                           .clock = clock_,
                                           .random = random_,
                                           .log = log_,
                                           .metrics = metrics_,
                                           .checked = [&](LiveWorkspace&) -> Task<Expected<void>> {
                                             ++asked;
                                             was_open = gated_.gate(id_)->check().has_value();
                                             if (trouble) co_return std::unexpected(*trouble);
                                             co_return Expected<void>();
                                           }},
                               NotaryOptions{.authority = "writ.example"});
  anchor_.unreadable = error(Errc::unavailable, "hung");
  open();
  EXPECT_EQ(asked, 0);
  anchor_.unreadable.reset();
  round();
  EXPECT_EQ(asked, 1);
  EXPECT_FALSE(was_open);
  EXPECT_FALSE(gated_.gate(id_)->check());
  trouble.reset();
  round();
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(was_open);
  EXPECT_TRUE(gated_.gate(id_)->check());
  round();
  EXPECT_EQ(asked, 2);
}

// --- what a closed gate lets through

TEST_F(NotaryTest, AClosedGateRefusesWhatBeginsAndLetsThroughWhatEnds) {
  const auto store = gated_.workspace(id_);
  const EntryWriter writer(id_, workspace_->data_key(), clock_, random_);
  const auto commit = [&](audit::Kind kind) {
    Unit unit;
    auto entry = writer.entry(kind);
    unit.appends.push_back(EntryWriter::append(entry, {}));
    return run_on(loop_, store->commit(std::move(unit)));
  };
  gated_.gate(id_)->close(error(Errc::conflict, "cut"));
  for (const auto kind :
       {audit::Kind::action_intent, audit::Kind::run_started, audit::Kind::run_delegated,
        audit::Kind::grant_issued, audit::Kind::session_opened, audit::Kind::workspace_applied,
        audit::Kind::approval_requested, audit::Kind::approval_decided,
        audit::Kind::credential_added, audit::Kind::credential_rotated, audit::Kind::user_enrolled,
        audit::Kind::user_invited, audit::Kind::user_enabled, audit::Kind::user_token_issued,
        audit::Kind::payload_read}) {
    const auto refused = commit(kind);
    ASSERT_FALSE(refused) << audit::name(kind);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("cut"));
  }
  for (const auto kind :
       {audit::Kind::action_done, audit::Kind::action_failed, audit::Kind::action_unknown,
        audit::Kind::run_revoked, audit::Kind::run_ended, audit::Kind::recovery_unknown,
        audit::Kind::user_disabled, audit::Kind::session_ended}) {
    EXPECT_TRUE(commit(kind)) << audit::name(kind);
  }
  EXPECT_TRUE(gated_.gate(WorkspaceId::make(clock_, random_))->check());  // another's is its own
  gated_.gate(id_)->open();
  EXPECT_TRUE(commit(audit::Kind::action_intent));
}

TEST_F(NotaryTest, AUnitThatBeginsAndEndsIsABeginning) {
  Unit unit;
  const EntryWriter writer(id_, workspace_->data_key(), clock_, random_);
  unit.appends.push_back(EntryWriter::append(writer.entry(audit::Kind::action_done), {}));
  unit.appends.push_back(EntryWriter::append(writer.entry(audit::Kind::action_intent), {}));
  gated_.gate(id_)->close(error(Errc::conflict, "cut"));
  EXPECT_FALSE(run_on(loop_, gated_.workspace(id_)->commit(std::move(unit))));
}

// --- P36: what the server's own record says of the logs

class SignedLogsTest : public NotaryTest {
 protected:
  SignedLogs recorded() { return run_on(loop_, read_signed_logs(*server_)).value(); }
  void record(const SignedLogs& logs) {
    Unit unit;
    unit.puts.push_back(to_put(logs));
    ASSERT_TRUE(run_on(loop_, server_->commit(std::move(unit))));
  }
  void expect_not_ready(std::string_view why) {
    restart();
    open();
    round();
    ASSERT_FALSE(notary_->ready());
    EXPECT_THAT(notary_->ready().error().to_string(), ::testing::HasSubstr(why));
    EXPECT_FALSE(notary_->ready().error().hint.empty());
  }

  std::shared_ptr<WorkspaceStore> server_ = store_.workspace({});
};

TEST_F(SignedLogsTest, P36_WhatIsSignedIsOnRecordBeforeTheAnchorHasIt) {
  history();
  const auto size = run_on(loop_, inner_->log_size()).value();
  EXPECT_EQ(recorded().logs.at(id_).size, size);
  append(1);
  const auto kept = anchor_.keeps;
  const auto note = anchor_.notes.at(id_);
  store_.fail_commits(error(Errc::unavailable, "the disk is full"));
  round();
  EXPECT_EQ(anchor_.keeps, kept);
  EXPECT_EQ(anchor_.notes.at(id_), note);
  store_.fail_commits(std::nullopt);
  round();
  EXPECT_TRUE(notary_->ready());
  EXPECT_EQ(recorded().logs.at(id_).size, size + 1);
  EXPECT_NE(anchor_.notes.at(id_), note);
}

TEST_F(SignedLogsTest, P36_AWorkspaceThatIsOnRecordAndNotInTheStoreIsMissed) {
  history();
  auto logs = recorded();
  logs.logs[WorkspaceId::make(clock_, random_)] = {.size = 7, .root = {}};
  record(logs);
  expect_not_ready("7 entries of its log were signed");
}

TEST_F(SignedLogsTest, P36_AWorkspaceThatTheAnchorHasAndTheStoreHasNotIsMissed) {
  history();
  anchor_.notes[WorkspaceId::make(clock_, random_)] = "a note";
  expect_not_ready("which is not in the store");
}

TEST_F(SignedLogsTest, P36_ALogThatIsShorterThanOnRecordIsNotSigned) {
  history();
  auto logs = recorded();
  ++logs.logs.at(id_).size;
  record(logs);
  expect_not_ready("were signed");
  EXPECT_FALSE(gated_.gate(id_)->check());
}

TEST_F(SignedLogsTest, P36_ALogThatIsAnotherThanOnRecordIsNotSigned) {
  history();
  auto logs = recorded();
  logs.logs.at(id_).root[0] ^= 1;
  record(logs);
  expect_not_ready("not those that were signed last");
}

TEST_F(SignedLogsTest, P36_ARecordThatIsOlderThanTheCheckpointsIsSeen) {
  history();
  auto logs = recorded();
  logs.logs.erase(id_);
  record(logs);
  expect_not_ready("the server's own part of the store is older");
}

TEST_F(SignedLogsTest, P36_RowsThatThisServerDidNotWriteCloseTheGate) {
  history();
  store_.damage(id_, error(Errc::internal, "entry 5 is not what this server wrote"));
  round();
  ASSERT_FALSE(notary_->ready());
  EXPECT_THAT(notary_->ready().error().to_string(), ::testing::HasSubstr("entry 5"));
  EXPECT_FALSE(gated_.gate(id_)->check());
  // It does not heal by itself.
  store_.damage(id_, std::nullopt);
  round();
  EXPECT_FALSE(notary_->ready());
}

}  // namespace
}  // namespace writ::broker
