#include "apache/request/buffered_response.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace brine::apache {

namespace {

using wsgi::Delivery;
using wsgi::End;

// A response up to this size is kept in memory.
constexpr std::size_t kInMemory = 65536;

bool is_header_text(std::string_view text, std::string_view expected) {
  return text.size() == expected.size() &&
         strncasecmp(text.data(), expected.data(), expected.size()) == 0;
}

// Returns true for an event stream, which has no end and has to be sent event by event.
bool is_event_stream(std::span<const wsgi::Field> headers) {
  constexpr std::string_view kType = "text/event-stream";
  return std::any_of(headers.begin(), headers.end(), [&](const wsgi::Field& header) {
    return is_header_text(header.name, "Content-Type") &&
           is_header_text(header.value.substr(0, kType.size()), kType);
  });
}

}  // namespace

void BufferedResponse::start(int status, std::string_view status_line,
                             std::span<const wsgi::Field> headers) noexcept {
  if (kept() == 0 && is_event_stream(headers)) state_ = State::streaming;
  response_.start(status, status_line, headers);
}

// Keeps a block. Returns false if it does not fit.
bool BufferedResponse::keep(std::string_view block) noexcept {
  if (kept() + static_cast<std::int64_t>(block.size()) > most_) return false;
  if (file_.size() == 0 && memory_.size() + block.size() <= kInMemory) {
    memory_.append(block);
    return true;
  }
  if (file_.append(memory_)) {
    memory_.clear();
    if (file_.append(block)) return true;
  }
  log_.log(base::Level::warning,
           std::string("BRINE0119: the response could not be kept in a temporary file in '") +
               base::TemporaryFile::folder() + "': " + std::strerror(errno) +
               "; it is sent as the client takes it, and holds its thread meanwhile");
  return false;
}

Delivery BufferedResponse::pass_kept(End end) noexcept {
  if (given_) return response_.send_file(given_.get(), given_offset_, given_length_, end);
  if (file_.size() != 0) return response_.send_file(file_.fd(), 0, file_.size(), end);
  const std::string_view block = memory_;
  return response_.send({&block, block.empty() ? 0U : 1U}, end);
}

Delivery BufferedResponse::stream() noexcept {
  state_ = State::streaming;
  return kept() == 0 ? Delivery::ok : pass_kept(End::more);
}

Delivery BufferedResponse::send(std::span<const std::string_view> blocks, End end) noexcept {
  while (state_ == State::keeping && !blocks.empty()) {
    if (keep(blocks.front())) {
      blocks = blocks.subspan(1);
    } else if (stream() == Delivery::client_gone) {
      return Delivery::client_gone;
    }
  }
  if (state_ == State::streaming) return response_.send(blocks, end);
  if (end == End::last) state_ = State::whole;
  return Delivery::ok;
}

Delivery BufferedResponse::send_file(int fd, std::int64_t offset, std::int64_t length,
                                     End end) noexcept {
  if (state_ == State::keeping && kept() == 0 && end == End::last) {
    given_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (given_) {
      given_offset_ = offset;
      given_length_ = length;
      state_ = State::whole;
      return Delivery::ok;
    }
  }
  if (state_ == State::keeping && stream() == Delivery::client_gone) return Delivery::client_gone;
  return response_.send_file(fd, offset, length, end);
}

void BufferedResponse::abort() noexcept {
  if (state_ == State::streaming) {
    response_.abort();
  } else if (state_ == State::keeping) {
    state_ = State::aborted;
  }
}

void BufferedResponse::conclude(wsgi::Outcome outcome) noexcept {
  finish();
  response_.conclude(outcome);
}

void BufferedResponse::finish() noexcept {
  if (state_ != State::whole) return;
  pass_kept(End::last);
  state_ = State::passed;
}

}  // namespace brine::apache
