"""The script that the environment names, for servers that are given a module and not a file."""

import importlib.machinery
import importlib.util
import os

_loader = importlib.machinery.SourceFileLoader("bench_script", os.environ["BENCH_SCRIPT"])
_script = importlib.util.module_from_spec(importlib.util.spec_from_loader(_loader.name, _loader))
_loader.exec_module(_script)
application = _script.application
