// Selects, from the URL, the handler and the settings, what one request runs and where.
#pragma once

#include <optional>
#include <string_view>

#include "apache/config/settings.hpp"
#include "boundary/request.hpp"
#include "daemon/shared/group.hpp"

namespace brine::apache {

/// An alias and all settings, resolved for one request. All views live as long as the request.
struct Selection {
  wsgi::Target target;
  std::string_view process_group;  ///< empty: httpd's own processes
  /// The group of process_group; null if there is none.
  const daemon::Group* group = nullptr;
  std::string_view handler_script;  ///< path of the WSGIHandlerScript, or empty
  ResolvedSettings settings;
  bool pass_authorization;
  /// A script that decides, which the server's configuration names. WSGIRestrictEmbedded is about
  /// applications, and about what users of the server say in .htaccess files.
  bool may_be_embedded = false;
};

/// Where a dispatch script sends a request; what it does not say stays as it is.
struct Route {
  std::optional<std::string_view> process_group;
  std::optional<std::string_view> application_group;
  std::optional<std::string_view> callable;
};

/// Returns the selection for a request. `handler` is the handler script that serves it; null: the
/// resource is the script.
Selection select(request_rec* r, const HandlerScript* handler, const Route& route = {});

/// The same for a script that is asked about the request.
Selection select(request_rec* r, const DecidingScript& script, const wsgi::Question& question);

}  // namespace brine::apache
