// Takes a snapshot of the server: what the board counts, the daemon process groups and all
// processes.
#pragma once

#include "metrics/snapshot.hpp"

namespace brine::apache {

/// Returns what there is now. Does NOT block.
metrics::Snapshot take_snapshot();

}  // namespace brine::apache
