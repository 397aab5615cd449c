#include "pickle/module.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "pickle/find_class.hpp"
#include "pickle/inspector.hpp"
#include "pickle/pickler.hpp"
#include "pickle/scope.hpp"
#include "pickle/tally.hpp"
#include "pickle/writer.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::callback;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

struct State {
  Guard* guard;  // owned
};

State& state_of(PyObject* module) { return *static_cast<State*>(PyModule_GetState(module)); }

PyObject* get_policy(PyObject* module, PyObject*) noexcept {
  return PyUnicode_FromString(policy_name(guard_of(module).policy()).data());
}

PyObject* set_policy(PyObject* module, PyObject* name) noexcept {
  return callback([&](GilLock& gil) {
    const char* text = PyUnicode_AsUTF8(name);
    if (text == nullptr) throw ErrorSet{};
    const std::optional<Policy> policy = policy_of(text);
    if (!policy) {
      cpython::raise(gil, PyExc_ValueError,
                     std::string("the policy of the pickle guard is Off, Report, Enforce or "
                                 "BuiltinOnly, not ") +
                         text);
    }
    guard_of(module).set_policy(*policy);
    return borrow(gil, Py_None);
  });
}

PyObject* count(PyObject*, PyObject* arguments) noexcept {
  return callback([&](GilLock& gil) {
    const char *id = nullptr, *key = nullptr;
    if (PyArg_ParseTuple(arguments, "ss:count", &id, &key) == 0) throw ErrorSet{};
    return borrow(gil, process_tally().count(id, key) ? Py_True : Py_False);
  });
}

PyObject* is_known(PyObject*, PyObject* key) noexcept {
  return callback([&](GilLock& gil) {
    const char* text = PyUnicode_AsUTF8(key);
    if (text == nullptr) throw ErrorSet{};
    return borrow(gil, process_tally().knows(text) ? Py_True : Py_False);
  });
}

PyObject* counters(PyObject*, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    Ref counts = steal(gil, PyDict_New());
    for (const auto& [id, number] : process_tally().counts()) {
      Ref value = steal(gil, PyLong_FromUnsignedLongLong(number));
      check(gil, PyDict_SetItemString(counts.get(), id.c_str(), value.get()));
    }
    return counts;
  });
}

PyObject* announce(PyObject*, PyObject* arguments) noexcept {
  return callback([&](GilLock& gil) {
    const char *ids = nullptr, *text = nullptr;
    if (PyArg_ParseTuple(arguments, "ss:announce", &ids, &text) == 0) throw ErrorSet{};
    Listener* listener = current_listener();
    if (listener != nullptr) listener->found(ids, text);
    return borrow(gil, listener != nullptr ? Py_True : Py_False);
  });
}

PyObject* forget_verdicts(PyObject* module, PyObject*) noexcept {
  guard_of(module).forget_verdicts();
  Py_RETURN_NONE;
}

PyObject* watch_names(PyObject*, PyObject* checker) noexcept {
  return callback([&](GilLock& gil) {
    watch_find_class(gil, checker);
    return borrow(gil, Py_None);
  });
}

PyObject* set_collecting(PyObject* module, PyObject* collecting) noexcept {
  guard_of(module).set_collecting(collecting == Py_True);
  Py_RETURN_NONE;
}

PyObject* set_remembering(PyObject* module, PyObject* remembering) noexcept {
  guard_of(module).set_remembering(remembering == Py_True);
  Py_RETURN_NONE;
}

