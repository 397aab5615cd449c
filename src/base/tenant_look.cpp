#include "base/tenant_look.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>

#include "base/quotes.hpp"

namespace brine::base {

namespace {

constexpr unsigned kSeconds = 5;
constexpr std::size_t kMostReplyBytes = 65536;

// The destructor waits this long for a process that was sent SIGKILL.
constexpr Nanos kPatience = kSecond / 2;

// The first byte of a reply. Texts follow, each ended by a NUL.
constexpr char kFound = 'f';
constexpr char kFault = 'x';

[[noreturn]] void fail(const std::string& step) {
  throw std::invalid_argument("cannot be looked at: " + step + ": " + std::strerror(errno));
}

void take_on(const Viewer& viewer) {
  const std::string& root = viewer.chroot;
  if (!root.empty() && (::chroot(root.c_str()) != 0 || ::chdir("/") != 0)) {
    const int error = errno;
    const bool missing = error == ENOENT || error == ENOTDIR;
    throw std::invalid_argument("chroot= names " + in_quotes(root) +
                                (missing ? std::string(", which is no directory")
                                         : std::string(": ") + std::strerror(error)));
  }
  if (!viewer.switches) {
    return;
  }
  const std::vector<gid_t> groups = viewer.supplementary.value_or(std::vector<gid_t>{viewer.gid});
  if (::setgid(viewer.gid) != 0 || ::setgroups(groups.size(), groups.data()) != 0 ||
      ::setuid(viewer.uid) != 0) {
    fail("to take on user #" + std::to_string(viewer.uid));
  }
}

// Keeps `reply` alone, as descriptor 3, so that a process that hangs for ever holds none of httpd's
// sockets and pipes.
void let_go_of_httpd(int reply) {
  const int kept = ::fcntl(reply, F_DUPFD_CLOEXEC, 4);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) {
    ::dup2(null, fd);
  }
  ::dup2(kept, 3);
  ::close_range(4, ~0U, 0);
}

void answer(char kind, const TenantLook::Texts& texts) {
  std::string bytes(1, kind);
  for (const std::string& text : texts) {
    bytes.append(text).append(1, '\0');
  }
  [[maybe_unused]] const ssize_t written = ::write(3, bytes.data(), bytes.size());
}

[[noreturn]] void run_look(const Viewer& viewer, const std::function<TenantLook::Texts()>& look,
                           int reply) noexcept {
  try {
    let_go_of_httpd(reply);
    ::signal(SIGALRM, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::alarm(kSeconds);
    take_on(viewer);
    // The user must not ptrace this process, which has httpd's memory.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    answer(kFound, look());
  } catch (const std::exception& error) {
    try {
      answer(kFault, {error.what()});
    } catch (const std::exception&) {
      ::_exit(1);  // memory has run out; a missing reply says so too
    }
  }
  ::_exit(0);
}

// Reads until the other end is closed. Returns nothing if that takes too long.
std::optional<std::string> read_all(int fd, Nanos deadline) {
  std::string bytes;
  for (;;) {
    // Bytes that have arrived are read even after the deadline, since the caller may have waited
    // for another look until then.
    const Nanos left = std::max<Nanos>(deadline - now(), 0);
    pollfd wait{fd, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(left / kMillisecond) + (left != 0));
    if (bytes.size() > kMostReplyBytes || (ready == 0 && left == 0)) {
      return std::nullopt;
    }
    if (ready <= 0) {
      continue;
    }
    char block[4096];
    const ssize_t size = ::read(fd, block, sizeof block);
    if (size == 0) {
      return bytes;
    }
    if (size > 0) {
      bytes.append(block, static_cast<std::size_t>(size));
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

}  // namespace

TenantLook::TenantLook(const Viewer& viewer, const std::function<Texts()>& look, Reaper reaper)
    : deadline_(now() + kSeconds * kSecond) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  reply_.reset(ends[0]);
  const UniqueFd other(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    run_look(viewer, look, other.get());
  }
  if (pid < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  process_ = pid;
  if (reaper == Reaper::look) {
    looker_ = Looker(pid);
  }
}

bool TenantLook::is_done(Nanos now) const {
  pollfd wait{reply_.get(), POLLIN, 0};
  return now >= deadline_ || ::poll(&wait, 1, 0) > 0;
}

TenantLook::Looker::~Looker() {
  if (pid_ <= 0) {
    return;
  }
  ::kill(pid_, SIGKILL);  // the process has replied, or will not
  const Nanos until = now() + kPatience;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0 && now() < until) {
    ::usleep(1000);
  }
}

TenantLook::Texts TenantLook::result() {
  const std::optional<std::string> reply = read_all(reply_.get(), deadline_);
  reply_.reset();
  looker_ = Looker(0);
  if (!reply || reply->empty()) {
    throw FilesFault("its files could not be looked at within " + std::to_string(kSeconds) +
                     " s: does their file system answer?");
  }
  Texts texts;
  std::string_view rest(*reply);
  const char kind = rest.front();
  rest.remove_prefix(1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    texts.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (kind == kFault) {
    throw FilesFault(texts.empty() ? "unknown" : texts.front());
  }
  return texts;
}

}  // namespace brine::base
