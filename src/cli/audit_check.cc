// SPDX-License-Identifier: Apache-2.0
#include "cli/audit_check.h"

#include "approval/chain.h"
#include "audit/proof.h"
#include "audit/tile.h"
#include "base/encoding.h"
#include "wire/time_text.h"

namespace writ::cli {
namespace {

std::string_view trust_name(Trust trust) {
  switch (trust) {
    case Trust::given:
      return "given";
    case Trust::remembered:
      return "remembered";
    case Trust::first_use:
      break;
  }
  return "first-use";
}

// The key to believe. Where two that count differ, none is.
Expected<std::pair<std::string, Trust>> choose_key(const std::string& own_key, const Known& known) {
  const auto differs = [](std::string_view one, std::string_view other) {
    return fail(
        Errc::denied,
        "this is not the log that was known: " + std::string(one) + " is not " + std::string(other),
        {}, "find out why before you trust either");
  };
  const auto& given = known.given_key;
  if (given && known.remembered && *given != known.remembered->key)
    return differs("the key given with --key", "the one remembered from the last look");
  if (given) {
    if (*given != own_key) return differs("the log's key", "the one given with --key");
    return std::pair{*given, Trust::given};
  }
  if (known.remembered) {
    if (known.remembered->key != own_key)
      return differs("the log's key", "the one remembered from the last look");
    return std::pair{known.remembered->key, Trust::remembered};
  }
  return std::pair{own_key, Trust::first_use};
}

// Passes everything through and keeps the last checkpoint that the key signed.
class Watching final : public audit::LogSource {
 public:
  Watching(audit::LogSource& log, const audit::NoteVerifier& key) : log_(log), key_(key) {}

  Expected<std::uint64_t> size() override { return log_.size(); }
  Expected<std::vector<audit::StoredLeaf>> leaves(std::uint64_t first, std::size_t count) override {
    return log_.leaves(first, count);
  }
  Expected<std::optional<std::string>> checkpoint(std::uint64_t number) override {
    auto note = log_.checkpoint(number);
    if (note && *note && audit::SignedCheckpoint::open(**note, key_)) last_ = **note;
    return note;
  }
  Expected<Bytes> tile(const audit::TileId& id) const override { return log_.tile(id); }
  const std::string& last() const { return last_; }

 private:
  audit::LogSource& log_;
  const audit::NoteVerifier& key_;
  std::string last_;
};

// The hashes of a log of `size` leaves. Full tiles are stored; those at its edge are made from what
// is below them. Nothing of it is believed: a proof leads to the signed root or it does not.
class EdgeTiles final : public audit::TileSource {
 public:
  explicit EdgeTiles(audit::LogSource& log) : log_(log) {}

  Expected<Bytes> tile(const audit::TileId& id) const override {
    if (id.width == audit::kTileWidth) return log_.tile(id);
    std::vector<Digest> hashes;
    const auto first = id.index * audit::kTileWidth;
    if (id.level == 0) {
      WRIT_TRY(const auto leaves, log_.leaves(first, id.width));
      for (const auto& leaf : leaves) hashes.push_back(leaf.hash);
    } else {
      for (std::uint64_t i = 0; i < id.width; ++i) {
        WRIT_TRY(
            const auto below,
            log_.tile({.level = id.level - 1, .index = first + i, .width = audit::kTileWidth}));
        WRIT_TRY(const auto parsed, audit::parse_tile(below));
        if (parsed.size() != audit::kTileWidth) break;
        hashes.push_back(audit::complete_root(parsed));
      }
    }
    if (hashes.size() != id.width) {
      return fail(Errc::denied, "the log does not have what its checkpoint covers",
                  audit::tile_path(id));
    }
    return audit::build_tile(hashes);
  }

