// SPDX-License-Identifier: Apache-2.0
// P21: the verifier finds a changed leaf or node, and names the first bad place.
#include "audit/verify.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "audit/verify_testing.h"
#include "base/encoding.h"
#include "wire/canonical.h"

namespace writ::audit {
namespace {

TEST(LogVerifier, P21_a_log_as_it_was_written_holds) {
  for (const std::uint64_t size : {1, 2, 3, 255, 256, 257, 511, 512, 513, 1000}) {
    for (const bool partial : {false, true}) {
      auto log = log_of(size, {1, (size + 1) / 2});
      if (partial) log.keep_partial_tiles();
      const auto report = verify(log, {.saved_checkpoints = log.checkpoints});
      EXPECT_TRUE(report.ok) << size << " " << said(first(report));
      EXPECT_EQ(report.size, size);
      EXPECT_EQ(report.covered, size);
      EXPECT_EQ(report.checkpoints, 3U);
      EXPECT_EQ(report.root, log.edge().root());
    }
  }
}

TEST(LogVerifier, P21_a_log_of_several_levels_holds) {
  for (const std::uint64_t size : {65'535, 65'536, 65'537}) {
    auto log = log_of(size, {300});
    if (size == 65'536) log.keep_partial_tiles();
    EXPECT_TRUE(verify(std::move(log)).ok) << size;
  }
  const auto report = verify(large_log(), {.saved_checkpoints = large_log().checkpoints});
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.covered, 65'537U);
}

TEST(LogVerifier, P21_an_empty_log_holds_with_and_without_a_checkpoint) {
  EXPECT_TRUE(verify(FakeLog()).ok);
  const auto log = log_of(0);
  const auto report = verify(log, {.saved_checkpoints = log.checkpoints});
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.checkpoints, 1U);
  EXPECT_EQ(report.root, empty_root());
}

TEST(LogVerifier, P21_leaves_after_the_last_checkpoint_are_recorded_and_not_covered) {
  auto log = log_of(300);
  log.append_many(300);
  const auto report = verify(log);
  EXPECT_TRUE(report.ok);
  EXPECT_EQ(report.size, 600U);
  EXPECT_EQ(report.covered, 300U);
  // They are compared with their stored hashes all the same.
  edit(log, 450);
  EXPECT_EQ(said(first(verify(log))), "changed_leaf 0/450 leaf 450");
}

TEST(LogVerifier, P21_leaves_without_any_checkpoint_are_not_ok) {
  FakeLog log;
  log.append_many(3);
  EXPECT_EQ(said(first(verify(log))), "unsigned_log 0/0 the log");
  auto stripped = log_of(300);
  stripped.checkpoints.clear();
  EXPECT_EQ(kinds(verify(stripped)), Kinds{ProblemKind::unsigned_log});
}

TEST(LogVerifier, P21_a_changed_leaf_is_named) {
  for (const std::uint64_t index : {0, 1, 254, 255, 256, 511, 599}) {
    auto log = log_of(600, {100, 256, 500});
    edit(log, index);
    const auto report = verify(log);
    EXPECT_EQ(said(first(report)),
              "changed_leaf 0/" + std::to_string(index) + " leaf " + std::to_string(index));
    // The rest fits the hash that was stored with it, so this is the only thing wrong.
    EXPECT_EQ(kinds(report), Kinds{ProblemKind::changed_leaf});
  }
}

TEST(LogVerifier, P21_a_changed_stored_leaf_hash_is_named) {
  for (const std::uint64_t index : {0, 255, 256, 599}) {
    auto log = log_of(600, {100, 256, 500});
    log.stored[index].hash[31] ^= 1;
    const auto report = verify(log);
    EXPECT_EQ(said(first(report)),
              "changed_leaf 0/" + std::to_string(index) + " leaf " + std::to_string(index));
    EXPECT_EQ(kinds(report), Kinds{ProblemKind::changed_leaf});
    EXPECT_EQ(report.root, log.edge().root());
  }
}

TEST(LogVerifier, P21_a_leaf_changed_with_its_hash_contradicts_its_tile_and_the_checkpoints) {
  auto log = log_of(600, {100, 256, 500});
  rewrite(log, 150);
  auto report = verify(log);
  EXPECT_EQ(said(first(report)), "changed_node 0/150 node (0, 150) in tile/0/000");
  EXPECT_EQ(kinds(report), (Kinds{ProblemKind::changed_node, ProblemKind::wrong_root,
                                  ProblemKind::wrong_root, ProblemKind::wrong_root}));
  EXPECT_EQ(said(report.problems[1]), "wrong_root 0/1 checkpoint 1");
  EXPECT_NE(report.problems[1].what.find("leaves 100 to 255"), std::string::npos);
  EXPECT_EQ(report.covered, 100U);
  // The tile rewritten, too: the signatures are out of reach.
  auto tile = parse_tile(log.tiles.at({0, 0})).value();
  tile[150] = log.stored[150].hash;
  log.tiles[{0, 0}] = build_tile(tile);
  report = verify(log);
  EXPECT_EQ(said(first(report)), "wrong_root 0/1 checkpoint 1");
  // Behind the last full tile there is the checkpoint alone.
  log = log_of(600, {100, 256, 500});
  rewrite(log, 550);
  report = verify(log);
  EXPECT_EQ(said(first(report)), "wrong_root 0/3 checkpoint 3");
  EXPECT_NE(report.problems[0].what.find("leaves 500 to 599"), std::string::npos);
  EXPECT_EQ(report.covered, 500U);
}

TEST(LogVerifier, P21_swapped_leaves_are_named) {
  auto log = log_of(600);
  std::swap(log.stored[17], log.stored[18]);
  const auto report = verify(log);
  EXPECT_EQ(said(first(report)), "changed_node 0/17 node (0, 17) in tile/0/000");
  EXPECT_EQ(report.problems.back().kind, ProblemKind::wrong_root);
  // Entries swapped under their hashes.
  log = log_of(600);
  std::swap(log.stored[17].entry, log.stored[18].entry);
  EXPECT_EQ(kinds(verify(log)), (Kinds{ProblemKind::changed_leaf, ProblemKind::changed_leaf}));
}

TEST(LogVerifier, P21_an_inserted_and_a_dropped_leaf_are_found) {
  auto log = log_of(600);
  log.stored.insert(log.stored.begin() + 17, log.stored[3]);
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/17 node (0, 17) in tile/0/000");
  log = log_of(600);
  log.stored.erase(log.stored.begin() + 17);
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/17 node (0, 17) in tile/0/000");
}

TEST(LogVerifier, P21_a_changed_node_is_named_at_every_level) {
  const struct {
    unsigned level;
    std::uint64_t tile;
    std::size_t hash;
    const char* said;
  } cases[] = {
      {0, 0, 0, "changed_node 0/0 node (0, 0) in tile/0/000"},
      {0, 3, 7, "changed_node 0/775 node (0, 775) in tile/0/003"},
      {0, 255, 255, "changed_node 0/65535 node (0, 65535) in tile/0/255"},
      {0, 256, 0, "changed_node 0/65536 node (0, 65536) in tile/0/256.p/1"},
      {1, 0, 0, "changed_node 8/0 node (8, 0) in tile/1/000"},
      {1, 0, 255, "changed_node 8/255 node (8, 255) in tile/1/000"},
      {2, 0, 0, "changed_node 16/0 node (16, 0) in tile/2/000.p/1"},
  };
  for (const auto& [level, tile, hash, expected] : cases) {
    auto log = large_log();
    log.tiles.at({level, tile})[hash * 32 + 31] ^= 0x80;
    const auto report = verify(std::move(log));
    EXPECT_EQ(said(first(report)), expected);
    EXPECT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(report.covered, 65'537U);  // the leaves are as they were signed
  }
}

TEST(LogVerifier, P21_tiles_that_are_no_tiles_or_of_another_width_are_found) {
  auto log = log_of(600);
  log.tiles[{0, 1}].pop_back();
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/256 node (0, 256) in tile/0/001");
  log.tiles[{0, 1}].clear();
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/256 node (0, 256) in tile/0/001");
  log = log_of(600);
  log.tiles[{0, 1}].resize(200 * 32);
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/456 node (0, 456) in tile/0/001");
  // A partial tile may be one of an earlier time; never one of a later one than the log has.
  log = log_of(600);
  log.keep_partial_tiles();
  log.tiles[{0, 2}].resize(20 * 32);
  EXPECT_TRUE(verify(log).ok);
  log = log_of(600);
  log.keep_partial_tiles();
  log.tiles[{0, 2}].resize(89 * 32);
  EXPECT_EQ(said(first(verify(log))), "changed_node 0/600 node (0, 600) in tile/0/002.p/88");
}

TEST(LogVerifier, P21_a_missing_tile_is_named_once_a_checkpoint_covers_it) {
  auto log = log_of(600);
  log.tiles.erase({0, 1});
  EXPECT_EQ(said(first(verify(log))), "missing_tile 0/256 node (0, 256) in tile/0/001");
  auto large = large_log();
  large.tiles.erase({1, 0});
  EXPECT_EQ(said(first(verify(std::move(large)))), "missing_tile 8/0 node (8, 0) in tile/1/000");
  // Stored with the checkpoint that first covers it: before that its absence says nothing.
  log = log_of(511);
  log.append_many(100);
  log.tiles.erase({0, 1});
  EXPECT_TRUE(verify(log).ok);
  log.tiles.erase({0, 0});
  EXPECT_EQ(said(first(verify(log))), "missing_tile 0/0 node (0, 0) in tile/0/000");
  log = log_of(512);
  log.tiles.erase({0, 1});
  EXPECT_FALSE(verify(log).ok);
}

TEST(LogVerifier, P21_a_missing_leaf_is_named_and_nothing_after_it_is_believed) {
  auto log = log_of(600, {100, 500});
  log.claimed_size = 600;
  log.stored.resize(550);
  auto report = verify(log);
  EXPECT_EQ(said(first(report)), "missing_leaf 0/550 leaf 550");
  EXPECT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.size, 550U);
  EXPECT_EQ(report.covered, 500U);
  // The full tile over the hole says nothing wrong.
  log.stored.resize(400);
  EXPECT_EQ(kinds(verify(log)), Kinds{ProblemKind::missing_leaf});
  log.stored.resize(256);
  report = verify(log);
  EXPECT_EQ(said(first(report)), "missing_leaf 0/256 leaf 256");
  EXPECT_EQ(report.covered, 100U);
  // A checkpoint past the end, too: what it covers is no longer the first thing missing.
  log = log_of(700);
  log.claimed_size = 600;
  log.stored.resize(550);
  EXPECT_EQ(kinds(verify(log)), Kinds{ProblemKind::missing_leaf});
  log.stored.clear();
  EXPECT_EQ(said(first(verify(log))), "missing_leaf 0/0 leaf 0");
}

TEST(LogVerifier, P21_what_is_brought_along_is_checked_as_well) {
  const auto log = log_of(300);
  const auto good = log.checkpoints.back();
  for (const std::string& bad : {std::string(), std::string("nonsense"), good.substr(1),
                                 FakeLog(log).sign(fake_signer(std::string(kFakeOrigin), 2)),
                                 FakeLog(log).sign(fake_signer("log.example/other"))}) {
    const auto report = verify(log, {.saved_checkpoints = {good, bad}});
    EXPECT_EQ(said(first(report)), "bad_saved 0/1 saved checkpoint 1");
    EXPECT_EQ(report.problems.size(), 1U);
  }
  const auto of_nothing = SignedCheckpoint::sign(
      {.origin = std::string(kFakeOrigin), .size = 0, .root = leaf_hash({}), .extensions = {}},
      signer());
  EXPECT_EQ(said(first(verify(log, {.saved_checkpoints = {of_nothing->note()}}))),
            "saved_contradicted 0/0 saved checkpoint 0");
}

TEST(LogVerifier, P21_another_key_verifies_nothing) {
  auto log = log_of(300, {100});
  const auto report = verify_log(log, fake_signer(std::string(kFakeOrigin), 2).verifier()).value();
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(kinds(report), (Kinds{ProblemKind::bad_checkpoint, ProblemKind::bad_checkpoint}));
  EXPECT_EQ(report.covered, 0U);
}

TEST(LogVerifier, P21_problems_come_in_the_order_of_the_log_and_are_bounded) {
  auto log = log_of(600, {100, 200, 400});
  edit(log, 500);
  edit(log, 20);
  log.checkpoints[1] = "nonsense";
  log.tiles.erase({0, 1});
  auto report = verify(log);
  EXPECT_EQ(kinds(report), (Kinds{ProblemKind::changed_leaf, ProblemKind::bad_checkpoint,
                                  ProblemKind::missing_tile, ProblemKind::changed_leaf}));
  report = verify(log, {.saved_checkpoints = {}, .max_problems = 2});
  EXPECT_EQ(kinds(report), (Kinds{ProblemKind::changed_leaf, ProblemKind::bad_checkpoint}));
  EXPECT_EQ(first(report).index, 20U);
  // None asked for is not none found.
  report = verify(log, {.saved_checkpoints = {}, .max_problems = 0});
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.problems.size(), 1U);

  for (std::uint64_t i = 0; i < 600; ++i) edit(log, i);
  report = verify(log);
  EXPECT_EQ(report.problems.size(), 16U);
  EXPECT_EQ(first(report).index, 0U);
  EXPECT_EQ(report.size, 600U);
}

// A node is read after the tiles below it, which does not make it the later place.
TEST(LogVerifier, P21_the_first_place_is_first_however_few_are_asked_for) {
  auto log = large_log();
  log.tiles.at({0, 100})[0] ^= 1;
  log.tiles.at({1, 0})[3 * 32] ^= 1;
  const auto report = verify(std::move(log), {.saved_checkpoints = {}, .max_problems = 1});
  EXPECT_EQ(said(first(report)), "changed_node 8/3 node (8, 3) in tile/1/000");
  EXPECT_EQ(report.problems.size(), 1U);
}

TEST(LogVerifier, P21_nothing_is_ok_before_everything_was_read) {
  auto log = log_of(300);
  LogVerifier verifier(signer().verifier(), 300);
  while (const auto want = verifier.next()) {
    EXPECT_FALSE(verifier.report().ok);
    // The same want until it is answered.
    EXPECT_EQ(verifier.next()->index(), want->index());
    if (const auto* leaves = std::get_if<LogVerifier::Leaves>(&*want)) {
      EXPECT_LE(leaves->count, 256U);
      verifier.give_leaves(log.leaves(leaves->first, leaves->count).value());
    } else if (const auto* id = std::get_if<TileId>(&*want)) {
      const auto tile = log.tile(*id);
      verifier.give_tile(tile ? std::optional(*tile) : std::nullopt);
    } else {
      verifier.give_checkpoint(
          log.checkpoint(std::get<LogVerifier::CheckpointNumber>(*want).number).value());
    }
  }
  EXPECT_TRUE(verifier.report().ok);
}

// Given what it did not ask for, it does not go on past it.
TEST(LogVerifier, P21_more_leaves_than_were_asked_for_are_not_taken) {
  auto log = log_of(300);
  LogVerifier verifier(signer().verifier(), 300);
  verifier.give_tile(Bytes(32));  // none was asked for
  verifier.give_checkpoint(log.checkpoints.back());
  verifier.give_leaves(log.leaves(0, 300).value());
  EXPECT_EQ(verifier.report().size, 256U);
}

// What cannot be read is neither good nor bad: there is no report.
TEST(VerifyLog, P21_an_error_of_the_storage_ends_it) {
  auto log = log_of(300);
  log.broken = Error{.code = Errc::unavailable, .message = "disk", .where = {}, .hint = {}};
  EXPECT_EQ(verify_log(log, signer().verifier()).error().code, Errc::unavailable);

  class Broken final : public LogSource {
   public:
    Broken(FakeLog& log, int what) : log_(log), what_(what) {}
    Expected<std::uint64_t> size() override {
      if (what_ == 0) return fail(Errc::unavailable, "size");
      return log_.size();
    }
    Expected<std::vector<StoredLeaf>> leaves(std::uint64_t from, std::size_t count) override {
      if (what_ == 1) return fail(Errc::unavailable, "leaves");
      return log_.leaves(from, count);
    }
    Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override {
      if (what_ == 2) return fail(Errc::unavailable, "checkpoint");
      return log_.checkpoint(number);
    }
    Expected<Bytes> tile(const TileId& id) const override {
      if (what_ == 3) return fail(Errc::unavailable, "tile");
      return log_.tile(id);
    }

   private:
    FakeLog& log_;
    int what_;
  };
  log.broken.reset();
  for (int what = 0; what < 4; ++what) {
    Broken broken(log, what);
    EXPECT_EQ(verify_log(broken, signer().verifier()).error().code, Errc::unavailable) << what;
  }
  Broken whole(log, 4);
  EXPECT_TRUE(verify_log(whole, signer().verifier())->ok);
}

// failures.md, faults: one bit flipped in a leaf, node or checkpoint. Every byte of a stored log is
// covered: entries, leaf hashes, tiles (partial ones as well) and checkpoints. Not covered is what
// is not this log's: a cosigner's line under a checkpoint, which is another key's to verify.
TEST(VerifyLog, P21_any_single_bit_flipped_anywhere_is_found) {
  EXPECT_TRUE(rc::check("one bit", [] {
    const auto size = *rc::gen::inRange<std::uint64_t>(1, 800);
    auto log = log_of(*rc::gen::inRange<std::uint64_t>(0, size + 1));
    log.append_many(size - log.edge().size());
    if (*rc::gen::arbitrary<bool>()) log.sign(signer());
    if (*rc::gen::arbitrary<bool>()) log.keep_partial_tiles();
    RC_ASSERT(verify_log(log, signer().verifier())->ok);

    const auto flip = [](auto& bytes) {
      const auto bit = *rc::gen::inRange<std::size_t>(0, bytes.size() * 8);
      auto& byte = bytes[bit / 8];
      byte = static_cast<std::remove_reference_t<decltype(byte)>>(byte ^ (1U << (bit % 8)));
    };
    const auto leaf = *rc::gen::inRange<std::uint64_t>(0, size);
    std::string expected;
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        flip(log.stored[leaf].entry);
        expected = "changed_leaf 0/" + std::to_string(leaf) + " leaf " + std::to_string(leaf);
        break;
      case 1:
        flip(log.stored[leaf].hash);
        expected = "changed_leaf 0/" + std::to_string(leaf) + " leaf " + std::to_string(leaf);
        break;
      case 2: {
        const auto number = *rc::gen::inRange<std::size_t>(0, log.checkpoints.size());
        flip(log.checkpoints[number]);
        expected =
            "bad_checkpoint 0/" + std::to_string(number) + " checkpoint " + std::to_string(number);
        break;
      }
      default: {
        if (log.tiles.empty()) return;
        auto tile = log.tiles.begin();
        std::advance(tile, *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(log.tiles)));
        const auto [level, index] = tile->first;
        const auto hash = *rc::gen::inRange<std::size_t>(0, tile->second.size() / 32);
        tile->second[hash * 32 + *rc::gen::inRange<std::size_t>(0, 32)] ^=
            static_cast<std::uint8_t>(1U << *rc::gen::inRange(0, 8));
        const auto node = std::to_string(index * 256 + hash);
        const auto id = std::to_string(level * 8);
        const auto width = tile_width(level, index, size);
        expected = "changed_node " + id + "/" + node + " node (" + id + ", " + node + ") in " +
                   tile_path({.level = level, .index = index, .width = width});
      }
    }
    const auto report = verify_log(log, signer().verifier()).value();
    RC_ASSERT_FALSE(report.ok);
    RC_ASSERT(said(report.problems.front()) == expected);
  }));
}

