#include "apache/request/running.hpp"

#include <unistd.h>

#include <string>
#include <string_view>

#include "apache/config/daemon_groups.hpp"
#include "apache/log.hpp"
#include "apache/process/daemons.hpp"
#include "apache/process/process.hpp"
#include "apache/request/refusal.hpp"
#include "apache/request/slow_requests.hpp"
#include "base/quotes.hpp"
#include "base/script_file.hpp"
#include "daemon/shared/private_fd.hpp"

namespace brine::apache {

namespace {

// A client may try again after this many seconds, since an administrator has to mend something.
constexpr const char* kRetryLater = "60";

bool is_allowed(const AllowedGroup* allowed, std::string_view group) {
  if (allowed == nullptr) {
    return true;
  }
  while (allowed != nullptr && allowed->name != group) {
    allowed = allowed->next;
  }
  return allowed != nullptr;
}

int refuse_group(const request_rec* r, const Selection& selection, const char* code_and_start,
                 const std::string& end) {
  return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                code_and_start + base::in_quotes(selection.process_group) + end);
}

int check_threads(const request_rec* r, const Selection& selection) {
  if (selection.group == nullptr || !selection.group->is_service()) {
    return OK;
  }
  return refuse_group(r, selection, "BRINE0117: the process group ",
                      " has threads=0 and serves no requests: it runs what WSGIImportScript names; "
                      "use another group here");
}

// Returns what keeps Python from starting where the request would run, or an empty text.
std::string_view fault_of(std::string_view group) {
  return group.empty() ? std::string_view(server_settings(ap_server_conf).process.home_fault)
                       : daemon_group_fault(group);
}

int check_order(const request_rec* r, const Selection& selection) {
  const std::string_view fault = fault_of(selection.process_group);
  if (fault.empty()) {
    return check_threads(r, selection);
  }
  apr_table_setn(r->err_headers_out, "Retry-After", kRetryLater);
  return refuse(
      r, HTTP_SERVICE_UNAVAILABLE,
      "BRINE0120: " + base::in_quotes(selection.target.script.data()) +
          " cannot be run, since what would run it is out of order: " + std::string(fault));
}

int check_process_group(const request_rec* r, const Selection& selection) {
  const std::string_view group = selection.process_group;
  const bool embedded = group.empty();
  if (!is_allowed(selection.settings.allowed_groups, group)) {
    return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                  "BRINE0113: WSGIRestrictProcess does not name the process group '" +
                      std::string(embedded ? "%{GLOBAL}" : group) + "', in which " +
                      base::in_quotes(selection.target.script.data()) + " would run");
  }
  if (embedded && !selection.may_be_embedded &&
      server_settings(ap_server_conf).process.restrict_embedded) {
    return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                  "BRINE0112: WSGIRestrictEmbedded On forbids to run " +
                      base::in_quotes(selection.target.script.data()) +
                      " in httpd's own processes");
  }
  const GroupAccess access =
      embedded ? GroupAccess::granted : daemon_group_access(group, r->server);
  switch (access) {
    case GroupAccess::granted:
      return check_order(r, selection);
    case GroupAccess::unknown:
      return refuse_group(r, selection, "BRINE0110: there is no process group ",
                          "; " + list_daemon_groups());
    case GroupAccess::other_server:
      break;
  }
  return refuse_group(r, selection, "BRINE0114: the process group ",
                      " is defined in a virtual host of another ServerName, and only virtual hosts "
                      "of that name may use it");
}

// Checks script-user= and script-group= of the group, so that each request is refused, whatever has
// been loaded. The process that runs the script checks them again when it opens the file.
int check_owner(const request_rec* r, const Selection& selection) {
  const daemon::Group* group = selection.group;
  if (group == nullptr) {
    return OK;
  }
  const base::ScriptOwner owner{group->script_user, group->script_group};
  if (!owner.is_wanted()) {
    return OK;
  }
  const base::ScriptFile file = base::open_script(std::string(selection.target.script), owner,
                                                  base::Opening::to_judge, group->chroot);
  if (file.fd) {
    return OK;
  }
  const std::string end = "; daemon group '" + group->name + "' does not run it";
  return refuse(r, HTTP_FORBIDDEN,
                file.ownership == base::Ownership::writable ? "BRINE0116: " + file.why + end
                                                            : "BRINE0115: " + file.why + end);
}

}  // namespace

int check_place(const request_rec* r, const Selection& selection) {
  const int status = check_process_group(r, selection);
  return status != OK ? status : check_owner(r, selection);
}

wsgi::Outcome run(request_rec* r, const Selection& selection, ApacheRequest& request,
                  wsgi::ResponseWriter& response) {
  if (!selection.process_group.empty()) {
    daemon::Client* client = daemon_client(selection.process_group);
    return client != nullptr ? client->serve(selection.target, request, response)
                             : wsgi::Outcome::failed_before_headers;
  }
  engine::Engine* engine = apache::engine();
  if (engine == nullptr) {
    log(r, base::Level::error,
        "BRINE0109: Python is not running in this process, see BRINE0001 to BRINE0004 "
        "earlier in the log; cannot run " +
            base::in_quotes(selection.target.script.data()));
    return wsgi::Outcome::failed_before_headers;
  }
  request.taken_by(::getpid());
  const Serving serving;
  const WatchedRequest watched(r, request);
  const wsgi::Outcome outcome = engine->serve(selection.target, request, response);
  daemon::end_if_forked();  // the rest belongs to the parent process
  return outcome;
}

}  // namespace brine::apache
