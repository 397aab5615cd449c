// %{GLOBAL}, %{RESOURCE}, %{SERVER}, %{HOST} and %{ENV:NAME} in the names of groups and callables.
#pragma once

#include <string_view>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/request.hpp"

namespace brine::apache {

/// The process group that `value` names for this request; unknown expansions stand for themselves.
/// It is looked up among those that there are, so it may be what a client wrote.
std::string_view expand_process_group(request_rec* r, std::string_view value);

struct ApplicationGroupName {
  std::string_view text;
  wsgi::NamedBy named_by = wsgi::NamedBy::configuration;
};

/// Likewise the application group, which is made if it is new. `handler` is the handler script that
/// serves the request; null: the resource is the script.
ApplicationGroupName expand_application_group(request_rec* r, std::string_view value,
                                              const HandlerScript* handler);

/// The callable that `value` names: `%{ENV:NAME}` alone is expanded, to "application" if unset.
std::string_view expand_callable(request_rec* r, std::string_view value);

}  // namespace brine::apache
