#include "daemon/shared/endpoints.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

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

Endpoints::Endpoints(std::span<const Group* const> groups)
    : groups_(groups.begin(), groups.end()), scoreboard_(groups) {
  for (const Group* group : groups_) {
    std::vector<base::UniqueFd>& senders = senders_.emplace_back();
    std::vector<base::UniqueFd>& receivers = receivers_.emplace_back();
    for (std::size_t slot = 0; slot < slot_count(*group); ++slot) {
      auto [sender, receiver] = socket_pair(SOCK_SEQPACKET);
      senders.push_back(std::move(sender));
      receivers.push_back(std::move(receiver));
    }
  }
}

std::vector<int> Endpoints::senders(std::size_t group) const {
  std::vector<int> result;
  for (const base::UniqueFd& sender : senders_[group]) result.push_back(sender.get());
  return result;
}

base::UniqueFd& Endpoints::receiver(std::size_t group, std::size_t slot) {
  return receivers_[group][slot];
}

void Endpoints::keep_httpds_ends() {
  receivers_.clear();
  generation_.read_end.reset();
  configuration_.read_end.reset();
  configuration_.held_end.reset();
}

void Endpoints::hide_from_forks() const {
  for (const std::vector<base::UniqueFd>& senders : senders_) {
    for (const base::UniqueFd& sender : senders) daemon::hide_from_forks(sender.get());
  }
  daemon::hide_from_forks(generation_.held_end.get());
}

void Endpoints::keep_daemons_ends() {
  senders_.clear();
  generation_.held_end.reset();
  configuration_.held_end.reset();
}

}  // namespace brine::daemon
