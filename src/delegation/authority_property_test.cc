// SPDX-License-Identifier: Apache-2.0
// No authority ever grows: over random workflows, ceilings and trees of runs, when they are made
// and again after what is current has changed at random.
#include <algorithm>
#include <array>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "delegation/authority.h"
#include "delegation/scope_generator.h"

namespace writ::delegation {
namespace {

constexpr std::size_t kSteps = 3;
constexpr std::size_t kStride = 7;  // of the calls tried: each case begins at another

std::size_t pick_index(std::size_t n) {
  return static_cast<std::size_t>(pick(static_cast<int>(n)));
}

struct World {
  FakeClock clock;
  FakeRandom random;
  std::array<Step, kSteps> steps;
  std::array<Scope, kSteps> ceilings;
  std::array<bool, kSteps> step_gone{};
  std::array<bool, kSteps> agent_gone{};
  std::vector<Lineage> lineages;

  static std::size_t index(const Run& run) {
    return static_cast<std::size_t>(run.step.back() - '0');
  }
  TermsOf current() const {
    return [this](const Run& run) -> CurrentTerms {
      const auto i = index(run);
      return {.ceiling = agent_gone[i] ? nullptr : &ceilings[i],
              .step = step_gone[i] ? nullptr : &steps[i]};
    };
  }
};

void fill(World& world) {
  for (std::size_t i = 0; i < kSteps; ++i) {
    Step& step = world.steps[i];
    step.name = "s" + std::to_string(i);
    step.agent = AgentId::make(world.clock, world.random);
    step.scope = *wide_scope_generator();
    step.life = seconds(1 + pick(100));
    step.starts = i == 0;
    step.runs_for = RunsFor::either;
    for (std::size_t to = 0; to < kSteps; ++to) {
      if (pick(4) != 0) step.delegates_to.push_back("s" + std::to_string(to));
    }
    world.ceilings[i] = *wide_scope_generator();
  }
}

// What was asked for: nothing in particular, a part of what may be had, or anything.
std::optional<ToolSet> ask(const ToolSet& available) {
  switch (pick(8)) {
    case 0:
      return *tool_set_generator();
    case 1:
    case 2:
      return available.intersect(*tool_set_generator());
    default:
      return std::nullopt;
  }
}

void add_run(World& world) {
  const auto& all = world.lineages;
  const Lineage* parent = all.empty() || pick(4) == 0 ? nullptr : &all[pick_index(all.size())];
  const auto i = parent == nullptr ? 0 : pick_index(kSteps);
  const Step& step = world.steps[i];
  const Scope available = parent == nullptr ? step.scope.intersect(world.ceilings[i])
                                            : effective_scope(*parent, world.current());
  const ScopeRequest asked{.use = ask(parent == nullptr ? available.use : available.delegate),
                           .delegate = ask(available.delegate)};
  const auto granted = parent == nullptr
                           ? start_scope(asked, step, world.ceilings[i], false)
                           : child_scope(asked, *parent, step, world.ceilings[i], world.current());
  if (!granted) return;
  if (asked.use) RC_ASSERT(*asked.use == granted->use);
  auto run = std::make_shared<Run>();
  run->id = RunId::make(world.clock, world.random);
  run->step = step.name;
  run->agent = step.agent;
  run->scope = *granted;
  run->pinned = step.scope;
  run->started = world.clock.now();
  run->ends = run_end(world.clock.now(), step, parent == nullptr ? nullptr : &parent->run());
  Lineage lineage{{run}};
  if (parent != nullptr) {
    run->parent = parent->run().id;
    run->depth = parent->run().depth + 1;
    lineage.runs.insert(lineage.runs.end(), parent->runs.begin(), parent->runs.end());
  }
  world.lineages.push_back(std::move(lineage));
}

// authorize() and effective_scope() agree on every call, and neither goes beyond any operand that
// is current or was granted, all the way to the root.
void assert_nothing_grew(const World& world) {
  for (const auto& lineage : world.lineages) {
    const auto effective = effective_scope(lineage, world.current());
    const auto& calls = universe_of_calls();
    for (auto n = pick_index(kStride); n < calls.size(); n += kStride) {
      const auto& [tool, arguments] = calls[n];
      const bool allowed = authorize(lineage, tool, arguments, world.current()).has_value();
      RC_ASSERT(allowed == effective.use.allows(tool, arguments));
    }
    RC_ASSERT(check_lineage(lineage).has_value());
    for (std::size_t at = 0; at < lineage.runs.size(); ++at) {
      const Run& run = *lineage.runs[at];
      const auto i = World::index(run);
      const auto within = [&](const ToolSet& inner, ToolSet Scope::* half) {
        if (inner.empty()) return;
        RC_ASSERT(!world.agent_gone[i] && !world.step_gone[i]);
        RC_ASSERT((run.scope.*half).contains(inner));
        RC_ASSERT((run.pinned.*half).contains(inner));
        RC_ASSERT((world.steps[i].scope.*half).contains(inner));
        RC_ASSERT((world.ceilings[i].*half).contains(inner));
      };
      within(effective.use, at == 0 ? &Scope::use : &Scope::delegate);
      within(effective.delegate, &Scope::delegate);
      RC_ASSERT(lineage.run().ends <= run.ends);
    }
    if (lineage.runs.size() > 1) {
      const Lineage parent{{lineage.runs.begin() + 1, lineage.runs.end()}};
      const auto above = effective_scope(parent, world.current());
      RC_ASSERT(above.delegate.contains(effective.use));
      RC_ASSERT(above.delegate.contains(effective.delegate));
    }
  }
}

void change(World& world) {
  const auto i = pick_index(kSteps);
  switch (pick(5)) {
    case 0:
      world.ceilings[i] = *scope_generator();
      break;
    case 1:
      world.steps[i].scope = *scope_generator();
      break;
    case 2:
      world.step_gone[i] = !world.step_gone[i];
      break;
    case 3:
      world.agent_gone[i] = !world.agent_gone[i];
      break;
    default: {  // a whole new workflow
      for (auto& step : world.steps) step.scope = *scope_generator();
      break;
    }
  }
}

RC_GTEST_PROP(AuthorityProperty, P1_NoAuthorityEverGrows, ()) {
  World world;
  fill(world);
  const int runs = 1 + pick(10);
  for (int i = 0; i < runs; ++i) {
    add_run(world);
    world.clock.advance(seconds(pick(10)));
  }
  RC_CLASSIFY(std::ranges::any_of(world.lineages,
                                  [&](const Lineage& lineage) {
                                    return lineage.runs.size() > 1 &&
                                           !effective_scope(lineage, world.current()).use.empty();
                                  }),
              "a child that may use something");
  // What was granted lies within the parent as it was granted, too.
  for (const auto& lineage : world.lineages) {
    if (lineage.runs.size() < 2) continue;
    RC_ASSERT(lineage.runs[1]->scope.delegate.contains(lineage.run().scope.use));
    RC_ASSERT(lineage.runs[1]->scope.delegate.contains(lineage.run().scope.delegate));
  }
  assert_nothing_grew(world);
  for (int i = 0; i < 3; ++i) {
    change(world);
    assert_nothing_grew(world);
  }
}

// A narrower operand never allows what a wider one refused.
RC_GTEST_PROP(AuthorityProperty, P5_ShrinkingAnyOperandShrinksEveryRun, ()) {
  World world;
  fill(world);
  for (int i = 0; i < 8; ++i) add_run(world);
  std::vector<Scope> before;
  before.reserve(world.lineages.size());
  for (const auto& lineage : world.lineages) {
    before.push_back(effective_scope(lineage, world.current()));
  }
  const auto i = pick_index(kSteps);
  if (pick(2) == 0) {
    world.ceilings[i] = world.ceilings[i].intersect(*scope_generator());
  } else {
    world.steps[i].scope = world.steps[i].scope.intersect(*scope_generator());
  }
  for (std::size_t n = 0; n < before.size(); ++n) {
    const auto after = effective_scope(world.lineages[n], world.current());
    RC_ASSERT(before[n].use.contains(after.use));
    RC_ASSERT(before[n].delegate.contains(after.delegate));
  }
}

}  // namespace
}  // namespace writ::delegation
