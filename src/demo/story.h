// SPDX-License-Identifier: Apache-2.0
// Story: the refund story, played with real requests against a running server, each step held
// against what must come of it. A chapter is a part of the story that the next ones build on.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audit_check.h"
#include "demo/cast.h"
#include "demo/narrator.h"
#include "demo/observation.h"
#include "protocol/actions.h"
#include "protocol/approvals.h"
#include "protocol/runs.h"

namespace writ::demo {

// What the story plays on. All of it outlives the story.
struct Scene {
  Cast& cast;
  Narrator& narrator;
  std::uint16_t billing_port = 0;
  const SecretBytes& billing_key;     // to show that no answer has it
  const SecretBytes& founding_code;   // of the server
  std::function<bool()> interrupted;  // whether to stop telling
};

// Of one thread.
class Story {
 public:
  explicit Story(Scene scene) : scene_(std::move(scene)) {}

  // Founds the workspace, then plays everything, as far as each chapter lets the next one begin.
  void play();
  // Founds the workspace and no more.
  void set_stage() { (void)found_workspace(); }

  // What a person may want to look at afterwards; empty where the story did not come so far.
  struct Left {
    std::string planner_run;
    std::string billing_run;
    std::string refund_action;
    std::string open_approval;
  };
  const Left& left() const { return left_; }

 private:
  // Each returns whether the next chapter can be played.
  bool found_workspace();  // 0
  bool start_run();        // 1
  bool hand_down();        // 2
  bool read();             // 3
  bool preview();          // 4
  bool ask_for_refund();   // 5
  bool decide();           // 6
  bool show_no_secret();   // 7
  bool revoke();           // 8
  bool look_back();        // 9

  bool enrol_people();
  bool propose_by_pipeline();
  void refuse_other_uses_of_delegation(const SecretBytes& token);
  void show_runs();
  bool approve_refund();
  void repeat_refund();
  void ask_for_others();
  void refund_above_limit();
  void show_trace(const protocol::Trace& trace);
  void show_answers(const protocol::Explanation& explanation);
  void show_verified(const cli::CheckedLog& checked);
  void tamper();

  // Tells a step; whether it held.
  bool tell(std::string sentence, const Seen& seen, const std::vector<Claim>& claims);
  static Expected<cli::HttpAnswer> call(Agent& agent, cli::ToolCall call);
  static Seen see_call(Agent& agent, cli::ToolCall call);
  // A call that waits on another thread; its answer comes when it has been decided.
  static std::future<Expected<cli::HttpAnswer>> hold(Agent& agent, cli::ToolCall call);
  cli::ToolCall preview_of(std::string_view invoice, std::int64_t amount) const;
  cli::ToolCall refund_of(std::string_view invoice, std::int64_t amount, std::string preview,
                          std::string key) const;
  // Previews it and makes the call; an empty preview where that failed.
  std::optional<cli::ToolCall> prepared_refund(std::string_view invoice, std::int64_t amount,
                                               std::string key);
  static std::optional<protocol::ApprovalView> approval(Person& person, std::string_view id);
  std::int64_t refunded(std::string_view invoice) const;
  std::string tools_url() const;
  cli::Resources resources() const;

  Scene scene_;
  Left left_;
  std::optional<cli::ToolCall> refund_;  // the one of chapters 5 and 6
  std::string approval_;                 // of it
  std::future<Expected<cli::HttpAnswer>> held_;
};

}  // namespace writ::demo
