// Whether what was selected for a request may run where it is to run, and running it there.
#pragma once

#include "apache/request/request.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Returns OK, or the status of the refusal, which has been logged: of the process group, or of the
/// script's owner.
int check_place(const request_rec* r, const Selection& selection);

/// Runs the script in httpd's own process, or in one of the daemon process group's.
wsgi::Outcome run(request_rec* r, const Selection& selection, ApacheRequest& request,
                  wsgi::ResponseWriter& response);

}  // namespace brine::apache
