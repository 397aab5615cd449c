#include "apache/request/broken_off.hpp"

#include <sys/socket.h>

namespace brine::apache {

namespace {

constexpr const char* kFilter = "BRINE_BROKEN_OFF";
// This type places a filter behind all content filters and before those that make a message of the
// content.
constexpr auto kBehindContent = static_cast<ap_filter_type>(AP_FTYPE_PROTOCOL - 1);

bool holds_sign(const apr_bucket_brigade* brigade) {
  for (const apr_bucket* bucket = APR_BRIGADE_FIRST(brigade);
       bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
    if (AP_BUCKET_IS_ERROR(bucket)) {
      return true;
    }
  }
  return false;
}

// Inserts the error bucket before the first output, and removes the filter.
apr_status_t filter_broken_off(ap_filter_t* filter, apr_bucket_brigade* brigade) noexcept {
  if (!holds_sign(brigade)) {
    APR_BRIGADE_INSERT_HEAD(brigade, broken_off_bucket(filter->r, brigade->bucket_alloc));
  }
  ap_filter_t* next = filter->next;
  ap_remove_output_filter(filter);
  return ap_pass_brigade(next, brigade);
}

bool is_marked(const request_rec* r) {
  for (const ap_filter_t* filter = r->output_filters; filter != nullptr; filter = filter->next) {
    if (filter->frec->filter_func.out_func == filter_broken_off) {
      return true;
    }
  }
  return false;
}

// Returns true if an HTTP/1.0 client learns the body's end only by the connection's: there is
// neither a length nor chunks.
bool end_is_the_close_of_the_connection(const request_rec* r) {
  return r->chunked == 0 && apr_table_get(r->headers_out, "Content-Length") == nullptr &&
         r->connection->master == nullptr;
}

}  // namespace

apr_bucket* broken_off_bucket(const request_rec* r, apr_bucket_alloc_t* buckets) {
  return ap_bucket_error_create(HTTP_BAD_GATEWAY, nullptr, r->pool, buckets);
}

void mark_broken_off(request_rec* r) {
  while (r->main != nullptr) {
    r = r->main;
  }
  r->connection->keepalive = AP_CONN_CLOSE;
  r->no_cache = 1;
  if (!is_marked(r)) {
    ap_add_output_filter(kFilter, nullptr, r, r->connection);
  }
}

void reset_if_only_that_tells(request_rec* r) {
  conn_rec* connection = r->connection;
  if (!end_is_the_close_of_the_connection(r)) {
    return;
  }
  // Only a reset differs from an ordinary end, since an aborted connection is closed like any
  // other.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  apr_os_sock_t descriptor = -1;
  apr_socket_t* socket = ap_get_conn_socket(connection);
  if (socket != nullptr && apr_os_sock_get(&descriptor, socket) == APR_SUCCESS) {
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  }
  connection->aborted = 1;
}

void register_broken_off_filter() {
  ap_register_output_filter(kFilter, filter_broken_off, nullptr, kBehindContent);
}

}  // namespace brine::apache
