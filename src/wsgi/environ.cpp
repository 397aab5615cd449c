#include "wsgi/environ.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "wsgi/headers.hpp"

namespace brine::wsgi {

using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// Names are remembered up to this number. More come from a client that makes them up; then all are
// forgotten, and those in use come back with the next requests.
constexpr std::size_t kKeptHeaders = 512;

// The request's id under Brine's own name for it.
constexpr std::string_view kRequestId = "brine.request_id";

// Returns true for paths, which are decoded in the file system's encoding. All other values are
// bytes shown as latin-1 (PEP 3333, "Unicode Issues").
constexpr bool is_path(Var var) {
  return var == Var::document_root || var == Var::context_document_root ||
         var == Var::script_filename || var == Var::handler_script;
}

Ref latin1(const GilLock& gil, std::string_view text) {
  return steal(gil,
               PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

Ref value_of(const GilLock& gil, Var var, std::string_view text) {
  if (!is_path(var)) return latin1(gil, text);
  return steal(gil,
               PyUnicode_DecodeFSDefaultAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

Ref interned(const GilLock& gil, std::string_view text) {
  PyObject* name = PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
  PyUnicode_InternInPlace(&name);
  return steal(gil, name);
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Pauses the garbage collector. Up to Python 3.11 making a dict may start a collection, which may
// run code that releases the GIL; another thread would then put its own request into the template
// before that is copied.
class CollectorPause {
 public:
  CollectorPause() noexcept : was_enabled_(PyGC_Disable()) {}
  ~CollectorPause() {
    if (was_enabled_ != 0) PyGC_Enable();
  }
  CollectorPause(const CollectorPause&) = delete;
  CollectorPause& operator=(const CollectorPause&) = delete;

 private:
  int was_enabled_;
};

}  // namespace

Environ::Environ(const GilLock& gil, PyObject* constants)
    : template_(steal(gil, PyDict_Copy(constants))),
      thread_id_(interned(gil, "mod_wsgi.thread_id")),
      request_start_(interned(gil, "mod_wsgi.request_start")),
      application_start_(interned(gil, "mod_wsgi.application_start")),
      queue_start_(interned(gil, "mod_wsgi.queue_start")),
      daemon_start_(interned(gil, "mod_wsgi.daemon_start")) {
  for (std::size_t i = 0; i < kVarCount; ++i) variables_[i].key = interned(gil, kVarNames[i]);
  variables_[static_cast<std::size_t>(Var::request_id)].synonym = interned(gil, kRequestId);
  for (const std::string_view field : kCommonFields) {
    const std::string name = environ_name(field).value();
    common_keys_.emplace(name, interned(gil, name));
  }
}

// Changes the template's values that differ from this request's; most are as the last request left
// them.
void Environ::update_template(const GilLock& gil, const Head& head) {
  for (std::size_t i = 0; i < kVarCount; ++i) {
    Variable& variable = variables_[i];
    const std::string_view value = head.vars[i];
    if (value.data() == nullptr) {
      if (!variable.present) continue;
      check(gil, PyDict_DelItem(template_.get(), variable.key.get()));
      if (variable.synonym) check(gil, PyDict_DelItem(template_.get(), variable.synonym.get()));
      variable.present = false;
    } else if (!variable.present || variable.bytes != value) {
      Ref text = value_of(gil, static_cast<Var>(i), value);
      check(gil, PyDict_SetItem(template_.get(), variable.key.get(), text.get()));
      if (variable.synonym) {
        check(gil, PyDict_SetItem(template_.get(), variable.synonym.get(), text.get()));
      }
      variable.bytes = value;
      variable.present = true;
    }
  }
  auto set = [&](const Ref& key, const Ref& value) {
    check(gil, PyDict_SetItem(template_.get(), key.get(), value.get()));
  };
  set(thread_id_, steal(gil, PyLong_FromLong(head.thread_id)));
  set(request_start_, steal(gil, PyFloat_FromDouble(head.request_start)));
  set(application_start_, steal(gil, PyFloat_FromDouble(now())));
  if (head.daemon_start != 0) {  // else both keep the constant 0.0
    set(queue_start_, steal(gil, PyFloat_FromDouble(head.queue_start)));
    set(daemon_start_, steal(gil, PyFloat_FromDouble(head.daemon_start)));
  }
}

// Returns the environ key of a field, or an empty Ref if it has none. Since Python 3.12 an interned
// string lives as long as its interpreter, so no name that a client can make up is interned.
Ref Environ::header_key(const GilLock& gil, std::string_view field) const {
  const std::optional<std::string> name = environ_name(field);
  if (!name) return {};
  const auto common = common_keys_.find(*name);
  if (common != common_keys_.end()) return cpython::borrow(gil, common->second.get());
  return latin1(gil, *name);
}

void Environ::set_header(const GilLock& gil, PyObject* environ, const Field& field) {
  auto found = headers_.find(field.name);
  if (found == headers_.end()) {
    if (headers_.size() >= kKeptHeaders) headers_.clear();
    Header header{header_key(gil, field.name), "", Ref()};
    found = headers_.emplace(std::string(field.name), std::move(header)).first;
  }
  Header& header = found->second;
  if (!header.key) return;
  if (!header.value || header.bytes != field.value) {
    header.value = latin1(gil, field.value);
    header.bytes = field.value;
  }
  check(gil, PyDict_SetItem(environ, header.key.get(), header.value.get()));
}

Ref Environ::make(const GilLock& gil, const Head& head) {
  update_template(gil, head);
  Ref environ = [&] {
    const CollectorPause pause;
    return steal(gil, PyDict_Copy(template_.get()));
  }();
  for (const Field& field : head.extra) {
    // SetEnv cannot replace a key of the template, which is what the server says.
    Ref value = latin1(gil, field.value);
    Ref key = latin1(gil, field.name);
    if (PyDict_SetDefault(environ.get(), key.get(), value.get()) == nullptr) {
      throw cpython::ErrorSet{};
    }
  }
  for (const Field& field : head.headers) set_header(gil, environ.get(), field);
  return environ;
}

}  // namespace brine::wsgi
