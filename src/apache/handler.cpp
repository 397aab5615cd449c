#include "apache/handler.hpp"

#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "apache/alias.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "apache/process.hpp"
#include "apache/request.hpp"
#include "apache/response.hpp"
#include "apache/selection.hpp"

namespace brine::apache {

namespace {

int refuse(const request_rec* r, int status, const std::string& text) {
  log(r, base::Level::error, text);
  return status;
}

std::string quoted(const char* text) { return "'" + std::string(text) + "'"; }

// The resource itself is to be run. OK, or the status of the refusal.
int check_script(request_rec* r) {
  const bool may_execute = (ap_allow_options(r) & OPT_EXECCGI) != 0;
  if (!may_execute && matched_alias(r) == nullptr) {
    return refuse(r, HTTP_FORBIDDEN,
                  "BRINE0101: Options ExecCGI is off for " + quoted(r->filename) +
                      ", so it is not run as a WSGI script; switch it on there or map the script "
                      "with WSGIScriptAlias");
  }
  if (r->finfo.filetype == APR_NOFILE) {
    return refuse(r, HTTP_NOT_FOUND,
                  "BRINE0102: there is no WSGI script " + quoted(r->filename) +
                      ", or httpd's user may not see it");
  }
  if (r->finfo.filetype == APR_DIR) {
    return refuse(r, HTTP_FORBIDDEN,
                  "BRINE0103: " + quoted(r->filename) + " is a directory, not a WSGI script");
  }
  return OK;
}

int check_body(const request_rec* r, bool chunked_allowed) {
  const char* encoding = apr_table_get(r->headers_in, "Transfer-Encoding");
  if (encoding != nullptr) {
    if (strcasecmp(encoding, "chunked") != 0) {
      return refuse(r, HTTP_NOT_IMPLEMENTED,
                    "BRINE0105: the request has the Transfer-Encoding " + quoted(encoding) +
                        "; only 'chunked' is understood");
    }
    if (!chunked_allowed) {
      return refuse(r, HTTP_LENGTH_REQUIRED,
                    "BRINE0106: the request's body is chunked, and WSGIChunkedRequest is Off here");
    }
  }
  const char* text = apr_table_get(r->headers_in, "Content-Length");
  if (text == nullptr) {
    return OK;
  }
  apr_off_t length = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, length);
  if (error != std::errc() || stop != end || stop == text || length < 0) {
    return refuse(r, HTTP_BAD_REQUEST,
                  "BRINE0107: the request's Content-Length is no number: " + quoted(text));
  }
  const apr_off_t limit = ap_get_limit_req_body(r);
  if (limit > 0 && length > limit) {
    return refuse(r, HTTP_REQUEST_ENTITY_TOO_LARGE,
                  "BRINE0108: the request's body of " + std::to_string(length) +
                      " bytes is larger than LimitRequestBody " + std::to_string(limit));
  }
  return OK;
}

int check_request(request_rec* r, const Selection& selection, bool resource_is_script) {
  if (resource_is_script) {
    if (const int status = check_script(r); status != OK) {
      return status;
    }
  }
  if (r->used_path_info == AP_REQ_REJECT_PATH_INFO && r->path_info != nullptr &&
      *r->path_info != '\0') {
    return refuse(r, HTTP_NOT_FOUND,
                  "BRINE0104: AcceptPathInfo is Off for " + quoted(r->filename) +
                      ", and the request has the path info " + quoted(r->path_info));
  }
  if (const int status = check_body(r, selection.settings.chunked_request); status != OK) {
    return status;
  }
  if (!selection.process_group.empty()) {
    return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                  "BRINE0110: there is no process group '" + std::string(selection.process_group) +
                      "': this version of Brine runs applications in httpd's own processes only");
  }
  if (server_settings(ap_server_conf).process.restrict_embedded) {
    return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                  "BRINE0112: WSGIRestrictEmbedded On forbids to run " +
                      quoted(selection.target.script.data()) + " in httpd's own processes");
  }
  return OK;
}

