"""C code that asks for the GIL by PyGILState_Ensure, as SQLite's functions and callbacks of ctypes do.

Branches: held (ctypes.pythonapi, which keeps the GIL, calls back), released (a C function that runs
without it), sqlite (a function of SQL), own (which interpreter the callback runs in: that of the script).
"""

import ctypes
import sqlite3

import mod_wsgi

found = []
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))


def note_interpreter():
    import mod_wsgi as seen  # of the interpreter that runs this
    found.append(seen is mod_wsgi)


def compare(a, b):
    note_interpreter()
    return a[0] - b[0]


def sort(library):
    values = (ctypes.c_int * 5)(3, 1, 2, 5, 4)
    qsort = library.qsort
    qsort.restype = None
    qsort(values, ctypes.c_size_t(5), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int)), CALLBACK(compare))
    return list(values)


def sqlite():
    connection = sqlite3.connect(":memory:")
    connection.create_function("double", 1, lambda x: (note_interpreter(), x * 2)[1])
    return connection.execute("select double(21)").fetchone()[0]


def application(environ, start_response):
    found.clear()
    results = [sort(ctypes.PyDLL(None)), sort(ctypes.CDLL(None)), sqlite()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr((results, bool(found), set(found))).encode()]
