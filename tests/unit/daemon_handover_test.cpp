// What a daemon process is handed at its start, and what it may log.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "boundary/interpreter_options.hpp"
#include "boundary/script_settings.hpp"
#include "daemon/shared/channel.hpp"
#include "daemon/shared/handover.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/shared/log_budget.hpp"
#include "daemon/shared/log_channel.hpp"
#include "daemon/supervisor/worker_log.hpp"
#include "other_script_settings.hpp"

namespace brine::daemon {
namespace {

using base::Level;

Handover some_handover() {
  Handover handover;
  handover.group.name = "shop";
  handover.group.identity.supplementary = std::vector<gid_t>{4, 5};
  handover.group.umask = 027;
  handover.group.limits.queue_timeout = Duration(77);
  handover.group.python_path = {"/a", "/b"};
  handover.group.switch_interval = 0.25;
  engine::InterpreterOptions options;
  options.python_path = {{"/c", "python-path"}};
  options.switch_interval = {0.5, "WSGISwitchInterval"};
  options.restrict_signal = false;
  handover.engine.interpreter_rules = {{std::nullopt, {}}, {"one", options}};
  handover.engine.warnings = {"error"};
  handover.engine.apache_version[1] = 9;
  handover.incarnation = 12;
  Script script;
  script.path = "/app.wsgi";
  script.settings.pickle_policy = pickle::Policy::enforce;
  handover.scripts = {script};
  handover.group.warm_ups = {{"/a?b", script, "", "/a", "b", "https", "shop.example", "8443"}};
  return handover;
}

TEST(Handover, SurvivesTheJourney) {
  const std::string bytes = encode(some_handover());
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->group.name, "shop");
  EXPECT_EQ(back->group.identity.supplementary, (std::vector<gid_t>{4, 5}));
  EXPECT_EQ(back->group.umask, 027U);
  EXPECT_EQ(back->group.limits.queue_timeout, Duration(77));
  EXPECT_EQ(back->group.switch_interval, 0.25);
  ASSERT_EQ(back->engine.interpreter_rules.size(), 2U);
  EXPECT_FALSE(back->engine.interpreter_rules[0].application_group);
  const engine::InterpreterRule& rule = back->engine.interpreter_rules[1];
  EXPECT_EQ(rule.application_group, "one");
  EXPECT_EQ(rule.options.python_path[0].origin, "python-path");
  EXPECT_EQ(rule.options.switch_interval->seconds, 0.5);
  EXPECT_EQ(rule.options.restrict_signal, false);
  EXPECT_FALSE(rule.options.restrict_stdin);
  EXPECT_EQ(back->engine.apache_version[1], 9);
  EXPECT_EQ(back->scripts[0].settings.pickle_policy, pickle::Policy::enforce);
  EXPECT_EQ(back->group.warm_ups[0].port, "8443");
  EXPECT_EQ(encode(*back), bytes);
}

TEST(Handover, CarriesEachSettingOfTheScripts) {
  for (const wsgi::ScriptSettings& settings : wsgi::other_script_settings()) {
    Handover handover = some_handover();
    handover.scripts[0].settings = settings;
    const auto back = decode(encode(handover));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->scripts[0].settings, settings);
  }
}

TEST(Handover, OfAnotherBuildOrCutOffIsRefused) {
  const std::string bytes = encode(some_handover());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
  }
  EXPECT_FALSE(decode(bytes + '\0'));
  Handover other = some_handover();
  ++other.abi;
  EXPECT_FALSE(decode(encode(other)));
}

TEST(Handover, ItsMemoryCannotBeChanged) {
  const base::UniqueFd memory = sealed_memory("what it is");
  EXPECT_EQ(read_memory(memory.get()), "what it is");
  EXPECT_NE(::pwrite(memory.get(), "x", 1, 0), 1);
  EXPECT_NE(::ftruncate(memory.get(), 0), 0);
}

TEST(Introduction, CarriesAConnectionOrAScript) {
  auto [sender, receiver] = socket_pair(SOCK_SEQPACKET);
  auto [one, other] = socket_pair(SOCK_STREAM);
  EXPECT_FALSE(take_introduction(receiver.get()));
  EXPECT_TRUE(introduce(sender.get(), {1, 2, 3, std::nullopt}, one.get(), 0));
  Script script;
  script.path = "/app.wsgi";
  EXPECT_TRUE(introduce(sender.get(), {4, 0, 0, script}, -1, 0));
  ASSERT_EQ(::send(sender.get(), "x", 1, 0), 1);
  const auto first = take_introduction(receiver.get());
  ASSERT_TRUE(first && first->valid && first->connection);
  EXPECT_EQ(first->introduction.slot, 2U);
  ASSERT_EQ(::write(first->connection.get(), "hi", 2), 2);
  std::array<char, 2> bytes{};
  EXPECT_EQ(::read(other.get(), bytes.data(), bytes.size()), 2);
  const auto second = take_introduction(receiver.get());
  ASSERT_TRUE(second && second->valid && !second->connection);
  EXPECT_EQ(second->introduction.script->path, "/app.wsgi");
  const auto third = take_introduction(receiver.get());
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->valid);
}

