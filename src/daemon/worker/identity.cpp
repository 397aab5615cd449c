#include "daemon/worker/identity.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace brine::daemon {

namespace {

[[noreturn]] void fail(const std::string& step, const std::string& advice) {
  throw CannotBecome(step + ": " + std::strerror(errno) + "; " + advice);
}

void limit(int resource, std::uint64_t soft, std::uint64_t beyond, const char* option) {
  if (soft == 0) return;
  rlimit value{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) {
    fail(std::string("getrlimit for ") + option, "see getrlimit(2)");
  }
  const rlim_t hard = soft + beyond;
  value.rlim_cur = std::min<rlim_t>(soft, value.rlim_max);
  value.rlim_max = std::min<rlim_t>(hard, value.rlim_max);
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) {
    fail(std::string("setrlimit for ") + option, "see setrlimit(2)");
  }
}

void set_limits(const Group& group) {
  const Limits& limits = group.limits;
  // At the soft limit the kernel sends SIGXCPU, and the process has itself replaced; at the hard
  // limit it is killed. The difference lasts until the successor is ready and the last request has
  // ended.
  const auto to_leave = static_cast<std::uint64_t>(
      (limits.graceful_timeout + limits.shutdown_timeout).count() / 1000);
  limit(RLIMIT_CPU, limits.cpu_time_limit, to_leave + 10, "cpu-time-limit");
  limit(RLIMIT_DATA, limits.memory_limit, 0, "memory-limit");
  limit(RLIMIT_AS, limits.virtual_memory, 0, "virtual-memory-limit");
  if (group.cpu_priority != 0 && ::setpriority(PRIO_PROCESS, 0, group.cpu_priority) != 0) {
    fail("setpriority " + std::to_string(group.cpu_priority),
         "only root may raise a priority (cpu-priority)");
  }
}

void set_groups(const Identity& identity) {
  if (identity.supplementary) {
    if (::setgroups(identity.supplementary->size(), identity.supplementary->data()) != 0) {
      fail("setgroups", "see supplementary-groups");
    }
  } else if (::setgroups(1, &identity.gid) != 0) {
    fail("setgroups", "see setgroups(2)");
  }
}

// Checks every call and its result, since a process that kept root's rights must not run a tenant's
// code.
void set_identity(const Identity& identity) {
  if (::setgid(identity.gid) != 0) fail("setgid " + std::to_string(identity.gid), "see group");
  set_groups(identity);
  if (::setuid(identity.uid) != 0) {
    fail("setuid " + std::to_string(identity.uid),
         "see user; EAGAIN: that user's limit of processes is reached");
  }
  uid_t uid[3];
  gid_t gid[3];
  if (::getresuid(&uid[0], &uid[1], &uid[2]) != 0 || ::getresgid(&gid[0], &gid[1], &gid[2]) != 0) {
    fail("getresuid", "see getresuid(2)");
  }
  for (int i = 0; i < 3; ++i) {
    if (uid[i] != identity.uid || gid[i] != identity.gid) {
      errno = EPERM;
      fail("taking on the identity of user " + std::to_string(identity.uid),
           "the system kept another one");
    }
  }
}

void set_environment(const Group& group) {
  if (group.switches_identity && !group.identity.user.empty()) {
    ::setenv("USER", group.identity.user.c_str(), 1);
    ::setenv("LOGNAME", group.identity.user.c_str(), 1);
  }
  if (!group.user_home.empty()) ::setenv("HOME", group.user_home.c_str(), 1);
  if (!group.lang.empty()) ::setenv("LANG", group.lang.c_str(), 1);
  if (!group.locale.empty()) ::setenv("LC_ALL", group.locale.c_str(), 1);
  const bool has_locale = !group.locale.empty() || !group.lang.empty();
  // The locale's files may be missing in a chroot, or the locale be one that only httpd's
  // environment names.
  if (has_locale && std::setlocale(LC_ALL, "") == nullptr) std::setlocale(LC_ALL, "C.UTF-8");
}

}  // namespace

void become(const Group& group) {
  set_limits(group);
  if (!group.chroot.empty() && (::chroot(group.chroot.c_str()) != 0 || ::chdir("/") != 0)) {
    fail("chroot to '" + group.chroot + "'", "see chroot");
  }
  if (group.switches_identity) set_identity(group.identity);
  if (!group.working_home.empty() && ::chdir(group.working_home.c_str()) != 0) {
    fail("chdir to '" + group.working_home + "'",
         "the group's user has to be able to enter it (home)");
  }
  if (group.umask) ::umask(*group.umask);
  set_environment(group);
}

}  // namespace brine::daemon
