#include "pickle/guard.hpp"

#include <new>

#include "cpython/error.hpp"
#include "pickle/framing.hpp"
#include "pickle/scope.hpp"

namespace brine::pickle {

using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// Verdicts are remembered up to this number, since a program may make up names.
constexpr std::size_t kMostVerdicts = 100'000;

// Marks that the guard works for this thread: what it pickles itself is not looked at.
struct Busy {
  PolicyScope scope{Policy::off, current_listener()};
};

Ref attribute(const GilLock& gil, const Ref& object, const char* name) {
  return steal(gil, PyObject_GetAttrString(object.get(), name));
}

// Holds pickle's exception for the life of this object, so that the error indicator is clear.
class Pending {
 public:
  explicit Pending(const GilLock&) noexcept {
    PyErr_Fetch(&type_, &value_, &traceback_);
    PyErr_NormalizeException(&type_, &value_, &traceback_);
    if (traceback_ != nullptr) PyException_SetTraceback(value_, traceback_);
  }
  ~Pending() {
    if (type_ == nullptr) return;
    PyErr_Restore(type_, value_, traceback_);  // replaces an exception that was raised meanwhile
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  PyObject* value() const noexcept { return value_; }
  void replace(Ref exception) noexcept {
    drop();
    value_ = exception.release();
    type_ = Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(value_)));
  }
  bool is(PyObject* type) const noexcept { return PyErr_GivenExceptionMatches(type_, type) != 0; }
  void drop() noexcept {
    Py_CLEAR(type_);
    Py_CLEAR(value_);
    Py_CLEAR(traceback_);
  }

 private:
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

// Raises `refusal`, which the Python side returned: an exception, or None.
void raise_refusal(PyObject* refusal) {
  if (refusal == Py_None) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(refusal)), refusal);
  throw ErrorSet{};
}

// Returns true for errors that a hazard can cause; others come from the application's own code.
bool may_be_hazard(const GilLock& gil, const Pending& error) {
  if (error.is(PyExc_AttributeError) || error.is(PyExc_RecursionError)) return true;
  Ref module = steal(gil, PyImport_ImportModule("_pickle"));
  return error.is(attribute(gil, module, "PicklingError").get());
}

class SuspectSink final : public GlobalSink {
 public:
  SuspectSink(Guard& guard, GilLock& gil, Policy policy)
      : guard_(guard), gil_(gil), policy_(policy) {}

  void global(const Global& global) override {
    if (global.kind != Global::Kind::named) {
      understood = false;  // an extension code, or a name memoized before the guard came
    } else if (suspects.size() < kMostSuspects &&
               guard_.is_suspect(gil_, policy_, global.module, global.name)) {
      suspects.emplace_back(global.module, global.name);
    }
  }

  Suspects suspects;
  bool understood = true;

 private:
  Guard& guard_;
  GilLock& gil_;
  Policy policy_;
};

}  // namespace

Guard::Guard(GilLock& gil) {
  Ref module = steal(gil, PyImport_ImportModule("_pickle"));
  pickle_dumps = attribute(gil, module, "dumps");
  pickle_dump = attribute(gil, module, "dump");
  pickle_load = attribute(gil, module, "load");
  pickle_loads = attribute(gil, module, "loads");
  pickler_type = attribute(gil, module, "Pickler");
  unpickler_type = attribute(gil, module, "Unpickler");
  pickler_dump = attribute(gil, pickler_type, "dump");
  pickler_clear_memo = attribute(gil, pickler_type, "clear_memo");
  pickler_memo = attribute(gil, pickler_type, "memo");
  unpickler_load = attribute(gil, unpickler_type, "load");
  unpickler_find_class = attribute(gil, unpickler_type, "find_class");
  Ref copyreg = steal(gil, PyImport_ImportModule("copyreg"));
  extension_registry_ = attribute(gil, copyreg, "_extension_registry");
}

Policy Guard::policy() const noexcept {
  const Scope* scope = current_scope();
  return scope != nullptr ? scope->policy : policy_;
}

std::string_view Guard::part_with_globals(std::string_view stream) const noexcept {
  constexpr char kProto = '\x80';
  const bool only_stack_global = stream.size() > 2 && stream[0] == kProto && stream[1] >= 4 &&
                                 PyDict_CheckExact(extension_registry_.get()) &&
                                 PyDict_GET_SIZE(extension_registry_.get()) == 0;
  return only_stack_global ? stream.substr(0, end_of_globals(stream)) : stream;
}

void Guard::judge(GilLock& gil, Policy policy, const Dump& dump, std::string_view part) {
  try {
    SuspectSink sink(*this, gil, policy);
    Scanner scanner(sink, Scanner::Source::pickler, Limits::none());
    scanner.scan(part);
    const bool understood = sink.understood && scanner.fault() == nullptr;
    if (understood && sink.suspects.empty()) return;
    after_success(gil, policy, dump, understood ? &sink.suspects : nullptr);
  } catch (const std::bad_alloc&) {
    if (!refuses(policy)) return;  // the dump has been done, and its result stands
    PyErr_NoMemory();
    throw ErrorSet{};
  }
}

