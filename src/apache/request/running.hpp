// Checks that a selected script may run where it is to run, and runs it there.
#pragma once

#include "apache/request/request.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Checks the process group and the script's owner. Returns OK, or the status of the refusal after
/// logging it.
int check_place(const request_rec* r, const Selection& selection);

/// Runs the script in httpd's own process, or in one of the daemon process group's.
wsgi::Outcome run(request_rec* r, const Selection& selection, ApacheRequest& request,
                  wsgi::ResponseWriter& response);

}  // namespace brine::apache
