#include "metrics/json.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_text.hpp"

namespace brine::metrics {

namespace {

// Writes objects and lists; each value stands behind a key, or in a list.
class JsonWriter {
 public:
  template <class Members>
  void object(Members members) {
    separate();
    between('{', '}', members);
  }
  template <class Members>
  void object(std::string_view key, Members members) {
    name(key);
    between('{', '}', members);
  }
  template <class Items>
  void list(std::string_view key, Items items) {
    name(key);
    between('[', ']', items);
  }

  void put(std::string_view key, std::string_view text) { member(key, base::json_text(text)); }
  void put(std::string_view key, bool value) { member(key, value ? "true" : "false"); }
  void put(std::string_view key, double value) { member(key, number(value)); }
  void put(std::string_view key, std::uint64_t value) { member(key, std::to_string(value)); }
  void item(double value) { item_text(number(value)); }
  void item(std::uint64_t value) { item_text(std::to_string(value)); }

  std::string take() { return std::move(text_); }

 private:
  static std::string number(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.15g", value);
    return text.data();
  }
  // Writes what stands between the brackets; the caller has written a key or a separator.
  template <class Contents>
  void between(char open, char close, Contents contents) {
    text_ += open;
    is_first_ = true;
    contents();
    text_ += close;
    is_first_ = false;
  }
  void separate() {
    if (!is_first_) text_ += ',';
    is_first_ = false;
  }
  void name(std::string_view key) {
    separate();
    text_ += base::json_text(key) + ':';
  }
  void member(std::string_view key, std::string_view value) {
    name(key);
    text_ += value;
  }
  void item_text(std::string_view value) {
    separate();
    text_ += value;
  }

  std::string text_;
  bool is_first_ = true;
};

void put_histogram(JsonWriter& json, std::string_view name, const HistogramReading& reading) {
  json.object(name, [&] {
    json.put("count", reading.count());
    json.put("sum", static_cast<double>(reading.nanos) / 1e9);
    json.list("buckets", [&] {
      for (const std::uint64_t bucket : reading.buckets) json.item(bucket);
    });
  });
}

void put_script(JsonWriter& json, const ScriptSnapshot& script) {
  const RequestReading& requests = script.requests;
  json.object([&] {
    json.put("script", script.path);
    json.object("requests", [&] {
      for (std::size_t method = 0; method < kMethods; ++method) {
        for (std::size_t status = 0; status < kStatusClasses; ++status) {
          const std::uint64_t count = requests.requests[method][status];
          const std::string name =
              std::string(kMethodNames[method]) + " " + std::to_string(status + 1) + "xx";
          if (count != 0) json.put(name, count);
        }
      }
    });
    put_histogram(json, "waiting_seconds", requests.phases[0]);
    put_histogram(json, "application_seconds", requests.phases[1]);
    put_histogram(json, "delivery_seconds", requests.phases[2]);
    json.put("request_body_bytes", requests.bytes_in);
    json.put("response_body_bytes", requests.bytes_out);
  });
}

void put_process(JsonWriter& json, const ProcessSnapshot& process) {
  json.object([&] {
    json.put("pid", std::uint64_t(process.pid));
    json.put("generation", std::uint64_t(process.generation));
    json.put("state", process.state);
    json.put("age_seconds", process.age);
    json.put("in_flight", std::uint64_t{process.in_flight});
    json.put("served", process.served);
    json.put("code_version", std::uint64_t{process.code});
    json.put("resident_memory_bytes", process.resident);
    json.put("cpu_seconds", process.cpu);
    json.put("open_fds", std::uint64_t{process.descriptors});
    json.put("threads", std::uint64_t{process.threads});
  });
}

void put_group(JsonWriter& json, const GroupSnapshot& group) {
  json.object([&] {
    json.put("name", group.name);
    json.put("daemon", group.is_daemon);
    json.put("fault", group.fault);
    json.put("processes", std::uint64_t{group.processes});
    json.put("threads_per_process", std::uint64_t{group.threads});
    json.put("ready", std::uint64_t{group.ready()});
    json.put("in_flight", group.in_flight());
    json.put("busy", group.busy());
    json.put("waiting", group.waiting());
    json.put("cpu_seconds", group.cpu);
    json.object("counters", [&] {
      for (std::size_t i = 0; i < kCounters; ++i) json.put(kCounterNames[i], group.counters[i]);
    });
    json.list("running", [&] {
      for (const ProcessSnapshot& process : group.running) put_process(json, process);
    });
    json.list("scripts", [&] {
      for (const ScriptSnapshot& script : group.scripts) put_script(json, script);
    });
  });
}

}  // namespace

std::string to_json(const Snapshot& snapshot) {
  JsonWriter json;
  json.object([&] {
    json.put("version", snapshot.version);
    json.put("time", snapshot.time);
    json.put("started", snapshot.started);
    json.put("generation", std::uint64_t(snapshot.generation));
    json.list("histogram_bounds_seconds", [&] {
      for (const std::int64_t bound : kBounds) json.item(static_cast<double>(bound) / 1000);
    });
    json.list("groups", [&] {
      for (const GroupSnapshot& group : snapshot.groups) put_group(json, group);
    });
  });
  return json.take() + "\n";
}

}  // namespace brine::metrics
