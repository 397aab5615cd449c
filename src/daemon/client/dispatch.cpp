#include "daemon/client/dispatch.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brine::daemon {

using base::Level;
using wsgi::Delivery;
using wsgi::End;
using wsgi::Outcome;

namespace {

// How long a read waits before the process's life is looked at; the socket's SO_RCVTIMEO.
constexpr base::Nanos kReadTimeout = base::kSecond;

// A body, of a request or a response, passes through in pieces of this size.
constexpr std::size_t kPiece = 65536;

// So much of a response that is there already is passed through httpd's filters at once, in so many
// blocks.
constexpr std::size_t kReadTogether = 131072;
constexpr std::size_t kMostBlocks = 256;

// So long a piece of the request's body is waited for until it is full.
constexpr base::Nanos kPatience = 100 * base::kMillisecond;

// A head, a log text or a note larger than this is no sane one.
constexpr std::size_t kMostText = 16 << 20;

// A note is given anew with each hazard that the request has not had yet.
constexpr unsigned kMostNotes = 100;
constexpr std::size_t kMostNote = 16384;

}  // namespace

Io Dispatch::send_request(const wsgi::Target& target, std::uint8_t flags) {
  const wsgi::Head& head = request_.head();
  std::vector<char>& bytes = connection_.request;
  bytes.resize(sizeof(FrameHeader));
  encode_request(head, target, bytes);
  FrameHeader header;
  header.kind = FrameKind::request;
  header.flags = flags;
  header.value = static_cast<std::uint64_t>(limits_.take_until);
  header.size = static_cast<std::uint32_t>(bytes.size() - sizeof(header) + head.body_start.size());
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::array<iovec, 2> parts = {
      iovec{bytes.data(), bytes.size()},
      iovec{const_cast<char*>(head.body_start.data()), head.body_start.size()}};
  return write_all(connection_.fd.get(), parts);
}

Progress Dispatch::run(const wsgi::Target& target, std::uint8_t flags) {
  begun_ = last_sign_ = base::now();
  // A frame that has not been written to its end cannot have been read to its end.
  if (send_request(target, flags) != Io::ok) return Progress::not_taken;
  FrameHeader header;
  while (!finished_) {
    if (const Io io = next(header); io != Io::ok) return broken(io);
    taken_ = true;
    last_sign_ = base::now();
    if (header.kind == FrameKind::refused) return Progress::expired;
    if (!handle(header) || !settle()) {
      if (client_gone_) {
        outcome_ = Outcome::client_aborted;
        return Progress::broken;
      }
      return broken(failure_);
    }
  }
  if (outcome_ != Outcome::timed_out) return Progress::done;
  if (started_) {
    response_.abort();
    outcome_ = Outcome::failed_after_headers;
  }
  return Progress::broken;
}

// The next frame, whatever it takes: reads end with every tick and at each deadline.
Io Dispatch::next(FrameHeader& header) {
  for (;;) {
    base::Nanos deadline = 0;
    if (const Io io = wait(deadline); io != Io::ok) return io;
    const Io io = connection_.reader.next(header, deadline);
    if (io != Io::timed_out) return io;
  }
}

bool Dispatch::process_is_gone() const {
  return gate_of(slot_.gate.load(std::memory_order_acquire)).incarnation != connection_.incarnation;
}

// Whether waiting still makes sense, and until when; 0: until the tick.
Io Dispatch::wait(base::Nanos& deadline) {
  if (connection_.reader.has_next()) return Io::ok;
  const base::Nanos now = base::now();
  const base::Nanos silent_until = last_sign_ + limits_.socket_timeout;
  if (now >= silent_until) return Io::timed_out;
  base::Nanos until = silent_until;
  if (!taken_ && limits_.take_until != 0) {
    if (now < limits_.take_until) {
      until = std::min(until, limits_.take_until);
    } else if (has_unread_bytes(connection_.fd.get())) {
      expired_ = true;  // from now on nobody will take it up
      return Io::reset;
    }
  }
  if (now - last_sign_ > kReadTimeout && process_is_gone()) {
    // Someone else, a process that the dead one forked, holds the socket open.
    return has_unread_bytes(connection_.fd.get()) ? Io::reset : Io::closed;
  }
  deadline = until - now > kReadTimeout ? 0 : until;
  return Io::ok;
}

bool Dispatch::gather(std::size_t size) {
  failure_ = connection_.reader.gather(size, base::now() + limits_.socket_timeout);
  return failure_ == Io::ok;
}

bool Dispatch::finish(Outcome outcome) {
  outcome_ = outcome;
  finished_ = true;
  return true;
}

// False: the exchange cannot go on; failure_ or client_gone_ tells why.
bool Dispatch::handle(const FrameHeader& header) {
  const bool end = (header.flags & kEnd) != 0;
  switch (header.kind) {
    case FrameKind::want:
      // The client may wait for what it has been sent before it sends more.
      return flush() && send_data(header.value, (header.flags & kAll) != 0);
    case FrameKind::head:
      return pass_head(header) && ((header.flags & kDone) == 0 || finish(Outcome::completed));
    case FrameKind::body:
      return pass_body(end);
    case FrameKind::file:
      return pass_file(end);
    case FrameKind::abort:
      // The head goes out first, as the application gave it: nothing but the end is missing.
      if (headed_ && !started_ && !pass_body(false)) return false;
      response_.abort();
      return true;
    case FrameKind::log:
      return pass_log(header.aux);
    case FrameKind::note:
      return pass_note();
    case FrameKind::done:
      return finish(static_cast<Outcome>(
          std::min<std::uint16_t>(header.aux, static_cast<std::uint16_t>(Outcome::process_died))));
    case FrameKind::request:
    case FrameKind::data:
    case FrameKind::refused:
    case FrameKind::count_:
      break;
  }
  failure_ = Io::failed;
  return false;
}

bool names_length(std::span<const wsgi::Field> headers) {
  return std::any_of(headers.begin(), headers.end(), [](const wsgi::Field& header) {
    constexpr std::string_view kName = "content-length";
    return std::equal(header.name.begin(), header.name.end(), kName.begin(), kName.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  });
}

bool Dispatch::pass_head(const FrameHeader& header) {
  FrameReader& reader = connection_.reader;
  if (headed_) {  // httpd would keep each of them as long as the request
    failure_ = Io::failed;
    return false;
  }
  if (!gather(std::min<std::size_t>(8, reader.left()))) return false;
  const auto size = head_size(reader.payload());
  if (!size || *size > kMostText || !gather(*size)) {
    failure_ = failure_ == Io::ok ? Io::failed : failure_;
    return false;
  }
  ResponseHead head;
  if (!decode_head(reader.payload(), head)) {
    failure_ = Io::failed;
    return false;
  }
  const int status = header.aux;
  if (status < 100 || status > 999) {
    failure_ = Io::failed;
    return false;
  }
  // A body that httpd sees in pieces: what it would have found out from the whole is said here.
  const bool in_pieces = reader.left() - head.size > kPiece;
  const std::string length = std::to_string(header.value);
  const bool bodyless = status < 200 || status == 204 || status == 304;
  if ((header.flags & kEnd) != 0 && in_pieces && !bodyless && !names_length(head.headers)) {
    head.headers.push_back({"Content-Length", length});
  }
  response_.start(status, head.status_line, head.headers);
  reader.take(head.size);
  headed_ = true;
  if (reader.left() == 0 && (header.flags & kEnd) == 0) return true;  // a file follows
  return pass_body((header.flags & kEnd) != 0);
}

// What is here of the frame's payload becomes a block to be sent.
void Dispatch::take_block() {
  const auto bytes = connection_.reader.payload();
  connection_.blocks.emplace_back(bytes.data(), bytes.size());
  connection_.reader.take(bytes.size());
}

bool Dispatch::pass_on(End end) {
  started_ = true;
  unflushed_ = end == End::more_at_once;
  client_gone_ = response_.send(connection_.blocks, end) == Delivery::client_gone;
  connection_.blocks.clear();
  return !client_gone_;
}

bool Dispatch::flush() { return !unflushed_ || pass_on(End::more); }

// Before the next frame is waited for: what has been sent reaches the client meanwhile.
bool Dispatch::settle() {
  return finished_ || !unflushed_ || connection_.reader.has_more() || flush();
}

// A frame of the body, and those behind it that have come already: a pass through httpd's filters
// and a flush cost more than a block. But the first block of several goes out by itself and at
// once, so that what httpd makes of the head does not depend on how fast the others come.
bool Dispatch::pass_body(bool end) {
  FrameReader& reader = connection_.reader;
  do {
    // It has been written already: to wait for all of a block costs no time, and it stays a block.
    if (!gather(std::min(reader.left(), kPiece))) return false;
    const bool first = !started_ && !end;
    const bool complete = end && reader.payload().size() == reader.left();
    if (!first && !complete) reader.read_ahead(kReadTogether);
    take_block();
    while (!first && !end && reader.left() == 0 && connection_.blocks.size() < kMostBlocks &&
           reader.has_next(FrameKind::body)) {
      FrameHeader header;
      failure_ = reader.next(header, 0);
      end = (header.flags & kEnd) != 0;
      take_block();
    }
    const bool last = end && reader.left() == 0;
    const bool more_is_here = !first && (reader.left() != 0 || reader.has_more());
    if (!pass_on(last ? End::last : more_is_here ? End::more_at_once : End::more)) return false;
  } while (reader.left() != 0);
  last_sign_ = base::now();
  return true;
}

bool Dispatch::pass_file(bool end) {
  FilePiece piece;
  if (!gather(sizeof(piece))) return false;
  std::memcpy(&piece, connection_.reader.payload().data(), sizeof(piece));
  connection_.reader.take(sizeof(piece));
  const base::UniqueFd fd = connection_.reader.take_descriptor();
  struct stat info = {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || piece.offset < 0 ||
      piece.length < 0 || piece.length > INT64_MAX - piece.offset || filed_) {
    failure_ = Io::failed;
    return false;
  }
  filed_ = true;
  started_ = true;
  unflushed_ = false;
  client_gone_ = response_.send_file(fd.get(), piece.offset, piece.length,
                                     end ? End::last : End::more) == Delivery::client_gone;
  last_sign_ = base::now();
  return !client_gone_;
}

// The process asks for the request's body when the application does; the client's "100 Continue"
// is sent only now. Where it asks for all of it, nobody waits for the other between two pieces.
bool Dispatch::send_data(std::uint64_t wanted, bool all) {
  if (!data_) data_ = std::make_unique_for_overwrite<char[]>(kPiece);
  bool more = true;
  while (more) {
    const std::span<char> room(data_.get(), std::clamp<std::size_t>(wanted, 1, kPiece));
    const wsgi::ReadResult result = all ? fill(room) : request_.read(room);
    wanted -= std::min<std::uint64_t>(wanted, result.bytes);
    more = all && wanted != 0 && result.bytes != 0 && !result.ended &&
           result.status == wsgi::ReadStatus::ok;
    FrameHeader header;
    header.kind = FrameKind::data;
    header.aux = static_cast<std::uint16_t>(result.status);
    header.flags = static_cast<std::uint8_t>((result.ended ? kEnd : 0) | (more ? kMore : 0));
    header.size = static_cast<std::uint32_t>(result.bytes);
    std::array<iovec, 2> parts = {iovec{&header, sizeof(header)}, iovec{data_.get(), result.bytes}};
    failure_ = write_all(connection_.fd.get(), parts);
    last_sign_ = base::now();
    // It no longer wants it, or has ended: what can be read tells which.
    if (failure_ != Io::ok) return failure_ == Io::reset;
  }
  return true;
}

// As Request::read_all, but that what a slow client sends is passed on before the process loses
// patience, or, if it has given the request up, so that its answer is seen.
wsgi::ReadResult Dispatch::fill(std::span<char> room) {
  const base::Nanos patience = base::now() + kPatience;
  wsgi::ReadResult all;
  while (all.bytes < room.size() && !all.ended && all.status == wsgi::ReadStatus::ok) {
    const wsgi::ReadResult piece = request_.read(room.subspan(all.bytes));
    all = {all.bytes + piece.bytes, piece.status, piece.ended || piece.bytes == 0};
    if (base::now() >= patience) break;
  }
  return all;
}

bool Dispatch::pass_log(std::uint16_t level) {
  FrameReader& reader = connection_.reader;
  if (reader.left() > kMostText || !gather(reader.left())) return false;
  const auto bytes = reader.payload();
  const bool known = level >= static_cast<std::uint16_t>(Level::error) &&
                     level <= static_cast<std::uint16_t>(Level::debug);
  request_.log(known ? static_cast<Level>(level) : Level::error, {bytes.data(), bytes.size()});
  reader.take(bytes.size());
  return true;
}

bool Dispatch::pass_note() {
  FrameReader& reader = connection_.reader;
  if (reader.left() > kMostNote || ++notes_ > kMostNotes) {
    failure_ = Io::failed;
    return false;
  }
  if (!gather(reader.left())) return false;
  const std::string text(reader.payload().data(), reader.left());
  reader.take(text.size());
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) {
    const std::string name = text.substr(0, nul);
    // httpd keeps the name as it is given: only names of Brine's own are passed on.
    if (name == "wsgi-pickle-hazards") {
      request_.note("wsgi-pickle-hazards", std::string_view(text).substr(nul + 1));
    }
  }
  return true;
}

// The process's monitor closes the connection where request-timeout finds its thread in the middle
// of a frame, because the client takes its answer slowly.
bool Dispatch::is_overdue() const {
  const base::Nanos timeout = base::nanos(group_.limits.request_timeout);
  return timeout != 0 && base::now() - begun_ >= timeout;
}

// The connection ended, or fell silent, in the middle of it.
Progress Dispatch::broken(Io io) {
  if (!taken_ && io == Io::reset) return expired_ ? Progress::expired : Progress::not_taken;
  const std::string process = "the daemon process of group '" + group_.name + "'";
  if (io == Io::timed_out) {
    view_.count(Counter::socket_timeout);
    outcome_ = Outcome::timed_out;
    request_.log(Level::error,
                 "BRINE0604: " + process + " gave no sign for " +
                     std::to_string(limits_.socket_timeout / base::kMillisecond) +
                     " ms while this request waited for it (socket-timeout, by default Timeout)");
  } else if (started_ && io != Io::failed && is_overdue()) {
    request_.log(Level::info, process + " broke off its answer: see BRINE0608");
  } else {
    view_.count(Counter::crashed);
    outcome_ = Outcome::process_died;
    request_.log(Level::error, "BRINE0603: " + process +
                                   " ended while it served this request; the line BRINE0610 "
                                   "tells why" +
                                   (io == Io::failed ? " (it sent what nobody can read)" : ""));
  }
  if (started_) {
    response_.abort();
    outcome_ = Outcome::failed_after_headers;
  }
  return Progress::broken;
}

}  // namespace brine::daemon
