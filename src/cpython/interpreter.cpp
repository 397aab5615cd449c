#include "cpython/interpreter.hpp"

#include <algorithm>
#include <vector>

#include "cpython/ref.hpp"

namespace brine::cpython {
namespace {

struct Entry {
  PyInterpreterState* interpreter;
  PyThreadState* state;
};

// The calling thread's states; a handful at most. They are not deleted at the thread's end: that
// would need the GIL at a time when nothing may block.
thread_local std::vector<Entry> states_of_thread;

void remember(PyThreadState* state) {
  states_of_thread.push_back({PyThreadState_GetInterpreter(state), state});
}

}  // namespace

Interpreter Interpreter::main(const GilLock&) {
  remember(PyThreadState_Get());
  return Interpreter(PyInterpreterState_Main());
}

Interpreter Interpreter::sub(GilLock&) {
  PyThreadState* before = PyThreadState_Get();
  PyThreadState* made = Py_NewInterpreter();
  if (made == nullptr) {
    PyThreadState_Swap(before);
    throw ErrorSet{};
  }
  remember(made);
  Interpreter result(PyThreadState_GetInterpreter(made));
  PyThreadState_Swap(before);
  return result;
}

PyThreadState* Interpreter::thread_state() const {
  auto found = std::find_if(states_of_thread.begin(), states_of_thread.end(),
                            [this](const Entry& entry) { return entry.interpreter == state_; });
  if (found != states_of_thread.end()) return found->state;
  if (states_of_thread.empty()) {
    // The main interpreter's state first, and by PyGILState, whichever interpreter is wanted: it is
    // what PyGILState_Ensure finds from then on, and C extensions that use that belong into the
    // main interpreter. Never released: the state stays.
    PyGILState_Ensure();
    remember(PyEval_SaveThread());
    return thread_state();
  }
  PyThreadState* state = PyThreadState_New(state_);
  remember(state);
  return state;
}

}  // namespace brine::cpython
