#include "metrics/snapshot.hpp"

#include <algorithm>
#include <cstddef>

namespace brine::metrics {

namespace {

// Returns how many bytes the character at the text's beginning has; 0 if it is not valid UTF-8.
std::size_t character_at(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  const bool is_short = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool is_surrogate = first == 0xed && byte(1) > 0x9f;
  const bool is_large = first == 0xf4 && byte(1) > 0x8f;
  return is_short || is_surrogate || is_large ? 0 : size;
}

ScriptSnapshot& script_of(GroupSnapshot& group, const std::string& path) {
  const auto found = std::find_if(group.scripts.begin(), group.scripts.end(),
                                  [&](const ScriptSnapshot& s) { return s.path == path; });
  if (found != group.scripts.end()) return *found;
  ScriptSnapshot& added = group.scripts.emplace_back();
  added.path = path;
  return added;
}

void add_reading(const RequestReading& from, RequestReading& to) {
  for (std::size_t method = 0; method < kMethods; ++method) {
    for (std::size_t status = 0; status < kStatusClasses; ++status) {
      to.requests[method][status] += from.requests[method][status];
    }
  }
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      to.phases[phase].buckets[i] += from.phases[phase].buckets[i];
    }
    to.phases[phase].nanos += from.phases[phase].nanos;
  }
  to.bytes_in += from.bytes_in;
  to.bytes_out += from.bytes_out;
}

}  // namespace

unsigned GroupSnapshot::ready() const {
  return static_cast<unsigned>(std::count_if(running.begin(), running.end(),
                                             [](const auto& p) { return p.state == "ready"; }));
}

std::uint64_t GroupSnapshot::in_flight() const {
  std::uint64_t sum = 0;
  for (const ProcessSnapshot& process : running) sum += process.in_flight;
  return sum;
}

std::uint64_t GroupSnapshot::busy() const {
  std::uint64_t sum = 0;
  for (const ProcessSnapshot& process : running) sum += process.busy;
  return sum;
}

std::uint64_t GroupSnapshot::waiting() const {
  std::uint64_t sum = 0;
  for (const ProcessSnapshot& process : running) {
    sum += process.in_flight - std::min(process.in_flight, threads);
  }
  return sum;
}

GroupSnapshot& Snapshot::group(std::string_view name) {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [&](const GroupSnapshot& g) { return g.name == name; });
  if (found != groups.end()) return *found;
  GroupSnapshot& added = groups.emplace_back();
  added.name = name;
  return added;
}

namespace {

double in_seconds_of_epoch(std::int64_t nanos) { return static_cast<double>(nanos) / 1e9; }

void add_counts(const GroupRow& row, GroupSnapshot& group) {
  for (std::size_t i = 0; i < kCounters; ++i) group.counters[i] += row.counters[i].load();
  for (std::size_t i = 0; i < kHazards.size(); ++i) group.hazards[i] += row.hazards[i].load();
  row.gil_wait.add_to(group.gil_wait);
  group.cpu += static_cast<double>(row.cpu.load()) / 1e9;
  if (const std::uint32_t wanted = row.wanted.load(); wanted != 0 && group.is_daemon) {
    group.processes = std::clamp(wanted, group.least_processes, group.most_processes);
  }
  group.interpreters = std::max(group.interpreters, row.interpreters.load());
}

// Splits "BRINE0401: text".
ErrorSnapshot error_of(const ErrorRecord& record) {
  const std::string_view text = record.text.view();
  const std::size_t colon = std::min(text.find(": "), text.size());
  ErrorSnapshot error;
  error.code = printable(text.substr(0, colon));
  error.text = printable(text.substr(std::min(colon + 2, text.size())));
  error.id = printable(record.id.view());
  error.time = in_seconds_of_epoch(record.time);
  error.pid = static_cast<int>(record.pid);
  return error;
}

SlowSnapshot slow_of(const Board& board, const SlowRecord& record) {
  const ScriptPlace place = place_of(board, record.script);
  SlowSnapshot slow;
  slow.group = place.group;
  slow.script = place.script;
  slow.request = printable(record.name.what.view());
  slow.id = printable(record.name.id.view());
  slow.ended = in_seconds_of_epoch(record.ended);
  for (std::size_t i = 0; i < kPhases; ++i) {
    slow.phases[i] = static_cast<double>(std::max<base::Nanos>(record.phases[i], 0)) / 1e9;
  }
  slow.pid = record.pid;
  slow.status = record.status;
  return slow;
}

EventSnapshot event_of(const EventRecord& record) {
  const auto last = static_cast<std::uint32_t>(ProcessEvent::count_) - 1;
  const auto event = std::min(static_cast<std::uint32_t>(record.event), last);
  return {kProcessEventNames[event],        printable(record.group.view()),
          printable(record.reason.view()),  printable(record.detail.view()),
          in_seconds_of_epoch(record.time), record.pid};
}

}  // namespace

// Two rows may have one name, where what the board keeps of longer ones is the same.
void add_numbers(const Board& board, Snapshot& snapshot) {
  board.each_group(
      [&](const GroupRow& row) { add_counts(row, snapshot.group(printable(row.name.text()))); });
  board.each_script([&](const ScriptRow& row) {
    GroupSnapshot& group = snapshot.group(printable(row.group.text()));
    ScriptSnapshot& script = script_of(group, printable(row.script.text()));
    add_reading(row.read(), script.requests);
    script.loaded = std::max(script.loaded, in_seconds_of_epoch(row.loaded_time.load()));
    script.generation = std::max(script.generation, row.generation.load());
  });
}

ScriptPlace place_of(const Board& board, std::uint64_t script) {
  const ScriptRow* const row = board.script_at(script);
  if (row == nullptr) return {std::string(kOther), std::string(kOther)};
  return {printable(row->group.text()), printable(row->script.text())};
}

void add_recent(const Board& board, Snapshot& snapshot) {
  for (const SlowRecord& record : board.slow.read()) {
    snapshot.slow.push_back(slow_of(board, record));
  }
  for (const ErrorRecord& record : board.errors.read()) {
    snapshot.errors.push_back(error_of(record));
  }
  for (const EventRecord& record : board.events.read()) {
    snapshot.events.push_back(event_of(record));
  }
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = character_at(text);
    const bool is_control =
        size == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == '\x7f');
    if (size == 0 || is_control) {
      result += "\xef\xbf\xbd";
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return result;
}

}  // namespace brine::metrics
