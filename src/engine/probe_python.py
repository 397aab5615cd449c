"""Says what CMake needs to build an engine for the Python that runs this: seven values joined by ';'.

Version (X.Y, or X.Yt of a free-threaded build), include directory, libpython, executable, purelib, suffix of extension
modules, names of the library's modules. Exits 1 with a sentence on standard error where this Python cannot carry an
engine.
"""

import os
import sys
import sysconfig


def refuse(reason):
    sys.exit(f"{reason}")


variables = sysconfig.get_config_vars()
version = "%d.%d" % sys.version_info[:2] + ("t" if variables.get("Py_GIL_DISABLED") else "")
if sys.version_info < (3, 10):
    refuse(f"it is Python {version}, and 3.10 is the oldest supported")
if not variables.get("Py_ENABLE_SHARED"):
    refuse("it has no shared libpython (build it with --enable-shared)")

include = sysconfig.get_path("include")
if not os.path.exists(os.path.join(include, "Python.h")):
    refuse(f"{include}/Python.h is missing (Debian: apt-get install python3-dev)")

# A Python that was moved after its build (a copied prefix) has its libpython beside its own lib/,
# not where LIBDIR says.
folders = [os.path.join(sys.base_prefix, "lib"), variables.get("LIBDIR", "")]
libraries = [os.path.join(folder, variables["INSTSONAME"]) for folder in folders]
library = next((path for path in libraries if os.path.exists(path)), None)
if library is None:
    refuse(f"{variables['INSTSONAME']} is in none of {', '.join(folders)}")

# The real file, not a virtual environment's link or a shim: it is what finds the standard library.
program = os.path.join(sys.base_prefix, "bin", f"python{version}")
if not os.path.exists(program):
    program = os.path.realpath(sys.executable)
print(";".join([version, include, library, program, sysconfig.get_path("purelib"),
                variables["EXT_SUFFIX"], " ".join(sorted(sys.stdlib_module_names))]))
