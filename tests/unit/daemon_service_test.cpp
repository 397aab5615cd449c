// httpd's side and a daemon process's side against each other, in one process and without Python: a
// client, its connections, and the threads that serve. Run it with
// -DBRINE_SANITIZE=thread.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/client/client.hpp"
#include "daemon/shared/endpoints.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/worker/request_server.hpp"
#include "metrics/board.hpp"

namespace brine::daemon {
namespace {

using wsgi::Delivery;
using wsgi::End;
using wsgi::Field;
using wsgi::Outcome;
using wsgi::ReadResult;
using wsgi::ReadStatus;

class QuietLog final : public base::LogSink {
 public:
  void log(base::Level, std::string_view) noexcept override {}
};

// What a client of httpd sends and gets.
class FakeHttp final : public wsgi::Request, public wsgi::ResponseWriter {
 public:
  explicit FakeHttp(std::string uri, std::string body = "")
      : uri_(std::move(uri)), body_(std::move(body)) {
    head_.vars[static_cast<std::size_t>(wsgi::Var::request_method)] = "POST";
    head_.vars[static_cast<std::size_t>(wsgi::Var::request_uri)] = uri_;
    head_.content_length = static_cast<std::int64_t>(body_.size());
    head_.body_complete = body_.empty();
  }

  const wsgi::Head& head() const noexcept override { return head_; }
  ReadResult read(std::span<char> into) noexcept override {
    const std::size_t size = std::min({into.size(), body_.size() - read_, std::size_t{50000}});
    body_.copy(into.data(), size, read_);
    read_ += size;
    return {size, ReadStatus::ok, read_ == body_.size()};
  }
  void note(const char* name, std::string_view value) noexcept override {
    notes.append(name).append("=").append(value);
  }
  void log(base::Level, std::string_view text) noexcept override {
    const std::lock_guard lock(mutex_);
    logged_.append(text).append("\n");
  }
  std::string logged() {
    const std::lock_guard lock(mutex_);
    return logged_;
  }

  void start(int own_status, std::string_view, std::span<const Field> fields) noexcept override {
    status = own_status;
    headers.clear();
    for (const Field& field : fields) {
      headers.append(field.name).append(":").append(field.value).append(";");
    }
  }
  char* allocate(std::size_t) noexcept override { return nullptr; }
  Delivery send(std::span<const std::string_view> blocks, End end) noexcept override {
    started = true;
    if (aborted) return Delivery::client_gone;  // as httpd's: nothing follows the end
    for (const std::string_view block : blocks) sent.append(block);
    ended = end == End::last;
    while (waits_for != nullptr && !waits_for->load()) std::this_thread::yield();
    return goes_away && sent.size() > 1000 ? Delivery::client_gone : Delivery::ok;
  }
  Delivery send_file(int fd, std::int64_t offset, std::int64_t length, End end) noexcept override {
    std::string bytes(static_cast<std::size_t>(length), '\0');
    const ssize_t size = ::pread(fd, bytes.data(), bytes.size(), offset);
    sent.append(bytes, 0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    ended = end == End::last;
    return Delivery::ok;
  }
  void abort() noexcept override { aborted = started; }  // as httpd's: there must be something

  int status = 0;
  std::string headers;
  std::string sent;
  std::string notes;
  bool started = false;
  bool ended = false;
  bool aborted = false;
  bool goes_away = false;
  const std::atomic<bool>* waits_for = nullptr;  ///< before it takes what it is sent

 private:
  const std::string uri_;
  const std::string body_;
  wsgi::Head head_;
  std::size_t read_ = 0;
  std::mutex mutex_;
  std::string logged_;  // guarded by mutex_
};

// Does what the request's URI says.
class FakeEngine final : public engine::Engine {
 public:
  Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                wsgi::ResponseWriter& response) noexcept override {
    const std::string_view uri =
        request.head().vars[static_cast<std::size_t>(wsgi::Var::request_uri)];
    if (uri == "/fail") return Outcome::failed_before_headers;
    if (uri == "/held") {
      while (held.load()) std::this_thread::yield();
    }
    if (uri == "/talk") {
      request.log(base::Level::error, "said this");
      request.note("wsgi-pickle-hazards", "3");
    }
    const Field headers[] = {{"A", "1"}, {"A", "2"}};
    response.start(207, "207 Odd", headers);
    if (uri == "/echo") return echo(request, response);
    if (uri == "/file") return file(response);
    if (uri == "/broken") {
      const std::string_view block = "begun";
      response.send({&block, 1}, End::more);
      response.abort();
      return Outcome::failed_after_headers;
    }
    if (uri == "/broken-at-once") {
      response.send({}, End::more);
      response.abort();
      return Outcome::failed_after_headers;
    }
    if (uri == "/broken-together") return broken_together(request, response);
    if (uri == "/last-words") return last_words(request, response);
    char* body = response.allocate(target.script.size());
    target.script.copy(body, target.script.size());
    const std::string_view block(body, target.script.size());
    response.send({&block, 1}, End::last);
    return Outcome::completed;
  }
  bool preload(const wsgi::Target&, base::LogSink&) noexcept override { return true; }
  void end_script(int) noexcept override {}
  void touch_gils() noexcept override {}
  std::string stack(std::uintptr_t) noexcept override { return {}; }
  std::string prepare_to_fork() noexcept override { return {}; }
  pid_t fork_process(const std::function<pid_t()>& fork) noexcept override { return fork(); }
  bool interrupt(std::uintptr_t) noexcept override { return false; }
  void forget_thread() noexcept override {}
  void show(const wsgi::Scoreboard&) noexcept override {}
  void tell_signal(int) noexcept override {}
  void shutdown(std::chrono::milliseconds, std::string_view) noexcept override {}

