#include "metrics/openmetrics.hpp"

#include <array>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/number_text.hpp"

namespace brine::metrics {

namespace {

using Label = std::pair<std::string_view, std::string_view>;

std::string seconds(std::uint64_t nanos) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%" PRIu64 ".%09" PRIu64, nanos / 1000000000,
                nanos % 1000000000);
  return text.data();
}

// Writes families of metrics, each with its samples behind its head.
class ExpositionWriter {
 public:
  explicit ExpositionWriter(Exposition exposition) : exposition_(exposition) {}

  /// Begins a family. `unit` is the last word of the name where it has one. The name of a counter
  /// lacks _total.
  void family(std::string_view name, std::string_view type, std::string_view unit,
              std::string_view help) {
    name_ = name;
    suffix_ = type == "counter" ? "_total" : "";
    const std::string head =
        exposition_ == Exposition::prometheus ? name_ + suffix_ : std::string(name);
    text_.append("# TYPE ").append(head).append(" ").append(type).append("\n");
    if (!unit.empty() && exposition_ == Exposition::openmetrics) {
      text_.append("# UNIT ").append(head).append(" ").append(unit).append("\n");
    }
    text_.append("# HELP ").append(head).append(" ").append(help).append("\n");
  }

  void sample(std::span<const Label> labels, std::string_view value) {
    line(suffix_, labels, value);
  }
  void sample(std::span<const Label> labels, std::uint64_t value) {
    sample(labels, std::to_string(value));
  }
  void sample(std::span<const Label> labels, double value) { sample(labels, number_text(value)); }

  void histogram(std::span<const Label> labels, const HistogramReading& reading) {
    std::uint64_t below = 0;
    std::vector<Label> with_bound(labels.begin(), labels.end());
    for (std::size_t i = 0; i < kBuckets; ++i) {
      const std::string bound = i < kBounds.size() ? bound_text(kBounds[i]) : "+Inf";
      with_bound.emplace_back("le", bound);
      line("_bucket", with_bound, std::to_string(below += reading.buckets[i]));
      with_bound.pop_back();
    }
    line("_sum", labels, seconds(reading.nanos));
    line("_count", labels, std::to_string(below));
  }

  std::string end() {
    if (exposition_ == Exposition::openmetrics) text_ += "# EOF\n";
    return std::move(text_);
  }

 private:
  // OpenMetrics wants a point in each number of a bound.
  std::string bound_text(std::int64_t milliseconds) const {
    const bool is_whole = milliseconds % 1000 == 0;
    return number_text(static_cast<double>(milliseconds) / 1000) +
           (is_whole && exposition_ == Exposition::openmetrics ? ".0" : "");
  }

  void line(std::string_view suffix, std::span<const Label> labels, std::string_view value) {
    text_.append(name_).append(suffix);
    char separator = '{';
    for (const auto& [name, content] : labels) {
      text_.append(1, separator).append(name).append("=\"");
      separator = ',';
      for (const char c : content) {
        if (c == '\\' || c == '"') text_ += '\\';
        text_ += c;
      }
      text_ += '"';
    }
    if (separator == ',') text_ += '}';
    text_.append(" ").append(value).append("\n");
  }

  const Exposition exposition_;
  std::string name_;
  std::string suffix_;
  std::string text_;
};

// A family of which each group has one sample for each counter of a list, under its label.
struct LabelledCounter {
  Counter counter;
  std::string_view value;
};

constexpr std::array kFailures = {
    LabelledCounter{Counter::overfull, "overfull"},
    LabelledCounter{Counter::not_ready, "not-ready"},
    LabelledCounter{Counter::queue_timeout, "queue-timeout"},
    LabelledCounter{Counter::request_timeout, "request-timeout"},
    LabelledCounter{Counter::socket_timeout, "socket-timeout"},
    LabelledCounter{Counter::crashed, "crashed"},
    LabelledCounter{Counter::bad_answers, "bad-answer"},
};

