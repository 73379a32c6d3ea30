// SPDX-License-Identifier: Apache-2.0
#include "demo/acme_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fake_clock.h"
#include "base/fake_random.h"
#include "crypto/es256.h"
#include "workspace/version.h"

namespace writ::demo {
namespace {

TEST(AcmeFiles, AreAWorkspaceOnceTheSettingsAreIn) {
  const FakeClock clock;
  FakeRandom random;
  AcmeSettings settings{.billing_port = 4711, .agent_keys = {}};
  for (const std::string agent : {"planner", "support", "billing"}) {
    settings.agent_keys.emplace(agent, crypto::Es256PrivateKey::generate().public_key());
  }
  const auto documents = acme_documents(settings);
  ASSERT_TRUE(documents) << documents.error().to_string();
  const auto built =
      workspace::build_version(WorkspaceId::make(clock, random), 1, *documents, {}, clock, random);
  ASSERT_TRUE(built) << built.error().front().to_string();
  EXPECT_EQ(built->version->name(), "acme");
  EXPECT_EQ(built->version->server("billing")->url().to_string(), "http://127.0.0.1:4711/");
  for (const auto& [agent, key] : settings.agent_keys) {
    EXPECT_EQ(built->version->agent(agent)->agent->keys.keys().size(), 1U) << agent;
  }
}

TEST(AcmeFiles, AnAgentThatIsNotThereIsAnError) {
  const AcmeSettings settings{
      .billing_port = 1,
      .agent_keys = {{"auditor", jose::Jwk(crypto::Es256PrivateKey::generate().public_key())}}};
  EXPECT_FALSE(acme_documents(settings));
}

}  // namespace
}  // namespace writ::demo
