// Makes what mod_wsgi.server_metrics() returns.
#pragma once

#include "boundary/server_metrics.hpp"
#include "cpython/ref.hpp"

namespace brine::wsgi {

/// Sets what is shown to all interpreters of the process; before, nothing is. Called once, before
/// an interpreter asks.
void show_scoreboard(const Scoreboard& scoreboard) noexcept;

/// The Python function server() -> dict or None.
PyObject* server_metrics(PyObject* self, PyObject*) noexcept;

}  // namespace brine::wsgi
