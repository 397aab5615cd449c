// What holds for anything that a daemon process may write into its connection in answer to a
// request: httpd's side gets one response at most, as its interface wants it, and no more than the
// response's own Content-Length says. The first byte of the input says what the request was like;
// the others are what the process writes, to the end, with a descriptor.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.hpp"
#include "daemon/client/dispatch.hpp"
#include "metrics/board.hpp"
#include "wsgi/answer.hpp"

namespace {

using namespace brine;
using wsgi::Delivery;
using wsgi::End;
using wsgi::Field;

void require(bool holds) {
  if (!holds) std::abort();
}

// Bits of the input's first byte.
constexpr std::uint8_t kHead = 1;
constexpr std::uint8_t kHasBody = 2;
constexpr std::uint8_t kMayRestart = 4;
constexpr std::uint8_t kReplaces = 8;
constexpr std::uint8_t kHasFile = 16;
constexpr std::uint8_t kGoesAway = 32;
constexpr std::uint8_t kIsQuestion = 64;

// Which question it is, the bits that concern a response say.
wsgi::Call call_of(std::uint8_t bits) {
  const int number = bits % static_cast<int>(wsgi::Call::route) + 1;
  return (bits & kIsQuestion) != 0 ? static_cast<wsgi::Call>(number) : wsgi::Call::application;
}

class Http final : public wsgi::Request, public wsgi::ResponseWriter {
 public:
  Http(std::uint8_t bits, wsgi::Call asked) : goes_away_((bits & kGoesAway) != 0), asked_(asked) {
    head_.vars[static_cast<std::size_t>(wsgi::Var::request_method)] = "POST";
    head_.head_request = (bits & kHead) != 0;
    head_.body_complete = (bits & kHasBody) == 0;
    left_ = head_.body_complete ? 0 : 1500;
    head_.content_length = static_cast<std::int64_t>(left_);
    head_.replacements.local_redirect = head_.replacements.error_page = (bits & kReplaces) != 0;
  }

  const wsgi::Head& head() const noexcept override { return head_; }
  wsgi::ReadResult read(std::span<char> into) noexcept override {
    const std::size_t size = std::min({into.size(), left_, std::size_t{1000}});
    std::fill_n(into.data(), size, 'b');
    left_ -= size;
    return {size, wsgi::ReadStatus::ok, left_ == 0};
  }
  void application_called(std::int64_t now) noexcept override {
    require(!called_ && now >= made_ && now <= base::now());
    called_ = true;
  }
  void measured(const wsgi::RunFacts& facts) noexcept override {
    require(!std::exchange(measured_, true));
    require(facts.gil_wait >= -1 && facts.gil_wait <= base::now());
    require(facts.loaded_at >= 0 && facts.loaded_at <= base::now());
    require(facts.interpreters <= 10000);
  }
  void note(const char* name, std::string_view value) noexcept override {
    require(std::string_view(name) == "wsgi-pickle-hazards");
    require(value.size() <= daemon::kMostNoteBytes);
  }
  void log(base::Level level, std::string_view text) noexcept override {
    require(level >= base::Level::critical && level <= base::Level::debug);
    require(text.size() <= 2 * daemon::kMostLogText + 4096);
    ++logged;
  }

  void start(int status, std::string_view status_line, std::span<const Field> fields) override {
    require(!started && status >= 200 && status <= 999);
    require(clean(status_line));
    started = true;
    for (const Field& field : fields) {
      require(!field.name.empty() && clean(field.name) && clean(field.value));
      if (is_length(field.name)) declare(field.value);
    }
    bodyless_ = head_.head_request || status == 204 || status == 304;
  }
  char* allocate(std::size_t) override { return nullptr; }
  Delivery send(std::span<const std::string_view> blocks, End end) noexcept override {
    for (const std::string_view block : blocks) add(block.size());
    return sent(end);
  }
  Delivery send_file(int fd, std::int64_t offset, std::int64_t length, End end) noexcept override {
    require(::fcntl(fd, F_GETFD) >= 0 && offset >= 0 && length >= 0 && offset + length >= 0);
    add(static_cast<std::uint64_t>(length));
    return sent(end);
  }
  void abort() noexcept override { aborted = true; }
  void answer(wsgi::Answer&& answer) noexcept override {
    require(!started && !answered && wsgi::wrong_answer(asked_, answer).empty());
    answered = true;
  }
  std::optional<std::string> ssl_variable(const std::string& name) override {
    require(!name.empty() && name.size() <= daemon::kMostNameBytes);
    return name.size() % 2 == 0 ? std::optional(name) : std::nullopt;
  }

