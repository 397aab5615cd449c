#include "apache/request/counting_place.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "apache/config/settings.hpp"
#include "apache/request/stacks.hpp"

namespace brine::apache {

namespace {

// The place where a thread has counted its last request, since the next one is mostly for the same
// script.
struct Counted {
  metrics::Board* board = nullptr;
  std::size_t stripe = 0;
  std::string group;
  std::string script;
  metrics::ScriptRow* row = nullptr;
};

// The thread's row of what runs, which it has until it ends.
class OwnRow {
 public:
  ~OwnRow() {
    if (row_ != nullptr && ::getpid() == pid_) row_->release();
  }

  metrics::RunningRow* get(metrics::Board& board) noexcept {
    if (board_ == &board) return row_;
    board_ = &board;
    pid_ = ::getpid();
    const std::uint64_t handle = ::pthread_self();
    row_ = board.running(pid_, ::gettid(), handle);
    if (row_ == nullptr) {  // processes that were killed may have kept theirs
      board.sweep_running([](std::int32_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; });
      row_ = board.running(pid_, ::gettid(), handle);
    }
    watch_for_stacks();
    return row_;
  }

 private:
  metrics::Board* board_ = nullptr;
  metrics::RunningRow* row_ = nullptr;
  pid_t pid_ = 0;
};

// The things that a thread keeps from request to request: together, since each thread_local costs a
// call.
struct Kept {
  Counted counted;
  OwnRow row;
};

void find_script(metrics::Board& board, const Selection& selection, Counted& last) {
  const std::string_view group = counted_group(selection);
  const std::string_view script = selection.target.script;
  if (last.board != &board) {
    last = {&board, board.next_stripe(), {}, {}, nullptr};
  }
  if (last.row == nullptr || last.script != script || last.group != group) {
    last.group = group;
    last.script = script;
    last.row = &board.script(group, script);
  }
}

}  // namespace

std::string_view counted_group(const Selection& selection) {
  if (selection.process_group.empty()) {
    return metrics::kEmbedded;
  }
  return selection.group != nullptr ? selection.process_group : metrics::kOther;
}

CountingPlace counting_place(const Selection& selection) {
  thread_local Kept kept;
  metrics::Board* const board = server_settings(ap_server_conf).board;
  if (board == nullptr) return {};
  find_script(*board, selection, kept.counted);
  return {board, kept.counted.row, kept.row.get(*board), kept.counted.stripe};
}

}  // namespace brine::apache
