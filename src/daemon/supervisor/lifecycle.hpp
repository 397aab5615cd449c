// Decides what follows when something happens to a daemon process. Pure functions, which the
// supervisor calls: they have no effects and read no clock.
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

/// The phase of a process's life. docs/architecture.md has a table of when each begins and ends.
enum class Phase : std::uint8_t {
  starting,
  serving,
  retiring,  ///< serves, and leaves when its successor is ready
  keeping,   ///< serves only scripts that processes with newer code lack
  draining,  ///< takes no new requests, and finishes those that it has
  stopping,  ///< ends whatever it does
  ended,
  count_,
};

/// An event in a process's life.
enum class Event : std::uint8_t {
  ready,       ///< the process has loaded its scripts, and is to serve
  rejected,    ///< the process lacks scripts that others have, and is not to serve
  replace,     ///< there is a reason to replace the process
  kept,        ///< the new code that was to replace the process does not load
  replaced,    ///< enough others serve
  spared,      ///< enough others serve, but they lack scripts that the process has
  dismissed,   ///< httpd's processes have gone: the process ends after its requests
  shut_down,   ///< httpd stops: the process ends now
  terminated,  ///< the process says that it was sent SIGTERM
  leaving,     ///< the process says that its last request has ended
  finished,    ///< a service says that its scripts have returned
  stuck,       ///< all of Python hangs, or the code being loaded does and has been mended
  late,        ///< the deadline of the phase has passed
  died,
  count_,
};

/// The state of a process, from which step() and due() decide.
struct Life {
  Phase phase = Phase::starting;
  Reason reason = Reason::none;
  base::Nanos ready_at = 0;
  base::Nanos deadline = 0;  ///< of the phase; 0: none
  bool timed_out = false;    ///< the process was killed since it did not leave in time
};

/// An event, with the reason for which a process has to be replaced or to end.
struct Happening {
  Event event = Event::died;
  Reason reason = Reason::none;
};

/// The effects that the supervisor has on a process.
enum class Action : std::uint8_t {
  none,
  let_in,        ///< shows the slot as ready, and opens its gate
  shut_out,      ///< closes the gate
  show_keeping,  ///< shows the slot as keeping
  send_drain,    ///< sends Message::drain over the control channel
  send_stop,     ///< sends Message::stop, or SIGTERM where there is no control channel
  show_leaving,  ///< shows the slot as leaving
  ask_stack,     ///< sends SIGABRT: the process writes its stacks, and ends
  kill,          ///< sends SIGKILL
};

/// The result of step(): the new state, and the actions to be taken in this order.
struct Transition {
  Life life;
  std::array<Action, 2> actions{};
  std::optional<Counter> count;  ///< the counter of the group that goes up
};

/// Returns what follows when this happens to a process of this group, by this table. An ignored
/// event changes nothing.
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
/// "–" means that the event is ignored, as all events are in the phase ended. "*" holds only for a
/// process that new code was to replace; `replace` gives it the other reason. "aborted" and
/// "killed" mean stopping, after SIGABRT or SIGKILL. A service is stopped where another process
/// drains: it has no requests to finish.
Transition step(const Life& life, const Happening& happening, const Group& group, base::Nanos now);

/// Returns true for a phase in which another process is to take the place of this one, or none.
constexpr bool is_going(Phase phase) noexcept {
  return phase == Phase::retiring || phase == Phase::keeping || phase == Phase::draining ||
         phase == Phase::stopping;
}

/// Returns true if the table ignores the event in this phase.
bool is_ignored(Phase phase, Event event) noexcept;

/// Returns the life of a process that has just been forked.
Life begin(const Limits& limits, base::Nanos now);

/// Returns what has happened to a process because time has passed, if anything.
std::optional<Happening> due(const Life& life, const Limits& limits, const Vitals& vitals,
                             base::Nanos now);

/// Returns the latest time at which due() may return something, as far as is known now; 0: none.
base::Nanos due_at(const Life& life, const Limits& limits, const Vitals& vitals, base::Nanos now);

/// Returns the counter that goes up when a process is to be replaced for this reason.
Counter counter_of(Reason reason) noexcept;

}  // namespace brine::daemon