 private:
  audit::LogSource& log_;
};

std::unexpected<Error> not_the_known_log(const std::string& why) {
  return fail(Errc::denied, "this is not the log that was known: " + why, {},
              "find out why before you trust either; writ audit verify names the first bad place");
}

}  // namespace

Expected<void> check_one_log(audit::LogSource& log, const audit::SignedCheckpoint& one,
                             const audit::SignedCheckpoint& other) {
  if (one.size() > other.size()) return check_one_log(log, other, one);
  const EdgeTiles tiles(log);
  const audit::TileHashes hashes(tiles, other.size());
  const auto proof = audit::prove_consistency(hashes, one.size(), other.size());
  if (!proof && proof.error().code != Errc::not_found) return std::unexpected(proof.error());
  if (!proof) return not_the_known_log("it lacks a part that a checkpoint covers");
  if (!audit::verify_consistency(one.size(), other.size(), one.root(), other.root(), *proof)) {
    return not_the_known_log("its first " + counted(one.size(), "entry", "entries") +
                             " are others than those seen before");
  }
  return {};
}

Expected<void> check_goes_on(audit::LogSource& log, const audit::NoteVerifier& key,
                             const audit::SignedCheckpoint& now, const Known& known) {
  auto seen = known.saved_checkpoints;
  if (known.remembered && !known.remembered->checkpoint.empty())
    seen.push_back(known.remembered->checkpoint);
  for (const auto& note : seen) {
    const auto before = audit::SignedCheckpoint::open(note, key);
    if (!before) return not_the_known_log("a checkpoint seen before is not of its key");
    if (before->size() > now.size()) {
      return not_the_known_log("it was rolled back to " + std::to_string(now.size()) + " of the " +
                               counted(before->size(), "entry", "entries") + " seen before");
    }
    WRIT_TRY_VOID(check_one_log(log, *before, now));
  }
  return {};
}

Expected<CheckedLog> check_log(audit::LogSource& log, const std::string& own_key,
                               const Known& known) {
  WRIT_TRY(const auto chosen, choose_key(own_key, known));
  WRIT_TRY(const auto key, audit::NoteVerifier::parse(chosen.first));
  CheckedLog out;
  out.origin = key.name();
  out.key = chosen.first;
  out.trust = chosen.second;

  audit::VerifyOptions options;
  options.saved_checkpoints = known.saved_checkpoints;
  if (known.remembered && !known.remembered->checkpoint.empty())
    options.saved_checkpoints.push_back(known.remembered->checkpoint);
  out.saved = options.saved_checkpoints.size();
  approval::ApprovalChain chain;
  options.inspect = [&chain](BytesView entry) { return chain.give(entry); };
  Watching watched(log, key);
  WRIT_TRY(out.report, audit::verify_log(watched, key, std::move(options)));
  if (out.report.ok) out.checkpoint = watched.last();
  return out;
}

std::string render_check(const CheckedLog& check, const Style& style) {
  const auto& report = check.report;
  std::string out;
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.dim(label) + text + '\n';
  };
  line("log          ", visible_text(check.origin));
  line("key          ", visible_text(check.key));
  line("             ", check.trust == Trust::given        ? "the one that you gave"
                        : check.trust == Trust::remembered ? "the one of the last look"
                                                           : "believed at this first look");
  line("entries      ", std::to_string(report.size) + ", of which " +
                            std::to_string(report.covered) + " are signed");
  line("checkpoints  ",
       std::to_string(report.checkpoints) + ", held against " + counted(check.saved, "saved one"));
  line("root         ", base64_encode(report.root));
  if (report.ok) {
    out += style.good("The log is whole.") + '\n';
    if (check.trust == Trust::first_use) {
      out += style.notice(wrap("Nothing was known of it before, so this says that it agrees with "
                               "itself. From now on it must go on from here.",
                               style.width)) +
             '\n';
    }
    return out;
  }
  out += style.bad("The log is NOT whole.") + '\n';
  bool first = true;
  for (const auto& problem : report.problems) {
    auto text = std::string(first ? "first bad place: " : "then: ") + visible_text(problem.place);
    out += style.bad(text) + "\n    " + wrap(visible_text(problem.what), style.width - 4, 4) + '\n';
    first = false;
  }
  return out;
}

JsonObject check_to_json(const CheckedLog& check) {
  auto out = check.report.to_json();
  out["origin"] = check.origin;
  out["key"] = check.key;
  out["trust"] = trust_name(check.trust);
  out["saved_checkpoints"] = static_cast<std::int64_t>(check.saved);
  return out;
}

std::string render_receipt(const audit::VerifiedReceipt& receipt, const Style& style) {
  std::string out = style.good("The receipt holds.") + '\n';
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.dim(label) + text + '\n';
  };
  line("log     ", visible_text(receipt.checkpoint().origin()));
  line("entry   ", std::to_string(receipt.index()) + " of " +
                       std::to_string(receipt.checkpoint().size()) + ", " +
                       std::string(audit::name(receipt.entry().kind())) + ", " +
                       format_time(receipt.entry().at()));
  out += write_json_for_people(receipt.entry().json()) + '\n';
  if (const auto& opening = receipt.opening()) {
    line("what    ", "said by the receipt, and what the entry commits to:");
    const auto statement =
        parse_json(opening->statement,
                   {.bytes = opening->statement.size(), .string_bytes = opening->statement.size()});
    out +=
        (statement ? write_json_for_people(*statement) : visible_text(opening->statement)) + '\n';
  }
  return out;
}

}  // namespace writ::cli
