// SPDX-License-Identifier: Apache-2.0
//
// One request under way: its handler on a thread of its own, the lines that it
// has to say, and the word that its asker has gone.
//
// Threads: the server's calls take_lines(), asker_has_gone() and has_ended();
// the handler and whom it lets use the Asker the rest.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "control/server.h"

namespace lazymirror::control {

class Request final : public Asker {
 public:
  // `wake`, an eventfd(2), is written when there is something to take.
  Request(Handler handler, Message message, std::shared_ptr<const UniqueFd> wake);
  ~Request() override;  // the asker has gone then; waits for the handler

  bool tell(const Message& what) override;
  bool wait_for_room() override;
  [[nodiscard]] bool has_gone() const override;
  [[nodiscard]] std::shared_ptr<void> when_gone(UniqueFunction<void()> leave) override;

  // What is to be sent. At most some megabytes: who does not read has gone.
  [[nodiscard]] std::string take_lines();
  [[nodiscard]] bool has_ended() const;  // nothing comes after what take_lines() gives
  void asker_has_gone();

 private:
  void run(const Handler& handler, const Message& message);
  void say(const std::string& line, bool last);
  void drop_leave();
  void wake_server() const;

  const std::shared_ptr<const UniqueFd> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string lines_;
  bool ended_ = false, gone_ = false, calling_ = false;
  UniqueFunction<void()> leave_;
  std::thread thread_;
};

}  // namespace lazymirror::control