TEST(VerifyLog, P21_a_cosigners_line_is_not_covered) {
  auto log = log_of(3);
  const auto text = UnverifiedNote::parse(log.checkpoints[0])->unverified_text();
  const auto cosigned = fake_signer("witness.example", 2).sign(text).value();
  log.checkpoints[0] += cosigned.substr(text.size() + 1);
  EXPECT_TRUE(verify(log).ok);
  log.checkpoints[0][log.checkpoints[0].size() - 10] ^= 0x01;
  EXPECT_TRUE(verify(log).ok);
}

TEST(VerifyReport, P21_it_is_said_in_json_with_stable_names) {
  auto log = log_of(3);
  edit(log, 1);
  const auto report = verify(log);
  EXPECT_EQ(canonical_json(report.to_json()),
            R"({"checkpoints":1,"covered":3,"ok":false,"problems":[{"index":1,)"
            R"("kind":"changed_leaf","level":0,"place":"leaf 1","what":")" +
                first(report).what + R"("}],"root":")" + base64_encode(report.root) +
                R"(","size":3})");
  EXPECT_EQ(name(ProblemKind::missing_leaf), "missing_leaf");
  EXPECT_EQ(name(ProblemKind::saved_contradicted), "saved_contradicted");
}

}  // namespace
}  // namespace writ::audit