  std::atomic<bool> held{false};
  std::atomic<bool> has_gone_on{false};  ///< it has sent what it had

 private:
  // The abort is there as soon as the block before it. What comes after it is no part of the
  // answer.
  Outcome broken_together(wsgi::Request& request, wsgi::ResponseWriter& response) {
    const std::string_view block = "block";
    response.send({&block, 1}, End::more);
    response.send({&block, 1}, End::more);
    response.abort();
    has_gone_on = true;
    std::vector<char> bytes(10);
    const ReadResult result = request.read(bytes);
    request.log(base::Level::error, "read " + std::to_string(result.bytes));
    return Outcome::failed_after_headers;
  }
  // The client goes away at the first block.
  Outcome last_words(wsgi::Request& request, wsgi::ResponseWriter& response) {
    const std::string block(2000, 'x');
    const std::string_view view = block;
    for (int i = 0; i < 3; ++i) {
      response.send({&view, 1}, End::more);
      request.log(base::Level::error, "sent " + std::to_string(i));
    }
    request.note("wsgi-pickle-hazards", "4");
    has_gone_on = true;
    return Outcome::client_aborted;
  }
  static Outcome echo(wsgi::Request& request, wsgi::ResponseWriter& response) {
    std::vector<char> bytes(70000);
    for (;;) {
      const ReadResult result = request.read(bytes);
      const std::string_view block(bytes.data(), result.bytes);
      if (response.send({&block, 1}, result.ended ? End::last : End::more) != Delivery::ok) {
        return Outcome::client_aborted;
      }
      if (result.ended) return Outcome::completed;
    }
  }
  static Outcome file(wsgi::ResponseWriter& response) {
    std::FILE* made = std::tmpfile();
    std::fputs("0123456789", made);
    std::fflush(made);
    response.send_file(::fileno(made), 2, 5, End::last);
    std::fclose(made);
    return Outcome::completed;
  }
};

// A group of one process: all but the fork.
class Service : public testing::Test {
 protected:
  Service() {
    group_.name = "g";
    group_.threads = 3;
    group_.limits.socket_timeout = std::chrono::seconds(30);
    group_.limits.connect_timeout = std::chrono::seconds(10);
    group_.limits.listen_backlog = 4;
    endpoints_ = new Endpoints(std::vector<const Group*>{&group_}, *numbers_);
    view_ = endpoints_->scoreboard().group(0);
    client_ = std::make_unique<Client>(group_, 0, view_, endpoints_->introductions_sender());
    supervisor_ = std::thread([this] { pass_connections_on(); });
    begin(0);
  }
  std::uint64_t counted(Counter counter) const {
    return view_.numbers->counters[static_cast<std::size_t>(counter)].load();
  }
  // Returns how many threads of the first process have a request.
  std::ptrdiff_t busy() const {
    const auto threads = view_.threads_of(0);
    return std::count_if(threads.begin(), threads.end(),
                         [](const ThreadRecord& record) { return record.since.load() != 0; });
  }
  ~Service() override {
    ending_ = true;
    supervisor_.join();
    for (auto& process : processes_) process->serving.stop();
    // The threads are detached: each is gone when its slot's threads have all left epoll.
    for (auto& process : processes_) process.release();
  }

