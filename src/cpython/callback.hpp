// Lets Python call C++ functions, from which no C++ exception may escape.
#pragma once

#include <Python.h>

#include <exception>
#include <new>
#include <utility>

#include "cpython/gil.hpp"
#include "cpython/ref.hpp"

namespace brine::cpython {

/// Runs `body(GilLock&) -> Ref` for a C function that Python has called. Returns its result to
/// Python, or null with a Python exception set.
template <class Body>
PyObject* callback(Body&& body) noexcept {
  GilLock gil = GilLock::adopt();
  try {
    return std::forward<Body>(body)(gil).release();
  } catch (const ErrorSet&) {
    // Python's exception is set already.
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "unknown C++ exception");
  }
  return nullptr;
}

/// Casts a C function of any calling convention to the one type that PyMethodDef has.
template <class Function>
PyCFunction untyped(Function* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace brine::cpython