constexpr std::array kRestarts = {
    LabelledCounter{Counter::restarts, "other"},
    LabelledCounter{Counter::deadlock, "deadlock-timeout"},
    LabelledCounter{Counter::inactivity, "inactivity-timeout"},
    LabelledCounter{Counter::maximum_requests, "maximum-requests"},
    LabelledCounter{Counter::restart_interval, "restart-interval"},
    LabelledCounter{Counter::cpu_time, "cpu-time-limit"},
    LabelledCounter{Counter::memory, "memory-recycle"},
    LabelledCounter{Counter::startup_timeout, "startup-timeout"},
    LabelledCounter{Counter::eviction, "eviction"},
};

constexpr std::array kKills = {
    LabelledCounter{Counter::graceful_timeout, "graceful-timeout"},
    LabelledCounter{Counter::shutdown_timeout, "shutdown-timeout"},
};

// Writes what the requests for each script were.
void put_requests(ExpositionWriter& writer, const Snapshot& snapshot) {
  writer.family("brine_requests", "counter", "",
                "Requests that have ended, by the script that served them, class of method and "
                "class of status.");
  for (const GroupSnapshot& group : snapshot.groups) {
    for (const ScriptSnapshot& script : group.scripts) {
      for (std::size_t method = 0; method < kMethods; ++method) {
        for (std::size_t status = 0; status < kStatusClasses; ++status) {
          const std::uint64_t count = script.requests.requests[method][status];
          if (count == 0) continue;
          const std::string status_class = std::to_string(status + 1) + "xx";
          const std::array<Label, 4> labels = {Label{"process_group", group.name},
                                               {"script", script.path},
                                               {"method", kMethodNames[method]},
                                               {"status", status_class}};
          writer.sample(labels, count);
        }
      }
    }
  }
}

template <class Put>
void each_script(const Snapshot& snapshot, Put put) {
  for (const GroupSnapshot& group : snapshot.groups) {
    for (const ScriptSnapshot& script : group.scripts) {
      const std::array<Label, 2> labels = {Label{"process_group", group.name},
                                           {"script", script.path}};
      put(labels, script.requests);
    }
  }
}

// Calls `put` for each group of which an engine has told something.
template <class Put>
void each_measured_group(const Snapshot& snapshot, Put put) {
  for (const GroupSnapshot& group : snapshot.groups) {
    if (group.interpreters == 0) continue;
    const std::array<Label, 1> labels = {Label{"process_group", group.name}};
    put(labels, group);
  }
}

// Calls `put` for each script of which it is known when it was loaded.
template <class Put>
void each_loaded_script(const Snapshot& snapshot, Put put) {
  for (const GroupSnapshot& group : snapshot.groups) {
    for (const ScriptSnapshot& script : group.scripts) {
      if (script.loaded == 0) continue;
      const std::array<Label, 2> labels = {Label{"process_group", group.name},
                                           {"script", script.path}};
      put(labels, script);
    }
  }
}

void put_times(ExpositionWriter& writer, const Snapshot& snapshot) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, kPhases> kFamilies = {{
      {"brine_request_waiting_seconds",
       "Time until the application was called: for a process, a thread, the GIL, the script."},
      {"brine_request_application_seconds", "Time that the application has worked."},
      {"brine_request_delivery_seconds", "Time in which the response was passed to the client."},
  }};
  for (std::size_t i = 0; i < kPhases; ++i) {
    writer.family(kFamilies[i].first, "histogram", "seconds", kFamilies[i].second);
    each_script(snapshot, [&](std::span<const Label> labels, const RequestReading& requests) {
      writer.histogram(labels, requests.phases[i]);
    });
  }
}

void put_bytes(ExpositionWriter& writer, const Snapshot& snapshot) {
  writer.family("brine_request_body_bytes", "counter", "bytes",
                "Bytes of requests' bodies that were passed to applications.");
  each_script(snapshot, [&](std::span<const Label> labels, const RequestReading& requests) {
    writer.sample(labels, requests.bytes_in);
  });
  writer.family("brine_response_body_bytes", "counter", "bytes",
                "Bytes of responses' bodies that were passed to clients.");
  each_script(snapshot, [&](std::span<const Label> labels, const RequestReading& requests) {
    writer.sample(labels, requests.bytes_out);
  });
}

