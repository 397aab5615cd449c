"""What the caller of a scan trusts: a module, or one class or function of it, and no more than that.

A pickle may name whatever can be reached from a module by attributes, and a module reaches all that it
has imported. So an allowed module stands for what is defined in it, under a single name or as a class
inside a class; an allowed class for itself, and not for its methods or what is inside it.
"""

from brine.pickle._grades import leads_anywhere, runs_code
from brine.pickle._lookup import Found


def is_allowed(module: str, name: str, allowed: frozenset[str], found: Found) -> bool:
    """Whether the caller trusts what the name leads to. What runs code for certain is never trusted."""
    if runs_code(module, name) or leads_anywhere(module, name) or found.missing:
        return False
    nested = "." in name
    if f"{module}.{name}" in allowed and found.own is not False:
        return bool(found.own and found.what == "class") if nested else True
    parts = module.split(".")
    if not any(".".join(parts[:count]) in allowed for count in range(1, len(parts) + 1)):
        return False
    return bool(found.own) and (found.what == "class" or (found.what == "function" and not nested))
