#include "daemon/remote.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

namespace brine::daemon {

using base::Level;
using wsgi::Delivery;
using wsgi::End;
using wsgi::ReadResult;
using wsgi::ReadStatus;

namespace {

// A frame's payload; larger bodies are several frames.
constexpr std::size_t kMostPayload = 1 << 30;

// A log text of this size is written whole or not at all, so that nobody waits for the rest.
constexpr std::size_t kMostAtOnce = 16384;

// A frame with its header, whose size is set.
std::vector<iovec> parts_of(FrameHeader& header, std::span<const iovec> payload) {
  std::size_t size = 0;
  for (const iovec& part : payload) size += part.iov_len;
  header.size = static_cast<std::uint32_t>(size);
  std::vector<iovec> parts;
  parts.reserve(payload.size() + 1);
  parts.push_back({&header, sizeof(header)});
  parts.insert(parts.end(), payload.begin(), payload.end());
  return parts;
}

iovec to_iovec(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

// Writes one frame. The mutex is held.
bool Remote::write(FrameHeader header, std::span<iovec> payload, int passed) noexcept {
  if (broken_) return false;
  std::vector<iovec> parts = parts_of(header, payload);
  broken_ = write_all(fd_, parts, passed) != Io::ok;
  return !broken_;
}

// The same, unless httpd would have to be waited for. The mutex is held.
bool Remote::write_at_once(FrameHeader header, std::span<iovec> payload) noexcept {
  if (broken_) return false;
  std::vector<iovec> parts = parts_of(header, payload);
  const Io io = daemon::write_at_once(fd_, parts);
  broken_ = io != Io::ok && io != Io::timed_out;
  return io == Io::ok;
}

ReadResult Remote::read(std::span<char> into) noexcept {
  if (frame_.head.body_complete) return {0, ReadStatus::ok, true};
  if (!ask(into.size(), 0)) return {0, ReadStatus::client_gone, false};
  bool more = false;
  return receive(into, more);
}

// All that is wanted is asked for once: the two sides need not wait for each other.
ReadResult Remote::read_all(std::span<char> into) noexcept {
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

bool Remote::ask(std::size_t most, std::uint8_t flags) noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader want;
  want.kind = FrameKind::want;
  want.flags = flags;
  want.value = most;
  return write(want, {});
}

// One frame of the request's body; whether another one follows of what was asked for.
ReadResult Remote::receive(std::span<char> into, bool& more) noexcept {
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

void Remote::note(const char* name, std::string_view value) noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader header;
  header.kind = FrameKind::note;
  std::array<iovec, 2> parts = {iovec{const_cast<char*>(name), std::strlen(name) + 1},
                                to_iovec(value)};
  write(header, parts);
}

void Remote::log(Level level, std::string_view text) noexcept {
  // A thread of the application may log here with the GIL held, while the serving thread, or httpd,
  // waits for a slow client.
  if (text.size() > kMostAtOnce || !log_at_once(level, text)) fallback_.log(level, text);
}

bool Remote::log_at_once(Level level, std::string_view text) noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return false;
  FrameHeader header;
  header.kind = FrameKind::log;
  header.aux = static_cast<std::uint16_t>(level);
  std::array<iovec, 1> parts = {to_iovec(text)};
  return write_at_once(header, parts);
}

void Remote::start(int status, std::string_view status_line,
                   std::span<const wsgi::Field> headers) noexcept {
  status_ = status;
  head_.clear();
  encode_head(status_line, headers, head_);
}

char* Remote::allocate(std::size_t size) noexcept {
  memory_ = std::make_unique_for_overwrite<char[]>(size);
  memory_size_ = size;
  return memory_.get();
}

// A whole response whose body lives as long as the request: nothing is gained by sending it before
// the application is done with the request, and then one write can end the exchange too.
bool Remote::defers(std::span<const std::string_view> blocks, End end) const {
  if (end != End::last || head_sent_ || blocks.size() > 1) return false;
  if (blocks.empty()) return true;
  const std::less_equal<const char*> not_after;  // the pointers may be of different objects
  return not_after(memory_.get(), blocks[0].data()) &&
         not_after(blocks[0].data() + blocks[0].size(), memory_.get() + memory_size_);
}

// Writes the head with the body that is known, or the body alone. The mutex is held.
bool Remote::write_head(std::span<iovec> blocks, std::size_t size, std::uint8_t flags) noexcept {
  FrameHeader header;
  header.kind = FrameKind::head;
  header.aux = static_cast<std::uint16_t>(status_);
  header.flags = flags;
  header.value = size;
  std::vector<iovec> parts;
  parts.reserve(blocks.size() + 1);
  parts.push_back({head_.data(), head_.size()});
  parts.insert(parts.end(), blocks.begin(), blocks.end());
  head_sent_ = true;
  return write(header, parts);
}

// The blocks as frames of the body, each of a size that a frame can have. The mutex is held.
bool Remote::write_body(std::span<const iovec> blocks, std::uint8_t flags) noexcept {
  FrameHeader header;
  header.kind = FrameKind::body;
  for (const iovec& block : blocks) {
    for (std::size_t at = 0; at < block.iov_len; at += kMostPayload) {
      std::array<iovec, 1> piece = {iovec{static_cast<char*>(block.iov_base) + at,
                                          std::min(kMostPayload, block.iov_len - at)}};
      if (!write(header, piece)) return false;
    }
  }
  header.flags = flags;
  return (flags & kEnd) == 0 || write(header, {});
}

Delivery Remote::send(std::span<const std::string_view> blocks, End end) noexcept {
  const std::lock_guard lock(mutex_);
  if (broken_) return Delivery::client_gone;
  if (defers(blocks, end)) {
    deferred_ = blocks.empty() ? std::string_view() : blocks[0];
    has_deferred_ = true;
    return Delivery::ok;
  }
  std::vector<iovec> parts;
  std::size_t size = 0;
  for (const std::string_view block : blocks) {
    parts.push_back(to_iovec(block));
    size += block.size();
  }
  const std::uint8_t flags = end == End::last ? kEnd : 0;
  bool written = false;
  if (!head_sent_ && size <= kMostPayload) {
    written = write_head(parts, size, flags);
  } else {
    written = (head_sent_ || write_head({}, 0, 0)) && write_body(parts, flags);
  }
  return written ? Delivery::ok : Delivery::client_gone;
}

Delivery Remote::send_file(int fd, std::int64_t offset, std::int64_t length, End end) noexcept {
  const std::lock_guard lock(mutex_);
  if (broken_ || (!head_sent_ && !write_head({}, 0, 0))) return Delivery::client_gone;
  FrameHeader header;
  header.kind = FrameKind::file;
  header.flags = end == End::last ? kEnd : 0;
  FilePiece piece{offset, length};
  std::array<iovec, 1> parts = {iovec{&piece, sizeof(piece)}};
  return write(header, parts, fd) ? Delivery::ok : Delivery::client_gone;
}

void Remote::abort() noexcept {
  const std::lock_guard lock(mutex_);
  FrameHeader header;
  header.kind = FrameKind::abort;
  write(header, {});
}

bool Remote::finish(wsgi::Outcome outcome) noexcept {
  const std::lock_guard lock(mutex_);
  bool written = false;
  if (has_deferred_ && outcome == wsgi::Outcome::completed) {
    std::array<iovec, 1> parts = {to_iovec(deferred_)};
    written = write_head(parts, deferred_.size(), kEnd | kDone);
  } else {
    FrameHeader header;
    header.kind = FrameKind::done;
    header.aux = static_cast<std::uint16_t>(outcome);
    written = write(header, {});
  }
  finished_ = true;
  broken_ = true;  // what anybody writes from here on would be taken for the next answer
  return written;
}

void Remote::time_out() noexcept {
  if (finished_) return;  // just in time
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && !broken_) {
    FrameHeader header;
    header.kind = FrameKind::done;
    header.aux = static_cast<std::uint16_t>(wsgi::Outcome::timed_out);
    const bool answered = write_at_once(header, {});
    broken_ = true;
    ::shutdown(fd_, answered ? SHUT_RD : SHUT_RDWR);  // it may be waiting for the request's body
    return;
  }
  // It waits for httpd at this moment.
  ::shutdown(fd_, SHUT_RDWR);
}

}  // namespace brine::daemon
