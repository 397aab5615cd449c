#include "daemon/supervisor/worker_log.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "daemon/shared/log_channel.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// At most this many records of one writer are read before the others have their turn.
constexpr int kMostReads = 64;

// A text longer than this is cut into several records.
constexpr std::size_t kMostTextBytes = 1 << 20;
constexpr std::size_t kMostLineBytes = 8192;

void write(base::LogSink& log, LogBudget& budget, Nanos now, Level level, std::string_view text) {
  if (budget.admit(now, text.size())) log.log(level, marked(text));
}

// Returns true for a record of Brine's own: what an application prints is left as it is.
bool is_brines_own(Level level, std::string_view text) {
  if (level == Level::notice) return false;
  return level != Level::error || text.starts_with("BRINE");
}

}  // namespace

std::string with_process(std::string_view text, pid_t process) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string result(text.substr(0, end));
  result.append(" (process ").append(std::to_string(process)).append(")");
  return result.append(text.substr(end));
}

bool RecordReader::read(base::LogSink& log, LogBudget& budget, Nanos now) {
  std::array<char, kMostLogBytes + 2> bytes;
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return true;
    if (size <= 0) return false;
    const auto packet = parse_log_packet({bytes.data(), static_cast<std::size_t>(size)});
    if (!packet) continue;
    begun_.append(packet->text);
    if (packet->more && begun_.size() < kMostTextBytes) continue;
    const bool own = is_brines_own(packet->level, begun_);
    write(log, budget, now, packet->level, own ? with_process(begun_, process_) : begun_);
    begun_ = packet->more ? continuation_of(begun_) : std::string();
  }
  return true;
}

OutputPipe::OutputPipe(uid_t writers) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  reader_.reset(ends[0]);
  writer_.reset(ends[1]);
  // The group's processes may then open the pipe by its name, as /dev/stdout and /dev/stderr do.
  // The call fails where the supervisor is not root; its processes then run as the same user.
  if (::fchown(writer_.get(), writers, static_cast<gid_t>(-1)) == 0) {
    ::fchmod(writer_.get(), S_IWUSR);
  }
  // The writers' end stays blocking: what they write has to wait while the supervisor does not keep
  // up.
  ::fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
}

void OutputPipe::read(base::LogSink& log, LogBudget& budget, Nanos now) {
  std::array<char, 16384> bytes;
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t size = ::read(reader_.get(), bytes.data(), bytes.size());
    if (size <= 0) return;
    for (std::string_view text(bytes.data(), static_cast<std::size_t>(size)); !text.empty();) {
      const std::size_t end = text.find('\n');
      line_.append(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (end == std::string_view::npos && line_.size() < kMostLineBytes) continue;
      if (!line_.empty()) write(log, budget, now, Level::error, line_);
      line_.clear();
    }
  }
}

}  // namespace brine::daemon
