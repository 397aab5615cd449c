// Dispatch is one request on one connection to a daemon process, as one of httpd's children sees
// it.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "daemon/client/client.hpp"
#include "daemon/client/response_check.hpp"
#include "daemon/shared/log_budget.hpp"

namespace brine::daemon {

/// Tells how far an exchange got.
enum class Progress : std::uint8_t {
  done,       ///< outcome() tells how it ended; the connection can be used again
  broken,     ///< outcome() tells how it ended; the connection must be closed
  not_taken,  ///< no process has taken the request up, nor will: it can be sent elsewhere
  expired,    ///< not taken before its deadline; the caller has to count it out
};

/// Counts and logs that the process in `slot` sent an answer that breaks the rules; `what` is a
/// clause that tells why. The connection must be closed.
void report_bad_answer(wsgi::Request& request, const Group& group, const GroupView& view,
                       const Slot& slot, std::string_view what);

/// The exchange of one request. Used by the thread that serves the request, once.
class Dispatch {
 public:
  struct Limits {
    base::Nanos take_until = 0;      ///< 0: at any time
    base::Nanos socket_timeout = 0;  ///< how long the process may be silent
  };

  Dispatch(const Group& group, const GroupView& view, const Slot& slot, Connection& connection,
           wsgi::Request& request, wsgi::ResponseWriter& response, const Limits& limits)
      : group_(group),
        view_(view),
        slot_(slot),
        connection_(connection),
        request_(request),
        response_(response),
        limits_(limits) {}
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;

  /// Sends the request, with the `flags` of its frame, and passes the answer on. BLOCKS.
  Progress run(const wsgi::Target& target, std::uint8_t flags);

  wsgi::Outcome outcome() const { return outcome_; }

 private:
  Progress exchange(const wsgi::Target& target, std::uint8_t flags);
  Io send_request(const wsgi::Target& target, std::uint8_t flags);
  Io next(FrameHeader& header);
  Io wait(base::Nanos& deadline);
  bool process_is_gone() const;
  bool handle(const FrameHeader& header);
  bool pass_head(const FrameHeader& header);
  bool read_head(const FrameHeader& header, ResponseHead& head);
  bool pass_body(bool end);
  bool take_next_frame(bool& end);
  void take_block();
  void note_taken();
  void note_call(std::uint64_t time);
  bool pass_on(wsgi::End end);
  bool flush();
  bool settle();
  bool pass_file(const FrameHeader& header);
  wsgi::ReadResult fill(std::span<char> room);
  bool send_data(std::uint64_t wanted, bool all);
  bool pass_log(std::uint16_t level);
  void tell_of_left_out(base::Nanos after);
  bool take_answer();
  bool send_variable();
  bool take_note();
  bool take_facts();
  void pass_note();
  bool gather(std::size_t size);
  bool accept(std::string wrong);
  bool finish(wsgi::Outcome outcome);
  Progress end();
  Progress refuse();
  bool skip();
  void take_last_records();
  bool is_overdue() const;
  Progress broken(Io io);

  const Group& group_;
  const GroupView& view_;
  const Slot& slot_;
  Connection& connection_;
  wsgi::Request& request_;
  wsgi::ResponseWriter& response_;
  const Limits limits_;

  wsgi::Outcome outcome_ = wsgi::Outcome::process_died;
  base::Nanos begun_ = 0;
  base::Nanos last_sign_ = 0;  ///< when the process last sent something
  bool expired_ = false;
  bool taken_ = false;  ///< the process has begun with the request
  bool told_taken_ = false;
  bool called_ = false;     ///< the process has said when it called the application
  bool started_ = false;    ///< a part of the response has been sent to the client
  bool unflushed_ = false;  ///< httpd may still hold what was sent last
  bool finished_ = false;
  bool client_gone_ = false;
  std::unique_ptr<char[]> data_;  ///< a piece of the request's body; allocated on first use
  Io failure_ = Io::ok;           ///< why a frame could not be read to its end
  ResponseCheck check_{Asked{}};  ///< checks the answer to this request
  std::string wrong_;             ///< the check's first finding
  LogBudget log_budget_;
  std::string note_;    ///< the newest value of kNote
  bool noted_ = false;  ///< note_ has not been passed on
};

}  // namespace brine::daemon
