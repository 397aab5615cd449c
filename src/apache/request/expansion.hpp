// Expands %{GLOBAL}, %{RESOURCE}, %{SERVER}, %{HOST} and %{ENV:NAME} in the names of groups and
// callables.
#pragma once

#include <string_view>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/request.hpp"

namespace brine::apache {

/// Returns the process group that `value` names for this request; unknown expansions stand for
/// themselves. A client may have written the name, since it is only looked up among the existing
/// groups.
std::string_view expand_process_group(request_rec* r, std::string_view value);

/// A name, and who chose it.
struct ApplicationGroupName {
  std::string_view text;
  wsgi::NamedBy named_by = wsgi::NamedBy::configuration;
};

/// Returns the application group that `value` names, which is made if it is new, and who chose the
/// name. `handler` is the handler script that serves the request; null: the resource is the script.
ApplicationGroupName expand_application_group(request_rec* r, std::string_view value,
                                              const HandlerScript* handler);

/// Returns the callable that `value` names: only `%{ENV:NAME}` is expanded, to "application" if
/// unset.
std::string_view expand_callable(request_rec* r, std::string_view value);

}  // namespace brine::apache
