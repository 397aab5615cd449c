#include "wsgi/server_metrics.hpp"

#include <cstddef>
#include <string>

#include "cpython/callback.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

const Scoreboard* scoreboard_shown = nullptr;  // written once, before it is read

Ref latin1_text(const GilLock& gil, const std::string& text) {
  return steal(gil,
               PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

Ref worker_dict(const GilLock& gil, const WorkerScore& worker, std::size_t number) {
  const Ref client = latin1_text(gil, worker.client);
  const Ref request = latin1_text(gil, worker.request);
  const Ref vhost = latin1_text(gil, worker.vhost);
  return steal(
      gil, Py_BuildValue(
               "{s:n,s:i,s:C,s:K,s:K,s:d,s:d,s:d,s:O,s:O,s:O}", "thread_num",
               static_cast<Py_ssize_t>(number), "generation", worker.generation, "status",
               worker.status, "access_count", static_cast<unsigned long long>(worker.access_count),
               "bytes_served", static_cast<unsigned long long>(worker.bytes_served), "start_time",
               worker.start_time, "stop_time", worker.stop_time, "last_used", worker.last_used,
               "client", client.get(), "request", request.get(), "vhost", vhost.get()));
}

Ref process_dict(const GilLock& gil, const ProcessScore& process, std::size_t number) {
  const Ref workers = steal(gil, PyList_New(0));
  for (std::size_t i = 0; i < process.workers.size(); ++i) {
    check(gil, PyList_Append(workers.get(), worker_dict(gil, process.workers[i], i).get()));
  }
  return steal(
      gil, Py_BuildValue("{s:n,s:i,s:i,s:O,s:O}", "process_num", static_cast<Py_ssize_t>(number),
                         "pid", process.pid, "generation", process.generation, "quiescing",
                         process.quiescing ? Py_True : Py_False, "workers", workers.get()));
}

}  // namespace

void show_scoreboard(const Scoreboard& scoreboard) noexcept { scoreboard_shown = &scoreboard; }

PyObject* server_metrics(PyObject*, PyObject*) noexcept {
  return cpython::callback([](GilLock& gil) {
    if (scoreboard_shown == nullptr) return borrow(gil, Py_None);
    const ServerScore score = [&] {
      const GilRelease released(gil);
      return scoreboard_shown->look();
    }();
    const Ref processes = steal(gil, PyList_New(0));
    for (std::size_t i = 0; i < score.processes.size(); ++i) {
      check(gil, PyList_Append(processes.get(), process_dict(gil, score.processes[i], i).get()));
    }
    return steal(
        gil, Py_BuildValue("{s:i,s:i,s:i,s:d,s:d,s:d,s:O}", "server_limit", score.server_limit,
                           "thread_limit", score.thread_limit, "running_generation",
                           score.running_generation, "restart_time", score.restart_time,
                           "current_time", score.current_time, "running_time",
                           score.current_time - score.restart_time, "processes", processes.get()));
  });
}

}  // namespace brine::wsgi
