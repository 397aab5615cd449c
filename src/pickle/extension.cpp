// Makes brine._guard an extension module of its own, for programs without a server.
#include "pickle/module.hpp"

// NOLINTNEXTLINE(bugprone-reserved-identifier): PEP 489 demands this name.
PyMODINIT_FUNC PyInit__guard() { return PyModuleDef_Init(&brine::pickle::guard_module_def()); }
