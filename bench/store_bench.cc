// SPDX-License-Identifier: Apache-2.0
// room: store
// Grouped commits of the embedded store: rows a second where N callers each wait for their own unit
// before they submit the next. A unit is about what a proxied call leaves behind: two checks, one
// entry of 500 bytes with a sealed payload, two subjects and a proof.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "async/loop.h"
#include "base/fake_random.h"
#include "observe/log.h"
#include "store/sqlite_store.h"
#include "vault/keys.h"

namespace writ::store {
namespace {

using broker::RecordKind;
using broker::Unit;
using broker::WorkspaceStore;

constexpr std::size_t kUnitsPerRound = 4096;

struct Bench {
  Bench() {
    std::string pattern = std::filesystem::temp_directory_path() / "writ-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory = pattern;
    const auto seal = vault::SealKey::from_text(vault::SealKey::generate_text(random)).value();
    store = open_sqlite({.directory = directory + "/data"}, seal.row_keys(), clock, log).value();
    id_detail::Raw raw{};
    raw.back() = 1;
    workspace = store->workspace(WorkspaceId(raw));
    loop.start("bench");
    Unit runs;
    for (const auto* id : {"run_parent", "run_child"})
      runs.puts.push_back({.kind = RecordKind::run, .id = id, .expected = 0, .value = "{}"});
    run_on(loop, workspace->commit(std::move(runs))).value();
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    workspace.reset();
    store.reset();
    std::filesystem::remove_all(directory);
  }

  Unit call(bool indexed) {
    Unit unit;
    for (const auto* id : {"run_parent", "run_child"})
      unit.checks.push_back({.kind = RecordKind::run, .id = id, .revision = 1});
    broker::Append append{
        .entry = std::string(500, 'e'), .sealed = Bytes(200), .subjects = {}, .proof = {}};
    append.proof.emplace();
    random.fill(append.proof->digest);
    append.proof->expires = clock.now() + seconds(60);
    if (indexed) append.subjects = {ActionId::make(clock, random).to_string(), "run_child"};
    unit.appends.push_back(std::move(append));
    return unit;
  }

  SystemClock clock;
  FakeRandom random;
  observe::NullLog log;
  std::string directory;
  std::unique_ptr<broker::Store> store;
  std::shared_ptr<WorkspaceStore> workspace;
  Loop loop{clock};
};

Task<void> caller(Bench& bench, std::size_t units, bool indexed) {
  for (std::size_t i = 0; i < units; ++i) {
    if (!co_await bench.workspace->commit(bench.call(indexed))) std::abort();
  }
}

Task<void> round(Bench& bench, std::size_t callers, std::size_t units, bool indexed) {
  std::size_t left = callers;
  const OneShot<bool> done;
  for (std::size_t i = 0; i < callers; ++i) {
    spawn(bench.loop,
          [](Bench& the_bench, std::size_t its_units, bool its_index, std::size_t& its_left,
             OneShot<bool> all_done) -> Task<void> {
            co_await caller(the_bench, its_units, its_index);
            if (--its_left == 0) all_done.set(true);
          }(bench, units, indexed, left, done));
  }
  static_cast<void>(co_await done.wait());
}

void commit_calls(benchmark::State& state, bool indexed) {
  Bench bench;
  const auto callers = static_cast<std::size_t>(state.range(0));
  const auto each = kUnitsPerRound / callers / (callers == 1 ? 4 : 1);
  for (auto _ : state) run_on(bench.loop, round(bench, callers, each, indexed));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(each * callers));
}

// The round's state lives in its frame, which waits for all callers.
BENCHMARK_CAPTURE(commit_calls, indexed, true)->Arg(1)->Arg(8)->Arg(32)->Arg(64)->UseRealTime();
BENCHMARK_CAPTURE(commit_calls, entries_alone, false)
    ->Arg(1)
    ->Arg(8)
    ->Arg(32)
    ->Arg(64)
    ->UseRealTime();

}  // namespace
}  // namespace writ::store