// Writes what engines have measured: of requests of one in 64, and of each new generation.
void put_measures(ExpositionWriter& writer, const Snapshot& snapshot) {
  writer.family("brine_gil_wait_seconds", "histogram", "seconds",
                "Time until a thread had the GIL, of one request in 64.");
  each_measured_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.histogram(labels, group.gil_wait);
  });
  writer.family("brine_process_interpreters", "gauge", "",
                "Interpreters of the group's process that told it last.");
  each_measured_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.interpreters});
  });
  writer.family("brine_script_loaded_timestamp_seconds", "gauge", "seconds",
                "When the script's newest code was loaded.");
  each_loaded_script(snapshot, [&](std::span<const Label> labels, const ScriptSnapshot& script) {
    writer.sample(labels, script.loaded);
  });
  writer.family("brine_script_generation", "gauge", "",
                "How often the process that loaded it last had loaded the script.");
  each_loaded_script(snapshot, [&](std::span<const Label> labels, const ScriptSnapshot& script) {
    writer.sample(labels, std::uint64_t{script.generation});
  });
  writer.family("brine_pickle_hazards", "counter", "",
                "Requests in which the pickle guard met the hazard.");
  for (const GroupSnapshot& group : snapshot.groups) {
    for (std::size_t i = 0; i < kHazards.size(); ++i) {
      if (group.hazards[i] == 0) continue;
      const std::array<Label, 2> labels = {Label{"process_group", group.name}, {"id", kHazards[i]}};
      writer.sample(labels, group.hazards[i]);
    }
  }
}

// Calls `put` for each daemon process group with its labels.
template <class Put>
void each_daemon_group(const Snapshot& snapshot, Put put) {
  for (const GroupSnapshot& group : snapshot.groups) {
    if (!group.is_daemon) continue;
    const std::array<Label, 1> labels = {Label{"process_group", group.name}};
    put(labels, group);
  }
}

// Writes a family of one counter.
void put_counter(ExpositionWriter& writer, const Snapshot& snapshot, Counter counter,
                 std::string_view name, std::string_view help) {
  writer.family(name, "counter", "", help);
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, group.counted(counter));
  });
}

// Writes a family of counters that the label `reason` tells apart.
void put_reasons(ExpositionWriter& writer, const Snapshot& snapshot,
                 std::span<const LabelledCounter> counters, std::string_view name,
                 std::string_view help) {
  writer.family(name, "counter", "", help);
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    for (const LabelledCounter& row : counters) {
      const std::array<Label, 2> with_reason = {labels[0], Label{"reason", row.value}};
      writer.sample(with_reason, group.counted(row.counter));
    }
  });
}

void put_counters(ExpositionWriter& writer, const Snapshot& snapshot) {
  put_counter(writer, snapshot, Counter::requests, "brine_daemon_requests",
              "Requests that a thread of a daemon process took up; scripts that decide about a "
              "request count too.");
  put_reasons(writer, snapshot, kFailures, "brine_daemon_request_failures",
              "Requests that daemon mode could not serve.");
  put_counter(writer, snapshot, Counter::moved, "brine_daemon_requests_moved",
              "Times that a request was sent on to another process.");
  put_counter(writer, snapshot, Counter::reloads, "brine_reloads",
              "Changes of a script that led to new processes.");
  put_counter(writer, snapshot, Counter::load_failures, "brine_load_failures",
              "Processes whose scripts did not load.");
  put_reasons(writer, snapshot, kRestarts, "brine_process_restarts",
              "Processes that were replaced.");
  put_counter(writer, snapshot, Counter::grown, "brine_processes_grown",
              "Processes that were started since all threads were taken.");
  put_counter(writer, snapshot, Counter::idle, "brine_processes_idle",
              "Processes that left since fewer were enough.");
  put_counter(writer, snapshot, Counter::deaths, "brine_process_crashes",
              "Processes that ended without being told to.");
  put_reasons(writer, snapshot, kKills, "brine_process_overdue_ends",
              "Processes that did not end in time by themselves.");
  writer.family("brine_process_cpu_seconds", "counter", "seconds",
                "Processor time of all processes that the group has had.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, group.cpu);
  });
}