  struct Process {
    Process(Service& test, std::size_t slot) : Process(test, slot, socket_pair(SOCK_SEQPACKET)) {}
    Process(Service& test, std::size_t slot, std::pair<base::UniqueFd, base::UniqueFd> ends)
        : connections(std::move(ends.first)),
          context{test.group_,
                  test.view_.processes[slot],
                  move_in(test.view_.slots[slot], test.view_.memory_of(slot)),
                  1,
                  {},
                  {},
                  PrivateFd(std::move(ends.second))},
          serving(context, test.engine_, test.log_, [](const Packet&) {}) {}
    base::UniqueFd connections;  ///< the supervisor's end
    WorkerContext context;
    RequestServer serving;
  };

  // The supervisor's part.
  void pass_connections_on() {
    while (!ending_) {
      pollfd fd{endpoints_->introductions(), POLLIN, 0};
      ::poll(&fd, 1, 10);
      while (auto introduced = take_introduction(endpoints_->introductions())) {
        const std::uint32_t slot = introduced->introduction.slot;
        if (introduced->introduction.script ||
            introduced->introduction.incarnation != view_.slots[slot].incarnation.load()) {
          continue;
        }
        pass_connection(to_[slot].load(), introduced->connection.get());
      }
    }
  }

  // A process moves into a slot, and is ready.
  void begin(std::size_t slot) {
    processes_.push_back(std::make_unique<Process>(*this, slot));
    to_[slot] = processes_.back()->connections.get();
    processes_.back()->serving.start();
    view_.slots[slot].state.store(SlotState::ready);
    open(view_.slots[slot], view_.memory_of(slot));
    view_.announce_change();
  }

  Outcome ask(FakeHttp& http) {
    wsgi::Target target;
    target.script = "/the/script";
    target.settings.reloading = wsgi::Reloading::off;
    return client_->serve(target, http, http);
  }

  std::uint32_t in_flight(std::size_t slot = 0) const {
    return gate_of(view_.memory_of(slot).gate.load()).in_flight;
  }
  static void until(const std::function<bool()>& holds) {
    const base::Nanos deadline = base::now() + 20 * base::kSecond;
    while (!holds()) {
      ASSERT_LT(base::now(), deadline);
      std::this_thread::yield();
    }
  }

