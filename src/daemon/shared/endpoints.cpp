#include "daemon/shared/endpoints.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <tuple>

#include "daemon/shared/channel.hpp"
#include "daemon/shared/private_fd.hpp"

namespace brine::daemon {

Endpoints::LifePipe::LifePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  read_end.reset(ends[0]);
  held_end.reset(ends[1]);
}

Endpoints::Endpoints(std::span<const Group* const> groups, metrics::Board& board)
    : groups_(groups.begin(), groups.end()), board_(board), scoreboard_(groups, board) {
  std::tie(introductions_sender_, introductions_) = socket_pair(SOCK_SEQPACKET);
}

void Endpoints::keep_httpds_ends() {
  scoreboard_.close_files();
  introductions_.reset();
  generation_.read_end.reset();
  configuration_.read_end.reset();
  configuration_.held_end.reset();
}

void Endpoints::hide_from_forks() const {
  daemon::hide_from_forks(introductions_sender_.get());
  daemon::hide_from_forks(generation_.held_end.get());
}

void Endpoints::keep_supervisors_ends() {
  introductions_sender_.reset();
  generation_.held_end.reset();
  configuration_.held_end.reset();
}

}  // namespace brine::daemon
