// Shows a snapshot as JSON; docs/status.schema.json describes it.
#pragma once

#include <string>

#include "metrics/snapshot.hpp"

namespace brine::metrics {

std::string to_json(const Snapshot& snapshot);

}  // namespace brine::metrics