  Group& group_ = *new Group;
  QuietLog& log_ = *new QuietLog;
  // Never destroyed: detached threads may still be leaving.
  FakeEngine& engine_ = *new FakeEngine;
  metrics::Board* const numbers_ = new metrics::Board();  // likewise
  Endpoints* endpoints_ = nullptr;                        // likewise
  GroupView view_;
  std::unique_ptr<Client> client_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::array<std::atomic<int>, 8> to_{};  ///< the process in each slot
  std::atomic<bool> ending_{false};
  std::thread supervisor_;
};

TEST_F(Service, AnOrdinaryRequest) {
  FakeHttp http("/");
  EXPECT_EQ(ask(http), Outcome::completed);
  EXPECT_EQ(http.status, 207);
  EXPECT_EQ(http.headers, "A:1;A:2;");
  EXPECT_EQ(http.sent, "/the/script");
  EXPECT_TRUE(http.ended);
  until([&] { return in_flight() == 0; });
}

TEST_F(Service, LogsAndNotesReachHttpd) {
  FakeHttp http("/talk");
  EXPECT_EQ(ask(http), Outcome::completed);
  EXPECT_EQ(http.logged(), "said this\n");
  EXPECT_EQ(http.notes, "wsgi-pickle-hazards=3");
}

TEST_F(Service, FailuresAreToldFromEnds) {
  FakeHttp failed("/fail");
  EXPECT_EQ(ask(failed), Outcome::failed_before_headers);
  EXPECT_EQ(failed.status, 0);
  FakeHttp broken("/broken");
  EXPECT_EQ(ask(broken), Outcome::failed_after_headers);
  EXPECT_TRUE(broken.aborted);
  EXPECT_FALSE(broken.ended);
  FakeHttp at_once("/broken-at-once");
  EXPECT_EQ(ask(at_once), Outcome::failed_after_headers);
  EXPECT_EQ(at_once.status, 207);
  EXPECT_TRUE(at_once.aborted);
  EXPECT_FALSE(at_once.ended);
}

TEST_F(Service, NothingIsSentBehindAnAbort) {
  FakeHttp http("/broken-together", "body");
  http.waits_for = &engine_.has_gone_on;
  EXPECT_EQ(ask(http), Outcome::failed_after_headers);
  EXPECT_EQ(http.sent, "blockblock");
  EXPECT_TRUE(http.aborted);
  EXPECT_EQ(http.logged(), "read 4\n");
}

TEST_F(Service, WhatWasLoggedBeforeTheClientWentAwayIsTold) {
  FakeHttp http("/last-words");
  http.waits_for = &engine_.has_gone_on;
  http.goes_away = true;
  EXPECT_EQ(ask(http), Outcome::client_aborted);
  EXPECT_EQ(http.logged(), "sent 0\nsent 1\nsent 2\n");
  EXPECT_EQ(http.notes, "wsgi-pickle-hazards=4");
  FakeHttp next("/");
  EXPECT_EQ(ask(next), Outcome::completed);
}

TEST_F(Service, AFilesDescriptorTravels) {
  FakeHttp http("/file");
  EXPECT_EQ(ask(http), Outcome::completed);
  EXPECT_EQ(http.sent, "23456");
  EXPECT_TRUE(http.ended);
}

TEST_F(Service, BodiesOfAnySizeBothWays) {
  for (const std::size_t size : {1UL, 49999UL, 50000UL, 131072UL, 3000000UL}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);
    FakeHttp http("/echo", body);
    EXPECT_EQ(ask(http), Outcome::completed);
    EXPECT_TRUE(http.sent == body) << size;
  }
}

TEST_F(Service, AClientThatGoesAwayFreesTheThread) {
  for (int i = 0; i < 10; ++i) {  // more than there are threads
    FakeHttp http("/echo", std::string(3000000, 'x'));
    http.goes_away = true;
    EXPECT_EQ(ask(http), Outcome::client_aborted);
  }
  FakeHttp http("/");
  EXPECT_EQ(ask(http), Outcome::completed);
  until([&] { return in_flight() == 0; });
}

TEST_F(Service, ManyThreadsAtOnce) {
  group_.limits.listen_backlog = 100;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 100; ++n) {
        const std::string body(static_cast<std::size_t>(1 + 977 * n * (i % 3)), 'b');
        FakeHttp http(i % 2 == 0 ? "/" : "/echo", i % 2 == 0 ? "" : body);
        good += ask(http) == Outcome::completed && http.ended;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good.load(), 800);
  until([&] { return in_flight() == 0; });
}

