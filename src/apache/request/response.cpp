#include "apache/request/response.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <system_error>

#include "apache/request/broken_off.hpp"
#include "apache/request/sent_file.hpp"

namespace brine::apache {

namespace {

using wsgi::Delivery;

bool is_header(const char* name, std::size_t size, std::string_view expected) {
  return size == expected.size() && strncasecmp(name, expected.data(), size) == 0;
}

char* append_text(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  to[text.size()] = '\0';
  return to + text.size() + 1;
}

}  // namespace

// One allocation holds the lines, followed by all their text.
void ApacheResponse::start(int status, std::string_view status_line,
                           std::span<const wsgi::Field> headers) noexcept {
  std::size_t text_size = status_line.size() + 1;
  for (const wsgi::Field& header : headers) {
    text_size += header.name.size() + header.value.size() + 2;
  }
  const std::size_t lines_size = headers.size() * sizeof(HeaderLine);
  char* memory = static_cast<char*>(apr_palloc(r_->pool, lines_size + text_size));
  headers_ = {reinterpret_cast<HeaderLine*>(memory), headers.size()};
  char* text = memory + lines_size;
  status_ = status;
  replacement_ = wsgi::replacement(allowed_, status, headers);
  status_line_ = text;
  text = append_text(text, status_line);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    char* value = append_text(text, headers[i].name);
    headers_[i] = {text, headers[i].name.size(), value};
    text = append_text(value, headers[i].value);
  }
}

void ApacheResponse::apply_header(const HeaderLine& line) {
  if (is_header(line.name, line.name_size, "Content-Type")) {
    ap_set_content_type(r_, line.value);
    return;
  }
  if (is_header(line.name, line.name_size, "Content-Length")) {
    // RFC 9110, 8.6: a response with status 204 has no Content-Length.
    apr_off_t length = 0;
    const char* end = line.value + std::strlen(line.value);
    const auto [stop, error] = std::from_chars(line.value, end, length);
    if (error == std::errc() && stop == end && status_ != HTTP_NO_CONTENT) {
      ap_set_content_length(r_, length);
    }
    return;
  }
  apr_table_addn(r_->headers_out, line.name, line.value);
}

// Passes the head on, unless that has been done. Returns false if the client has been answered
// already, by this handler or by an input filter that refused the request's body.
bool ApacheResponse::begin() {
  if (r_->eos_sent) {
    return false;
  }
  if (started()) {
    return true;
  }
  brigade_ = apr_brigade_create(r_->pool, r_->connection->bucket_alloc);
  r_->status = status_;
  r_->status_line = status_line_;
  // mod_mime's type for the script's name is not the type of the script's response.
  r_->content_type = nullptr;
  for (const HeaderLine& line : headers_) {
    apply_header(line);
  }
  return true;
}

const char* ApacheResponse::field(std::string_view name) const {
  for (const HeaderLine& line : headers_) {
    if (is_header(line.name, line.name_size, name)) {
      return line.value;
    }
  }
  return nullptr;
}

// Returns true if the application's body is dropped because something else takes its place. A file
// that X-Sendfile names is inserted by an output filter, which sees the head.
bool ApacheResponse::replaces(wsgi::End end) {
  if (replacement_ != wsgi::Replacement::local_redirect &&
      replacement_ != wsgi::Replacement::error_page) {
    return false;
  }
  replaced_ = true;
  whole_ = whole_ || end == wsgi::End::last;
  return true;
}

char* ApacheResponse::allocate(std::size_t size) noexcept {
  char* memory = static_cast<char*>(apr_palloc(r_->pool, size));
  allocated_ = {memory, size};
  return memory;
}

bool ApacheResponse::is_allocated(std::string_view block) const {
  const std::less_equal<const char*> not_after;  // the pointers may be of different objects
  return not_after(allocated_.data(), block.data()) &&
         not_after(block.data() + block.size(), allocated_.data() + allocated_.size());
}

