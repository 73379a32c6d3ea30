// SPDX-License-Identifier: Apache-2.0
#include "delegation/workflow.h"

#include <algorithm>

#include "crypto/hash.h"
#include "wire/canonical.h"

namespace writ::delegation {

std::string_view name(RunsFor runs_for) {
  switch (runs_for) {
    case RunsFor::user:
      return "user";
    case RunsFor::workspace:
      return "workspace";
    case RunsFor::either:
      break;
  }
  return "either";
}

const Step* Workflow::step(std::string_view step_name) const {
  const auto at = std::ranges::find(steps, step_name, &Step::name);
  return at == steps.end() ? nullptr : &*at;
}

Digest workflow_digest(const Workflow& workflow) {
  JsonArray steps;
  for (const auto& step : workflow.steps) {
    JsonObject object;
    object["name"] = step.name;
    object["agent"] = step.agent.to_string();
    object["use"] = step.scope.use.to_json();
    object["delegate"] = step.scope.delegate.to_json();
    object["life"] = step.life.count();
    object["delegates_to"] = JsonArray(step.delegates_to.begin(), step.delegates_to.end());
    object["starts"] = step.starts;
    if (step.runs_for != RunsFor::either) object["for"] = name(step.runs_for);
    steps.emplace_back(std::move(object));
  }
  JsonObject object;
  object["tag"] = "writ-workflow-v1";
  object["name"] = workflow.name;
  object["steps"] = std::move(steps);
  return crypto::sha256(canonical_json(object));
}

}  // namespace writ::delegation
