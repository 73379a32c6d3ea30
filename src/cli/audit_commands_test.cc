// SPDX-License-Identifier: Apache-2.0
// `writ audit` against logs that were tampered with in each way that P21 names, at a server and in
// an exported directory.
#include "cli/audit_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/fake_log.h"
#include "audit/proof.h"
#include "audit/receipt.h"
#include "base/encoding.h"
#include "cli/files.h"
#include "cli/log_memory.h"
#include "cli/log_sources.h"
#include "cli/testing_people.h"
#include "cli/testing_server.h"
#include "crypto/random.h"
#include "protocol/log.h"
#include "wire/canonical.h"

namespace writ::cli {
namespace {

using audit::FakeLog;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::identity_of;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedPerson;
using testing::Seen;
using testing::session_for;
using testing::TempDirectory;
using testing::TestServer;

class AuditTest : public ::testing::Test {
 public:
  AuditTest() {
    server_.answer_with([this](const Seen& seen) { return serve(seen); });
    EXPECT_TRUE(Sessions(home_.path())
                    .save(session_for(identity_of(server_.url(), "olivia"),
                                      clock_.now() + std::chrono::hours(1))));
    grow(300);
    grow(300);
  }

  // What /v1/log of a server that holds `log_` answers.
  Reply serve(const Seen& seen) {
    const auto path = seen.path();
    const auto number_after = [&](std::string_view prefix) {
      return std::stoull(path.substr(prefix.size()));
    };
    if (path == "/v1/log") {
      const auto reply = Reply::json(
          protocol::LogView{.origin = signer_.name(),
                            .key = signer_.verifier().to_string(),
                            .size = log_.claimed_size.value_or(log_.stored.size()),
                            .checkpoint = log_.checkpoints.empty() ? "" : log_.checkpoints.back()}
              .to_json());
      if (is_growing_) {
        grow(200);
        grow(200);
      }
      return reply;
    }
    if (path == "/v1/log/leaves") {
      const auto query = parse_form(seen.target.substr(path.size() + 1)).value();
      const auto from = std::stoull(std::string(query.require("from").value()));
      const auto count = std::stoull(std::string(query.require("count").value()));
      const auto some = log_.leaves(from, count).value();
      protocol::LogLeaves out;
      for (std::size_t i = 0; i < some.size(); ++i) {
        out.leaves.push_back(
            {.index = from + i, .entry = to_text(some[i].entry), .leaf = some[i].hash});
      }
      return Reply::json(out.to_json());
    }
    if (path.starts_with("/v1/log/checkpoints/")) {
      auto number = number_after("/v1/log/checkpoints/");
      if (is_endless_) number = std::min<std::size_t>(number, log_.checkpoints.size() - 1);
      const auto note = log_.checkpoint(number).value();
      if (note) return {.body = *note, .content_type = "text/plain"};
    }
    if (path.starts_with("/v1/log/tiles/")) {
      const auto rest = path.substr(14);
      const auto slash = rest.find('/');
      const auto found = log_.tiles.find({static_cast<unsigned>(std::stoul(rest.substr(0, slash))),
                                          std::stoull(rest.substr(slash + 1))});
      if (found != log_.tiles.end())
        return {.body = to_text(found->second), .content_type = "application/octet-stream"};
    }
    if (path.ends_with("/receipt") && receipt_) return {.body = *receipt_};
    return Reply::json({{"status", 404}, {"detail", "there is no such thing"}}, 404);
  }

  // Leaves more, and a checkpoint over all of them.
  void grow(std::uint64_t count, std::string_view history = "") {
    log_.append_many(count, history);
    log_.sign(signer_);
  }
  // Another history of the same length, whole and signed by the same key.
  void write_anew() {
    const auto size = log_.stored.size();
    log_ = FakeLog();
    log_.append_many(size / 2, " was otherwise");
    log_.sign(signer_);
    log_.append_many(size - size / 2, " was otherwise");
    log_.sign(signer_);
  }

