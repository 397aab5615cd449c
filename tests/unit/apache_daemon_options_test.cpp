#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/daemon_options.hpp"

namespace brine::apache {
namespace {

using namespace std::chrono_literals;

// What the parser says about a line that it refuses.
std::string refusal(const std::string& line) {
  try {
    parse_daemon_options(line);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

// The one option of a group.
DaemonOptions option(const std::string& text) { return parse_daemon_options("site " + text); }

TEST(DaemonOptions, AreMeasuredByDefault) {
  const DaemonOptions options = parse_daemon_options("site");
  const daemon::Group& group = options.group;
  EXPECT_EQ(group.name, "site");
  EXPECT_EQ(group.processes, 1);
  EXPECT_FALSE(group.multiprocess);
  EXPECT_EQ(group.threads, 15);
  EXPECT_EQ(group.limits.shutdown_timeout, 5s);
  EXPECT_EQ(group.limits.graceful_timeout, 15s);
  EXPECT_EQ(group.limits.deadlock_timeout, 300s);
  EXPECT_EQ(group.limits.connect_timeout, 15s);
  EXPECT_EQ(group.limits.listen_backlog, 100);
  EXPECT_EQ(group.limits.request_timeout, 0s);
  EXPECT_FALSE(group.umask || group.script_user || options.supplementary_groups);
  EXPECT_TRUE(options.given.empty() && options.without_effect.empty());
}

TEST(DaemonOptions, HaveAName) {
  EXPECT_EQ(parse_daemon_options(" 'my site' threads=1").group.name, "my site");
  EXPECT_EQ(refusal(" "), "needs the name of the group that it defines");
  EXPECT_EQ(refusal("\"\""), "needs a name that is not empty");
  EXPECT_EQ(refusal("threads=5"), "needs the group's name before the options, not 'threads=5'");
  EXPECT_EQ(refusal("%{GLOBAL}"),
            "needs a plain name: '%{GLOBAL}' holds an expansion, which only requests have");
}

TEST(DaemonOptions, OfProcesses) {
  EXPECT_EQ(option("processes=3").group.processes, 3);
  EXPECT_FALSE(option("processes=3").group.varies());
  EXPECT_EQ(option("processes=2-8").group.processes, 8);
  EXPECT_EQ(option("processes=2-8").group.least_processes, 2);
  EXPECT_TRUE(option("processes=2-8").group.multiprocess);
  EXPECT_FALSE(option("processes=2-2").group.varies());
  EXPECT_EQ(option("").group.limits.processes_idle, 60s);
  EXPECT_EQ(option("processes-idle=5m").group.limits.processes_idle, 5min);
  EXPECT_TRUE(option("processes=1").group.multiprocess);
  EXPECT_EQ(option("").group.interpreters, 1);
  EXPECT_EQ(option("interpreters=4").group.interpreters, 4);
  EXPECT_TRUE(option("preload=On").group.preload);
  EXPECT_FALSE(option("preload=off").group.preload);
  EXPECT_EQ(option("preload-idle=10m").group.limits.preload_idle, daemon::Duration(600000));
  EXPECT_EQ(option("").group.limits.warm_up_timeout, 30s);
  EXPECT_EQ(option("warm-up-timeout=2m").group.limits.warm_up_timeout, 120s);
  EXPECT_EQ(option("warm-up=/").warm_up, std::vector<std::string>{"/"});
  EXPECT_EQ(option("warm-up=/a/,/b%2C?c=1").warm_up,
            (std::vector<std::string>{"/a/", "/b%2C?c=1"}));
  for (const char* const wrong : {"a", "/a,", ",/a", "'/a b'", "/a#b", "http://a/", "/\x7f"}) {
    EXPECT_NE(refusal(std::string("site warm-up=") + wrong), "accepted") << wrong;
  }
  EXPECT_EQ(option("threads=0").group.threads, 0);
  EXPECT_EQ(option("threads=65533").group.threads, 65533);
  EXPECT_EQ(option("user=alice").user, "alice");
  EXPECT_EQ(option("user=#1000").user, "#1000");
  EXPECT_EQ(option("group=#0").user_group, "#0");
  EXPECT_EQ(option("supplementary-groups=a,#2").supplementary_groups,
            (std::vector<std::string>{"a", "#2"}));
  EXPECT_EQ(option("supplementary-groups=,a,,#2,").supplementary_groups,
            (std::vector<std::string>{"a", "#2"}));
  EXPECT_EQ(option("supplementary-groups=a,").supplementary_groups, std::vector<std::string>{"a"});
  EXPECT_FALSE(option("supplementary-groups=,").supplementary_groups);
  EXPECT_EQ(option("umask=0027").group.umask, 027);
  EXPECT_EQ(option("umask=0").group.umask, 0);
  EXPECT_EQ(option("chroot=/jail").group.chroot, "/jail");
  EXPECT_EQ(option("home='/srv/my site'").group.home, "/srv/my site");
  EXPECT_EQ(option("lang=de_DE.UTF-8").group.lang, "de_DE.UTF-8");
  EXPECT_EQ(option("locale=C.UTF-8").group.locale, "C.UTF-8");
  EXPECT_EQ(option("cpu-priority=-20").group.cpu_priority, -20);
  EXPECT_EQ(option("stack-size=64K").group.stack_size, 65536U);
  EXPECT_EQ(option("send-buffer-size=512").group.send_buffer_size, 512U);
  EXPECT_EQ(option("receive-buffer-size=0").group.receive_buffer_size, 0U);
  EXPECT_EQ(option("script-user=alice").script_user, "alice");
  EXPECT_EQ(option("script-group=staff").script_group, "staff");
}

TEST(DaemonOptions, OfTheDisplayName) {
  EXPECT_EQ(option("display-name=shop").group.display_name, "shop");
  EXPECT_EQ(option("display-name=%{GROUP}").group.display_name, "(wsgi:site)");
  EXPECT_EQ(option("display-name='a %{GROUP} %{GROUP}'").group.display_name,
            "a (wsgi:site) (wsgi:site)");
}

TEST(DaemonOptions, OfPython) {
  EXPECT_EQ(option("python=3.13").group.python, "3.13");
  EXPECT_EQ(option("python-home=venv").python_home, "venv");
  EXPECT_EQ(option("python-path=/a::/b").group.python_path, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(option("python-eggs=/eggs").group.python_eggs, "/eggs");
  EXPECT_DOUBLE_EQ(option("switch-interval=0.005").group.switch_interval, 0.005);
  EXPECT_DOUBLE_EQ(option("switch-interval=10ms").group.switch_interval, 0.01);
}

TEST(DaemonOptions, OfLimits) {
  const auto limits = [](const char* text) { return option(text).group.limits; };
  EXPECT_EQ(limits("startup-timeout=15").startup_timeout, 15s);
  EXPECT_EQ(limits("shutdown-timeout=0").shutdown_timeout, 0s);
  EXPECT_EQ(limits("graceful-timeout=1.5s").graceful_timeout, 1500ms);
  EXPECT_EQ(limits("eviction-timeout=500ms").eviction_timeout, 500ms);
  EXPECT_EQ(limits("deadlock-timeout=5m").deadlock_timeout, 5min);
  EXPECT_EQ(limits("inactivity-timeout=1h").inactivity_timeout, 1h);
  EXPECT_EQ(limits("request-timeout=60").request_timeout, 60s);
  EXPECT_EQ(limits("interrupt-timeout=5").interrupt_timeout, 5s);
  EXPECT_EQ(limits("restart-interval=24h").restart_interval, 24h);
  EXPECT_EQ(limits("connect-timeout=1").connect_timeout, 1s);
  EXPECT_TRUE(limits("connect-timeout=15").loading_counts);
  EXPECT_FALSE(limits("socket-timeout=2").loading_counts);
  EXPECT_EQ(limits("socket-timeout=2").socket_timeout, 2s);
  EXPECT_EQ(limits("queue-timeout=0.25").queue_timeout, 250ms);
  EXPECT_EQ(limits("maximum-requests=10000").maximum_requests, 10000U);
  EXPECT_EQ(limits("maximum-requests=10000").maximum_requests_jitter, 0U)
      << "exact, as in mod_wsgi";
  EXPECT_EQ(limits("maximum-requests-jitter=500").maximum_requests_jitter, 500U);
  EXPECT_EQ(limits("restart-interval-jitter=2h").restart_interval_jitter, 2h);
  EXPECT_EQ(limits("listen-backlog=0").listen_backlog, 0);
  EXPECT_EQ(limits("memory-recycle=512M").memory_recycle, 512ULL << 20U);
  EXPECT_EQ(limits("memory-recycle-jitter=64M").memory_recycle_jitter, 64ULL << 20U);
  EXPECT_EQ(limits("cpu-time-limit=1m").cpu_time_limit, 60U);
  EXPECT_EQ(limits("cpu-time-limit=1500ms").cpu_time_limit, 2U);
  EXPECT_EQ(limits("memory-limit=2G").memory_limit, 2ULL << 30U);
  EXPECT_EQ(limits("virtual-memory-limit=1").virtual_memory, 1U);
}

TEST(DaemonOptions, EvictionTakesTheGracefulTimeUnlessGiven) {
  EXPECT_EQ(daemon::eviction_time(option("graceful-timeout=3").group.limits), 3s);
  EXPECT_EQ(daemon::eviction_time(option("eviction-timeout=4").group.limits), 4s);
}

// The options without effect, those that a site relied on with a '!'.
std::string without_effect(const std::string& text) {
  std::string names;
  for (const WithoutEffect& option : option(text).without_effect) {
    names.append(names.empty() ? "" : " ").append(option.name);
    names.append(option.missed.empty() ? "" : "!");
  }
  return names;
}

TEST(DaemonOptions, WithoutEffectAreNamed) {
  EXPECT_EQ(without_effect("socket-user=www response-flush-delay=5"),
            "socket-user! response-flush-delay");
  EXPECT_EQ(without_effect("header-buffer-size=8192 response-buffer-size=0"),
            "header-buffer-size! response-buffer-size");
  EXPECT_EQ(without_effect("response-socket-timeout=5s"), "response-socket-timeout!");
  EXPECT_EQ(without_effect("response-socket-timeout=0"), "response-socket-timeout");
  EXPECT_EQ(without_effect("newrelic-environment=production newrelic-config-file=/etc/nr.ini"),
            "newrelic-environment! newrelic-config-file!");
  EXPECT_EQ(without_effect("server-metrics=On"), "server-metrics!");
  EXPECT_EQ(without_effect("server-metrics=off"), "server-metrics");
  EXPECT_EQ(without_effect("newrelic-environment= newrelic-config-file=''"), "");
  EXPECT_EQ(without_effect("threads=5 lang="), "");
  for (const char* bad :
       {"socket-user=#x", "header-buffer-size=8191", "response-buffer-size=1",
        "response-socket-timeout=x", "response-flush-delay=-1", "server-metrics=yes"}) {
    EXPECT_NE(refusal(std::string("site ") + bad), "accepted") << bad;
  }
}

// What mod_wsgi 4.9.4 takes without a value, and what it refuses.
TEST(DaemonOptions, WithoutAValueAreAsIfLeftOut) {
  for (const char* name :
       {"supplementary-groups", "lang", "locale", "display-name", "python-home", "python-path",
        "python-eggs", "newrelic-config-file", "newrelic-environment"}) {
    for (const char* value : {"=", "=''", "=\"\""}) {
      EXPECT_TRUE(option(name + std::string(value)).given.empty()) << name << value;
    }
  }
  EXPECT_FALSE(option("supplementary-groups=").supplementary_groups);
  EXPECT_EQ(option("lang= lang=de_DE.UTF-8 lang=''").group.lang, "de_DE.UTF-8");
  EXPECT_EQ(option("python-path='' threads=3").group.threads, 3);
  for (const char* name :
       {"processes", "threads", "user", "group", "umask", "chroot", "home", "cpu-priority",
        "stack-size", "send-buffer-size", "python", "script-user", "script-group",
        "request-timeout", "maximum-requests", "memory-limit", "socket-user", "server-metrics"}) {
    EXPECT_EQ(refusal(std::string("site ") + name + "="),
              std::string("has an empty value for the option '") + name + "'");
  }
}

TEST(DaemonOptions, OutOfRangeAreRefused) {
  for (const char* bad : {"processes=0",
                          "processes=-1",
                          "processes=two",
                          "processes=1x",
                          "threads=-1",
                          "threads=65534",
                          "threads=5abc",
                          "user=#",
                          "user=#x",
                          "user=#4294967295",
                          "group=#-1",
                          "umask=8",
                          "umask=1000",
                          "umask=-1",
                          "umask=x",
                          "chroot=jail",
                          "home=relative",
                          "cpu-priority=20",
                          "cpu-priority=-21",
                          "stack-size=0",
                          "stack-size=65535",
                          "stack-size=x",
                          "send-buffer-size=511",
                          "send-buffer-size=2G",
                          "receive-buffer-size=1",
                          "python=3",
                          "python=three",
                          "switch-interval=0",
                          "switch-interval=2h",
                          "switch-interval=-1",
                          "maximum-requests=-1",
                          "maximum-requests=1.5",
                          "maximum-requests-jitter=-1",
                          "memory-recycle-jitter=x",
                          "restart-interval-jitter=-1",
                          "listen-backlog=-1",
                          "memory-recycle=-1",
                          "memory-limit=1X",
                          "virtual-memory-limit=99999999999G",
                          "cpu-time-limit=x",
                          "queue-timeout=1d",
                          "queue-timeout=-1",
                          "queue-timeout=1 m"}) {
    EXPECT_NE(refusal(std::string("site ") + bad), "accepted") << bad;
  }
}

TEST(DaemonOptions, RefusalsNameOptionTextAndWhatIsExpected) {
  EXPECT_EQ(refusal("site threads=5abc"),
            "has the option 'threads', which must be a whole number from 0 to 65533, not '5abc'");
  EXPECT_EQ(refusal("site bogus=1"), "has the unknown option 'bogus'");
  EXPECT_EQ(refusal("site Threads=1"), "has the unknown option 'Threads'; did you mean 'threads'?");
  EXPECT_EQ(refusal("site graceful_timeout=1"),
            "has the unknown option 'graceful_timeout'; did you mean 'graceful-timeout'?");
  EXPECT_EQ(refusal("site home="), "has an empty value for the option 'home'");
  EXPECT_EQ(refusal("site home=x"),
            "has the option 'home', which must be an absolute path, not 'x'");
  EXPECT_EQ(refusal("site umask=9"),
            "has the option 'umask', which must be an octal number from 0 to 0777, not '9'");
  EXPECT_EQ(refusal("site user=#x"),
            "has the option 'user', which must be a name or #number, not '#x'");
  EXPECT_EQ(refusal("site queue-timeout=1d"),
            "has the option 'queue-timeout', which must be a duration such as 30s, 500ms, 1.5s, 5m "
            "or 1h (a bare number counts seconds), not '1d'");
  EXPECT_EQ(refusal("site response-flush-delay=x"),
            "has the option 'response-flush-delay', which must be a duration such as 30s, 500ms, "
            "1.5s, 5m or 1h (a bare number counts milliseconds), not 'x'");
  EXPECT_EQ(refusal("site memory-limit=1X"),
            "has the option 'memory-limit', which must be a size in bytes, or such as 512K, 64M or "
            "2G, not '1X'");
  EXPECT_EQ(refusal("site send-buffer-size=1"),
            "has the option 'send-buffer-size', which must be 0 or a size from 512 to 1073741824 "
            "bytes, not '1'");
  EXPECT_EQ(refusal("site script-user=a script-group=b"),
            "has both options script-user and script-group, of which there can be one");
  EXPECT_EQ(refusal("site word"),
            "has the argument 'word', where an option of the form name=value is expected");
}

TEST(DaemonOptions, StandOnce) {
  EXPECT_EQ(option("threads=5 threads=5").group.threads, 5);
  EXPECT_EQ(refusal("site threads=5 threads=6"),
            "has the option 'threads' twice, as '5' and as '6'");
}

TEST(Duration, HasUnits) {
  EXPECT_EQ(parse_duration("30"), 30s);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration("0.1s"), 100ms);
  EXPECT_EQ(parse_duration("1.5m"), 90s);
  EXPECT_EQ(parse_duration("7", 1ms), 7ms);
  EXPECT_EQ(parse_duration("2147483647"), 2147483647s);
}

struct Taken {
  const char* text;
  daemon::Duration duration;
};

// mod_wsgi's numbers are C's; the units are httpd's own, with m for minutes besides mi.
TEST(Duration, IsTakenAsCWritesNumbersAndHttpdWritesUnits) {
  const Taken taken[] = {{".005", 5ms},    {".5s", 500ms}, {"0.5", 500ms},      {"1.", 1s},
                         {"1.s", 1s},      {"1e-3", 1ms},  {"1E3", 1000s},      {"1.5e+1", 15s},
                         {"2e2ms", 200ms}, {"007", 7s},    {"500ms", 500ms},    {"500MS", 500ms},
                         {"30S", 30s},     {"5mi", 5min},  {"5Min", 5min},      {"5m", 5min},
                         {"2H", 2h},       {"0ms", 0ms},   {"0.0006", 1ms},     {"0e9", 0s},
                         {".0", 0s},       {"1ms", 1ms},   {"596523h", 596523h}};
  for (const auto& [text, duration] : taken) {
    EXPECT_EQ(parse_duration(text), duration) << text;
  }
}

TEST(Duration, IsRefusedWhereItIsNoneOrTooLong) {
  for (const char* bad :
       {"",       "s",          ".",       "e3",       ".e3",    "-1",     "+1",
        "-0",     "-.5",        "1e",      "1e+",      "0x10",   "0x1p3",  "nan",
        "NaN",    "inf",        "Inf",     "infinity", "nan(1)", "1 s",    " 1",
        "1 ",     "1d",         "1us",     "1ss",      "1sec",   "1.5.5",  "1,5",
        "1e3.5",  "2147483648", "596524h", "1e10",     "1e999",  "1e-999", "99999999999999999999",
        "0.0001", "1e-4",       ".4ms",    "١"}) {
    EXPECT_THROW(parse_duration(bad), std::invalid_argument) << bad;
  }
}

TEST(SwitchInterval, IsADurationWithMicroseconds) {
  EXPECT_DOUBLE_EQ(parse_switch_interval(".005"), 0.005);
  EXPECT_DOUBLE_EQ(parse_switch_interval("1e-3"), 0.001);
  EXPECT_DOUBLE_EQ(parse_switch_interval("1e-6"), 0.000001);
  EXPECT_DOUBLE_EQ(parse_switch_interval("0.5MS"), 0.0005);
  EXPECT_DOUBLE_EQ(parse_switch_interval("1h"), 3600);
  for (const char* bad : {"0", ".0", "1e-7", "3601", "nan", "inf", "-1e-3", "0x1", ""}) {
    EXPECT_THROW(parse_switch_interval(bad), std::invalid_argument) << bad;
  }
}

TEST(Size, HasUnits) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  for (const char* text : {"512K", "512k", "512KB", "512kb", "512Kb"}) {
    EXPECT_EQ(parse_size(text), 512U << 10U) << text;
  }
  EXPECT_EQ(parse_size("3MB"), 3U << 20U);
  EXPECT_EQ(parse_size("2g"), 2ULL << 30U);
  EXPECT_EQ(parse_size("9223372036854775807"), 9223372036854775807U);
  for (const char* bad : {"", "K", "-1", "+1", "1.5G", "1 K", "1KK", "1B", "1T", "1KiB",
                          "9223372036854775808", "9007199254740992K", "99999999999999999999"}) {
    EXPECT_THROW(parse_size(bad), std::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace brine::apache