void put_groups(ExpositionWriter& writer, const Snapshot& snapshot) {
  writer.family("brine_group_up", "gauge", "",
                "1 if the daemon process group can run, 0 if it is out of order.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.fault.empty() ? 1U : 0U});
  });
  writer.family("brine_group_processes", "gauge", "", "Processes that the group is to have.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.processes});
  });
  writer.family("brine_group_processes_min", "gauge", "",
                "The least number of the group's processes.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.least_processes});
  });
  writer.family("brine_group_processes_max", "gauge", "",
                "The greatest number of the group's processes.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.most_processes});
  });
  writer.family("brine_group_threads", "gauge", "", "Threads of the group's ready processes.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, std::uint64_t{group.threads} * group.ready());
  });
  writer.family("brine_group_threads_busy", "gauge", "", "Threads that have a request.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, group.busy());
  });
  writer.family("brine_group_requests_waiting", "gauge", "",
                "Requests that a process has let in and that wait for a thread.");
  each_daemon_group(snapshot, [&](std::span<const Label> labels, const GroupSnapshot& group) {
    writer.sample(labels, group.waiting());
  });
}

void put_states(ExpositionWriter& writer, const Snapshot& snapshot) {
  writer.family("brine_processes", "gauge", "", "Processes by their state.");
  for (const GroupSnapshot& group : snapshot.groups) {
    for (const std::string_view state : kProcessStateNames) {
      std::uint64_t count = 0;
      for (const ProcessSnapshot& process : group.running) count += process.state == state ? 1 : 0;
      if (!group.is_daemon && count == 0) continue;
      const std::array<Label, 2> labels = {Label{"process_group", group.name}, {"state", state}};
      writer.sample(labels, count);
    }
  }
}

// Calls `put` for each process with its labels.
template <class Put>
void each_process(const Snapshot& snapshot, Put put) {
  for (const GroupSnapshot& group : snapshot.groups) {
    for (const ProcessSnapshot& process : group.running) {
      const std::string pid = std::to_string(process.pid);
      const std::string generation = std::to_string(process.generation);
      const std::array<Label, 3> labels = {
          Label{"process_group", group.name}, {"pid", pid}, {"generation", generation}};
      put(labels, process);
    }
  }
}

void put_processes(ExpositionWriter& writer, const Snapshot& snapshot) {
  put_states(writer, snapshot);
  writer.family("brine_process_age_seconds", "gauge", "seconds", "Time since the process started.");
  each_process(snapshot, [&](std::span<const Label> labels, const ProcessSnapshot& process) {
    writer.sample(labels, process.age);
  });
  writer.family("brine_process_resident_memory_bytes", "gauge", "bytes",
                "Resident memory of the process.");
  each_process(snapshot, [&](std::span<const Label> labels, const ProcessSnapshot& process) {
    if (process.resident != 0) writer.sample(labels, process.resident);
  });
  writer.family("brine_process_open_fds", "gauge", "", "Open descriptors of the process.");
  each_process(snapshot, [&](std::span<const Label> labels, const ProcessSnapshot& process) {
    if (process.descriptors != 0) writer.sample(labels, std::uint64_t{process.descriptors});
  });
  writer.family("brine_process_threads", "gauge", "",
                "Threads of the process, those that serve no requests too.");
  each_process(snapshot, [&](std::span<const Label> labels, const ProcessSnapshot& process) {
    if (process.threads != 0) writer.sample(labels, std::uint64_t{process.threads});
  });
}

}  // namespace

std::string to_openmetrics(const Snapshot& snapshot, Exposition exposition) {
  ExpositionWriter writer(exposition);
  writer.family("brine_build_info", "gauge", "", "The version, as a label; always 1.");
  const std::array<Label, 1> version = {Label{"version", snapshot.version}};
  writer.sample(version, std::uint64_t{1});
  writer.family("brine_start_time_seconds", "gauge", "seconds",
                "When httpd was started, in seconds since the epoch.");
  writer.sample({}, snapshot.started);
  writer.family("brine_generation", "gauge", "",
                "The number of httpd's configuration, which each restart raises.");
  writer.sample({}, static_cast<double>(snapshot.generation));
  put_requests(writer, snapshot);
  put_times(writer, snapshot);
  put_bytes(writer, snapshot);
  put_measures(writer, snapshot);
  put_counters(writer, snapshot);
  put_groups(writer, snapshot);
  put_processes(writer, snapshot);
  return writer.end();
}

}  // namespace brine::metrics
