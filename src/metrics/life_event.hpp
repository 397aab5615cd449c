// LifeEvent tells of an event in a process's life, for the event log and for the board.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "metrics/recent.hpp"

namespace brine::metrics {

/// A request that ended with its process.
struct EndedRequest {
  std::string what;  ///< "GET /path"
  std::string id;
  base::Nanos age = 0;
};

/// An event. Texts may be a tenant's: URLs of requests, paths of scripts.
struct LifeEvent {
  ProcessEvent event = ProcessEvent::start;
  std::int64_t time = 0;  ///< ns since the epoch
  std::string group{};
  std::int32_t pid = 0;
  int generation = 0;    ///< httpd's, of the configuration that the process belongs to
  std::string reason{};  ///< why a process is replaced or has ended; empty: nobody told it to
  std::string script{};  ///< of a reload: the script that has changed, if it is known
  // Of an end, and of what is known of it:
  std::string how{};    ///< "exit code 0"
  base::Nanos age = 0;  ///< since the start; of `ready` too
  std::uint64_t served = 0;
  std::uint64_t peak = 0;  ///< most bytes that were resident
  std::vector<EndedRequest> requests{};
};

/// A pipe takes a line of so many bytes as a whole (PIPE_BUF).
inline constexpr std::size_t kMostLine = 4096;

/// Returns one line of JSON, as docs/events.schema.json describes it, with its newline. It names as
/// many requests as find room in kMostLine, and says how many it leaves out.
std::string to_json_line(const LifeEvent& event);

/// Returns what the board keeps of it.
EventRecord record_of(const LifeEvent& event);

}  // namespace brine::metrics
