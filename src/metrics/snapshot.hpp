// Snapshot: the server's numbers and processes at one time, as plain data. Each format in which
// they are shown is a function of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/board.hpp"

namespace brine::metrics {

/// A process: one of a daemon group, or one of httpd's own.
struct ProcessSnapshot {
  int pid = 0;
  int generation = 0;  ///< httpd's, of the configuration that the process belongs to
  std::string_view state;
  double age = 0;  ///< seconds since it was started
  std::uint32_t in_flight = 0;
  std::uint32_t busy = 0;  ///< threads that have a request
  std::uint64_t served = 0;
  std::uint32_t code = 0;      ///< version of the group's code that it has
  std::uint64_t resident = 0;  ///< bytes; 0: not known, as with the members that follow
  double cpu = 0;              ///< seconds
  std::uint32_t descriptors = 0;
  std::uint32_t threads = 0;
};

/// A script that has served requests in its group.
struct ScriptSnapshot {
  std::string path;
  RequestReading requests;
  std::uint32_t generation = 0;  ///< of the process that has loaded it last; 0: not known
  double loaded = 0;             ///< when that was, in seconds since the epoch
};

/// A request that runs now.
struct RunningSnapshot {
  std::string request;  ///< "GET /path", as all texts here without control characters
  std::string id;
  std::string script;
  double age = 0;            ///< seconds
  int pid = 0;               ///< of the process that has it; 0: none has
  std::uint32_t thread = 0;  ///< from 1, of a daemon process; its number in the system, of httpd's
  std::string key;           ///< by which its stack is asked for; empty: WSGIStatusStacks is Off
  int client = 0;            ///< pid of the process of httpd's that waits for the answer
};

/// A request that has taken long.
struct SlowSnapshot {
  std::string group;
  std::string request;
  std::string id;
  std::string script;
  double ended = 0;                      ///< seconds since the epoch
  std::array<double, kPhases> phases{};  ///< seconds
  int pid = 0;
  int status = 0;
};

/// An error that was logged.
struct ErrorSnapshot {
  std::string code;  ///< BRINE0401
  std::string text;  ///< without the code
  std::string id;    ///< of the request, or empty
  double time = 0;   ///< seconds since the epoch
  int pid = 0;
};

/// An event in a process's life.
struct EventSnapshot {
  std::string_view event;
  std::string group;
  std::string reason;
  std::string detail;
  double time = 0;  ///< seconds since the epoch
  int pid = 0;
};

/// A process group.
struct GroupSnapshot {
  std::string name;
  bool is_daemon = false;        ///< daemon processes serve it, of whichever generation
  std::string fault{};           ///< why it is out of order, or empty
  unsigned processes = 0;        ///< that it is to have now
  unsigned least_processes = 0;  ///< as configured
  unsigned most_processes = 0;   ///< as configured
  unsigned threads = 0;          ///< of each process, as configured
  std::array<std::uint64_t, kCounters> counters{};
  double cpu = 0;  ///< seconds that all processes have used that the group has had
  std::vector<ProcessSnapshot> running{};  ///< those of earlier generations too
  std::vector<ScriptSnapshot> scripts{};
  std::array<std::uint64_t, kHazards.size()> hazards{};
  HistogramReading gil_wait{};              ///< of the requests that were measured
  std::uint32_t interpreters = 0;           ///< of the process that has told it last; 0: not known
  std::vector<RunningSnapshot> requests{};  ///< that run now, the oldest first

  std::uint64_t counted(Counter counter) const {
    return counters[static_cast<std::size_t>(counter)];
  }
  unsigned ready() const;
  std::uint64_t in_flight() const;
  std::uint64_t busy() const;
  /// Returns how many requests in flight wait for a thread of their process.
  std::uint64_t waiting() const;
};

/// All of it.
struct Snapshot {
  std::string version;
  double time = 0;     ///< seconds since the epoch
  double started = 0;  ///< when httpd was started, likewise
  int generation = 0;  ///< of httpd's current configuration
  std::vector<GroupSnapshot> groups{};
  std::vector<SlowSnapshot> slow{};  ///< the newest first, as those that follow
  std::vector<ErrorSnapshot> errors{};
  std::vector<EventSnapshot> events{};

  /// Returns the group of that name, which is added if there is none.
  GroupSnapshot& group(std::string_view name);
};

/// Adds what the board counts to the groups of the snapshot, and its groups and scripts that the
/// snapshot lacks.
void add_numbers(const Board& board, Snapshot& snapshot);

/// Adds what the board keeps of the last minutes.
void add_recent(const Board& board, Snapshot& snapshot);

/// Returns the group and the script of a record, which no board may have.
struct ScriptPlace {
  std::string group;
  std::string script;
};
ScriptPlace place_of(const Board& board, std::uint64_t script);

/// Returns the text with each byte replaced that UTF-8 does not allow there, and each control
/// character, by U+FFFD.
std::string printable(std::string_view text);

}  // namespace brine::metrics
