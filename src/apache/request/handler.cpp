#include "apache/request/handler.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "apache/config/alias.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "apache/request/buffered_response.hpp"
#include "apache/request/counting_place.hpp"
#include "apache/request/log_notes.hpp"
#include "apache/request/measuring.hpp"
#include "apache/request/refusal.hpp"
#include "apache/request/replacing.hpp"
#include "apache/request/request.hpp"
#include "apache/request/response.hpp"
#include "apache/request/routing.hpp"
#include "apache/request/running.hpp"
#include "apache/request/selection.hpp"
#include "apache/request/shown_request.hpp"
#include "base/clock.hpp"
#include "base/quotes.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

namespace {

// A client that was answered 503 may try again after this many seconds.
constexpr const char* kRetryAfter = "2";

// Checks a resource that is to be run itself. Returns OK, or the status of the refusal.
int check_script(request_rec* r) {
  const bool may_execute = (ap_allow_options(r) & OPT_EXECCGI) != 0;
  if (!may_execute && matched_alias(r) == nullptr) {
    return refuse(r, HTTP_FORBIDDEN,
                  "BRINE0101: Options ExecCGI is off for " + base::in_quotes(r->filename) +
                      ", so it is not run as a WSGI script; switch it on there or map the script "
                      "with WSGIScriptAlias");
  }
  if (r->finfo.filetype == APR_NOFILE) {
    return refuse(r, HTTP_NOT_FOUND,
                  "BRINE0102: there is no WSGI script " + base::in_quotes(r->filename) +
                      ", or httpd's user may not see it");
  }
  if (r->finfo.filetype == APR_DIR) {
    return refuse(
        r, HTTP_FORBIDDEN,
        "BRINE0103: " + base::in_quotes(r->filename) + " is a directory, not a WSGI script");
  }
  return OK;
}

int check_body(const request_rec* r, ChunkedRequest chunked) {
  const char* encoding = apr_table_get(r->headers_in, "Transfer-Encoding");
  if (encoding != nullptr) {
    if (strcasecmp(encoding, "chunked") != 0) {
      return refuse(r, HTTP_NOT_IMPLEMENTED,
                    "BRINE0105: the request has the Transfer-Encoding " +
                        base::in_quotes(encoding) + "; only 'chunked' is understood");
    }
    if (chunked == ChunkedRequest::off) {
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
                  "BRINE0107: the request's Content-Length is no number: " + base::in_quotes(text));
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
                  "BRINE0104: AcceptPathInfo is Off for " + base::in_quotes(r->filename) +
                      ", and the request has the path info " + base::in_quotes(r->path_info));
  }
  return check_body(r, selection.settings.chunked_request);
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

// Returns httpd's status for a body that could not be read.
int body_failure(const RequestBody& body) {
  if (const int error = body.file_error(); error != 0) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return full ? HTTP_INSUFFICIENT_STORAGE : HTTP_INTERNAL_SERVER_ERROR;
  }
  // A filter has already answered, so nothing may be sent after it.
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

int status_of(wsgi::Outcome outcome, const RequestBody& body, const ApacheResponse& response) {
  switch (outcome) {
    case wsgi::Outcome::completed:
      return OK;
    case wsgi::Outcome::failed_after_headers:  // perhaps no part of them has been sent
      return response.started() ? OK : HTTP_INTERNAL_SERVER_ERROR;
    case wsgi::Outcome::client_aborted:
      return response.started() ? OK : body_failure(body);
    case wsgi::Outcome::failed_before_headers:
      return body_failure(body);
    case wsgi::Outcome::no_application:
      return HTTP_NOT_FOUND;
    case wsgi::Outcome::forbidden:
      return HTTP_FORBIDDEN;
    case wsgi::Outcome::rejected:
    case wsgi::Outcome::overfull:
    case wsgi::Outcome::not_ready:
      return HTTP_SERVICE_UNAVAILABLE;
    case wsgi::Outcome::process_died:
      return response.started() ? OK : HTTP_BAD_GATEWAY;
    case wsgi::Outcome::timed_out:
      return response.started() ? OK : HTTP_GATEWAY_TIME_OUT;
    case wsgi::Outcome::script_failed:
    case wsgi::Outcome::restarting:
      return HTTP_INTERNAL_SERVER_ERROR;
  }
  return HTTP_INTERNAL_SERVER_ERROR;
}

// Returns the status if nothing of the response was passed on: OK if it may be replaced.
int replacing_status(wsgi::Outcome outcome, const RequestBody& body,
                     const ApacheResponse& response) {
  if (response.is_whole()) {
    return OK;
  }
  return outcome == wsgi::Outcome::client_aborted ? body_failure(body) : HTTP_BAD_GATEWAY;
}

// Answers a request whose body could not be read as far as the plan wants.
int refuse_body(request_rec* r, const RequestBody& body) {
  // httpd would otherwise read the rest of the body before it sends the error page.
  r->connection->keepalive = AP_CONN_CLOSE;
  if (body.file_error() != 0) {
    log(r, base::Level::error,
        std::string("BRINE0118: the request's body could not be kept in a temporary file in '") +
            base::TemporaryFile::folder() + "': " + std::strerror(body.file_error()));
    return body_failure(body);
  }
  // A client that goes away is no error.
  const bool gone = body.status() == wsgi::ReadStatus::client_gone;
  log(r, gone ? base::Level::info : base::Level::error,
      std::string("BRINE0111: the request's body could not be read: ") + describe(body.status()));
  return body_failure(body);
}

int serve(request_rec* r, const Selection& selection, const CountingPlace& place,
          metrics::RequestMeasures& measures) {
  const ResolvedSettings& settings = selection.settings;
  const BodyFacts facts = body_facts(r);
  RequestBody body(r, facts);
  if (!body.take(plan_body(facts, settings.chunked_request, settings.request_buffering))) {
    return refuse_body(r, body);
  }
  ApacheRequest request(r, selection, body);
  ApacheResponse response(r, settings.enable_sendfile, request.head().replacements);
  BufferedResponse buffered(response, request, settings.response_buffering);
  const bool keeps = settings.response_buffering != 0 && r->header_only == 0;
  const base::Nanos begun = base::now();
  const ShownRequest shown(selection, place, request, begun);
  const wsgi::Outcome outcome =
      keeps ? run(r, selection, request, buffered) : run(r, selection, request, response);
  measure_run(begun, request, response, measures);
  buffered.finish();
  measure_delivery(request, response, measures);
  if (outcome == wsgi::Outcome::overfull || outcome == wsgi::Outcome::not_ready) {
    apr_table_setn(r->err_headers_out, "Retry-After", kRetryAfter);
  }
  const bool replaced = response.is_replaced();
  const int status =
      replaced ? replacing_status(outcome, body, response) : status_of(outcome, body, response);
  shown.note_end(measures, status != OK ? status : r->status);
  // httpd would otherwise read the body to its end before it sends the page, however long the
  // client takes. For most other errors httpd itself closes the connection.
  if (!body.ended() &&
      (replaced || status == HTTP_BAD_GATEWAY || status == HTTP_GATEWAY_TIME_OUT)) {
    r->connection->keepalive = AP_CONN_CLOSE;
  }
  return replaced && status == OK ? replace(r, response) : status;
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
  Selection selection = select(r, script);
  // A request that is refused here is not counted, since there may be no such script.
  int status = check_request(r, selection, resource_is_script);
  if (status != OK) {
    return status;
  }
  const DecidingScript* dispatcher = request_settings(r).dispatch_script.value.value_or(nullptr);
  if (dispatcher != nullptr) {
    Route route;
    status = find_route(r, *dispatcher, route);
    selection = select(r, script, route);
  }
  note_place(r, selection);
  if (status == OK) {
    status = check_place(r, selection);
  }
  const CountingPlace place = counting_place(selection);
  metrics::RequestMeasures measures;
  if (status == OK) {
    status = serve(r, selection, place, measures);
  }
  count_request(r, place, status, measures);
  note_times(r, measures);
  return status;
}

}  // namespace

void register_handler_hooks() {
  ap_hook_handler(guarded<&handle>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache
