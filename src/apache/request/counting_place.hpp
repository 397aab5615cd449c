// Finds the places on the board in which a thread counts and shows its requests.
#pragma once

#include <cstddef>
#include <string_view>

#include "apache/request/selection.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

/// Returns the name under which a request's group is known to others: %{GLOBAL} for httpd's own
/// processes, (other) for what is no group's name and so may be a client's word.
std::string_view counted_group(const Selection& selection);

/// The places of a request. All members are null where there is no board.
struct CountingPlace {
  metrics::Board* board = nullptr;
  metrics::ScriptRow* script = nullptr;
  metrics::RunningRow* running = nullptr;  ///< the thread's own; null too if all are taken
  std::size_t stripe = 0;
};

/// Returns the places of a request for the script and the group that were selected.
CountingPlace counting_place(const Selection& selection);

}  // namespace brine::apache
