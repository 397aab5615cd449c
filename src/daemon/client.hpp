// httpd's side of a group: sends a request to one of its processes and passes the answer on.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/channel.hpp"
#include "daemon/choice.hpp"
#include "daemon/private_fd.hpp"
#include "daemon/scoreboard.hpp"

namespace brine::daemon {

/// A connection to a daemon process, kept open for the next request, with its buffers.
struct Connection {
  Connection(base::UniqueFd own_fd, std::uint32_t own_incarnation)
      : fd(std::move(own_fd)), incarnation(own_incarnation), reader(fd.get()) {}

  PrivateFd fd;
  std::uint32_t incarnation;
  FrameReader reader;
  std::vector<char> request;             ///< the encoded request
  std::vector<std::string_view> blocks;  ///< of the answer's body, in the reader's buffer
};

/// One for each group in each of httpd's processes; any number of threads use it at once.
class Client {
 public:
  /// `brokers`: the sending ends, one for each slot; they stay the caller's.
  Client(const Group& group, const GroupView& view, std::vector<int> brokers);

  /// As Engine::serve. A request whose process dies before it has taken the request up is sent to
  /// another one; what waits longer than the group's limits allow ends with overfull, not_ready or
  /// timed_out. Every failure has been logged when it returns.
  wsgi::Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                      wsgi::ResponseWriter& response) noexcept;

 private:
  /// A process that has let a request in.
  struct Seat {
    std::size_t slot = 0;
    std::uint32_t incarnation = 0;
    std::uint32_t code = 0;
    bool at_a_desk = false;  ///< a thread was free for it
  };
  struct Journey;

  Duration queue_time() const;
  wsgi::Outcome travel(Journey& journey);
  bool find_seat(Journey& journey, Seat& seat);
  std::uint64_t room_in(const std::vector<Candidate>& candidates, std::size_t chosen,
                        const Journey& journey) const;
  bool refuse(Journey& journey, Counter counter, wsgi::Outcome outcome,
              const std::string& why) const;
  bool refuse_late(Journey& journey, bool ready) const;
  bool refuse_unready(Journey& journey) const;
  bool refuse_stray(Journey& journey) const;
  bool refuse_overfull(Journey& journey) const;
  bool is_stalled(std::size_t slot) const;
  void look(const Journey& journey, std::vector<Candidate>& candidates) const;
  void wait_for_code(Journey& journey, std::uint32_t old_code) const;
  base::Nanos take_until(const Journey& journey) const;
  std::unique_ptr<Connection> connect(const Journey& journey, const Seat& seat);
  void keep(std::size_t slot, std::unique_ptr<Connection> connection);

  const Group& group_;
  const GroupView view_;
  const std::vector<int> brokers_;
  struct Pool {
    std::mutex mutex;
    std::vector<std::unique_ptr<Connection>> idle;  // guarded by mutex
  };
  std::vector<Pool> pools_;  ///< one for each slot
};

}  // namespace brine::daemon
