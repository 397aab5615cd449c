#include "apache/process/own_life.hpp"

#include <ap_mpm.h>
#include <scoreboard.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "apache/httpd.hpp"
#include "apache/process/events.hpp"
#include "base/clock.hpp"
#include "metrics/life_event.hpp"

namespace brine::apache {

using metrics::LifeEvent;
using metrics::ProcessEvent;

namespace {

std::atomic<base::Nanos> started{0};
std::atomic<const char*> reason{nullptr};  // why the process is to end; null: httpd has not said

bool is_threaded() {
  int threaded = AP_MPMQ_NOT_SUPPORTED;
  ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
  return threaded != AP_MPMQ_NOT_SUPPORTED;
}

// Returns the reason as far as the MPM lets it be known. A restart raises the generation before it
// reaches the processes; prefork says of none that it ends gracefully.
const char* reason_of(int generation, bool graceful) {
  const bool is_restart =
      ap_exists_scoreboard_image() != 0 &&
      static_cast<int>(ap_get_scoreboard_global()->running_generation) != generation;
  if (is_restart) return "restart";
  return !graceful && is_threaded() ? "shutdown" : "limit or shutdown";
}

std::uint64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

void tell_own_start() {
  started = base::now();
  tell_event(own_event(ProcessEvent::start));
}

void tell_own_readiness() {
  LifeEvent event = own_event(ProcessEvent::ready);
  event.age = base::now() - started;
  tell_event(std::move(event));
}

void tell_own_retirement(bool graceful) {
  LifeEvent event = own_event(ProcessEvent::retire);
  const char* const known = reason_of(event.generation, graceful);
  const char* unsaid = nullptr;
  // A graceful stop may be followed by one that is not.
  if (!reason.compare_exchange_strong(unsaid, known)) return;
  event.reason = known;
  tell_event(std::move(event));
}

void tell_own_end() {
  LifeEvent event = own_event(ProcessEvent::end);
  if (const char* const known = reason) event.reason = known;
  event.age = base::now() - started;
  event.peak = peak_memory();
  tell_event(std::move(event));
}

}  // namespace brine::apache