TEST_F(Service, TheLineIsAsLongAsItMayBe) {
  engine_.held = true;
  std::vector<std::thread> threads;
  std::atomic<int> overfull{0};
  std::atomic<int> completed{0};
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      FakeHttp http("/held");
      const Outcome outcome = ask(http);
      overfull += outcome == Outcome::overfull;
      completed += outcome == Outcome::completed;
    });
  }
  until([&] { return overfull.load() == 20 - 3 - 4; });
  engine_.held = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(completed.load(), 3 + 4);
  EXPECT_EQ(counted(Counter::overfull), 13U);
}

TEST_F(Service, WhatWaitsTooLongIsNotRun) {
  group_.limits.queue_timeout = std::chrono::milliseconds(500);
  engine_.held = true;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      FakeHttp http("/held");
      EXPECT_EQ(ask(http), Outcome::completed);
    });
  }
  until([&] { return busy() == 3; });
  FakeHttp late("/");
  EXPECT_EQ(ask(late), Outcome::timed_out);
  EXPECT_TRUE(late.sent.empty());
  engine_.held = false;
  for (std::thread& thread : threads) thread.join();
  until([&] { return in_flight() == 0; });
  EXPECT_EQ(counted(Counter::requests), 3U);
}

TEST_F(Service, WhatADeadProcessNeverTookGoesToAnother) {
  engine_.held = true;
  std::vector<std::thread> threads;
  std::atomic<int> completed{0};
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      FakeHttp http("/held");
      ask(http);  // in the process that dies
    });
  }
  until([&] { return busy() == 3; });
  threads.emplace_back([&] {
    FakeHttp http("/");
    completed += ask(http) == Outcome::completed;
  });
  until([&] { return in_flight() == 4; });
  begin(1);
  close(view_.memory_of(0));
  // As the supervisor does when it has reaped a process.
  move_in(view_.slots[0], view_.memory_of(0));
  until([&] { return completed.load() == 1; });
  engine_.held = false;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Service, TheLastRequestOutIsNoticed) {
  engine_.held = true;
  std::thread asking([&] {
    FakeHttp http("/held");
    EXPECT_EQ(ask(http), Outcome::completed);
  });
  until([&] { return in_flight() == 1; });
  close(view_.memory_of(0));
  pollfd drained{processes_[0]->serving.drained_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&drained, 1, 0), 0);
  engine_.held = false;
  EXPECT_EQ(::poll(&drained, 1, 20000), 1);
  asking.join();
  EXPECT_TRUE(processes_[0]->serving.idle());
}

TEST_F(Service, WithoutAProcessARequestWaitsForOne) {
  close(view_.memory_of(0));
  std::thread asking([&] {
    FakeHttp http("/");
    EXPECT_EQ(ask(http), Outcome::completed);
  });
  begin(1);
  asking.join();
  group_.limits.connect_timeout = std::chrono::milliseconds(20);
  close(view_.memory_of(1));
  FakeHttp http("/");
  EXPECT_EQ(ask(http), Outcome::not_ready);
  EXPECT_EQ(counted(Counter::not_ready), 1U);
}

TEST_F(Service, AProcessThatLoadsIsWaitedForLonger) {
  group_.limits.connect_timeout = std::chrono::milliseconds(20);
  group_.limits.queue_timeout = std::chrono::milliseconds(200);
  close(view_.memory_of(0));
  view_.slots[0].state = SlotState::starting;
  FakeHttp http("/");
  EXPECT_EQ(ask(http), Outcome::timed_out) << "queue-timeout is all that it waits";
  group_.limits.loading_counts = true;
  EXPECT_EQ(ask(http), Outcome::not_ready) << "where connect-timeout was given";
}

TEST_F(Service, WhatFollowsAProcessThatCouldNotLoadIsNotWaitedForLonger) {
  group_.limits.connect_timeout = std::chrono::milliseconds(50);
  close(view_.memory_of(0));
  view_.slots[0].state = SlotState::starting;
  std::atomic<bool> over = false;
  std::thread supervisor([&] {
    while (!over) {
      move_in(view_.slots[0], view_.memory_of(0));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  FakeHttp http("/");
  EXPECT_EQ(ask(http), Outcome::not_ready);
  over = true;
  supervisor.join();
}

}  // namespace
}  // namespace brine::daemon
