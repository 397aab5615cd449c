#include "apache/process/forks.hpp"

#include <ap_listen.h>
#include <link.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

#include "apache/httpd.hpp"
#include "daemon/shared/private_fd.hpp"

namespace brine::apache {

namespace {

struct Range {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool has(std::uintptr_t address) const { return address >= begin && address < end; }
};

// The state that the handlers of fork() use. It is written before the first fork, and never
// destroyed.
auto& ports = *new std::vector<in_port_t>;  // of httpd's listeners, in network order
auto& code = *new std::vector<Range>;       // code of httpd and its modules
thread_local sigset_t mask_before;          // of the thread that forks

// Returns true for httpd's listening sockets, and for sockets that were accepted on their ports.
bool serves_clients(int fd) noexcept {
  sockaddr_storage own{};
  socklen_t size = sizeof(own);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return false;
  in_port_t port = 0;
  if (own.ss_family == AF_INET) {
    port = reinterpret_cast<const sockaddr_in&>(own).sin_port;
  } else if (own.ss_family == AF_INET6) {
    port = reinterpret_cast<const sockaddr_in6&>(own).sin6_port;
  } else {
    return false;
  }
  return std::find(ports.begin(), ports.end(), port) != ports.end();
}

void find_ports() {
  for (const ap_listen_rec* listener = ap_listeners; listener != nullptr;
       listener = listener->next) {
    ports.push_back(htons(listener->bind_addr->port));
  }
}

// Notes the executable parts of a loaded object if it is the program or one of httpd's modules.
int note_code(dl_phdr_info* object, std::size_t, void*) {
  std::vector<Range> parts;
  bool is_httpds = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    const Range range{begin, begin + part.p_memsz};
    for (module** loaded = ap_loaded_modules; *loaded != nullptr; ++loaded) {
      is_httpds = is_httpds || range.has(reinterpret_cast<std::uintptr_t>(*loaded));
    }
    if ((part.p_flags & PF_X) != 0) parts.push_back(range);
  }
  if (is_httpds) code.insert(code.end(), parts.begin(), parts.end());
  return 0;
}

bool is_httpds(const struct sigaction& action) {
  const auto handler = reinterpret_cast<std::uintptr_t>(action.sa_handler);
  return std::any_of(code.begin(), code.end(), [&](const Range& r) { return r.has(handler); });
}

extern "C" void ignore_signal(int) {}

// Sets a handler for SIGINT if the prefork MPM ignores it, as it does where httpd runs in a
// terminal. An ignored signal stays ignored in programs that are started; a handled one does not.
void handle_ignored_interrupt() {
  struct sigaction action = {};
  if (::sigaction(SIGINT, nullptr, &action) != 0 || action.sa_handler != SIG_IGN) return;
  action.sa_handler = ignore_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

// Blocks signals, so that no handler of httpd's runs in the forked process, not even for a moment.
extern "C" void block_signals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &mask_before);
}

extern "C" void restore_signals() { ::pthread_sigmask(SIG_SETMASK, &mask_before, nullptr); }

extern "C" void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) == 0 && is_httpds(action)) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void guard_application_forks() {
  find_ports();
  ::dl_iterate_phdr(note_code, nullptr);
  handle_ignored_interrupt();
  daemon::guard_forks(serves_clients);
  const int error = ::pthread_atfork(block_signals, restore_signals, reset_signals);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_atfork");
}

}  // namespace brine::apache
