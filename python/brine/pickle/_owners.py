"""Whose a module is: the application's, which can be changed, or somebody else's."""

import sys

PYTHON = "Python itself"
_INSTALLED = ("site-packages", "dist-packages")


def owner_of(module: str) -> str | None:
    """Who provides the module, in words; None: the application, as far as can be seen."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return PYTHON
    file = getattr(sys.modules.get(module) or sys.modules.get(top), "__file__", None)
    if isinstance(file, str) and any(f"/{folder}/" in file for folder in _INSTALLED):
        return f"the package {top}"
    return None
