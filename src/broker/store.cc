// SPDX-License-Identifier: Apache-2.0
#include "broker/store.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace writ::broker {
namespace {

constexpr std::array<std::pair<RecordKind, std::string_view>, 15> kNames{{
    {RecordKind::workspace, "workspace"},
    {RecordKind::user, "user"},
    {RecordKind::enrolment, "enrolment"},
    {RecordKind::run, "run"},
    {RecordKind::grant, "grant"},
    {RecordKind::approval, "approval"},
    {RecordKind::proposal, "proposal"},
    {RecordKind::action, "action"},
    {RecordKind::idempotency, "idempotency"},
    {RecordKind::credential, "credential"},
    {RecordKind::data_key, "data_key"},
    {RecordKind::signing_key, "signing_key"},
    {RecordKind::session, "session"},
    {RecordKind::fact, "fact"},
    {RecordKind::setting, "setting"},
}};

}  // namespace

std::string_view name(RecordKind kind) {
  for (const auto& [known, text] : kNames) {
    if (known == kind) return text;
  }
  WRIT_UNREACHABLE();
}

std::optional<RecordKind> parse_record_kind(std::string_view text) {
  for (const auto& [kind, known] : kNames) {
    if (known == text) return kind;
  }
  return std::nullopt;
}

std::string revision_conflict(RecordKind kind, std::string_view id) {
  return "revision:" + std::string(name(kind)) + ":" + std::string(id);
}

bool is_revision_conflict(const Error& error, RecordKind kind) {
  return error.code == Errc::conflict && error.where.starts_with(revision_conflict(kind, ""));
}

}  // namespace writ::broker
