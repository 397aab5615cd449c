// Client is a group of daemon processes as httpd's children see it: it sends a request to one of
// its processes and passes the answer on.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/client/connection_pool.hpp"
#include "daemon/client/select_process.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {

/// The client of one group in one of httpd's processes. Any number of threads use it at once.
class Client {
 public:
  /// Refers to the group with this index in the configuration. `introductions` is the socket to the
  /// supervisor (introduction.hpp), which stays the caller's.
  Client(const Group& group, std::size_t index, const GroupView& view, int introductions);

  /// Serves a request like Engine::serve. A request whose process dies before it has taken the
  /// request up is sent to another one. A request that waits longer than the group's limits allow
  /// ends with overfull, not_ready or timed_out. Every failure has been logged when the function
  /// returns.
  wsgi::Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                      wsgi::ResponseWriter& response) noexcept;

 private:
  /// A process that has let a request in.
  struct Admission {
    std::size_t slot = 0;
    std::uint32_t incarnation = 0;
    std::uint32_t code = 0;
    bool has_free_thread = false;
  };
  struct PendingRequest;

  void tell_of_script(const wsgi::Target& target);
  Duration queue_time() const;
  wsgi::Outcome travel(PendingRequest& pending);
  void wait_for_process(std::uint32_t seen, base::Nanos deadline) const;
  bool is_loading(PendingRequest& pending) const;
  std::optional<std::size_t> choose_for(PendingRequest& pending,
                                        const std::vector<Candidate>& candidates) const;
  bool find_admission(PendingRequest& pending, Admission& admission);
  std::uint64_t room_in(const std::vector<Candidate>& candidates, std::size_t chosen,
                        const PendingRequest& pending) const;
  bool refuse(PendingRequest& pending, Counter counter, wsgi::Outcome outcome,
              const std::string& why) const;
  bool refuse_late(PendingRequest& pending, bool ready) const;
  bool refuse_unready(PendingRequest& pending) const;
  bool refuse_stray(PendingRequest& pending) const;
  bool refuse_overfull(PendingRequest& pending) const;
  void tell_of_crowd() const;
  bool is_stalled(std::size_t slot) const;
  bool is_brisk(std::size_t slot) const;
  void look(const PendingRequest& pending, std::vector<Candidate>& candidates) const;
  void wait_for_code(PendingRequest& pending, std::uint32_t old_code) const;
  base::Nanos take_until(const PendingRequest& pending) const;
  std::unique_ptr<Connection> take_idle(const PendingRequest& pending, const Admission& admission);
  std::unique_ptr<Connection> connect(const PendingRequest& pending, const Admission& admission);

  const Group& group_;
  const std::uint32_t index_;
  const GroupView view_;
  const int introductions_;
  std::vector<ConnectionPool> pools_;  ///< one for each slot
  std::mutex scripts_mutex_;
  std::set<std::string> scripts_;  // guarded by scripts_mutex_: those that the supervisor knows
};

}  // namespace brine::daemon
