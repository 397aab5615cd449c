// One request on one connection, from httpd's side.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <span>

#include "daemon/client/client.hpp"

namespace brine::daemon {

/// How far an exchange got.
enum class Progress : std::uint8_t {
  done,       ///< outcome() tells how; the connection is as new
  broken,     ///< outcome() tells how; the connection must be closed
  not_taken,  ///< nobody has taken the request up, and nobody will: it can be sent elsewhere
  expired,    ///< likewise, as its time for that is over; the caller has to count it out
};

class Dispatch {
 public:
  struct Limits {
    base::Nanos take_until = 0;      ///< 0: whenever
    base::Nanos socket_timeout = 0;  ///< without a sign of the process
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

  /// `flags` of the request's frame. BLOCKS.
  Progress run(const wsgi::Target& target, std::uint8_t flags);

  wsgi::Outcome outcome() const { return outcome_; }

 private:
  Io send_request(const wsgi::Target& target, std::uint8_t flags);
  Io next(FrameHeader& header);
  Io wait(base::Nanos& deadline);
  bool process_is_gone() const;
  bool handle(const FrameHeader& header);
  bool pass_head(const FrameHeader& header);
  bool pass_body(bool end);
  void take_block();
  bool pass_on(wsgi::End end);
  bool flush();
  bool settle();
  bool pass_file(bool end);
  wsgi::ReadResult fill(std::span<char> room);
  bool send_data(std::uint64_t wanted, bool all);
  bool pass_log(std::uint16_t level);
  bool pass_note();
  bool gather(std::size_t size);
  bool finish(wsgi::Outcome outcome);
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
  base::Nanos last_sign_ = 0;  ///< when the process was last heard of
  bool expired_ = false;
  bool taken_ = false;      ///< the process has begun with the request
  bool headed_ = false;     ///< the response's head has come
  unsigned notes_ = 0;      ///< how many have come
  bool filed_ = false;      ///< a file has come, of which a response has one
  bool started_ = false;    ///< the client has been sent something
  bool unflushed_ = false;  ///< what was sent last may be in httpd still
  bool finished_ = false;
  bool client_gone_ = false;
  std::unique_ptr<char[]> data_;  ///< a piece of the request's body; made when one is wanted
  Io failure_ = Io::ok;           ///< why a frame could not be read to its end
};

}  // namespace brine::daemon