// Memory of the request's pool outlives the handler. Any other block has been written, or copied by
// the filter that keeps it, when send() returns.
apr_bucket* ApacheResponse::bucket_of(std::string_view block) {
  apr_bucket_alloc_t* buckets = r_->connection->bucket_alloc;
  return is_allocated(block) ? apr_bucket_pool_create(block.data(), block.size(), r_->pool, buckets)
                             : apr_bucket_transient_create(block.data(), block.size(), buckets);
}

Delivery ApacheResponse::pass(wsgi::End end) {
  apr_bucket_alloc_t* buckets = r_->connection->bucket_alloc;
  switch (end) {
    case wsgi::End::more:
      APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_flush_create(buckets));
      break;
    case wsgi::End::more_at_once:
      if (APR_BRIGADE_EMPTY(brigade_)) {
        return Delivery::ok;
      }
      break;
    case wsgi::End::last:
      APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_eos_create(buckets));
      break;
  }
  return pass_brigade();
}

Delivery ApacheResponse::pass_brigade() {
  const base::Nanos begun = base::now();
  const apr_status_t status = ap_pass_brigade(r_->output_filters, brigade_);
  delivering_ += base::now() - begun;
  apr_brigade_cleanup(brigade_);
  const bool gone = status != APR_SUCCESS || r_->connection->aborted;
  return gone ? Delivery::client_gone : Delivery::ok;
}

// Returns true if httpd needs only the response's end: no client gets a byte of this body, and
// HTTP/2 would take a block behind the head for a protocol error. As long as no byte has left the
// filters, the head waits for what they make of the body.
bool ApacheResponse::wants_only_the_end() const {
  return started() && r_->bytes_sent > 0 &&
         (r_->header_only != 0 || AP_STATUS_IS_HEADER_ONLY(status_));
}

Delivery ApacheResponse::send(std::span<const std::string_view> blocks, wsgi::End end) noexcept {
  if (replaces(end)) {
    return Delivery::ok;
  }
  const bool dropped = wants_only_the_end();
  if (!begin()) {
    return Delivery::client_gone;
  }
  if (dropped) {
    return end == wsgi::End::last ? pass(end) : Delivery::ok;
  }
  for (const std::string_view block : blocks) {
    if (!block.empty()) {
      APR_BRIGADE_INSERT_TAIL(brigade_, bucket_of(block));
    }
  }
  return pass(end);
}

Delivery ApacheResponse::send_file(int fd, std::int64_t offset, std::int64_t length,
                                   wsgi::End end) noexcept {
  if (replaces(end)) {
    return Delivery::ok;
  }
  if (wants_only_the_end()) {
    return send({}, end);
  }
  if (!begin()) {
    return Delivery::client_gone;
  }
  SentFile* file = SentFile::make(r_, fd, offset, length);
  if (file == nullptr || !file->append_to(brigade_, r_, enable_sendfile_)) {
    abort();
    return Delivery::client_gone;
  }
  return pass(end);
}

void ApacheResponse::abort() noexcept {
  // After its end has been passed on, the response is complete whatever happens.
  if (!started() || r_->eos_sent) {
    return;
  }
  mark_broken_off(r_);
  apr_bucket_alloc_t* buckets = r_->connection->bucket_alloc;
  apr_brigade_cleanup(brigade_);
  APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_flush_create(buckets));
  APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_eos_create(buckets));
  pass_brigade();
  reset_if_only_that_tells(r_);
}

// The filters of the response are done with it at its end, so only those of the connection are
// left.
void ApacheResponse::conclude(wsgi::Outcome) noexcept {
  if (!started() || !r_->eos_sent) {
    return;
  }
  apr_brigade_cleanup(brigade_);
  APR_BRIGADE_INSERT_TAIL(brigade_, apr_bucket_flush_create(r_->connection->bucket_alloc));
  ap_pass_brigade(r_->connection->output_filters, brigade_);
  apr_brigade_cleanup(brigade_);
}

}  // namespace brine::apache
