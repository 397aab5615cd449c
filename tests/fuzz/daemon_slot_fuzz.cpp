// What holds for a slot's memory into which a process has written anything: what is read of it lies
// within its bounds, no request is let in that should not be, and nothing is decided that the
// supervisor's own knowledge forbids. The input is the memory, whatever it is.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "daemon/client/select_process.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "daemon/supervisor/exit_report.hpp"
#include "daemon/supervisor/policy.hpp"
#include "daemon/supervisor/process.hpp"
#include "daemon/worker/request_deadline.hpp"

namespace {

using namespace brine;
using base::Nanos;

constexpr std::size_t kThreads = 2;
constexpr Nanos kNow = 1000 * base::kSecond;

void require(bool holds) {
  if (!holds) std::abort();
}

// One slot of one group, as httpd's side sees it.
struct Board {
  Board(const std::uint8_t* data, std::size_t size) {
    std::memcpy(memory.data(), data, std::min(size, memory.size()));
    process = daemon::view_slot(memory.data(), kThreads);
    view.board = &group;
    view.slots = {&slot, 1};
    view.processes = {&process, 1};
  }

  static constexpr std::size_t kEach = sizeof(daemon::ThreadRecord) + sizeof(metrics::StackPlace);
  alignas(64) std::array<char, sizeof(daemon::SlotMemory) + kThreads * kEach> memory{};
  daemon::GroupBoard group{};
  daemon::Slot slot{};
  daemon::ProcessView process;
  daemon::GroupView view;
};

bool is_past(Nanos time) { return time >= 0 && time <= kNow; }

void check_reading(const Board& board) {
  const daemon::SlotReading reading = daemon::read_slot(board.view.memory_of(0), kNow);
  require(is_past(reading.activity) && is_past(reading.gil_touched));
  daemon::Limits limits;
  limits.deadlock_timeout = std::chrono::seconds(300);
  limits.inactivity_timeout = std::chrono::seconds(60);
  const daemon::Vitals vitals{kNow,           reading.activity,  reading.gil_touched,
                              reading.served, reading.in_flight, 0};
  const daemon::Reason reason = daemon::verdict(limits, vitals, kNow);
  require(reason == daemon::Reason::none || reason == daemon::Reason::deadlock_timeout);
  for (const daemon::ThreadRecord& record : board.view.threads_of(0)) {
    const Nanos since = daemon::since_of(record, kNow);
    require(is_past(since));
    const daemon::NextStep next =
        daemon::next_step({since, false, true, false}, {base::kSecond, base::kSecond}, kNow);
    require(next.look_again >= 0);
  }
  for (const metrics::StackPlace& place : board.process.stacks) {
    require(place.read().size() <= metrics::StackPlace::kBytes);
  }
}

void check_report(const Board& board) {
  daemon::Process process;
  process.pid = 4711;
  const daemon::ExitReport report = daemon::exit_report_of(process, "shop", board.view, 0, 1024);
  require(report.pid == 4711 && report.requests.size() <= kThreads);
  for (const daemon::InProgress& request : report.requests) {
    require(request.what.size() <= sizeof(daemon::ThreadRecord::what) && request.age >= 0);
    require(request.id.size() <= sizeof(daemon::ThreadRecord::id));
  }
  require(daemon::describe(report).size() < 4096);
}

// A request is let in only where the gate is open for that very process, and counted.
void check_gate(Board& board) {
  daemon::SlotMemory& memory = board.view.memory_of(0);
  const daemon::Gate before = daemon::gate_of(memory.gate.load());
  constexpr std::uint64_t kMost = 8;
  if (daemon::enter(memory, before.incarnation, kMost)) {
    require(!before.closed && before.in_flight < kMost);
    require(daemon::leave(memory, before.incarnation).in_flight == before.in_flight);
  } else {
    require(before.closed || before.in_flight >= kMost);
  }
  require(!daemon::enter(memory, before.incarnation + 1, kMost));
  require(daemon::leave(memory, before.incarnation, UINT32_MAX).in_flight == 0);
  daemon::Candidate candidate;
  candidate.ready = true;
  candidate.incarnation = before.incarnation;
  candidate.in_flight = before.in_flight;
  candidate.computing = daemon::computing_in(memory, before);
  require(candidate.computing <= before.in_flight);
  require(daemon::choose({&candidate, 1}, {1, 0}) == 0U);
  require(daemon::waiting({&candidate, 1}, 1) <= before.in_flight);
}

// What the supervisor does to a slot holds whatever was there.
void check_successor(Board& board) {
  daemon::SlotMemory& memory = board.view.memory_of(0);
  require(daemon::close(memory).closed);
  const std::uint32_t incarnation = daemon::move_in(board.slot, memory);
  require(!daemon::enter(memory, incarnation));
  daemon::open(board.slot, memory);
  require(daemon::enter(memory, incarnation, 1) && !daemon::enter(memory, incarnation, 1));
  require(!daemon::enter(memory, incarnation - 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Board board(data, size);
  check_reading(board);
  check_report(board);
  check_gate(board);
  check_successor(board);
  return 0;
}
