#include "metrics/life_event.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/json_writer.hpp"

namespace brine::metrics {

namespace {

// A longer name or path is cut off, so that a line has room.
constexpr std::size_t kMostGroup = 100;
constexpr std::size_t kMostPath = 400;

double seconds_in(std::int64_t nanos) { return static_cast<double>(nanos) / 1e9; }

void put_end(JsonWriter& json, const LifeEvent& event, std::size_t requests) {
  json.put("peak_memory_bytes", event.peak);
  if (event.how.empty()) return;  // a process that tells of its own end knows no more
  json.put("how", event.how);
  json.put("served", event.served);
  json.list("requests", [&] {
    for (std::size_t i = 0; i < requests; ++i) {
      const EndedRequest& request = event.requests[i];
      json.object([&] {
        json.put("request", request.what);
        json.put("id", request.id);
        json.put("seconds", seconds_in(request.age));
      });
    }
  });
  if (requests != event.requests.size()) {
    json.put("requests_left_out", std::uint64_t{event.requests.size() - requests});
  }
}

std::string line_with(const LifeEvent& event, std::size_t requests) {
  JsonWriter json;
  json.object([&] {
    json.put("time", seconds_in(event.time));
    json.put("event", kProcessEventNames[static_cast<std::size_t>(event.event)]);
    json.put("process_group", std::string_view(event.group).substr(0, kMostGroup));
    json.put("pid", static_cast<std::uint64_t>(event.pid));
    json.put("generation", static_cast<std::uint64_t>(event.generation));
    if (!event.reason.empty()) json.put("reason", event.reason);
    const std::string_view script = std::string_view(event.script).substr(0, kMostPath);
    if (!script.empty()) json.put("script", script);
    if (event.age != 0) json.put("age_seconds", seconds_in(event.age));
    if (event.event == ProcessEvent::end) put_end(json, event, requests);
  });
  return json.take() + "\n";
}

}  // namespace

std::string to_json_line(const LifeEvent& event) {
  std::size_t requests = event.requests.size();
  std::string line = line_with(event, requests);
  while (line.size() > kMostLine && requests != 0) line = line_with(event, requests /= 2);
  return line;
}

EventRecord record_of(const LifeEvent& event) {
  EventRecord record;
  record.group.set(event.group);
  record.reason.set(event.reason);
  record.detail.set(event.event == ProcessEvent::end ? event.how : event.script);
  record.time = event.time;
  record.pid = event.pid;
  record.event = event.event;
  return record;
}

}  // namespace brine::metrics