  template <typename... Arguments>
  int run(Expected<int> (*command)(Context&, Arguments...),
          std::type_identity_t<Arguments>... arguments) {
    out_.clear();
    err_.clear();
    const Environment environment{.clock = clock_,
                                  .random = random_,
                                  .asker = person_,
                                  .out = [this](std::string_view text) { out_ += text; },
                                  .err = [this](std::string_view text) { err_ += text; },
                                  .home = home_.path()};
    Context context(environment, {});
    const auto status = command(context, arguments...);
    if (!status) err_ += status.error().to_string();
    return status ? *status : exit_status(status.error());
  }
  int verify(const AuditCommand& command = {}) { return run(run_audit_verify, command); }
  // Exported and verified there, with what is known from outside alone.
  int verify_export(AuditCommand command = {}) {
    const TempDirectory directory;
    exported_ = run(run_audit_export, (directory / "log").string());
    EXPECT_TRUE(std::filesystem::exists(directory / "log/log.json")) << err_;
    command.directory = directory / "log";
    return verify(command);
  }
  int checkpoint() { return run(run_audit_checkpoint, AuditCommand{}); }
  int exported() {
    const TempDirectory directory;
    return run(run_audit_export, (directory / "log").string());
  }
  std::string key() const { return signer_.verifier().to_string(); }

  SystemClock clock_;
  crypto::SystemRandom random_;
  ScriptedPerson person_;
  TempDirectory home_;
  audit::NoteSigner signer_ = audit::fake_signer(std::string(audit::kFakeOrigin));
  FakeLog log_;
  std::optional<std::string> receipt_;
  int exported_ = kOk;       // the last export's status
  bool is_growing_ = false;  // each time that it was asked for its size
  bool is_endless_ = false;  // its last checkpoint is followed by itself
  TestServer server_;
  std::string out_;
  std::string err_;
};

TEST_F(AuditTest, P21_AWholeLogIsBelievedAtFirstAloudAndHeldToItAfterwards) {
  EXPECT_EQ(verify(), kOk) << out_ << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("600, of which 600 are signed"), HasSubstr("is whole"),
                          HasSubstr("Nothing was known of it before")));
  EXPECT_THAT(err_, HasSubstr("remembered in"));
  const auto remembered = LogMemory(home_.path()).find(server_.origin(), "acme");
  ASSERT_TRUE(remembered && *remembered);
  EXPECT_EQ((*remembered)->key, key());
  EXPECT_EQ((*remembered)->checkpoint, log_.checkpoints.back());

  grow(10);
  EXPECT_EQ(verify(), kOk) << out_;
  EXPECT_THAT(out_, AllOf(HasSubstr("the one of the last look"), HasSubstr("1 saved one")));
  EXPECT_EQ((*LogMemory(home_.path()).find(server_.origin(), "acme"))->checkpoint,
            log_.checkpoints.back());
}

TEST_F(AuditTest, P21_AChangedLeafIsNamed) {
  log_.stored[100].entry[0] ^= 1;
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, AllOf(HasSubstr("NOT whole"), HasSubstr("first bad place: leaf 100")));
  EXPECT_FALSE(*LogMemory(home_.path()).find(server_.origin(), "acme")) << "it is not remembered";
  EXPECT_EQ(verify_export({.key = key()}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("first bad place: leaf 100"));
}

TEST_F(AuditTest, P21_AChangedNodeIsNamed) {
  log_.tiles.at({0, 1})[5 * 32] ^= 1;
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, AllOf(HasSubstr("first bad place: node"), HasSubstr("tile/0/001")));
  EXPECT_EQ(verify_export({.key = key()}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("tile/0/001"));
}

TEST_F(AuditTest, P21_AChangedCheckpointIsNamed) {
  const auto at = log_.checkpoints[0].find("300");
  log_.checkpoints[0].replace(at, 3, "299");
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("checkpoint 0"));
  EXPECT_EQ(verify_export({.key = key()}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("checkpoint 0"));
}

