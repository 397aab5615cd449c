#include "apache/request/body.hpp"

#include <algorithm>
#include <cstring>

namespace brine::apache {

namespace {

// Returns the status for a body that the HTTP filter has refused by answering the client itself.
wsgi::ReadStatus read_status_of_answer(int status) {
  switch (status) {
    case HTTP_REQUEST_ENTITY_TOO_LARGE:
      return wsgi::ReadStatus::too_large;
    case HTTP_REQUEST_TIME_OUT:
      return wsgi::ReadStatus::timed_out;
    default:
      return wsgi::ReadStatus::malformed;
  }
}

wsgi::ReadStatus read_status(apr_status_t status, const request_rec* r) {
  if (status == AP_FILTER_ERROR) {
    return read_status_of_answer(r->status);
  }
  if (APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_ETIMEDOUT(status)) {
    return wsgi::ReadStatus::timed_out;
  }
  if (APR_STATUS_IS_ENOSPC(status)) {  // the HTTP filter's error for LimitRequestBody
    return wsgi::ReadStatus::too_large;
  }
  if (r->connection->aborted || APR_STATUS_IS_EOF(status) || APR_STATUS_IS_ECONNRESET(status) ||
      APR_STATUS_IS_ECONNABORTED(status) || APR_STATUS_IS_EPIPE(status) ||
      APR_STATUS_IS_INCOMPLETE(status)) {  // the connection ended before the body did
    return wsgi::ReadStatus::client_gone;
  }
  if (APR_STATUS_IS_EGENERAL(status) || APR_STATUS_IS_EINVAL(status)) {
    return wsgi::ReadStatus::malformed;
  }
  return wsgi::ReadStatus::failed;
}

}  // namespace

void BodyReader::fail(apr_status_t status) {
  httpd_status_ = status;
  status_ = read_status(status, r_);
}

// Gets a brigade from the filters. Returns false if that failed, or nothing came without waiting.
bool BodyReader::fill(apr_read_type_e block, std::size_t wanted) {
  if (brigade_ == nullptr) {
    brigade_ = apr_brigade_create(r_->pool, r_->connection->bucket_alloc);
  }
  const apr_status_t status = ap_get_brigade(r_->input_filters, brigade_, AP_MODE_READBYTES, block,
                                             static_cast<apr_off_t>(wanted));
  if (block == APR_NONBLOCK_READ && APR_STATUS_IS_EAGAIN(status)) {
    return false;
  }
  if (status != APR_SUCCESS) {
    fail(status);
    return false;
  }
  if (!APR_BRIGADE_EMPTY(brigade_)) {
    return true;
  }
  // A filter that refuses the body ends the response, and may return success: mod_request's does if
  // the head has been sent.
  if (r_->eos_sent != 0 && !may_look_ahead()) {
    fail(AP_FILTER_ERROR);
  }
  return false;
}

// Moves as many bytes as fit from the brigade.
std::size_t BodyReader::take(std::span<char> into) {
  std::size_t taken = 0;
  while (taken < into.size() && brigade_ != nullptr && !APR_BRIGADE_EMPTY(brigade_)) {
    apr_bucket* bucket = APR_BRIGADE_FIRST(brigade_);
    if (APR_BUCKET_IS_EOS(bucket)) {
      ended_ = true;
      apr_brigade_cleanup(brigade_);
      break;
    }
    const char* data = nullptr;
    apr_size_t size = 0;
    if (!APR_BUCKET_IS_METADATA(bucket)) {
      const apr_status_t status = apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ);
      if (status != APR_SUCCESS) {
        fail(status);
        break;
      }
    }
    const std::size_t part = std::min<std::size_t>(size, into.size() - taken);
    if (part != 0) {
      std::memcpy(into.data() + taken, data, part);
    }
    taken += part;
    if (part < size) {
      apr_bucket_split(bucket, part);
    }
    apr_bucket_delete(bucket);
  }
  // The EOS bucket often follows the last byte at once. It is taken now, so that no further read is
  // needed.
  if (brigade_ != nullptr && !APR_BRIGADE_EMPTY(brigade_) &&
      APR_BUCKET_IS_EOS(APR_BRIGADE_FIRST(brigade_))) {
    ended_ = true;
    apr_brigade_cleanup(brigade_);
  }
  return taken;
}

// Returns true if a read may return EAGAIN. Some content filters take that for a failure of the
// body: mod_request's then frees what it has kept of the body, and crashes at the next read.
bool BodyReader::may_look_ahead() const { return r_->input_filters == r_->proto_input_filters; }

wsgi::ReadResult BodyReader::read(std::span<char> into) noexcept {
  std::size_t size = take(into);
  while (size < into.size() && !ended_ && status_ == wsgi::ReadStatus::ok) {
    if (size != 0 && !may_look_ahead()) {
      break;
    }
    // Only the first byte is waited for, since what has arrived is worth returning.
    const apr_read_type_e block = size == 0 ? APR_BLOCK_READ : APR_NONBLOCK_READ;
    if (!fill(block, into.size() - size)) {
      if (size != 0 || status_ != wsgi::ReadStatus::ok) {
        break;
      }
      continue;
    }
    size += take(into.subspan(size));
  }
  return {size, size != 0 ? wsgi::ReadStatus::ok : status_, ended_};
}

}  // namespace brine::apache
