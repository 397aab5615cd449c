// A daemon process's life as its supervisor leads it: what follows from what happens. Decisions
// without effects and without a clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/group.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "daemon/supervisor/policy.hpp"

namespace brine::daemon {

enum class Phase : std::uint8_t {
  starting,
  serving,
  retiring,  ///< it serves, and goes when its successor is ready
  keeping,   ///< likewise, but only scripts that processes with newer code lack
  draining,  ///< it takes no more requests, and ends the ones that it has
  stopping,  ///< it ends whatever it does
  ended,
  count_,
};

enum class Event : std::uint8_t {
  ready,       ///< it has loaded its scripts, and is to serve
  rejected,    ///< it lacks scripts that others have, and is not to serve
  replace,     ///< there is a reason to replace it
  kept,        ///< the new code that was to replace it does not load
  replaced,    ///< enough others serve
  spared,      ///< likewise, but they lack scripts that it has
  dismissed,   ///< httpd's processes have gone: it is to end when its requests have
  shut_down,   ///< httpd stops: it is to end now
  terminated,  ///< it was sent SIGTERM, and says so
  leaving,     ///< it says that its last request has ended
  finished,    ///< it says that its scripts have returned: it is a service
  stuck,       ///< it hangs: all of Python, or the code that it loads, which has been mended
  late,        ///< the deadline of its phase has passed
  died,
  count_,
};

struct Life {
  Phase phase = Phase::starting;
  Reason reason = Reason::none;
  base::Nanos ready_at = 0;
  base::Nanos deadline = 0;  ///< of the phase; 0: none
  bool timed_out = false;    ///< it was killed since it did not leave in time
};

struct Happening {
  Event event = Event::died;
  Reason reason = Reason::none;
};

/// What the supervisor does to a process.
enum class Action : std::uint8_t {
  none,
  let_in,        ///< its slot is shown as ready, and its gate opened
  shut_out,      ///< its gate is closed
  show_keeping,  ///< its slot is shown as keeping
  send_drain,    ///< over its control channel
  send_stop,     ///< likewise; SIGTERM for one that has none
  show_leaving,  ///< its slot is shown as leaving
  ask_stack,     ///< SIGABRT: it writes its stacks, and ends
  kill,          ///< SIGKILL
};

struct Transition {
  Life life;
  std::array<Action, 2> actions{};
  std::optional<Counter> count;  ///< what the group counts
};

/// What follows when this happens to a process of this group. The table says it; what is ignored
/// changes nothing.
///
/// | event      | starting | serving  | retiring   | keeping  | draining | stopping |
/// |------------|----------|----------|------------|----------|----------|----------|
/// | ready      | serving  | –        | –          | –        | –        | –        |
/// | rejected   | stopping | –        | –          | –        | –        | –        |
/// | replace    | –        | retiring | retiring * | –        | –        | –        |
/// | kept       | –        | –        | serving *  | –        | –        | –        |
/// | spared     | –        | –        | keeping    | –        | –        | –        |
/// | replaced   | –        | –        | draining   | draining | –        | –        |
/// | dismissed  | draining | draining | draining   | draining | –        | –        |
/// | shut_down  | stopping | stopping | stopping   | stopping | stopping | –        |
/// | terminated | stopping | stopping | stopping   | stopping | stopping | –        |
/// | leaving    | –        | –        | –          | –        | stopping | stopping |
/// | finished   | stopping | stopping | stopping   | stopping | stopping | –        |
/// | stuck      | aborted  | aborted  | aborted    | aborted  | aborted  | –        |
/// | late       | aborted  | –        | –          | –        | stopping | killed   |
/// | died       | ended    | ended    | ended      | ended    | ended    | ended    |
///
/// "–": ignored. "*": only one that new code was to replace; with `replace` it gets the other
/// reason. "aborted", "killed": stopping, after SIGABRT or SIGKILL. Where another process drains, a
/// service is stopped: it has no requests that it could end before. Of one that has ended, all is
/// ignored.
Transition step(const Life& life, const Happening& happening, const Group& group, base::Nanos now);

/// Whether the table ignores the event in this phase.
bool is_ignored(Phase phase, Event event) noexcept;

/// A process's beginning.
Life begin(const Limits& limits, base::Nanos now);

/// What time brings to a process.
std::optional<Happening> due(const Life& life, const Limits& limits, const Vitals& vitals,
                             base::Nanos now);

/// When due() will say more at the latest, as far as is known now; 0: not by itself.
base::Nanos due_at(const Life& life, const Limits& limits, const Vitals& vitals, base::Nanos now);

/// What a group counts when a process has to be replaced for this reason.
Counter counter_of(Reason reason) noexcept;

}  // namespace brine::daemon
