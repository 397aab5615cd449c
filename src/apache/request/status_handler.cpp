#include "apache/request/status_handler.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "apache/guarded.hpp"
#include "apache/httpd.hpp"
#include "apache/process/server_snapshot.hpp"
#include "apache/request/only_reading.hpp"
#include "apache/request/stacks.hpp"
#include "apache/request/status_format.hpp"
#include "metrics/json.hpp"
#include "metrics/openmetrics.hpp"
#include "metrics/page.hpp"
#include "metrics/snapshot.hpp"

namespace brine::apache {

namespace {

constexpr const char* kJsonType = "application/json";

std::string_view text_or_none(const char* text) {
  return text != nullptr ? std::string_view(text) : std::string_view();
}

// Sets the type of the answer and returns its text.
std::string shown(request_rec* r, StatusFormat format) {
  using metrics::Exposition;
  switch (format) {
    case StatusFormat::openmetrics:
      ap_set_content_type(r, metrics::kOpenMetricsType);
      return to_openmetrics(take_snapshot(), Exposition::openmetrics);
    case StatusFormat::prometheus:
      ap_set_content_type(r, metrics::kPrometheusType);
      return to_openmetrics(take_snapshot(), Exposition::prometheus);
    case StatusFormat::html:
      ap_set_content_type(r, "text/html; charset=utf-8");
      apr_table_setn(r->headers_out, "Content-Security-Policy", metrics::kPagePolicy);
      return std::string(metrics::status_page());
    case StatusFormat::json:
      break;
  }
  ap_set_content_type(r, kJsonType);
  return to_json(take_snapshot());
}

// Answers with the stack of a request that runs, as text.
int show_stack(request_rec* r, std::string_view key) {
  ap_set_content_type(r, "text/plain; charset=utf-8");
  apr_table_setn(r->headers_out, "Cache-Control", "no-store");
  if (!shows_stacks()) {
    r->status = HTTP_FORBIDDEN;
    ap_rputs("WSGIStatusStacks is Off\n", r);
    return OK;
  }
  const std::optional<std::string> stack = stack_of(key);
  if (!stack) {
    r->status = HTTP_NOT_FOUND;
    ap_rputs("the request has ended, or its process does not answer\n", r);
    return OK;
  }
  std::string_view rest = *stack;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    ap_rputs((metrics::printable(line) + "\n").c_str(), r);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return OK;
}

int show_status(request_rec* r) {
  if (text_or_none(r->handler) != "brine-status") {
    return DECLINED;
  }
  if (const std::optional<int> answer = answer_to_other_methods(r); answer) {
    return *answer;
  }
  constexpr std::string_view kStack = "stack=";
  if (const auto query = text_or_none(r->args); query.starts_with(kStack)) {
    return show_stack(r, query.substr(kStack.size()));
  }
  const std::optional<StatusFormat> format =
      status_format(text_or_none(r->args), text_or_none(apr_table_get(r->headers_in, "Accept")));
  if (!format) {
    ap_set_content_type(r, "text/plain; charset=utf-8");
    r->status = HTTP_BAD_REQUEST;
    ap_rputs("format= is one of html, json, openmetrics, prometheus\n", r);
    return OK;
  }
  const std::string text = shown(r, *format);
  apr_table_setn(r->headers_out, "Cache-Control", "no-store");
  apr_table_setn(r->headers_out, "Vary", "Accept");
  ap_set_content_length(r, static_cast<apr_off_t>(text.size()));
  if (r->header_only == 0) {
    ap_rwrite(text.data(), static_cast<int>(text.size()), r);
  }
  return OK;
}

}  // namespace

void register_status_handler() {
  ap_hook_handler(guarded<&show_status>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache
