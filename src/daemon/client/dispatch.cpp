#include "daemon/client/dispatch.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/shared/codec.hpp"
#include "daemon/shared/fields.hpp"
#include "daemon/shared/log_channel.hpp"

namespace brine::daemon {

using base::Level;
using wsgi::Delivery;
using wsgi::End;
using wsgi::Outcome;

namespace {

// A read waits this long before it is checked whether the process lives; the socket's SO_RCVTIMEO.
constexpr base::Nanos kReadTimeout = base::kSecond;

// Bodies of requests and responses are passed on in pieces of this size.
constexpr std::size_t kPiece = 65536;

// At most this much of a response that has arrived passes through httpd's filters at once, in this
// many blocks.
constexpr std::size_t kReadTogether = 131072;
constexpr std::size_t kMostBlocks = 256;

// The time to wait for a full piece of the request's body before a part of it is passed on.
constexpr base::Nanos kPatience = 100 * base::kMillisecond;

// While a request logs too much, one record in this time tells how many were left out.
constexpr base::Nanos kLeftOutInterval = 60 * base::kSecond;

// A process that claims to have more interpreters is taken to have this many.
constexpr std::uint32_t kMostInterpreters = 10000;

// The only note that a process may set; httpd keeps the name's pointer and does not copy it.
constexpr const char* kNote = "wsgi-pickle-hazards";

// Returns what the check has to know of a request.
Asked asked(const wsgi::Head& head, const wsgi::Target& target, std::uint8_t flags,
            base::Nanos take_until) {
  Asked result;
  result.call = target.question.call;
  result.head_request = head.head_request;
  result.body_complete = head.body_complete;
  result.may_restart =
      target.settings.reloading == wsgi::Reloading::fresh_process && (flags & kKeepCode) == 0;
  result.replacements = head.replacements;
  result.take_until = take_until;
  return result;
}

std::string process_name(const Group& group, const Slot& slot) {
  return "process " + std::to_string(slot.pid.load(std::memory_order_relaxed)) +
         " of daemon group '" + group.name + "'";
}

// Returns what is wrong with a descriptor that a process passes as one of a plain file. Files of
// /proc are refused, since httpd could read there what the process may not.
std::string wrong_file(int fd) {
  struct stat info = {};
  struct statfs system = {};
  const int flags = fd < 0 ? -1 : ::fcntl(fd, F_GETFL);
  if (flags < 0) return "a file without a descriptor (unless httpd's process has none left)";
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return "a file that is no plain file";
  if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
    return "a file that is not readable";
  }
  if (::fstatfs(fd, &system) == 0 && system.f_type == PROC_SUPER_MAGIC) return "a file of /proc";
  return "";
}

}  // namespace

void report_bad_answer(wsgi::Request& request, const Group& group, const GroupView& view,
                       const Slot& slot, std::string_view what) {
  view.count(Counter::bad_answers);
  request.log(Level::error, "BRINE0629: " + process_name(group, slot) +
                                " sent what is no answer: " + std::string(what) +
                                "; the connection to it is closed");
}

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
  const Progress progress = exchange(target, flags);
  if (progress == Progress::done || progress == Progress::broken) view_.count(Counter::requests);
  if (progress == Progress::broken && wrong_.empty()) take_last_records();
  tell_of_left_out(0);
  pass_note();
  return progress;
}

Progress Dispatch::exchange(const wsgi::Target& target, std::uint8_t flags) {
  begun_ = last_sign_ = base::now();
  check_ = ResponseCheck(asked(request_.head(), target, flags, limits_.take_until));
  request_.sent_to(slot_.pid.load(std::memory_order_relaxed));
  // A frame that was not written to its end cannot have been read to its end.
  if (send_request(target, flags) != Io::ok) return Progress::not_taken;
  FrameHeader header;
  while (!finished_) {
    if (const Io io = next(header); io != Io::ok) return broken(io);
    taken_ = true;
    last_sign_ = base::now();
    if (!accept(check_.frame(header, last_sign_))) return refuse();
    if (header.kind == FrameKind::refused) return Progress::expired;
    note_taken();
    if (!handle(header) || !settle()) {
      if (client_gone_) {
        outcome_ = Outcome::client_aborted;
        return Progress::broken;
      }
      return wrong_.empty() ? broken(failure_) : refuse();
    }
  }
  return end();
}

// Ends the exchange after the process has told how the request ended.
Progress Dispatch::end() {
  // httpd would otherwise take what has come for the whole body.
  if (started_ && check_.is_open()) response_.abort();
  if (outcome_ == Outcome::timed_out) view_.count(Counter::request_timeout);
  if (connection_.reader.has_leftover()) {  // httpd would take the rest for the next answer
    const Outcome outcome = outcome_;
    wrong_ = "something after the end of its answer";
    refuse();
    outcome_ = outcome;
    return Progress::broken;
  }
  return outcome_ == Outcome::timed_out ? Progress::broken : Progress::done;
}

// Ends the exchange with an error, and passes on nothing more of what the process sends.
Progress Dispatch::refuse() {
  report_bad_answer(request_, group_, view_, slot_, wrong_);
  outcome_ = Outcome::process_died;
  if (started_) response_.abort();
  return Progress::broken;
}

// Returns true if `wrong` is empty; otherwise keeps it.
bool Dispatch::accept(std::string wrong) {
  wrong_ = std::move(wrong);
  return wrong_.empty();
}

// Reads the next frame's header. A read that times out is repeated until wait() says that this
// makes no sense any more.
Io Dispatch::next(FrameHeader& header) {
  for (;;) {
    base::Nanos deadline = 0;
    if (const Io io = wait(deadline); io != Io::ok) return io;
    const Io io = connection_.reader.next(header, deadline);
    if (io != Io::timed_out) return io;
  }
}

bool Dispatch::process_is_gone() const {
  return slot_.incarnation.load(std::memory_order_acquire) != connection_.incarnation;
}

// Returns Io::ok if waiting still makes sense. Sets `deadline` to when it ends; 0: the next tick.
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
      expired_ = true;  // the process must not take it up any more
      return Io::reset;
    }
  }
  if (now - last_sign_ > kReadTimeout && process_is_gone()) {
    // A process that the dead one forked holds the socket open.
    return has_unread_bytes(connection_.fd.get()) ? Io::reset : Io::closed;
  }
  deadline = until - now > kReadTimeout ? 0 : until;
  return Io::ok;
}

// Tells once which process has taken the request up, as the supervisor says.
void Dispatch::note_taken() {
  if (std::exchange(told_taken_, true)) return;
  request_.taken_by(slot_.pid.load(std::memory_order_relaxed));
}

// Passes on when the process called the application, as it says, within the time that the exchange
// has taken.
void Dispatch::note_call(std::uint64_t time) {
  if (time == 0 || called_) return;
  called_ = true;
  const bool is_past = time <= static_cast<std::uint64_t>(last_sign_);
  request_.application_called(is_past ? std::max(static_cast<base::Nanos>(time), begun_)
                                      : last_sign_);
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

// Handles a frame that the check has accepted. Returns false if the exchange cannot go on; wrong_,
// failure_ or client_gone_ tells why.
bool Dispatch::handle(const FrameHeader& header) {
  const bool end = (header.flags & kEnd) != 0;
  switch (header.kind) {
    case FrameKind::want:
      // The client may wait for what has been sent before it sends more.
      return flush() && send_data(header.value, (header.flags & kAll) != 0);
    case FrameKind::head:
      note_call(header.value);
      return pass_head(header) && ((header.flags & kDone) == 0 || finish(Outcome::completed));
    case FrameKind::body:
      return pass_body(end);
    case FrameKind::file:
      return pass_file(header);
    case FrameKind::abort:
      // The head goes out first, as the application gave it, since only the end of the body is
      // missing.
      if (!started_ && !pass_on(End::more)) return false;
      response_.abort();
      unflushed_ = false;  // the abort has flushed, and nothing may follow it
      return true;
    case FrameKind::log:
      return pass_log(header.aux);
    case FrameKind::note:
      return take_note();
    case FrameKind::done:
      note_call(header.value);
      return finish(static_cast<Outcome>(header.aux));
    case FrameKind::answer:
      return take_answer() && finish(Outcome::completed);
    case FrameKind::lookup:
      return send_variable();
    case FrameKind::facts:
      return take_facts();
    case FrameKind::request:
    case FrameKind::data:
    case FrameKind::value:
    case FrameKind::refused:
    case FrameKind::count_:
      break;
  }
  failure_ = Io::failed;  // the check accepts no other kinds
  return false;
}

// Decodes the head; its views lie in the reader's buffer until that is read again.
bool Dispatch::read_head(const FrameHeader& header, ResponseHead& head) {
  FrameReader& reader = connection_.reader;
  if (!gather(std::min(kExtentBytes, reader.left()))) return false;
  const std::optional<HeadExtent> extent = head_extent(reader.payload());
  if (!accept(ResponseCheck::extent(header, extent)) || !gather(extent->bytes)) return false;
  if (!decode_head(reader.payload(), head)) return accept("a head that cannot be read");
  return accept(check_.head(header, head));
}

bool Dispatch::pass_head(const FrameHeader& header) {
  FrameReader& reader = connection_.reader;
  ResponseHead head;
  if (!read_head(header, head)) return false;
  const int status = header.aux;
  // httpd sees the body in pieces and cannot find its length, so the length is said here.
  const std::size_t size = reader.left() - head.size;
  const std::string length = std::to_string(size);
  const bool bodyless = status == 204 || status == 304;
  if ((header.flags & kEnd) != 0 && size > kPiece && !bodyless && !check_.declares_length()) {
    head.headers.push_back({"Content-Length", length});
  }
  pass_note();  // other modules may put the note into the head
  response_.start(status, head.status_line, head.headers);
  reader.take(head.size);
  if (reader.left() == 0 && (header.flags & kEnd) == 0) return true;  // a file follows as the body
  return pass_body((header.flags & kEnd) != 0);
}

// Makes the arrived part of the frame's payload a block to be sent.
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

// Flushes before the next frame is waited for, so that the client gets what has been sent.
bool Dispatch::settle() {
  return finished_ || !unflushed_ || connection_.reader.has_more() || flush();
}

// Reads the header of the next frame of the body, if that has arrived already.
bool Dispatch::take_next_frame(bool& end) {
  FrameHeader header;
  failure_ = connection_.reader.next(header, 0);
  if (failure_ != Io::ok || !accept(check_.frame(header, last_sign_))) return false;
  end = (header.flags & kEnd) != 0;
  take_block();
  return true;
}

// Passes on a frame of the body together with those that have arrived behind it, because a pass
// through httpd's filters and a flush cost more than a block. The first block of several goes out
// by itself, so that the head that httpd makes does not depend on how fast the others come.
bool Dispatch::pass_body(bool end) {
  FrameReader& reader = connection_.reader;
  do {
    // The process has written this block already, so to wait for all of it takes no time, and it
    // stays one block.
    if (!gather(std::min(reader.left(), kPiece))) return false;
    const bool first = !started_ && !end;
    const bool complete = end && reader.payload().size() == reader.left();
    if (!first && !complete) reader.read_ahead(kReadTogether);
    take_block();
    while (!first && !end && reader.left() == 0 && connection_.blocks.size() < kMostBlocks &&
           reader.has_next(FrameKind::body)) {
      if (!take_next_frame(end)) return false;
    }
    const bool last = end && reader.left() == 0;
    const bool more_is_here = !first && (reader.left() != 0 || reader.has_more());
    if (!pass_on(last ? End::last : more_is_here ? End::more_at_once : End::more)) return false;
  } while (reader.left() != 0);
  last_sign_ = base::now();
  return true;
}

bool Dispatch::pass_file(const FrameHeader& header) {
  FilePiece piece;
  if (!gather(sizeof(piece))) return false;
  std::memcpy(&piece, connection_.reader.payload().data(), sizeof(piece));
  connection_.reader.take(sizeof(piece));
  const base::UniqueFd fd = connection_.reader.take_descriptor();
  if (!accept(check_.file(header, piece)) || !accept(wrong_file(fd.get()))) return false;
  started_ = true;
  unflushed_ = false;
  const End end = (header.flags & kEnd) != 0 ? End::last : End::more;
  client_gone_ =
      response_.send_file(fd.get(), piece.offset, piece.length, end) == Delivery::client_gone;
  last_sign_ = base::now();
  return !client_gone_;
}

// Sends a part of the request's body, which the process asks for when the application does; only
// now is "100 Continue" sent to the client. If the process asks for all of it, neither side waits
// for the other between two pieces.
bool Dispatch::send_data(std::uint64_t wanted, bool all) {
  if (!data_) data_ = std::make_unique_for_overwrite<char[]>(kPiece);
  bool more = true;
  while (more) {
    const std::span<char> room(data_.get(), std::clamp<std::size_t>(wanted, 1, kPiece));
    const wsgi::ReadResult result = all ? fill(room) : request_.read(room);
    wanted -= std::min<std::uint64_t>(wanted, result.bytes);
    const bool ended = result.bytes == 0 || result.ended || result.status != wsgi::ReadStatus::ok;
    if (ended) check_.end_input();
    more = all && wanted != 0 && !ended;
    FrameHeader header;
    header.kind = FrameKind::data;
    header.aux = static_cast<std::uint16_t>(result.status);
    header.flags = static_cast<std::uint8_t>((result.ended ? kEnd : 0) | (more ? kMore : 0));
    header.size = static_cast<std::uint32_t>(result.bytes);
    std::array<iovec, 2> parts = {iovec{&header, sizeof(header)}, iovec{data_.get(), result.bytes}};
    failure_ = write_all(connection_.fd.get(), parts);
    last_sign_ = base::now();
    // The process no longer reads, or has ended: the next frame tells which.
    if (failure_ != Io::ok) return failure_ == Io::reset;
  }
  return true;
}

// Fills `room` like Request::read_all. But what a slow client has sent is passed on after
// kPatience, before the process loses patience, and so that the answer of a process that has given
// the request up is seen.
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
  if (!gather(reader.left())) return false;
  const auto bytes = reader.payload();
  if (log_budget_.admit(last_sign_, bytes.size())) {
    request_.log(static_cast<Level>(level), marked({bytes.data(), bytes.size()}));
  }
  tell_of_left_out(kLeftOutInterval);
  reader.take(bytes.size());
  return true;
}