  bool is_open() const { return begun_ && !ended_ && !aborted; }
  bool is_short() const {
    return ended_ && !aborted && !bodyless_ && declared_ >= 0 &&
           bytes_ < static_cast<std::uint64_t>(declared_);
  }

  bool started = false;
  bool aborted = false;
  bool answered = false;
  unsigned logged = 0;

 private:
  static bool clean(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  }
  static bool is_length(std::string_view name) {
    constexpr std::string_view kName = "content-length";
    return std::equal(name.begin(), name.end(), kName.begin(), kName.end(),
                      [](char a, char b) { return (a | 0x20) == b; });
  }
  void declare(std::string_view value) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), declared_);
    require(error == std::errc() && end == value.data() + value.size() && declared_ >= 0);
  }
  void add(std::uint64_t size) {
    bytes_ += size;
    require(declared_ < 0 || bodyless_ || bytes_ <= static_cast<std::uint64_t>(declared_));
  }
  Delivery sent(End end) {
    require(started && !ended_ && !aborted);
    begun_ = true;
    ended_ = end == End::last;
    return goes_away_ && bytes_ > 10 ? Delivery::client_gone : Delivery::ok;
  }

  wsgi::Head head_;
  bool measured_ = false;
  const bool goes_away_;
  const wsgi::Call asked_;
  std::size_t left_ = 0;
  const base::Nanos made_ = base::now();
  bool called_ = false;
  bool begun_ = false;
  bool ended_ = false;
  bool bodyless_ = false;
  std::int64_t declared_ = -1;
  std::uint64_t bytes_ = 0;
};

// The process's end: all that it writes is there before httpd's side looks.
void write_answer(int socket, std::string_view bytes, int passed) {
  std::array<iovec, 1> parts = {iovec{const_cast<char*>(bytes.data()), bytes.size()}};
  if (!bytes.empty()) require(daemon::write_all(socket, parts, passed) == daemon::Io::ok);
  ::shutdown(socket, SHUT_WR);
}

int plain_file() {
  static std::FILE* const file = std::tmpfile();
  return ::fileno(file);
}

void check(std::uint8_t bits, std::string_view bytes) {
  static daemon::GroupBoard board{};
  static metrics::GroupRow numbers{};
  static const daemon::Slot slot{};
  const daemon::Group group;
  daemon::GroupView view;
  view.board = &board;
  view.numbers = &numbers;
  auto [own, other] = daemon::socket_pair(SOCK_STREAM);
  write_answer(other.get(), bytes, (bits & kHasFile) != 0 ? plain_file() : -1);
  daemon::Connection connection(std::move(own), 0);
  Http http(bits, call_of(bits));
  daemon::Dispatch dispatch(group, view, slot, connection, http, http, {0, 10 * base::kSecond});
  wsgi::Target target;
  target.question.call = call_of(bits);
  target.settings.reloading =
      (bits & kMayRestart) != 0 ? wsgi::Reloading::fresh_process : wsgi::Reloading::off;
  const daemon::Progress progress = dispatch.run(target, 0);
  const wsgi::Outcome outcome = dispatch.outcome();
  require(outcome <= wsgi::Outcome::process_died);
  // Of a response that has begun the client learns its end, or that there is none.
  require(!http.is_open() || outcome == wsgi::Outcome::client_aborted);
  require(!http.is_short());
  require(progress != daemon::Progress::done || !connection.reader.has_leftover());
  require(outcome != wsgi::Outcome::process_died || http.logged != 0);
  // To a question, that it has ended well says that there is an answer.
  require(target.question.is_asked() ? !http.started : !http.answered);
  require(!target.question.is_asked() || http.answered == (outcome == wsgi::Outcome::completed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size != 0) check(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
