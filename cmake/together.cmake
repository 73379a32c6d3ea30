# SPDX-License-Identifier: Apache-2.0
# The sources of a target are compiled ten at a time: most of what a compiler reads for each is the same headers, so
# ten together cost it little more than one. -DCMAKE_UNITY_BUILD=OFF compiles each alone.
set(CMAKE_UNITY_BUILD ON CACHE BOOL "Compile several sources of a target together")
set(CMAKE_UNITY_BUILD_BATCH_SIZE 10)

# These are compiled alone: their unnamed namespace has a name that another's of their folder has too. A name there
# must not be that of a function in a header either: the files that come after in the same compilation would then
# find this one first.
set(apart
  approval/record.cc
  audit/tree.cc
  broker/grants_test.cc
  broker/grants_tokens_test.cc
  broker/notary.cc
  broker/time_guard.cc
  cedar/policy_set_test.cc
  cli/decide_test.cc
  cli/files.cc
  cli/log_sources.cc
  cli/login_test.cc
  cli/render_actions_test.cc
  cli/render_runs_test.cc
  cli/signing_page_test.cc
  cli/user_key.cc
  cli/workspace_commands.cc
  delegation/scope_test.cc
  gateway/held_test.cc
  gateway/redaction_table_test.cc
  gateway/redactor_test.cc
  jose/jws.cc
  jose/jwt.cc
  net/egress_test.cc
  net/strangers_test.cc
  protocol/proposals.cc
  store/stop_file.cc
  tools/json_schema_validate.cc
  tools/operation_parser.cc
  tools/request.cc
  tools/tool_server.cc
  tools/tool_server_test.cc
  vault/keys.cc
  vault/row_keys.cc
  wire/http_fields.cc
  wire/time_text.cc
  wire/toml_test.cc
  workspace/difference.cc
)
foreach(file ${apart})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/${file})
    message(FATAL_ERROR "cmake/together.cmake: src/${file} does not exist")
  endif()
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/${file} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endforeach()
