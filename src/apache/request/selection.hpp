// What the URL, the handler and the settings together select for one request.
#pragma once

#include <string_view>

#include "apache/config/settings.hpp"
#include "boundary/request.hpp"
#include "daemon/shared/group.hpp"

namespace brine::apache {

struct Selection {
  wsgi::Target target;
  std::string_view process_group;  ///< empty: httpd's own processes
  /// The definition of process_group; null where there is none.
  const daemon::Group* group = nullptr;
  std::string_view handler_script;  ///< path of the WSGIHandlerScript, or empty
  ResolvedSettings settings;
  bool pass_authorization;
};

/// `handler` is the handler script that serves the request; null: the resource is the script.
Selection select(request_rec* r, const HandlerScript* handler);

}  // namespace brine::apache
