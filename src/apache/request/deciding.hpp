// Scripts that decide about requests: how httpd asks one, wherever it runs.
#pragma once

#include <optional>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/question.hpp"

namespace brine::apache {

/// Asks the script, in a daemon process group or in this process. None: there is no answer that can
/// be relied on, for whatever reason, which has been logged; the request has to be refused. BLOCKS.
std::optional<wsgi::Answer> ask(request_rec* r, const DecidingScript& script,
                                const wsgi::Question& question);

}  // namespace brine::apache
