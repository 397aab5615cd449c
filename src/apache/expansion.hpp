// %{GLOBAL}, %{RESOURCE}, %{SERVER}, %{HOST} and %{ENV:NAME} in the names of groups and callables.
#pragma once

#include <string_view>

#include "apache/httpd.hpp"

namespace brine::apache {

/// The group that `value` names for this request; unknown expansions stand for themselves.
std::string_view expand_group(request_rec* r, std::string_view value);

/// The callable that `value` names: `%{ENV:NAME}` alone is expanded, to "application" if unset.
std::string_view expand_callable(request_rec* r, std::string_view value);

}  // namespace brine::apache
