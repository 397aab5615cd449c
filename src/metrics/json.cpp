#include "metrics/json.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/error_texts.hpp"  // CMake makes it of docs/errors.md
#include "metrics/json_writer.hpp"

namespace brine::metrics {

namespace {

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
    json.put("generation", std::uint64_t{script.generation});
    json.put("loaded", script.loaded);
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

void put_running(JsonWriter& json, const RunningSnapshot& request) {
  json.object([&] {
    json.put("request", request.request);
    json.put("id", request.id);
    json.put("script", request.script);
    json.put("age_seconds", request.age);
    json.put("pid", std::uint64_t(request.pid));
    json.put("thread", std::uint64_t{request.thread});
    json.put("stack", request.key);
    json.put("httpd_pid", std::uint64_t(request.client));
  });
}

void put_slow(JsonWriter& json, const SlowSnapshot& slow) {
  json.object([&] {
    json.put("process_group", slow.group);
    json.put("request", slow.request);
    json.put("id", slow.id);
    json.put("script", slow.script);
    json.put("ended", slow.ended);
    json.put("waiting_seconds", slow.phases[0]);
    json.put("application_seconds", slow.phases[1]);
    json.put("delivery_seconds", slow.phases[2]);
    json.put("pid", std::uint64_t(slow.pid));
    json.put("status", std::uint64_t(slow.status));
  });
}

void put_error(JsonWriter& json, const ErrorSnapshot& error) {
  const auto* text = std::find_if(kErrorTexts.begin(), kErrorTexts.end(),
                                  [&](const ErrorText& known) { return known.code == error.code; });
  json.object([&] {
    json.put("code", error.code);
    json.put("text", error.text);
    json.put("id", error.id);
    json.put("time", error.time);
    json.put("pid", std::uint64_t(error.pid));
    json.put("meaning", text != kErrorTexts.end() ? text->meaning : "");
    json.put("remedy", text != kErrorTexts.end() ? text->remedy : "");
  });
}

void put_event(JsonWriter& json, const EventSnapshot& event) {
  json.object([&] {
    json.put("event", event.event);
    json.put("process_group", event.group);
    json.put("pid", std::uint64_t(event.pid));
    json.put("time", event.time);
    json.put("reason", event.reason);
    json.put("detail", event.detail);
  });
}

template <class Item>
void put_list(JsonWriter& json, std::string_view name, const std::vector<Item>& items,
              void (*put)(JsonWriter&, const Item&)) {
  json.list(name, [&] {
    for (const Item& item : items) put(json, item);
  });
}

void put_group(JsonWriter& json, const GroupSnapshot& group) {
  json.object([&] {
    json.put("name", group.name);
    json.put("daemon", group.is_daemon);
    json.put("fault", group.fault);
    json.put("processes", std::uint64_t{group.processes});
    json.put("processes_min", std::uint64_t{group.least_processes});
    json.put("processes_max", std::uint64_t{group.most_processes});
    json.put("threads_per_process", std::uint64_t{group.threads});
    json.put("ready", std::uint64_t{group.ready()});
    json.put("in_flight", group.in_flight());
    json.put("busy", group.busy());
    json.put("waiting", group.waiting());
    json.put("cpu_seconds", group.cpu);
    json.object("counters", [&] {
      for (std::size_t i = 0; i < kCounters; ++i) json.put(kCounterNames[i], group.counters[i]);
    });
    json.put("interpreters", std::uint64_t{group.interpreters});
    put_histogram(json, "gil_wait_seconds", group.gil_wait);
    json.object("hazards", [&] {
      for (std::size_t i = 0; i < kHazards.size(); ++i) {
        if (group.hazards[i] != 0) json.put(kHazards[i], group.hazards[i]);
      }
    });
    put_list(json, "running", group.running, put_process);
    put_list(json, "scripts", group.scripts, put_script);
    put_list(json, "requests", group.requests, put_running);
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
    put_list(json, "groups", snapshot.groups, put_group);
    put_list(json, "slow", snapshot.slow, put_slow);
    put_list(json, "errors", snapshot.errors, put_error);
    put_list(json, "events", snapshot.events, put_event);
  });
  return json.take() + "\n";
}

}  // namespace brine::metrics
