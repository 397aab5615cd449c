#include "daemon/worker/forwarded_request.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "daemon/shared/codec.hpp"
#include "daemon/shared/fields.hpp"

namespace brine::daemon {

using base::Level;
using wsgi::Delivery;
using wsgi::End;
using wsgi::ReadResult;
using wsgi::ReadStatus;

namespace {

// A frame's payload is at most this long; larger bodies are sent as several frames.
constexpr std::size_t kMostPayload = 1 << 30;

// Up to this many parts of a frame lie on the stack: an allocation could fail where an application
// uses all that memory-limit allows.
constexpr std::size_t kPartsTogether = 256;

// Room for a frame's parts; empty if the allocation of many parts failed.
class Parts {
 public:
  explicit Parts(std::size_t count) : parts_(few_.data(), std::min(count, kPartsTogether)) {
    if (count <= kPartsTogether) return;
    many_.reset(new (std::nothrow) iovec[count]);
    parts_ = {many_.get(), many_ == nullptr ? 0 : count};
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  std::span<iovec> parts() const { return parts_; }

 private:
  std::array<iovec, kPartsTogether> few_;
  std::unique_ptr<iovec[]> many_;
  std::span<iovec> parts_;
};

// The placeholder of a frame's header, which is its first part and tells the size of the others.
constexpr iovec kHeader{};

void put_header(FrameHeader& header, std::span<iovec> parts) noexcept {
  std::size_t size = 0;
  for (const iovec& part : parts.subspan(1)) size += part.iov_len;
  header.size = static_cast<std::uint32_t>(size);
  parts[0] = {&header, sizeof(header)};
}

iovec to_iovec(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

// Writes one frame; parts[0] is kHeader, and the rest is its payload. The caller holds the mutex.
bool ForwardedRequest::write(FrameHeader header, std::span<iovec> parts, int passed) noexcept {
  if (broken_) return false;
  put_header(header, parts);
  broken_ = write_all(fd_, parts, passed) != Io::ok;
  return !broken_;
}

// Writes a frame without payload. The caller holds the mutex.
bool ForwardedRequest::write(FrameHeader header) noexcept {
  std::array<iovec, 1> parts = {kHeader};
  return write(header, parts);
}

// Writes a frame if httpd's side takes it without waiting. The caller holds the mutex.
bool ForwardedRequest::write_at_once(FrameHeader header, std::span<iovec> parts) noexcept {
  if (broken_) return false;
  put_header(header, parts);
  const Io io = daemon::write_at_once(fd_, parts);
  broken_ = io != Io::ok && io != Io::timed_out;
  return io == Io::ok;
}

ReadResult ForwardedRequest::read(std::span<char> into) noexcept {
  if (frame_.head.body_complete) return {0, ReadStatus::ok, true};
  if (!ask(into.size(), 0)) return {0, ReadStatus::client_gone, false};
  bool more = false;
  return receive(into, more);
}

// Asks once for all that is wanted, so that the two sides need not wait for each other between
// frames.
ReadResult ForwardedRequest::read_all(std::span<char> into) noexcept {
  ReadResult all{0, ReadStatus::ok, frame_.head.body_complete};
  if (into.empty() || all.ended) return all;
  bool more = ask(into.size(), kAll);
  if (!more) all.status = ReadStatus::client_gone;
  while (more) {
    const ReadResult piece = receive(into.subspan(all.bytes), more);
    all = {all.bytes + piece.bytes, piece.status, piece.ended || piece.bytes == 0};
  }
  return all;
}

bool ForwardedRequest::ask(std::size_t most, std::uint8_t flags) noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader want;
  want.kind = FrameKind::want;
  want.flags = flags;
  want.value = most;
  return write(want);
}

// Reads one frame of the request's body. `more` tells whether another one follows of what was asked
// for.
ReadResult ForwardedRequest::receive(std::span<char> into, bool& more) noexcept {
  FrameHeader header;
  const Io io = read_frame(fd_, header, into);
  more = io == Io::ok && (header.flags & kMore) != 0 && header.size < into.size();
  if (io != Io::ok || header.kind != FrameKind::data) {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    more = false;
    return {0, io == Io::timed_out ? ReadStatus::timed_out : ReadStatus::client_gone, false};
  }
  const auto last = static_cast<std::uint16_t>(ReadStatus::failed);
  return {header.size, static_cast<ReadStatus>(std::min(header.aux, last)),
          (header.flags & kEnd) != 0};
}

// Asks httpd's side once for each variable, whose value does not change while a request is served:
// there are applications that look before each block of a response without end.
std::optional<std::string> ForwardedRequest::ssl_variable(const std::string& name) {
  const auto known = variables_.find(name);
  if (known != variables_.end()) return known->second;
  if (name.empty() || name.size() > kMostNameBytes || variables_.size() == kMostLookups) {
    return std::nullopt;
  }
  return variables_.emplace(name, look_up(name)).first->second;
}

std::optional<std::string> ForwardedRequest::look_up(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    FrameHeader lookup;
    lookup.kind = FrameKind::lookup;
    std::array<iovec, 2> parts = {kHeader, to_iovec(name)};
    if (!write(lookup, parts)) return std::nullopt;
  }
  std::string value(kMostValueBytes, '\0');
  FrameHeader header;
  if (read_frame(fd_, header, value) != Io::ok || header.kind != FrameKind::value) {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    return std::nullopt;
  }
  if ((header.flags & kEnd) != 0) return std::nullopt;
  value.resize(header.size);
  return value;
}

void ForwardedRequest::answer(wsgi::Answer&& answer) noexcept { answer_ = std::move(answer); }

void ForwardedRequest::note(const char* name, std::string_view value) noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader header;
  header.kind = FrameKind::note;
  std::array<iovec, 3> parts = {kHeader, iovec{const_cast<char*>(name), std::strlen(name) + 1},
                                to_iovec(value)};
  write(header, parts);
}

void ForwardedRequest::log(Level level, std::string_view text) noexcept {
  // A thread of the application may log here with the GIL held, while the serving thread or httpd
  // waits for a slow client. So a record that is not too large is written as a whole or not at all,
  // without waiting.
  if (text.size() > kMostLogText || !log_at_once(level, text)) fallback_.log(level, text);
}

bool ForwardedRequest::log_at_once(Level level, std::string_view text) noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  FrameHeader header;
  header.kind = FrameKind::log;
  header.aux = static_cast<std::uint16_t>(level);
  std::array<iovec, 2> parts = {kHeader, to_iovec(text)};
  return write_at_once(header, parts);
}