const char* describe(wsgi::ReadStatus status) {
  switch (status) {
    case wsgi::ReadStatus::ok:
      return "no error";
    case wsgi::ReadStatus::client_gone:
      return "the client has gone";
    case wsgi::ReadStatus::timed_out:
      return "the client did not send it in time (see Timeout, RequestReadTimeout)";
    case wsgi::ReadStatus::too_large:
      return "it is larger than LimitRequestBody";
    case wsgi::ReadStatus::malformed:
      return "its encoding is broken";
    case wsgi::ReadStatus::failed:
      break;
  }
  return "an input filter failed";
}

// What httpd is to answer because of a body that could not be read.
int body_failure(const BodyReader& body) {
  // A filter that has already answered says so: nothing may be sent after it.
  if (body.httpd_status() == AP_FILTER_ERROR) {
    return AP_FILTER_ERROR;
  }
  switch (body.status()) {
    case wsgi::ReadStatus::too_large:
      return HTTP_REQUEST_ENTITY_TOO_LARGE;
    case wsgi::ReadStatus::timed_out:
      return HTTP_REQUEST_TIME_OUT;
    case wsgi::ReadStatus::ok:
      return HTTP_INTERNAL_SERVER_ERROR;
    case wsgi::ReadStatus::client_gone:
    case wsgi::ReadStatus::malformed:
    case wsgi::ReadStatus::failed:
      break;
  }
  return HTTP_BAD_REQUEST;
}

int status_of(wsgi::Outcome outcome, const ApacheRequest& request, const ApacheResponse& response) {
  switch (outcome) {
    case wsgi::Outcome::completed:
    case wsgi::Outcome::failed_after_headers:
      return OK;
    case wsgi::Outcome::client_aborted:
      return response.started() ? OK : body_failure(request.body());
    case wsgi::Outcome::failed_before_headers:
      return body_failure(request.body());
    case wsgi::Outcome::no_application:
      return HTTP_NOT_FOUND;
    case wsgi::Outcome::rejected:
      return HTTP_SERVICE_UNAVAILABLE;
  }
  return HTTP_INTERNAL_SERVER_ERROR;
}

int serve(request_rec* r, const Selection& selection) {
  engine::Engine* engine = apache::engine();
  if (engine == nullptr) {
    return refuse(r, HTTP_INTERNAL_SERVER_ERROR,
                  "BRINE0109: Python is not running in this process, see BRINE0001 to BRINE0004 "
                  "earlier in the log; cannot run " +
                      quoted(selection.target.script.data()));
  }
  ApacheRequest request(r, selection);
  if (!request.read_small_body()) {
    const wsgi::ReadStatus status = request.body().status();
    // A client that goes away is nobody's fault.
    const bool gone = status == wsgi::ReadStatus::client_gone;
    log(r, gone ? base::Level::info : base::Level::error,
        std::string("BRINE0111: the request's body could not be read: ") + describe(status));
    return body_failure(request.body());
  }
  ApacheResponse response(r, selection.settings.enable_sendfile);
  const Serving serving;
  return status_of(engine->serve(selection.target, request, response), request, response);
}

int handle(request_rec* r) {
  if (r->handler == nullptr) {
    return DECLINED;
  }
  const std::string_view handler = r->handler;
  const HandlerScript* script = nullptr;
  const bool resource_is_script = handler == "wsgi-script" || handler == "application/x-httpd-wsgi";
  if (!resource_is_script) {
    script = request_settings(r).handler_scripts.find(handler);
    if (script == nullptr) {
      return DECLINED;
    }
  }
  const Selection selection = select(r, script);
  if (const int status = check_request(r, selection, resource_is_script); status != OK) {
    return status;
  }
  return serve(r, selection);
}

}  // namespace

void register_handler_hooks() {
  ap_hook_handler(guarded<&handle>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache
