"""The pickle guard: finds, names and explains what must not be pickled from a WSGI script.

Under httpd the guard is in the place of Python's `pickle` before the first script is loaded, with the
policy of the directive WSGIPickleGuard. This module is its API, and needs no server: `install()` puts
the guard into the place of `pickle` in any program; `inspect()` and `scan()` ask without it.

The hazards, by their ids, are explained in docs/pickle.md.
"""

from brine._guard import Pickler, Unpickler, counters, dump, dumps, load, policy
from brine.pickle._hazards import Hazard, Report, UnsafePickleError
from brine.pickle._install import POLICIES, install
from brine.pickle._loads import loads
from brine.pickle._react import collect, inspect
from brine.pickle._round_trip import CheckError, check
from brine.pickle._scan import ScannedGlobal, ScanReport, scan
from brine.pickle._stable import SchemaError, stable

__all__ = ["POLICIES", "CheckError", "Hazard", "Pickler", "Report", "ScanReport", "ScannedGlobal", "SchemaError",
           "Unpickler", "UnsafePickleError", "check", "collect", "counters", "dump", "dumps", "inspect", "install",
           "load", "loads", "policy", "scan", "stable"]
