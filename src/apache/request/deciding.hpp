// Asks scripts that decide about requests, wherever they run.
#pragma once

#include <optional>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/question.hpp"

namespace brine::apache {

/// Asks the script, in a daemon process group or in this process. Returns nothing if there is no
/// reliable answer, after logging the reason; the request then has to be refused. BLOCKS.
std::optional<wsgi::Answer> ask(request_rec* r, const DecidingScript& script,
                                const wsgi::Question& question);

}  // namespace brine::apache