// Is called with the GIL held: where it would have to wait, nothing is told.
void ForwardedRequest::measured(const wsgi::RunFacts& facts) noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  FrameHeader header;
  header.kind = FrameKind::facts;
  std::array<iovec, 2> parts = {kHeader, iovec{const_cast<wsgi::RunFacts*>(&facts), sizeof(facts)}};
  write_at_once(header, parts);
}

void ForwardedRequest::start(int status, std::string_view status_line,
                             std::span<const wsgi::Field> headers) {
  status_ = status;
  head_.clear();
  encode_head(status_line, headers, head_);
}

char* ForwardedRequest::allocate(std::size_t size) {
  memory_ = std::make_unique_for_overwrite<char[]>(size);
  memory_size_ = size;
  return memory_.get();
}

// Returns true for a whole response whose body lives as long as the request. It is sent when the
// application is done with the request, so that one write both sends it and ends the exchange.
bool ForwardedRequest::defers(std::span<const std::string_view> blocks, End end) const {
  if (end != End::last || head_sent_ || blocks.size() > 1) return false;
  if (blocks.empty()) return true;
  const std::less_equal<const char*> not_after;  // the pointers may be of different objects
  return not_after(memory_.get(), blocks[0].data()) &&
         not_after(blocks[0].data() + blocks[0].size(), memory_.get() + memory_size_);
}

// Writes the head together with a part of the body: `parts` are kHeader, room for the head, and the
// parts of the body. The caller holds the mutex.
bool ForwardedRequest::write_head(std::span<iovec> parts, std::uint8_t flags) noexcept {
  FrameHeader header;
  header.kind = FrameKind::head;
  header.aux = static_cast<std::uint16_t>(status_);
  header.flags = flags;
  header.value = static_cast<std::uint64_t>(called());
  parts[1] = {head_.data(), head_.size()};
  head_sent_ = true;
  return write(header, parts);
}

// Writes the head alone. The caller holds the mutex.
bool ForwardedRequest::write_head() noexcept {
  std::array<iovec, 2> parts = {kHeader, iovec{}};
  return write_head(parts, 0);
}