// Logs in one record how many log records have been left out, if the first one was `after` ago.
void Dispatch::tell_of_left_out(base::Nanos after) {
  const std::uint64_t count = log_budget_.take_left_out(last_sign_, after);
  if (count == 0) return;
  request_.log(Level::warning, "BRINE0630: " + process_name(group_, slot_) +
                                   " logged too much: " + std::to_string(count) +
                                   " log records of this request are left out");
}

bool Dispatch::take_answer() {
  FrameReader& reader = connection_.reader;
  if (!gather(reader.left())) return false;
  auto answer = decoded<wsgi::Answer>({reader.payload().data(), reader.left()});
  if (!answer) return accept("an answer to a question that cannot be read");
  if (!accept(check_.answer(*answer))) return false;
  reader.take(reader.left());
  response_.answer(std::move(*answer));
  return true;
}

// Sends the value of the variable of mod_ssl's for which the process asks and waits.
bool Dispatch::send_variable() {
  FrameReader& reader = connection_.reader;
  if (!gather(reader.left())) return false;
  const std::string name(reader.payload().data(), reader.left());
  reader.take(reader.left());
  const std::optional<std::string> found = request_.ssl_variable(name);
  const bool fits = found && found->size() <= kMostValueBytes;
  std::string value = fits ? *found : "";
  FrameHeader header;
  header.kind = FrameKind::value;
  header.flags = fits ? 0 : kEnd;
  header.size = static_cast<std::uint32_t>(value.size());
  std::array<iovec, 2> parts = {iovec{&header, sizeof(header)}, iovec{value.data(), value.size()}};
  failure_ = write_all(connection_.fd.get(), parts);
  last_sign_ = base::now();
  return failure_ == Io::ok || failure_ == Io::reset;  // what can be read tells why it has ended
}

