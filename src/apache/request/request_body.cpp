#include "apache/request/request_body.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>

namespace brine::apache {

namespace {

std::span<char> new_room(apr_pool_t* pool, std::int64_t size) {
  return {static_cast<char*>(apr_palloc(pool, static_cast<apr_size_t>(size))),
          static_cast<std::size_t>(size)};
}

// Returns the Content-Length, or -1. check_body() has refused values that are no number.
std::int64_t announced_length(const request_rec* r) {
  std::int64_t length = -1;
  if (const char* text = apr_table_get(r->headers_in, "Content-Length")) {
    std::from_chars(text, text + std::strlen(text), length);
  }
  return length;
}

}  // namespace

BodyFacts body_facts(const request_rec* r) {
  return {.length = announced_length(r),
          .without_length = apr_table_get(r->headers_in, "Transfer-Encoding") != nullptr,
          .kept = r->kept_body != nullptr,
          .filtered = r->input_filters != r->proto_input_filters,
          .error_page = r->prev != nullptr && ap_is_HTTP_ERROR(r->status)};
}

bool RequestBody::take(const BodyPlan& plan) {
  none_ = !plan.has_body;
  if (none_ || plan.first == 0) {
    return true;
  }
  const bool exact = plan.first < kBodyStart && plan.tell_length && !plan.filtered;
  memory_ = new_room(r_->pool, exact ? plan.first : kBodyStart);
  bool all = plan.first == kWholeBody;
  if (plan.filtered) {
    if (!take_until(1)) {
      return false;
    }
    all = !keeps_length();
  }
  if (!take_until(all ? kWholeBody : plan.first)) {
    return false;
  }
  if (plan.tell_length && ended()) {
    find_length();
  }
  return true;
}

// Reads until `wanted` bytes have been taken, or the body has ended.
bool RequestBody::take_until(std::int64_t wanted) {
  while (taken() < wanted && !ended()) {
    const std::size_t got =
        start_.size() < memory_.size() ? take_into_memory() : take_into_file(wanted);
    if (status() != wsgi::ReadStatus::ok || file_error_ != 0 || !is_within_limit()) {
      return false;
    }
    if (got == 0) {
      break;
    }
  }
  return true;
}

std::size_t RequestBody::take_into_memory() {
  const std::size_t got = reader_.read(memory_.subspan(start_.size())).bytes;
  start_ = {memory_.data(), start_.size() + got};
  return got;
}

std::size_t RequestBody::take_into_file(std::int64_t wanted) {
  if (piece_.empty()) {
    piece_ = new_room(r_->pool, kBodyStart);
  }
  const std::int64_t most = std::min(kBodyStart, wanted - taken());
  const std::size_t got = reader_.read(piece_.first(static_cast<std::size_t>(most))).bytes;
  if (!file_.append({piece_.data(), got})) {
    file_error_ = errno;
  }
  return got;
}

// httpd's LimitRequestBody counts bytes of the network; a filter may have made more of them.
bool RequestBody::is_within_limit() {
  const apr_off_t limit = ap_get_limit_req_body(r_);
  if (limit > 0 && taken() > limit) {
    status_ = wsgi::ReadStatus::too_large;
    return false;
  }
  return true;
}

// mod_deflate removes Content-Length if it inflates the body, and removes itself if it does not.
bool RequestBody::keeps_length() const {
  return r_->input_filters == r_->proto_input_filters && announced_length(r_) == length_;
}

void RequestBody::find_length() {
  length_ = taken();
  if (length_ != announced_length(r_)) {
    const auto end =
        std::to_chars(length_text_.begin(), length_text_.end(), static_cast<long long>(length_))
            .ptr;
    found_length_ = {length_text_.data(), static_cast<std::size_t>(end - length_text_.begin())};
  }
}

wsgi::ReadResult RequestBody::read(std::span<char> into) noexcept {
  if (file_read_ == file_.size()) {
    return none_ ? wsgi::ReadResult{0, wsgi::ReadStatus::ok, true} : reader_.read(into);
  }
  const std::int64_t got = file_.read(into, file_read_);
  if (got < 0) {
    return {0, wsgi::ReadStatus::failed, false};
  }
  file_read_ += got;
  return {static_cast<std::size_t>(got), wsgi::ReadStatus::ok,
          file_read_ == file_.size() && ended()};
}

}  // namespace brine::apache
