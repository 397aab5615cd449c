"""What may be loaded from a stranger's pickle: an allow-list. What is not on it is reported.

On it are classes whose construction, with whatever arguments, only makes a value, and the functions by
which pickle rebuilds such values. Those that do so with some arguments or states alone have a rule in
`_proofs`. A deny-list would have to know all of Python, and every library.
"""

from brine.pickle._exceptions import KEEPING, TELLING

_VALUES = {
    "builtins": "object bool float complex range slice",
    "copyreg": "_reconstructor __newobj__",
    "copy_reg": "_reconstructor __newobj__",
    "array": "_array_reconstructor",
    "datetime": "date time datetime timedelta timezone",
    "decimal": "Decimal",
    "ipaddress": "IPv4Address IPv4Network IPv4Interface IPv6Address IPv6Network IPv6Interface",
    "uuid": "UUID SafeUUID",
    "urllib.parse": "ParseResult ParseResultBytes SplitResult SplitResultBytes DefragResult DefragResultBytes",
}
_PATHS = "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"
WALKING = {
    "pathlib": _PATHS, "pathlib._local": _PATHS, "time": "struct_time", "resource": "struct_rusage",
    "os": "stat_result statvfs_result terminal_size", "posix": "times_result uname_result",
}
"""Those that go through what they are given, by their modules."""
_SAFE = {(module, name) for listed in (_VALUES, WALKING) for module, names in listed.items()
         for name in names.split()} | KEEPING | TELLING


def is_safe(module: str, name: str) -> bool:
    """Whether loading this global is known to do no more than to make a value."""
    return (module, name) in _SAFE


def is_exception(module: str, name: str) -> bool:
    """Whether it is an exception of Python's own."""
    return (module, name) in KEEPING or (module, name) in TELLING