// Keeps only the newest value, since httpd keeps each note for as long as the request.
bool Dispatch::take_note() {
  FrameReader& reader = connection_.reader;
  if (!gather(reader.left())) return false;
  const std::string_view text(reader.payload().data(), reader.left());
  const std::size_t nul = text.find('\0');
  if (nul == std::string_view::npos || text.substr(0, nul) != kNote) {
    return accept("a note of a name that is not Brine's");
  }
  note_ = text.substr(nul + 1);
  noted_ = true;
  reader.take(text.size());
  return true;
}

// Passes on what the process says that it has measured, within what can be true of it.
bool Dispatch::take_facts() {
  FrameReader& reader = connection_.reader;
  if (!gather(sizeof(wsgi::RunFacts))) return false;
  wsgi::RunFacts facts;
  std::memcpy(&facts, reader.payload().data(), sizeof(facts));
  reader.take(sizeof(facts));
  facts.gil_wait = std::clamp<base::Nanos>(facts.gil_wait, -1, last_sign_ - begun_);
  facts.loaded_at = std::clamp<base::Nanos>(facts.loaded_at, 0, last_sign_);
  facts.interpreters = std::min(facts.interpreters, kMostInterpreters);
  request_.measured(facts);
  return true;
}

void Dispatch::pass_note() {
  if (noted_) request_.note(kNote, note_);
  noted_ = false;
}

// Reads and drops the rest of the frame's payload.
bool Dispatch::skip() {
  FrameReader& reader = connection_.reader;
  while (reader.left() != 0) {
    if (!gather(std::min(reader.left(), kPiece))) return false;
    reader.take(reader.payload().size());
  }
  return true;
}

// Takes the log records out of an answer that is not wanted any more. What the process has written
// by now is read without waiting; what it cannot write any more, it logs itself.
void Dispatch::take_last_records() {
  ::shutdown(connection_.fd.get(), SHUT_RD);
  FrameHeader header;
  while (skip() && connection_.reader.next(header, 0) == Io::ok) {
    if (header.kind != FrameKind::log && header.kind != FrameKind::note) continue;
    if (!accept(check_.frame(header, last_sign_)) || !handle(header)) return;
  }
}

// Returns true if request-timeout is over. The process's monitor closes the connection if its
// thread is then in the middle of a frame, since the client takes the answer slowly.
bool Dispatch::is_overdue() const {
  const base::Nanos timeout = base::nanos(group_.limits.request_timeout);
  return timeout != 0 && base::now() - begun_ >= timeout;
}

// Ends the exchange after the connection broke, or fell silent, in the middle of it.
Progress Dispatch::broken(Io io) {
  if (!taken_ && io == Io::reset) return expired_ ? Progress::expired : Progress::not_taken;
  if (io == Io::failed) {
    wrong_ = "what is no frame, or descriptors that belong to none";
    return refuse();
  }
  const std::string process = "the daemon process of group '" + group_.name + "'";
  if (io == Io::timed_out) {
    view_.count(Counter::socket_timeout);
    outcome_ = Outcome::timed_out;
    request_.log(Level::error,
                 "BRINE0604: " + process + " gave no sign for " +
                     std::to_string(limits_.socket_timeout / base::kMillisecond) +
                     " ms while this request waited for it (socket-timeout, by default Timeout)");
  } else if (started_ && is_overdue()) {
    view_.count(Counter::request_timeout);
    request_.log(Level::info, process + " broke off its answer: see BRINE0608");
  } else {
    view_.count(Counter::crashed);
    outcome_ = Outcome::process_died;
    request_.log(Level::error, "BRINE0603: " + process +
                                   " ended while it served this request; the line BRINE0610 "
                                   "tells why");
  }
  if (started_) response_.abort();
  return Progress::broken;
}

}  // namespace brine::daemon
