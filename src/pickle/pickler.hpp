// The classes Pickler and Unpickler that programs find in `pickle`: subclasses of pickle's own.
#pragma once

#include "cpython/ref.hpp"
#include "pickle/guard.hpp"

namespace brine::pickle {

/// The type of the file that a guarded Pickler writes to: it passes on what pickle writes, or holds
/// it until the dump has been judged.
cpython::Ref make_writer_type(const cpython::GilLock& gil);

/// A writer for `file`; empty where that has no `write`: pickle says so in its own words.
cpython::Ref make_writer(const cpython::GilLock& gil, Guard& guard, PyObject* file);

/// Runs pickle's `dump` of a Pickler that writes to `writer`, and judges what it wrote. `checks`:
/// a buffer_callback takes parts of the object away while it is pickled, so that the object is
/// judged before, where hazards are refused.
cpython::Ref guarded_dump(cpython::GilLock& gil, Guard& guard, PyObject* writer, PyObject* pickler,
                          const Dump& dump, bool buffers_leave);

/// Classes `pickle.Pickler` and `pickle.Unpickler` for an interpreter; `module` is brine._guard.
cpython::Ref make_pickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);
cpython::Ref make_unpickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);

}  // namespace brine::pickle