bool Guard::is_suspect(GilLock& gil, Policy policy, std::string_view module,
                       std::string_view name) {
  const char question = policy == Policy::builtin_only ? 'b' : 'h';
  key_.assign(1, question).append(module).append(1, '\0').append(name);
  if (const auto found = verdicts_.find(key_); found != verdicts_.end()) return found->second;
  std::string key = key_;
  const Busy working;
  bool suspect = true;  // if this fails, the slow way has to find out
  try {
    Ref answer =
        steal(gil, PyObject_CallFunction(
                       reaction(gil, question == 'b' ? "is_no_builtin_value" : "is_suspect"), "OO",
                       cpython::from_utf8(gil, module).get(), cpython::from_utf8(gil, name).get()));
    suspect = answer.get() == Py_True;
  } catch (const ErrorSet&) {
    if (refuses(policy) && PyErr_ExceptionMatches(PyExc_Exception) == 0) throw;
    PyErr_Clear();
    return true;
  }
  if (verdicts_.size() >= kMostVerdicts) verdicts_.clear();
  verdicts_.emplace(std::move(key), suspect);
  return suspect;
}

PyObject* Guard::reaction(const GilLock& gil, const char* name) {
  if (!reactions_) reactions_ = steal(gil, PyImport_ImportModule("brine.pickle._react"));
  // Returns a borrowed reference, which the module holds.
  return attribute(gil, reactions_, name).get();
}

// Returns the exception that the dump is to raise, or None.
Ref Guard::ask(GilLock& gil, Policy policy, const Dump& dump, PyObject* error,
               const Suspects* suspects) {
  Ref names = cpython::borrow(gil, Py_None);
  if (suspects != nullptr) {
    names = steal(gil, PyList_New(0));
    for (const auto& [module, name] : *suspects) {
      Ref pair = steal(gil, PyTuple_Pack(2, cpython::from_utf8(gil, module).get(),
                                         cpython::from_utf8(gil, name).get()));
      check(gil, PyList_Append(names.get(), pair.get()));
    }
  }
  auto or_none = [](PyObject* object) { return object != nullptr ? object : Py_None; };
  return steal(gil, PyObject_CallFunction(reaction(gil, "on_dump"), "OiOOOs", dump.object,
                                          dump.protocol, or_none(dump.pickler), or_none(error),
                                          names.get(), policy_name(policy).data()));
}

void Guard::before_dump(GilLock& gil, Policy policy, const Dump& dump) {
  if (!refuses(policy)) return;
  const Busy working;
  Ref refusal =
      steal(gil, PyObject_CallFunction(
                     reaction(gil, "before_dump"), "OiOs", dump.object, dump.protocol,
                     dump.pickler != nullptr ? dump.pickler : Py_None, policy_name(policy).data()));
  raise_refusal(refusal.get());
}

void Guard::after_success(GilLock& gil, Policy policy, const Dump& dump, const Suspects* suspects) {
  const Busy working;
  try {
    Ref refusal = ask(gil, policy, dump, nullptr, suspects);
    raise_refusal(refusal.get());
  } catch (const ErrorSet&) {
    // An error of the guard's own must not fail a dump that pickle has done. But where hazards are
    // refused, what could not be examined is not written either.
    if (refuses(policy)) throw;
    PyErr_Clear();
  } catch (const std::bad_alloc&) {
    if (!refuses(policy)) return;
    PyErr_NoMemory();
    throw ErrorSet{};
  }
}

void Guard::after_failure(GilLock& gil, Policy policy, const Dump& dump) noexcept {
  const Busy working;
  Ref refusal;
  {
    Pending error(gil);
    try {
      if (!may_be_hazard(gil, error)) return;
      refusal = ask(gil, policy, dump, error.value(), nullptr);
      if (refusal.get() == Py_None) return;
      error.drop();
    } catch (...) {
      return;  // the application gets pickle's exception in any case
    }
  }
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(refusal.get())), refusal.get());
}

void Guard::after_failed_load(GilLock& gil, PyObject* data, PyObject* module,
                              PyObject* name) noexcept {
  const Policy policy = this->policy();
  const Busy working;
  Pending error(gil);
  auto or_none = [](PyObject* object) { return object != nullptr ? object : Py_None; };
  try {
    // Pickle imports a module and then looks in sys.modules, where a script does not stay.
    if (error.is(PyExc_KeyError)) {
      Ref refusal = steal(gil, PyObject_CallFunctionObjArgs(reaction(gil, "refuse_script"),
                                                            error.value(), nullptr));
      if (refusal.get() == Py_None) return;
      error.replace(std::move(refusal));
    }
    if (policy == Policy::off) return;
    if (!error.is(PyExc_AttributeError) && !error.is(PyExc_ImportError)) return;
    steal(gil, PyObject_CallFunction(reaction(gil, "on_failed_load"), "OOOO", error.value(),
                                     or_none(data), or_none(module), or_none(name)));
  } catch (...) {
    // Pending restores pickle's exception in the place of this one.
  }
}

}  // namespace brine::pickle
