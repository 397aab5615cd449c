#include "cpython/interpreter.hpp"

#include <limits.h>
#include <pthread.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "cpython/ref.hpp"

namespace brine::cpython {
namespace {

struct Entry {
  PyInterpreterState* interpreter;
  PyThreadState* state;
};

// The thread states of the calling thread, a handful at most. They are not deleted when the thread
// ends: that would need the GIL, at a time when nothing may block.
thread_local std::vector<Entry> states_of_thread;

// Since CPython 3.12 PyGILState_Ensure uses the thread state that last held the GIL in this thread.
constexpr bool kFollows = PY_VERSION_HEX >= 0x030C0000;

// Before 3.12 it uses the first thread state of the thread, which is the main interpreter's. A C
// function that calls back from a sub-interpreter would then wait for the GIL that its own thread
// holds.
std::optional<pthread_key_t> gilstate_key;  // CPython's key for that state; set at the start

// Finds the key by its value, as CPython does not publish it.
void find_gilstate_key() {
  const void* const state = PyGILState_GetThisThreadState();
  for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; ++key) {
    if (::pthread_getspecific(key) == state) {
      gilstate_key = key;
      return;
    }
  }
}

// Makes this the state that PyGILState_Ensure uses in the calling thread.
PyThreadState* choose(PyThreadState* state) {
  if (gilstate_key) ::pthread_setspecific(*gilstate_key, state);
  return state;
}

void remember(PyThreadState* state) {
  states_of_thread.push_back({PyThreadState_GetInterpreter(state), state});
}

// Makes a sub-interpreter, whose thread state is then the current one. Returns null on failure.
PyThreadState* make_interpreter([[maybe_unused]] Gil gil) {
#if PY_VERSION_HEX >= 0x030C0000
  PyInterpreterConfig config = {};
  config.allow_fork = 1;  // bootstrap.py refuses it, and says what to do
  config.allow_exec = 1;
  config.allow_threads = 1;
  config.allow_daemon_threads = 1;  // no interpreter is ever finalised
  config.use_main_obmalloc = gil == Gil::shared ? 1 : 0;
  // An extension module that counts on one GIL, or in a free-threaded Python on one interpreter, is
  // refused with an ImportError. That Python has no sub-interpreters without this.
  config.check_multi_interp_extensions = gil == Gil::own || kIsFreeThreaded ? 1 : 0;
  config.gil = gil == Gil::own ? PyInterpreterConfig_OWN_GIL : PyInterpreterConfig_SHARED_GIL;
  PyThreadState* made = nullptr;
  return PyStatus_Exception(Py_NewInterpreterFromConfig(&made, &config)) == 0 ? made : nullptr;
#endif
#if PY_VERSION_HEX < 0x030C0000
  return Py_NewInterpreter();
#endif
}

}  // namespace

Interpreter Interpreter::main(const GilLock&) {
  if (!kFollows) find_gilstate_key();
  remember(PyThreadState_Get());
  return {PyInterpreterState_Main(), Gil::shared};
}

void Interpreter::note_fork(const GilLock&) {
  gilstate_key.reset();
  if (!kFollows) find_gilstate_key();
}

void Interpreter::forget_thread() noexcept {
  // The first state is CPython's own for the thread before 3.12, so it goes last.
  while (!states_of_thread.empty()) {
    PyThreadState* const state = choose(states_of_thread.back().state);
    states_of_thread.pop_back();
    PyEval_RestoreThread(state);
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
  }
}

Interpreter Interpreter::sub(GilLock&, Gil gil) {
  if (!kFollows && !gilstate_key) {
    throw std::runtime_error(
        "this Python has no sub-interpreters that C functions can call back into; use "
        "WSGIApplicationGroup %{GLOBAL}");
  }
  PyThreadState* before = PyThreadState_Get();
  PyThreadState* made = make_interpreter(gil);
  if (made == nullptr) {
    PyThreadState_Swap(before);
    throw ErrorSet{};
  }
  remember(made);
  Interpreter result(PyThreadState_GetInterpreter(made), gil);
  PyThreadState_Swap(before);
  return result;
}

PyThreadState* Interpreter::thread_state() const {
  auto found = std::find_if(states_of_thread.begin(), states_of_thread.end(),
                            [this](const Entry& entry) { return entry.interpreter == state_; });
  if (found != states_of_thread.end()) return choose(found->state);
  if (!kFollows && states_of_thread.empty()) {
    // The thread's first state must be the main interpreter's and be made by PyGILState, whichever
    // interpreter is wanted. It is never released. Since 3.12 this would only have the thread wait
    // for the main interpreter's GIL, which may not be the one that it needs.
    PyGILState_Ensure();
    remember(PyEval_SaveThread());
    return thread_state();
  }
  PyThreadState* state = PyThreadState_New(state_);
  remember(state);
  return choose(state);
}

}  // namespace brine::cpython
