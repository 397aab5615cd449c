// Shows a snapshot as Prometheus reads it: OpenMetrics 1.0, or Prometheus's own older text format.
#pragma once

#include <string>

#include "metrics/snapshot.hpp"

namespace brine::metrics {

/// The formats, which differ in the names of counters' families and in the text's end.
enum class Exposition { openmetrics, prometheus };

/// The Content-Type of each.
inline constexpr const char* kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
inline constexpr const char* kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

std::string to_openmetrics(const Snapshot& snapshot, Exposition exposition);

}  // namespace brine::metrics