class Records final : public base::LogSink {
 public:
  void log(Level level, std::string_view text) noexcept override {
    all.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  }
  std::vector<std::string> all;
};

TEST(LogChannel, TextsOfAnySizeArrive) {
  auto [sender, receiver] = socket_pair(SOCK_SEQPACKET);
  LogChannel channel(sender.get(), Level::info);
  const std::string large(100000, 'x');
  channel.log(Level::error, "one\ntwo");
  channel.log(Level::debug, "nobody wants it");
  channel.log(Level::notice, large);
  channel.log(Level::info, "own");
  RecordReader reader(std::move(receiver));
  reader.set_process(7);
  Records records;
  LogBudget budget;
  EXPECT_TRUE(reader.read(records, budget, base::now()));
  EXPECT_EQ(records.all,
            (std::vector<std::string>{"3 one\ntwo", "5 " + large, "6 own (process 7)"}));
  sender.reset();
  EXPECT_FALSE(reader.read(records, budget, base::now()));
}

TEST(LogChannel, RecordsThatNobodyTakesInTimeAreCounted) {
  auto [sender, receiver] = socket_pair(SOCK_SEQPACKET);
  set_socket_times(sender.get(), std::chrono::milliseconds(0), std::chrono::milliseconds(1));
  LogChannel channel(sender.get(), Level::error);
  RecordReader reader(std::move(receiver));
  Records records;
  LogBudget budget;
  const std::string large(kMostLogBytes, 'x');
  constexpr std::size_t kSent = 100;  // more than a socket holds
  for (std::size_t i = 0; i < kSent; ++i) channel.log(Level::error, large);
  channel.log(Level::debug, "nobody wants it, so it is not lost");
  reader.read(records, budget, base::now());
  const std::size_t taken = records.all.size();
  ASSERT_LT(taken, kSent);
  channel.log(Level::error, "next");
  channel.log(Level::error, "last");
  reader.read(records, budget, base::now());
  const std::vector<std::string> told(records.all.begin() + static_cast<std::ptrdiff_t>(taken),
                                      records.all.end());
  EXPECT_EQ(told, (std::vector<std::string>{
                      "4 BRINE0645: " + std::to_string(kSent - taken) +
                          " log records of this process were lost, as the supervisor did not take "
                          "them in time (process 0)",
                      "3 next", "3 last"}));
}

// Whatever reads the log by its codes finds each piece of a text that is too long for one.
TEST(LogChannel, ATextWithoutEndKeepsItsCode) {
  auto [sender, receiver] = socket_pair(SOCK_SEQPACKET);
  RecordReader reader(std::move(receiver));
  Records records;
  LogBudget budget;
  std::thread writer([fd = sender.get()] {
    LogChannel channel(fd, Level::info);
    channel.log(Level::error, "BRINE0402: " + std::string(1'500'000, 'x'));
    channel.log(Level::error, std::string(1'500'000, 'y'));
  });
  while (records.all.size() < 4) reader.read(records, budget, base::now());
  writer.join();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(records.all[i].substr(0, 13), "3 BRINE0402: ") << i;
    EXPECT_EQ(records.all[i + 2].substr(0, 3), "3 y") << i;
  }
}

TEST(LogChannel, NobodyClaimsAnothersCode) {
  EXPECT_EQ(marked("BRINE0617: made up"), "> BRINE0617: made up");
  EXPECT_EQ(marked("BRINE0101: made up"), "> BRINE0101: made up");
  EXPECT_EQ(marked("BRINE9999"), "> BRINE9999");
  EXPECT_EQ(marked("BRINE0402: its own\nBRINE0617: prefixed by the code above"),
            "BRINE0402: its own\nBRINE0617: prefixed by the code above");
  EXPECT_EQ(marked("hello\nBRINE0617: made up\nthere\n"), "hello\n> BRINE0617: made up\nthere\n");
  EXPECT_EQ(marked("BRINE061"), "BRINE061");
  EXPECT_EQ(marked(""), "");
}

TEST(OutputPipe, GivesWholeLines) {
  OutputPipe pipe(::getuid());
  Records records;
  LogBudget budget;
  const std::string text = "one\n\ntwo\nhal";
  ASSERT_EQ(::write(pipe.writer(), text.data(), text.size()), std::ssize(text));
  pipe.read(records, budget, base::now());
  EXPECT_EQ(records.all, (std::vector<std::string>{"3 one", "3 two"}));
  ASSERT_EQ(::write(pipe.writer(), "f\n", 2), 2);
  pipe.read(records, budget, base::now());
  EXPECT_EQ(records.all.back(), "3 half");
}

TEST(RecordReader, SaysWhichProcessItsOwnRecordsAreOf) {
  EXPECT_EQ(with_process("BRINE0301: it does not load\nBRINE stack", 830),
            "BRINE0301: it does not load (process 830)\nBRINE stack");
  EXPECT_EQ(with_process("", 830), " (process 830)");
}

}  // namespace
}  // namespace brine::daemon
