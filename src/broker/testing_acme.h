// SPDX-License-Identifier: Apache-2.0
// For tests: the example workspace, published and live on a store in memory, with a loop to run
// tasks on, a clock that stands still, and people and runs as a test wants them.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "broker/approvals.h"
#include "broker/fake_store.h"
#include "broker/live.h"
#include "broker/revocations.h"
#include "broker/run_record.h"
#include "crypto/es256.h"
#include "jose/signer.h"
#include "observe/capture.h"
#include "wire/canonical.h"
#include "workspace/version.h"

namespace writ::broker {

inline workspace::Documents example_documents() {
  const std::filesystem::path root = std::filesystem::path(WRIT_SOURCE_DIR) / "examples" / "acme";
  workspace::Documents documents;
  for (const auto& item : std::filesystem::recursive_directory_iterator(root)) {
    if (!item.is_regular_file()) continue;
    std::ifstream in(item.path());
    documents[std::filesystem::relative(item.path(), root).generic_string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  }
  return documents;
}

class Acme : public testing::Test {
 protected:
  Acme() {
    loop_.start("test");
    acme_ = found();
  }
  ~Acme() override { loop_.stop(); }

  template <typename T>
  T run(Task<T> task) {
    return run_on(loop_, std::move(task));
  }

  // The example under another name is another workspace.
  std::shared_ptr<LiveWorkspace> found(const std::string& name = "acme") {
    const auto id = WorkspaceId::make(clock_, random_);
    auto key = seal_.new_data_key(random_, id);
    auto live = std::make_shared<LiveWorkspace>(id, store_.workspace(id), std::move(key.key));
    auto documents = example_documents();
    auto& root = documents["workspace.toml"];
    root.replace(root.find("\"acme\""), 6, "\"" + name + "\"");
    auto built = workspace::build_version(id, 1, documents, {}, clock_, random_);
    EXPECT_TRUE(built.has_value());
    const auto version = built->version;
    live->publish(built->version, std::move(documents), std::move(built->names));
    Unit unit;
    unit.puts.push_back({RecordKind::workspace, id.to_string(), 0, "{}"});
    EXPECT_TRUE(run(live->store().commit(std::move(unit))).has_value());
    EXPECT_TRUE(live_.add(live).has_value());
    return live;
  }

  std::shared_ptr<const identity::User> user(const std::string& name) {
    return acme_->version()->user(name);
  }

  // A run of the step, alive in store and memory.
  std::shared_ptr<const delegation::Run> begin(const std::string& step,
                                               const std::string& user_name,
                                               const delegation::Run* parent = nullptr) {
    auto begun = make_run(step, user_name, parent);
    Unit unit;
    unit.puts.push_back({RecordKind::run, begun->id.to_string(), 0,
                         canonical_json(RunRecord{.run = *begun, .ended = {}}.to_json())});
    EXPECT_TRUE(run(acme_->store().commit(std::move(unit))).has_value());
    EXPECT_TRUE(acme_->runs().add(begun).has_value());
    return begun;
  }
  std::shared_ptr<delegation::Run> make_run(const std::string& step, const std::string& user_name,
                                            const delegation::Run* parent) {
    const auto version = acme_->version();
    const auto* workflow = version->workflow("refund");
    const auto* terms = workflow->step(step);
    auto begun = std::make_shared<delegation::Run>();
    begun->id = RunId::make(clock_, random_);
    begun->workspace = acme_->id();
    begun->name = step + "-1";
    begun->agent = terms->agent;
    begun->agent_name = version->agent(terms->agent)->agent->name;
    begun->role = version->agent(terms->agent)->agent->role;
    begun->workflow = workflow->id;
    begun->workflow_name = workflow->name;
    begun->workflow_digest = workflow->digest;
    begun->step = step;
    begun->scope = terms->scope;
    begun->pinned = terms->scope;
    if (!user_name.empty()) {
      begun->user = user(user_name)->id;
      begun->user_name = user_name;
    }
    if (parent != nullptr) {
      begun->parent = parent->id;
      begun->depth = parent->depth + 1;
    }
    begun->grant = GrantId::make(clock_, random_);
    begun->started = clock_.now();
    begun->ends = parent == nullptr ? clock_.now() + std::chrono::hours(1) : parent->ends;
    begun->key_thumbprint = "key-of-" + begun->agent_name;
    return begun;
  }

  // The entries of a kind, oldest first.
  std::vector<JsonObject> entries(audit::Kind kind) { return entries(*acme_, kind); }
  std::vector<JsonObject> entries(LiveWorkspace& workspace, audit::Kind kind) {
    std::vector<JsonObject> out;
    for (const auto& row : run(workspace.store().read_log(0, 10'000)).value()) {
      const auto entry = audit::Entry::parse(as_bytes(row.entry)).value();
      if (entry.kind() == kind) out.push_back(entry.json());
    }
    return out;
  }
  std::optional<Record> record(RecordKind kind, const std::string& id) {
    return run(acme_->store().get(kind, id)).value();
  }

  FakeClock clock_;
  FakeRandom random_;
  SystemClock system_clock_;
  Loop loop_{system_clock_, milliseconds(1)};
  observe::CapturingLog log_;
  FakeStore store_{clock_};
  vault::SealKey seal_ = vault::SealKey::from_text(vault::SealKey::generate_text(random_)).value();
  Live live_;
  Approvals approvals_{clock_, random_};
  Revocations revocations_{approvals_, clock_, random_, log_};
  std::shared_ptr<LiveWorkspace> acme_;
};

}  // namespace writ::broker
