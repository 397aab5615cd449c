#include "apache/request/stacks.hpp"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>

#include "apache/config/settings.hpp"
#include "apache/process/daemons.hpp"
#include "apache/process/process.hpp"
#include "base/blocked_signals.hpp"
#include "base/clock.hpp"
#include "base/kept_code.hpp"
#include "boundary/engine.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "metrics/board.hpp"
#include "metrics/recent.hpp"
#include "metrics/stack_place.hpp"

namespace brine::apache {

namespace {

constexpr std::chrono::milliseconds kLookInterval(200);

// A process whose GIL is held by C code, or that is stopped, does not answer.
constexpr base::Nanos kPatienceForStack = 5 * base::kSecond;
constexpr useconds_t kPause = 20000;

void answer_for(const metrics::RunningRow& row, engine::Engine& engine,
                metrics::StackPlace& place) {
  const auto request = row.read();
  if (row.pid() != ::getpid() || !request || !place.take(request->since)) return;
  const std::string stack = engine.stack(row.handle());
  const auto now = row.read();
  if (now && now->since == request->since) place.answer(stack, request->since);
}

void look_for_wanted() noexcept {
  ::prctl(PR_SET_NAME, "brine stacks");
  for (;;) {
    std::this_thread::sleep_for(kLookInterval);
    metrics::Board* const board = server_settings(ap_server_conf).board;
    engine::Engine* const engine = running_engine();
    if (engine == nullptr || board == nullptr) continue;
    board->each_running(
        [&](const metrics::RunningRow& row) { answer_for(row, *engine, board->stack_place(row)); });
  }
}

// A request's place, and the time by which it is asked for there.
struct AskedPlace {
  metrics::StackPlace* place = nullptr;
  base::Nanos since = 0;
};

AskedPlace place_in_slot(const daemon::GroupView& view, std::size_t slot,
                         const metrics::RequestName& request) {
  const base::Nanos now = base::now();
  const auto threads = view.threads_of(slot);
  const auto thread = daemon::thread_with(threads, request, now);
  if (!thread) return {};
  return {&view.processes[slot].stacks[*thread], daemon::since_of(threads[*thread], now)};
}

AskedPlace place_in_daemon(std::int32_t pid, const metrics::RequestName& request) {
  for (const DaemonState& daemons : daemon_states()) {
    for (std::size_t slot = 0; slot < daemons.view.slots.size(); ++slot) {
      if (daemons.view.slots[slot].pid.load() == pid) {
        return place_in_slot(daemons.view, slot, request);
      }
    }
  }
  return {};
}

// Splits "ROW.SINCE".
bool read_key(std::string_view key, std::size_t& row, base::Nanos& since) {
  const char* const end = key.data() + key.size();
  const auto [point, error] = std::from_chars(key.data(), end, row);
  if (error != std::errc() || point == end || *point != '.') return false;
  const auto [last, other_error] = std::from_chars(point + 1, end, since);
  return other_error == std::errc() && last == end;
}

}  // namespace

bool shows_stacks() noexcept { return server_settings(ap_server_conf).process.status_stacks; }

void watch_for_stacks() noexcept {
  static std::atomic<bool> is_started{false};
  if (!shows_stacks() || is_started.exchange(true)) return;
  try {
    base::keep_code_in_memory(reinterpret_cast<const void*>(&watch_for_stacks));
    const base::BlockedSignals blocked;
    std::thread(look_for_wanted).detach();
  } catch (const std::system_error&) {
    // There is no further thread: nobody answers.
  }
}

std::optional<std::string> stack_of(std::string_view key) {
  metrics::Board* const board = server_settings(ap_server_conf).board;
  std::size_t index = 0;
  base::Nanos since = 0;
  if (board == nullptr || !read_key(key, index, since)) return std::nullopt;
  const metrics::RunningRow* const row = board->running_at(index);
  const auto request = row != nullptr ? row->read() : std::nullopt;
  if (!request || request->since != since) return std::nullopt;
  const AskedPlace place = row->by() == row->pid() ? AskedPlace{&board->stack_place(*row), since}
                                                   : place_in_daemon(row->by(), request->name);
  if (place.place == nullptr) return std::nullopt;
  place.place->ask(place.since);
  const base::Nanos deadline = base::now() + kPatienceForStack;
  while (!place.place->is_answered(place.since)) {
    if (base::now() > deadline) return std::nullopt;
    ::usleep(kPause);
  }
  return place.place->read();
}

}  // namespace brine::apache
