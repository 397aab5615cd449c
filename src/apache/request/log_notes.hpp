// Sets the notes by which httpd's access log shows what a request met: %{brine-app}n and others.
// They cost a request nothing unless the configuration names one of them.
#pragma once

#include <cstdint>

#include "apache/httpd.hpp"
#include "apache/request/selection.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

/// Sets brine-group and brine-script.
void note_place(request_rec* r, const Selection& selection);

/// Sets brine-pid: the process that runs the application.
void note_process(request_rec* r, std::int32_t pid) noexcept;

/// Sets brine-queue, brine-app and brine-deliver, in microseconds. The latter two are missing if
/// the application was not called.
void note_times(request_rec* r, const metrics::RequestMeasures& measures);

void register_log_notes_hooks();

}  // namespace brine::apache