PyObject* set_sampling(PyObject* module, PyObject* every) noexcept {
  const long number = PyLong_AsLong(every);
  if (number == -1 && PyErr_Occurred() != nullptr) return nullptr;
  guard_of(module).set_sampling(static_cast<std::uint32_t>(std::clamp(number, 0L, 1'000'000'000L)));
  Py_RETURN_NONE;
}

PyObject* pickled_otherwise(PyObject* module, PyObject* arguments) noexcept {
  return callback([&](GilLock& gil) {
    PyObject *object = nullptr, *pickler = nullptr;
    if (PyArg_ParseTuple(arguments, "OO:pickled_otherwise", &object, &pickler) == 0) {
      throw ErrorSet{};
    }
    guard_of(module).after_dump_by_other(gil, {.object = object, .pickler = pickler});
    return borrow(gil, Py_None);
  });
}

PyObject* inspect_graph(PyObject*, PyObject* arguments, PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    static const char* names[] = {"obj",          "judge",   "protocol",     "dispatch_table",
                                  "builtin_only", "refused", "most_objects", "misfit",
                                  nullptr};
    PyObject* object = nullptr;
    Inquiry inquiry;
    int builtin_only = 0;
    Py_ssize_t most_objects = static_cast<Py_ssize_t>(inquiry.most_objects);
    if (PyArg_ParseTupleAndKeywords(arguments, keywords, "OOiO|pOnO:inspect_graph",
                                    const_cast<char**>(names), &object, &inquiry.judge,
                                    &inquiry.protocol, &inquiry.dispatch_table, &builtin_only,
                                    &inquiry.refused, &most_objects, &inquiry.misfit) == 0) {
      throw ErrorSet{};
    }
    inquiry.builtin_only = builtin_only != 0;
    inquiry.most_objects = static_cast<std::size_t>(most_objects);
    return Inspector(gil, inquiry).inspect(object);
  });
}

PyMethodDef own_functions[] = {
    {"policy", get_policy, METH_NOARGS,
     "policy($module, /)\n--\n\nThe policy that holds for the calling thread now."},
    {"set_policy", set_policy, METH_O,
     "set_policy($module, policy, /)\n--\n\nThat of threads which serve no request."},
    {"count", count, METH_VARARGS,
     "count($module, id, key, /)\n--\n\nCounts a hazard; True if its key is new to the process."},
    {"is_known", is_known, METH_O,
     "is_known($module, key, /)\n--\n\n"
     "Whether a hazard of that key would not be told any more: its key is not new to the process."},
    {"counters", counters, METH_NOARGS,
     "counters($module, /)\n--\n\n{id: how often this process has met the hazard}."},
    {"announce", announce, METH_VARARGS,
     "announce($module, ids, text, /)\n--\n\n"
     "Tells the server of hazards. False: there is no server."},
    {"forget_verdicts", forget_verdicts, METH_NOARGS,
     "forget_verdicts($module, /)\n--\n\nNames may stand for other things than before."},
    {"watch_find_class", watch_names, METH_O,
     "watch_find_class($module, check, /)\n--\n\n"
     "Has check(module, name) called before an Unpickler of this interpreter looks a name up."},
    {"set_collecting", set_collecting, METH_O,
     "set_collecting($module, collecting, /)\n--\n\n"
     "Whether somebody collects reports: then each failed dump is described anew."},
    {"set_remembering", set_remembering, METH_O,
     "set_remembering($module, remembering, /)\n--\n\n"
     "Whether pickles are remembered that may be loaded by other classes."},
    {"set_sampling", set_sampling, METH_O,
     "set_sampling($module, every, /)\n--\n\n"
     "Has one in so many dumps checked by a round trip, of threads that serve no request; 0: "
     "none."},
    {"pickled_otherwise", pickled_otherwise, METH_VARARGS,
     "pickled_otherwise($module, obj, pickler, /)\n--\n\n"
     "Says that a Pickler which is not the guard's has pickled an object."},
    {"inspect_graph", cpython::untyped(inspect_graph), METH_VARARGS | METH_KEYWORDS,
     "inspect_graph($module, /, obj, judge, protocol, dispatch_table, builtin_only=False, "
     "refused=None, most_objects=1000000, misfit=None)\n--\n\n"
     "(findings, objects seen, complete); a finding is (verdict, steps, way, culprit)."},
    {nullptr, nullptr, 0, nullptr},
};

// Makes `pickle` the __module__ of the functions, since they are pickled by that name.
void add_functions(const GilLock& gil, PyObject* module) {
  Ref home = steal(gil, PyUnicode_InternFromString("pickle"));
  for (PyMethodDef* method = guarded_functions(); method->ml_name != nullptr; ++method) {
    Ref function = steal(gil, PyCFunction_NewEx(method, module, home.get()));
    check(gil, PyModule_AddObjectRef(module, method->ml_name, function.get()));
  }
}

int execute(PyObject* module) noexcept {
  GilLock gil = GilLock::adopt();
  try {
    state_of(module).guard = new Guard(gil);
    Guard& guard = guard_of(module);
    guard.writer_type = make_writer_type(gil);
    guard.guarded_unpickler = make_unpickler_type(gil, guard, module);
    add_functions(gil, module);
    check(gil, PyModule_AddIntConstant(module, "LARGEST_SAMPLE", kLargestSample));
    guard.guarded_pickler = make_pickler_type(gil, guard, module);
    check(gil, PyModule_AddObjectRef(module, "Pickler", guard.guarded_pickler.get()));
    check(gil, PyModule_AddObjectRef(module, "Unpickler", guard.guarded_unpickler.get()));
    check(gil, PyModule_AddObjectRef(module, "StreamScanner", make_stream_scanner_type(gil).get()));
    return 0;
  } catch (const ErrorSet&) {
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_ImportError, error.what());
  }
  return -1;
}

void free_state(void* module) noexcept { delete state_of(static_cast<PyObject*>(module)).guard; }

}  // namespace

PyModuleDef& guard_module_def() noexcept {
  static PyModuleDef_Slot slots[] = {
      {Py_mod_exec, reinterpret_cast<void*>(execute)},
#ifdef Py_MOD_PER_INTERPRETER_GIL_SUPPORTED
      {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
      {0, nullptr},
  };
  static PyModuleDef definition = {
      PyModuleDef_HEAD_INIT,
      "brine._guard",
      "The core of Brine's pickle guard.",
      sizeof(State),
      own_functions,
      slots,
      nullptr,
      nullptr,
      free_state,
  };
  // Python fills in the rest of a definition with its first use, which two interpreters with GILs
  // of their own must not do at once.
  static PyObject* const complete = PyModuleDef_Init(&definition);
  return *reinterpret_cast<PyModuleDef*>(complete);
}

Guard& guard_of(PyObject* module) noexcept { return *state_of(module).guard; }

}  // namespace brine::pickle
