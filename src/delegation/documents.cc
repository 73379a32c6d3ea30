// SPDX-License-Identifier: Apache-2.0
#include "delegation/documents.h"

#include <algorithm>

#include "identity/principal.h"

namespace writ::delegation {
namespace {

Expected<ToolSet> parse_tools(const Json* value, const std::string& where,
                              const Declared& declared) {
  if (value == nullptr) return ToolSet();
  WRIT_TRY(auto tools, ToolSet::parse(*value, where));
  const JsonArray& items = value->get_array();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Json& item = items[i];
    const auto name =
        text_of((item.is_string() ? item : item.get_object().at("tool")).get_string());
    if (!declared.has_tool(name)) {
      return fail(Errc::invalid_input, "no tool is named " + quoted_extract(name),
                  json_pointer(where, i), "declare it in a file in tools/");
    }
  }
  return tools;
}

std::optional<RunsFor> runs_for_of(std::string_view text) {
  for (const auto each : {RunsFor::user, RunsFor::workspace, RunsFor::either}) {
    if (name(each) == text) return each;
  }
  return {};
}

}  // namespace

Expected<Step> parse_step(const Json& value, const std::string& where, const Declared& declared,
                          const WorkflowLimits& limits) {
  ObjectReader reader(value, where);
  Step step;
  step.name = reader.string("name", {.max = 63});
  const auto agent = reader.string("agent", {.max = 63});
  step.life = std::chrono::duration_cast<seconds>(
      reader.duration("life", {.min = seconds(1), .max = limits.longest_life}));
  step.starts = reader.optional_boolean("starts").value_or(false);
  const auto runs_for = reader.optional_string("for", {.max = 16});
  const Json* use = reader.optional_value("use");
  const Json* delegate = reader.optional_value("delegate");
  step.delegates_to = reader.optional_strings("delegates_to", {.max = limits.steps}, {.max = 63})
                          .value_or(std::vector<std::string>());
  WRIT_TRY_VOID(reader.finish());

  step.runs_for = declared.runs_for;
  if (runs_for) {
    const auto said = runs_for_of(*runs_for);
    if (!said) {
      return fail(Errc::invalid_input,
                  quoted_extract(*runs_for) + " is not what the runs of a step are for",
                  reader.pointer("for"), "write user, workspace or either");
    }
    step.runs_for = *said;
  }
  if (!identity::is_name(step.name)) {
    return fail(Errc::invalid_input, quoted_extract(step.name) + " is not a name",
                reader.pointer("name"),
                "a name is a lower-case letter, then such letters, digits, - and _, at most 63");
  }
  const auto id = declared.agent(agent);
  if (!id) {
    return fail(Errc::invalid_input, "no agent is named " + quoted_extract(agent),
                reader.pointer("agent"), "declare it in agents/NAME.toml");
  }
  step.agent = *id;
  WRIT_TRY(step.scope.use, parse_tools(use, reader.pointer("use"), declared));
  WRIT_TRY(step.scope.delegate, parse_tools(delegate, reader.pointer("delegate"), declared));
  if (step.scope.use.empty() && step.scope.delegate.empty()) {
    return fail(Errc::invalid_input, "a step in which a run could do nothing", where,
                "name tools under use or delegate");
  }
  return step;
}

Expected<Workflow> parse_workflow(const Json& document, WorkflowId id, std::string_view name,
                                  const Declared& declared, const WorkflowLimits& limits) {
  ObjectReader reader(document);
  Workflow workflow;
  workflow.id = id;
  workflow.name = name;
  workflow.description = reader.optional_string("description", {.max = 1024}).value_or("");
  const JsonArray& steps = reader.array("steps", {.min = 1, .max = limits.steps});
  WRIT_TRY_VOID(reader.finish());

  if (!identity::is_name(name)) {
    return fail(Errc::invalid_input, quoted_extract(name) + " is not a name");
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string where = json_pointer("/steps", i);
    WRIT_TRY(auto step, parse_step(steps[i], where, declared, limits));
    if (workflow.step(step.name) != nullptr) {
      return fail(Errc::invalid_input, "another step has this name already",
                  json_pointer(where, "name"));
    }
    workflow.steps.push_back(std::move(step));
  }
  for (std::size_t i = 0; i < workflow.steps.size(); ++i) {
    const auto& to = workflow.steps[i].delegates_to;
    const std::string where = json_pointer(json_pointer("/steps", i), "delegates_to");
    for (std::size_t n = 0; n < to.size(); ++n) {
      if (workflow.step(to[n]) == nullptr) {
        return fail(Errc::invalid_input,
                    "no step of this workflow is named " + quoted_extract(to[n]),
                    json_pointer(where, n));
      }
      if (std::find(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(n), to[n]) !=
          to.begin() + static_cast<std::ptrdiff_t>(n)) {
        return fail(Errc::invalid_input, "the same step stands there twice",
                    json_pointer(where, n));
      }
    }
  }
  if (std::ranges::none_of(workflow.steps, &Step::starts)) {
    return fail(Errc::invalid_input, "no step starts, so no run can begin", "/steps",
                "write starts = true in the first");
  }
  workflow.digest = workflow_digest(workflow);
  return workflow;
}

Expected<Scope> parse_ceiling(const Json& agent_document, const Declared& declared) {
  ObjectReader reader(agent_document);
  reader.allow_unknown();
  const Json& ceiling = reader.value("ceiling");
  WRIT_TRY_VOID(reader.finish());
  ObjectReader of(ceiling, "/ceiling");
  const Json* use = of.optional_value("use");
  const Json* delegate = of.optional_value("delegate");
  WRIT_TRY_VOID(of.finish());
  Scope scope;
  WRIT_TRY(scope.use, parse_tools(use, of.pointer("use"), declared));
  WRIT_TRY(scope.delegate, parse_tools(delegate, of.pointer("delegate"), declared));
  return scope;
}

}  // namespace writ::delegation
