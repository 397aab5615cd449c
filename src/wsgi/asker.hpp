// Asker has a function of a script answer a question about a request.
#pragma once

#include <string_view>

#include "boundary/request.hpp"
#include "cpython/ref.hpp"
#include "wsgi/environ.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/server_access.hpp"

namespace brine::wsgi {

/// Puts questions to scripts in one interpreter. Its members are guarded by that interpreter's GIL.
class Asker {
 public:
  /// Takes the items that every environ of the interpreter has as `constants`, and leaves out those
  /// of a request's body. `access` must outlive the object. `adviser`: see cpython::take_error.
  /// `request_timeout`: mod_wsgi.RequestTimeout.
  Asker(const cpython::GilLock& gil, PyObject* constants, ServerAccess& access, PyObject* adviser,
        PyObject* request_timeout);

  /// Calls `function` with an environ and the subject of the question, and passes the answer on. A
  /// route is asked of those functions of `module` that exist; `function` is null then. Every
  /// failure has been logged when it returns, and there is no answer then.
  Outcome ask(cpython::GilLock& gil, PyObject* module, PyObject* function, const Target& target,
              Exchange& exchange);

 private:
  Outcome raised(const cpython::GilLock& gil, const Target& target, Exchange& exchange) const;

  Environ environ_;
  ServerAccess& access_;
  cpython::Ref adviser_;
  cpython::Ref request_timeout_;
};

}  // namespace brine::wsgi