// Writes the blocks as frames of the body, none larger than kMostPayload. The caller holds the
// mutex.
bool ForwardedRequest::write_body(std::span<const std::string_view> blocks,
                                  std::uint8_t flags) noexcept {
  FrameHeader header;
  header.kind = FrameKind::body;
  std::array<iovec, kPartsTogether> parts = {kHeader};
  std::size_t count = 1, size = 0;
  for (std::string_view block : blocks) {
    while (!block.empty()) {
      if (count == parts.size() || size == kMostPayload) {
        if (!write(header, std::span(parts).first(count))) return false;
        count = 1, size = 0;
      }
      parts[count] = to_iovec(block.substr(0, kMostPayload - size));
      block.remove_prefix(parts[count].iov_len);
      size += parts[count++].iov_len;
    }
  }
  header.flags = flags;
  return (count == 1 && flags == 0) || write(header, std::span(parts).first(count));
}

Delivery ForwardedRequest::send(std::span<const std::string_view> blocks, End end) noexcept {
  const std::lock_guard lock(mutex_);
  if (broken_) return Delivery::client_gone;
  if (defers(blocks, end)) {
    deferred_ = blocks.empty() ? std::string_view() : blocks[0];
    has_deferred_ = true;
    return Delivery::ok;
  }
  const std::uint8_t flags = end == End::last ? kEnd : 0;
  std::size_t size = 0;
  for (const std::string_view block : blocks) size += block.size();
  bool written = false;
  if (!head_sent_ && size <= kMostPayload) {
    const Parts room(blocks.size() + 2);
    const std::span<iovec> parts = room.parts();
    broken_ = parts.empty();
    if (broken_) return Delivery::client_gone;
    std::transform(blocks.begin(), blocks.end(), parts.begin() + 2, to_iovec);
    written = write_head(parts, flags);
  } else {
    written = (head_sent_ || write_head()) && write_body(blocks, flags);
  }
  return written ? Delivery::ok : Delivery::client_gone;
}

Delivery ForwardedRequest::send_file(int fd, std::int64_t offset, std::int64_t length,
                                     End end) noexcept {
  const std::lock_guard lock(mutex_);
  if (broken_ || (!head_sent_ && !write_head())) return Delivery::client_gone;
  FrameHeader header;
  header.kind = FrameKind::file;
  header.flags = end == End::last ? kEnd : 0;
  FilePiece piece{offset, length};
  std::array<iovec, 2> parts = {kHeader, iovec{&piece, sizeof(piece)}};
  return write(header, parts, fd) ? Delivery::ok : Delivery::client_gone;
}

void ForwardedRequest::abort() noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader header;
  header.kind = FrameKind::abort;
  write(header);
}

// The answer to a question ends the exchange. The mutex is held.
bool ForwardedRequest::write_answer() noexcept {
  FrameHeader header;
  try {
    const std::string payload = encoded(*answer_);
    header.kind = FrameKind::answer;
    std::array<iovec, 2> parts = {kHeader, to_iovec(payload)};
    return write(header, parts);
  } catch (const std::exception&) {  // no memory
    header.kind = FrameKind::done;
    header.aux = static_cast<std::uint16_t>(wsgi::Outcome::failed_before_headers);
    return write(header);
  }
}

void ForwardedRequest::conclude(wsgi::Outcome outcome) noexcept {
  if (finished_) return;
  ended_(write_end(outcome));
}

bool ForwardedRequest::write_end(wsgi::Outcome outcome) noexcept {
  const std::lock_guard lock(mutex_);
  bool written = false;
  if (has_deferred_ && outcome == wsgi::Outcome::completed) {
    std::array<iovec, 3> parts = {kHeader, iovec{}, to_iovec(deferred_)};
    written = write_head(parts, kEnd | kDone);
  } else if (answer_ && outcome == wsgi::Outcome::completed) {
    written = write_answer();
  } else {
    FrameHeader header;
    header.kind = FrameKind::done;
    header.aux = static_cast<std::uint16_t>(outcome);
    header.value = static_cast<std::uint64_t>(called());
    written = write(header);
  }
  finished_ = true;
  broken_ = true;  // httpd would take later frames for its next answer
  return written;
}

void ForwardedRequest::time_out() noexcept {
  if (finished_) return;  // the request has ended just in time
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && !broken_) {
    FrameHeader header;
    header.kind = FrameKind::done;
    header.aux = static_cast<std::uint16_t>(wsgi::Outcome::timed_out);
    std::array<iovec, 1> parts = {kHeader};
    const bool answered = write_at_once(header, parts);
    broken_ = true;
    ::shutdown(fd_, answered ? SHUT_RD : SHUT_RDWR);  // the thread may wait for the request's body
    return;
  }
  // The thread waits for httpd to read at this moment.
  ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace brine::daemon
