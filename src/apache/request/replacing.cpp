#include "apache/request/replacing.hpp"

#include <string_view>

#include "apache/guarded.hpp"

namespace brine::apache {

namespace {

using wsgi::Replacement;

// Fields of the application's response that go into the response of the request to which it
// redirects.
struct Handed {
  const request_rec* from;
  apr_table_t* fields;
};
constexpr const char* kHanded = "brine: fields of a local redirect";

// Adds those of the application's fields that survive the replacement to `table`.
void keep_fields(const ApacheResponse& response, apr_table_t* table) {
  for (const ApacheResponse::HeaderLine& line : response.lines()) {
    if (wsgi::survives(response.replacement(), {line.name, line.name_size})) {
      apr_table_addn(table, line.name, line.value);
    }
  }
}

// Notes the methods that the application's Allow names, of which httpd's own page for 405 makes its
// Allow.
void allow_methods(request_rec* r, const ApacheResponse& response) {
  if (response.field("Allow") == nullptr) {
    return;
  }
  ap_clear_method_list(r->allowed_methods);
  // With this bit httpd also lists methods that it has no number for.
  r->allowed_methods->method_mask |= AP_METHOD_BIT << M_INVALID;
  for (const ApacheResponse::HeaderLine& line : response.lines()) {
    const char* rest = wsgi::is_name({line.name, line.name_size}, "Allow") ? line.value : "";
    while (*rest != '\0') {
      const char* method = ap_get_token(r->pool, &rest, 0);
      if (*method != '\0') {
        ap_method_list_add(r->allowed_methods, method);
      }
      rest += *rest != '\0' ? 1 : 0;  // skips the comma
    }
  }
}

// Redirects internally. The new request has no body, as after a CGI script's local redirect (RFC
// 3875, 6.2.2). The part of the body that the application has not read stays unread, so the
// connection is closed.
int redirect(request_rec* r, const ApacheResponse& response) {
  apr_table_unset(r->headers_in, "Content-Length");
  apr_table_unset(r->headers_in, "Transfer-Encoding");
  if (r->method_number != M_GET) {  // M_GET includes HEAD
    r->method = "GET";
    r->method_number = M_GET;
  }
  // Fields of an earlier redirect, which led to this request, are in headers_out by now.
  auto* handed = static_cast<Handed*>(apr_palloc(r->pool, sizeof(Handed)));
  *handed = {r, apr_table_copy(r->pool, r->headers_out)};
  keep_fields(response, handed->fields);
  apr_pool_userdata_setn(handed, kHanded, nullptr, r->pool);
  ap_set_content_type(r, response.field("Content-Type"));
  ap_internal_redirect_handler(response.field("Location"), r);
  return OK;
}

// Returns true if `from` led to `r` by redirects alone, such as mod_rewrite's in a directory. An
// error page on the way has the status of its error.
bool leads_to(const request_rec* from, const request_rec* r) {
  while (r != from && r->prev != nullptr && r->status == HTTP_OK) {
    r = r->prev;
  }
  return r == from;
}

// Adds the fields when a request's handler is about to be called. An error page has the status of
// its error, and gets none.
void take_handed_fields(request_rec* r) {
  if (r->prev == nullptr || r->status != HTTP_OK) {
    return;
  }
  void* found = nullptr;
  apr_pool_userdata_get(&found, kHanded, r->pool);
  const auto* handed = static_cast<const Handed*>(found);
  if (handed != nullptr && leads_to(handed->from, r)) {
    r->headers_out = apr_table_overlay(r->pool, r->headers_out, handed->fields);
  }
}

}  // namespace

wsgi::Replacements allowed_replacements(const request_rec* r, const Selection& selection) {
  const ResolvedSettings& settings = selection.settings;
  wsgi::Replacements allowed;
  allowed.local_redirect = settings.location_redirect.value_or(!selection.process_group.empty());
  // A page that is served for an error is never replaced, whatever its status.
  allowed.error_page = settings.error_override && !ap_is_HTTP_ERROR(r->status);
  for (const ap_filter_t* filter = r->output_filters; filter != nullptr; filter = filter->next) {
    allowed.file = allowed.file || std::string_view(filter->frec->name) == "xsendfile";
  }
  return allowed;
}

int replace(request_rec* r, const ApacheResponse& response) {
  if (response.replacement() == Replacement::local_redirect) {
    return redirect(r, response);
  }
  keep_fields(response, r->err_headers_out);
  allow_methods(r, response);
  return response.status();
}

void register_replacing_hooks() {
  ap_hook_insert_filter(guarded<&take_handed_fields>, nullptr, nullptr, APR_HOOK_LAST);
}

}  // namespace brine::apache