TEST_F(AuditTest, P21_ACutTailIsNamed) {
  log_.stored.resize(590);
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("590"));
  EXPECT_EQ(verify_export({.key = key()}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("590"));
}

TEST_F(AuditTest, P21_ATailCutWithItsCheckpointIsFoundByTheOneOfTheLastLook) {
  EXPECT_EQ(verify(), kOk);
  log_ = FakeLog();
  grow(300);
  EXPECT_EQ(verify(), kNotVerified) << out_;
  EXPECT_THAT(out_, HasSubstr("NOT whole"));
}

// Two steps of a server that wants its last 300 entries gone: an older checkpoint as the latest,
// then, once that is remembered, no more than it covers.
TEST_F(AuditTest, P21_ACheckpointThatTheServerTakesBackIsSaidAndNotForgotten) {
  EXPECT_EQ(verify(), kOk);
  const auto seen = log_.checkpoints.back();
  log_.checkpoints.pop_back();
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, AllOf(HasSubstr("NOT whole"), HasSubstr("saved checkpoint"),
                          HasSubstr("covers 600"), HasSubstr("end at 300")));
  EXPECT_EQ((*LogMemory(home_.path()).find(server_.origin(), "acme"))->checkpoint, seen);
  EXPECT_EQ(verify_export(), kNotVerified);
  log_ = FakeLog();
  grow(300);
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("leaves 300 to 599 are gone"));
  EXPECT_EQ(verify_export(), kNotVerified);
}

TEST_F(AuditTest, P21_NoCommandGivesOutALogThatWasRolledBack) {
  grow(200);
  EXPECT_EQ(verify(), kOk);
  EXPECT_EQ(checkpoint(), kOk) << err_;
  EXPECT_EQ(exported(), kOk) << err_;
  grow(70'000);  // tiles of three levels, each with an edge
  EXPECT_EQ(checkpoint(), kOk) << err_;
  EXPECT_EQ(exported(), kOk) << err_;
  const auto whole = log_;

  log_ = FakeLog();
  grow(300);
  EXPECT_EQ(checkpoint(), kNotVerified);
  EXPECT_THAT(err_, HasSubstr("rolled back to 300 of the 800 entries"));
  EXPECT_THAT(out_, IsEmpty());
  EXPECT_EQ(exported(), kNotVerified);
  EXPECT_THAT(err_, HasSubstr("NOT whole"));
  // Written anew: as long as what was known, and longer.
  for (const std::uint64_t size : {800U, 1000U, 70'800U}) {
    log_ = FakeLog();
    grow(size, " was otherwise");
    EXPECT_EQ(checkpoint(), kNotVerified) << size;
    EXPECT_THAT(err_, HasSubstr("others than those seen before"));
    EXPECT_EQ(exported(), kNotVerified) << size;
  }
  // Without any checkpoint, and without the leaves that it covers.
  log_ = whole;
  log_.checkpoints.clear();
  EXPECT_EQ(checkpoint(), kNotVerified);
  EXPECT_EQ(exported(), kNotVerified);
  log_ = whole;
  log_.stored.resize(700);
  EXPECT_EQ(checkpoint(), kNotVerified);
  log_ = whole;
  log_.tiles.erase({0, 270});
  EXPECT_EQ(checkpoint(), kNotVerified);
  log_ = whole;
  EXPECT_EQ(checkpoint(), kOk) << err_;
}

TEST_F(AuditTest, P21_WhatIsRememberedIsNeverReplacedByLess) {
  const LogMemory memory(home_.path());
  RememberedLog log{
      .server = server_.origin(), .workspace = "acme", .key = key(), .checkpoint = {}};
  for (const auto& [checkpoint, kept] : {std::pair{std::string(), std::string()},
                                         std::pair{log_.checkpoints[1], log_.checkpoints[1]},
                                         std::pair{log_.checkpoints[0], log_.checkpoints[1]},
                                         std::pair{std::string(), log_.checkpoints[1]}}) {
    log.checkpoint = checkpoint;
    EXPECT_TRUE(memory.save(log));
    EXPECT_EQ((*memory.find(server_.origin(), "acme"))->checkpoint, kept);
  }
}

TEST_F(AuditTest, P21_AFullyReSignedTreeIsFoundByASavedCheckpointAlone) {
  const TempDirectory kept;
  const auto file = (kept / "checkpoint").string();
  EXPECT_EQ(run(run_audit_checkpoint, AuditCommand{.key = key(), .out = file}), kOk) << err_;
  EXPECT_EQ(read_file(file, 10'000).value(), log_.checkpoints.back());
  write_anew();
  EXPECT_EQ(verify_export({.key = key()}), kOk) << "by itself it is a whole log";
  EXPECT_EQ(verify_export({.key = key(), .checkpoints = {file}}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("saved checkpoint"));
  EXPECT_EQ(verify({.checkpoints = {file}}), kNotVerified);
  EXPECT_FALSE(*LogMemory(home_.path()).find(server_.origin(), "acme"));
}

TEST_F(AuditTest, P36_AKeyWithoutACheckpointIsSaidToProveLittle) {
  EXPECT_EQ(verify({.key = key()}), kOk);
  EXPECT_THAT(err_, HasSubstr("No checkpoint of this log was known before"));
  EXPECT_EQ(verify({.key = key()}), kOk);
  EXPECT_THAT(err_, Not(HasSubstr("No checkpoint"))) << "the last look has one";
}

TEST_F(AuditTest, P36_AKeyWithASavedCheckpointIsEnough) {
  const TempDirectory kept;
  const auto file = (kept / "checkpoint").string();
  EXPECT_EQ(run(run_audit_checkpoint, AuditCommand{.key = key(), .out = file}), kOk) << err_;
  EXPECT_EQ(verify({.key = key(), .checkpoints = {file}}), kOk);
  EXPECT_THAT(err_, Not(HasSubstr("No checkpoint")));
}

TEST_F(AuditTest, P21_AReSignedTreeIsFoundByTheLastLook) {
  EXPECT_EQ(verify(), kOk);
  write_anew();
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_EQ(verify_export(), kNotVerified) << "an export is held against the last look too";
}

// Its leaves are written anew and its key is the known one: only the name beside it is another, so
// that nothing would be remembered of it.
TEST_F(AuditTest, P21_AnExportUnderAnotherNameIsHeldAgainstTheLastLookToo) {
  EXPECT_EQ(verify(), kOk);
  write_anew();
  const TempDirectory directory;
  const auto log = (directory / "log").string();
  EXPECT_EQ(run(run_audit_export, log), kNotVerified) << "it is written all the same";
  auto about = read_file(log + "/log.json", 10'000).value();
  const auto at = about.find("\"origin\":\"log.example/acme\"");
  ASSERT_NE(at, std::string::npos) << about;
  about.replace(at + 10, 16, "log.example/else");
  ASSERT_TRUE(write_file(log + "/log.json", as_bytes(about)));
  EXPECT_EQ(verify({.directory = log}), kNotVerified);
  EXPECT_THAT(err_, AllOf(HasSubstr("says that it is of log.example/else"),
                          HasSubstr("is that of log.example/acme")));
  EXPECT_EQ(verify({.directory = log, .key = key()}), kNotVerified);
}

TEST_F(AuditTest, P21_AnotherKeyIsNotBelieved) {
  EXPECT_EQ(
      verify(
          {.key = audit::fake_signer(std::string(audit::kFakeOrigin), 2).verifier().to_string()}),
      kNotVerified);
  EXPECT_THAT(err_, HasSubstr("not the log that was known"));
  EXPECT_EQ(verify(), kOk);
  signer_ = audit::fake_signer(std::string(audit::kFakeOrigin), 2);
  write_anew();
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_EQ(run(run_audit_checkpoint, AuditCommand{}), kNotVerified);
  signer_ = audit::fake_signer("log.example/other", 2);
  write_anew();
  EXPECT_EQ(verify(), kNotVerified) << "another name does not make it another log";
}

TEST_F(AuditTest, WhatWasRememberedAndCannotBeReadIsNotForgotten) {
  EXPECT_EQ(verify(), kOk);
  ASSERT_TRUE(
      write_private_file(LogMemory(home_.path()).path(server_.origin(), "acme"), as_bytes("{")));
  EXPECT_EQ(verify(), kFailed);
  EXPECT_THAT(err_, HasSubstr("trusting the log anew"));
}

TEST_F(AuditTest, TheReportIsAlsoJson) {
  log_.stored[7].entry[0] ^= 1;
  EXPECT_EQ(verify({.json = true}), kNotVerified);
  const auto json = parse_json_object(out_).value();
  EXPECT_EQ(json.at("ok"), Json(false));
  EXPECT_EQ(json.at("trust"), Json("first-use"));
  EXPECT_EQ(json.at("problems").get_array().at(0).get_object().at("place"), Json("leaf 7"));
}

TEST_F(AuditTest, P21_ALogThatGrowsMeanwhileIsNotOneThatWasCut) {
  is_growing_ = true;
  EXPECT_EQ(verify(), kOk) << out_;
  EXPECT_THAT(out_, HasSubstr("600, of which 600 are signed"));
  EXPECT_EQ(verify(), kOk) << out_;
  EXPECT_THAT(out_, HasSubstr("1000, of which 1000 are signed"));
  EXPECT_EQ(verify_export(), kOk) << out_;
}

TEST_F(AuditTest, AServerCannotMakeItsReadersReadForEver) {
  is_endless_ = true;
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(err_, HasSubstr("more checkpoints than the log has entries"));
  const TempDirectory directory;
  EXPECT_EQ(run(run_audit_export, (directory / "checkpoints").string()), kFailed);
  EXPECT_THAT(err_, HasSubstr("more checkpoints than the log has entries"));
  EXPECT_FALSE(std::filesystem::exists(directory / "checkpoints/log.json"));
  // A claim of leaves that never come: what came is what is asked about.
  is_endless_ = false;
  log_.claimed_size = (std::uint64_t{1} << 53) - 1;
  const auto asked = server_.seen().size();
  EXPECT_EQ(run(run_audit_export, (directory / "size").string()), kNotVerified) << err_;
  EXPECT_LT(server_.seen().size() - asked, 20U);
  EXPECT_THAT(out_, HasSubstr("600 entries written"));
  EXPECT_EQ(verify({.directory = directory / "size", .key = key()}), kNotVerified);
  EXPECT_THAT(out_, HasSubstr("leaf 600"));
}

TEST_F(AuditTest, AnExportGoesIntoADirectoryOfItsOwn) {
  EXPECT_EQ(run(run_audit_export, home_.path().string()), kFailed);
  EXPECT_THAT(err_, HasSubstr("not empty"));
  EXPECT_EQ(verify({.directory = home_.path()}), kFailed) << "and this is none";
  EXPECT_THAT(err_, HasSubstr("writ audit export"));
}

// P20: an action whose approval the log does not have, in a log that is whole otherwise.
TEST_F(AuditTest, P20_AnActionWithoutItsApprovalIsNamed) {
  const auto workspace = WorkspaceId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1});
  const auto entry = audit::EntryBuilder(audit::Kind::action_intent, clock_.now(), workspace)
                         .action(ActionId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 9}))
                         .approval(ApprovalId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 9}))
                         .set("commitment", std::string(64, '0'))
                         .set("approval_groups", JsonArray{"finance"})
                         .build()
                         .value();
  const auto place = "leaf " + std::to_string(log_.stored.size());
  log_.append(to_bytes(entry.bytes()));
  log_.keep_partial_tiles();
  log_.sign(signer_);
  const auto named =
      AllOf(HasSubstr("first bad place: " + place), HasSubstr("no open request for this approval"));
  EXPECT_EQ(verify(), kNotVerified);
  EXPECT_THAT(out_, named);
  EXPECT_EQ(verify_export({.key = key()}), kNotVerified);
  EXPECT_THAT(out_, named);
}

// A receipt of a real entry.
class ReceiptTest : public AuditTest {
 public:
  ReceiptTest() {
    action_ = ActionId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 9});
    const auto workspace = WorkspaceId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 1});
    const auto entry = audit::EntryBuilder(audit::Kind::action_done, clock_.now(), workspace)
                           .action(action_)
                           .set("status", 200)
                           .build()
                           .value();
    const auto index = log_.stored.size();
    log_.append(to_bytes(entry.bytes()));
    log_.keep_partial_tiles();
    const auto checkpoint =
        audit::SignedCheckpoint::open(log_.sign(signer_), signer_.verifier()).value();
    const audit::TileHashes hashes(log_, checkpoint.size());
    receipt_ = audit::Receipt::issue(
                   entry, index, audit::prove_inclusion(hashes, index, checkpoint.size()).value(),
                   checkpoint)
                   .value()
                   .to_json();
  }
  ActionId action_;
};

TEST_F(ReceiptTest, IsProvedAndHoldsWithoutTheServer) {
  const auto file = (home_ / "receipt.json").string();
  EXPECT_EQ(run(run_audit_prove, action_.to_string(), AuditCommand{.out = file}), kOk) << err_;
  EXPECT_THAT(err_, HasSubstr("its own key is believed"));
  EXPECT_EQ(verify({.receipt = file}), kFailed) << "no key is known";
  EXPECT_EQ(verify({.receipt = file, .key = key()}), kOk) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("holds"), HasSubstr(action_.to_string())));
  EXPECT_EQ(
      verify(
          {.receipt = file,
           .key = audit::fake_signer(std::string(audit::kFakeOrigin), 2).verifier().to_string()}),
      kNotVerified);
  EXPECT_EQ(verify(), kOk);
  EXPECT_EQ(verify({.receipt = file}), kOk) << "with the key of the last look";
}

TEST_F(ReceiptTest, P21_NoReceiptIsGivenOutOfALogThatWasRolledBack) {
  EXPECT_EQ(verify(), kOk);
  EXPECT_EQ(run(run_audit_prove, action_.to_string(), AuditCommand{}), kOk) << err_;
  log_ = FakeLog();
  grow(300);
  EXPECT_EQ(run(run_audit_prove, action_.to_string(), AuditCommand{}), kNotVerified);
  EXPECT_THAT(err_, HasSubstr("rolled back"));
  // The receipt's own checkpoint is of another log than the one that is served.
  std::filesystem::remove_all(home_ / "logs");
  grow(400);
  EXPECT_EQ(run(run_audit_prove, action_.to_string(), AuditCommand{}), kNotVerified);
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(ReceiptTest, OfAnotherActionOrChangedIsRefused) {
  const auto other = ActionId(id_detail::Raw{1, 2, 3, 4, 5, 6, 0x70, 1, 0x80, 8});
  EXPECT_EQ(run(run_audit_prove, other.to_string(), AuditCommand{}), kNotVerified);
  EXPECT_THAT(err_, HasSubstr("another action"));
  const auto at = receipt_->find("status\\\":200");
  ASSERT_NE(at, std::string::npos);
  receipt_->replace(at + 9, 3, "500");
  EXPECT_EQ(run(run_audit_prove, action_.to_string(), AuditCommand{}), kNotVerified);
  EXPECT_THAT(out_, IsEmpty());
}

}  // namespace
}  // namespace writ::cli
