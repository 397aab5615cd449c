#include "metrics/board.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace brine::metrics {

namespace {

// This many rows of scripts are kept for those of groups that find no room: kOther of each group.
constexpr std::size_t kReserved = Board::kGroups;

// Returns the FNV-1a hash of a row's name, which is never 0.
std::uint64_t hash_of(std::string_view first, std::string_view second) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  std::for_each(first.begin(), first.end(), add);
  add(0);
  std::for_each(second.begin(), second.end(), add);
  return hash != 0 ? hash : 1;
}

// Finds the key's row among the first keys, or takes a free one for it. Returns nothing if all are
// taken.
std::optional<std::size_t> find_row(std::span<std::atomic<std::uint64_t>> keys,
                                    std::uint64_t key) noexcept {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint64_t found = keys[i].load(std::memory_order_acquire);
    if (found == 0 && keys[i].compare_exchange_strong(found, key)) return i;
    if (found == key) return i;
  }
  return std::nullopt;
}

// Makes the number at least `least`.
void raise(std::atomic<std::uint32_t>& number, std::size_t least) noexcept {
  const auto end = static_cast<std::uint32_t>(least);
  std::uint32_t used = number;
  while (used < end && !number.compare_exchange_weak(used, end)) {
  }
}

}  // namespace

Method method_of(std::string_view name) noexcept {
  const auto* found = std::find(kMethodNames.begin(), kMethodNames.end() - 1, name);
  return static_cast<Method>(found - kMethodNames.begin());
}

std::size_t status_class_of(int status) noexcept {
  return status >= 100 && status < 600 ? static_cast<std::size_t>(status / 100 - 1)
                                       : kStatusClasses - 1;
}

void RequestCounts::add(const RequestMeasures& measures) noexcept {
  const auto method = static_cast<std::size_t>(measures.method);
  requests[method][status_class_of(measures.status)].fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kPhases; ++i) {
    const bool waiting = i == static_cast<std::size_t>(Phase::waiting);
    if (waiting ? measures.was_run : measures.was_called) phases[i].add(measures.phases[i]);
  }
  // Most requests have no body, and an addition locks the processor's cache line.
  if (measures.bytes_in != 0) bytes_in.fetch_add(measures.bytes_in, std::memory_order_relaxed);
  if (measures.bytes_out != 0) bytes_out.fetch_add(measures.bytes_out, std::memory_order_relaxed);
}

void RequestCounts::add_to(RequestReading& reading) const noexcept {
  for (std::size_t method = 0; method < kMethods; ++method) {
    for (std::size_t status = 0; status < kStatusClasses; ++status) {
      reading.requests[method][status] += requests[method][status].load(std::memory_order_relaxed);
    }
  }
  for (std::size_t i = 0; i < kPhases; ++i) phases[i].add_to(reading.phases[i]);
  reading.bytes_in += bytes_in.load(std::memory_order_relaxed);
  reading.bytes_out += bytes_out.load(std::memory_order_relaxed);
}

RequestReading ScriptRow::read() const noexcept {
  RequestReading reading;
  for (const RequestCounts& counts : stripes) counts.add_to(reading);
  return reading;
}

bool ScriptRow::note_load(std::uint32_t number, base::Nanos at) noexcept {
  base::Nanos known = loaded_at.load(std::memory_order_relaxed);
  do {
    if (at <= known) return false;
  } while (!loaded_at.compare_exchange_weak(known, at));
  generation.store(number, std::memory_order_relaxed);
  loaded_time.store(base::nanos_since_epoch() - (base::now() - at), std::memory_order_relaxed);
  return true;
}

bool ScriptRow::may_tell_claim(base::Nanos now) noexcept {
  base::Nanos told = claim_told_at.load(std::memory_order_relaxed);
  return (told == 0 || now - told >= base::kSecond) &&
         claim_told_at.compare_exchange_strong(told, now, std::memory_order_relaxed);
}

bool ProcessRow::claim(std::int32_t pid) noexcept {
  std::int32_t free = 0;
  return pid_.compare_exchange_strong(free, -pid);
}

void ProcessRow::write(const ProcessReading& reading) noexcept {
  group_ = reading.group;
  generation_ = reading.generation;
  state_ = static_cast<std::uint32_t>(reading.state);
  code_ = reading.code;
  in_flight_ = reading.in_flight;
  served_ = reading.served;
  started_ = reading.started;
  ready_ = reading.ready;
  resident_ = reading.resident;
  cpu_ = reading.cpu;
  descriptors_ = reading.descriptors;
  threads_ = reading.threads;
  pid_.store(reading.pid, std::memory_order_release);
}

ProcessReading ProcessRow::read() const noexcept {
  ProcessReading reading;
  reading.pid = pid();
  reading.group = group_;
  reading.generation = generation_;
  const std::uint32_t last = static_cast<std::uint32_t>(ProcessState::count_) - 1;
  reading.state = static_cast<ProcessState>(std::min(state_.load(), last));
  reading.code = code_;
  reading.in_flight = in_flight_;
  reading.served = served_;
  reading.started = started_;
  reading.ready = ready_;
  reading.resident = resident_;
  reading.cpu = cpu_;
  reading.descriptors = descriptors_;
  reading.threads = threads_;
  return reading;
}

GroupRow& Board::group(std::string_view name) noexcept {
  const auto found = find_row(group_keys_, hash_of(name, {}));
  GroupRow& row = groups_[found.value_or(kGroups)];
  if (!row.name.is_set()) row.name.set(found ? name : kOther);
  return row;
}

std::uint32_t Board::index_of(const GroupRow& row) const noexcept {
  return static_cast<std::uint32_t>(&row - groups_.data());
}

ScriptRow& Board::script(std::string_view group, std::string_view script) noexcept {
  const std::span<std::atomic<std::uint64_t>> keys = script_keys_;
  auto found = find_row(keys.first(kScripts - kReserved), hash_of(group, script));
  if (!found) {
    script = kOther;
    found = find_row(keys, hash_of(group, script));
  }
  if (!found) group = kOther;
  ScriptRow& row = scripts_[found.value_or(kScripts)];
  if (!row.script.is_set()) {
    row.group.set(group);
    row.script.set(script);
  }
  return row;
}

std::uint64_t Board::index_of(const ScriptRow& row) const noexcept {
  return static_cast<std::uint64_t>(&row - scripts_.data());
}

RunningRow* Board::running(std::int32_t pid, std::int32_t tid, std::uint64_t handle) noexcept {
  for (std::size_t i = 0; i < kRunning; ++i) {
    if (!running_[i].claim(pid, tid, handle)) continue;
    raise(running_used_, i + 1);
    return &running_[i];
  }
  return nullptr;
}

ProcessRow* Board::process(std::int32_t pid) noexcept {
  for (std::size_t i = 0; i < kProcesses; ++i) {
    if (!processes_[i].claim(pid)) continue;
    raise(processes_used_, i + 1);
    return &processes_[i];
  }
  return nullptr;
}

ProcessRow* Board::row_of(std::int32_t pid) noexcept {
  const std::span<ProcessRow> rows = processes_;
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [pid](const ProcessRow& row) { return row.pid() == pid; });
  return found != rows.end() ? &*found : nullptr;
}

}  // namespace brine::metrics
