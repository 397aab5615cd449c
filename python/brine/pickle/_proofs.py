"""Names that are harmless with the arguments and states that pickle writes: which these are, for each.

A rule is a function of a call's arguments, or of a state, and raises Refused for any other. Names of
`_safe` need none. tests/pickle/test_safe_names.py tries them all with whatever there is.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from brine.pickle import _mails, _multiples
from brine.pickle._calls import UNKNOWN, Data, Items, Judge, Made, Name, Pairs, Refused, has_names
from brine.pickle._calls import require as _require
from brine.pickle._enumerations import Enumeration
from brine.pickle._exceptions import TELLING
from brine.pickle._multiples import FILLED_BY_KEYS, OF_PAIRS, is_lazy_text, is_pairs
from brine.pickle._safe import WALKING, is_exception, is_safe

_LARGE = 1 << 20
_MOST_BITS = 1 << 15
_DEEPEST_DTYPE = 50
"""So deep may types of numpy be nested: its code in C goes through them by recursion, and frees them so."""
_NETWORKS = frozenset({"IPv4Network", "IPv6Network"})


# --- what makes a value out of another one --------------------------------------------------------------


_MAKERS = (("copyreg", "_reconstructor"), ("copyreg", "__newobj__"))


def _made_of(made: Made) -> tuple[Any, tuple[Any, ...]]:
    """What has made an object, and of what; where that is copyreg, the class of the object, and what that is given."""
    if made.callee in _MAKERS and made.arguments and isinstance(made.arguments[0], Name):
        return made.arguments[0], made.arguments[1 if made.callee.name == "__newobj__" else 2:]
    return made.callee, made.arguments


def _class_of(made: Made) -> Any:
    """The first of these alone."""
    return _made_of(made)[0]


def _finite(value: Any) -> None:
    """That a value can be iterated over, and soon ends."""
    callee, arguments = _made_of(value) if isinstance(value, Made) else (None, ())
    if not isinstance(callee, Name):
        return
    if callee == ("builtins", "range"):
        numbers = [each for each in arguments if type(each) is int]
        _require(len(numbers) == len(arguments) and all(abs(each) <= _LARGE for each in numbers),
                 "it goes through an enormous range.", "exhausts")
    _require(callee.name not in _NETWORKS, "it goes through all addresses of a network.", "exhausts")
    _require(callee != ("collections", "ChainMap"), "it goes through whatever is in a ChainMap by then.", "exhausts")


def _container(arguments: tuple[Any, ...]) -> None:
    for each in arguments:
        _finite(each)


def _mapping(arguments: tuple[Any, ...]) -> None:
    """It goes through each pair of what it is given too."""
    _container(arguments)
    for each in arguments:
        if isinstance(each, (tuple, Items)):
            _container(tuple(each))


def _without(arguments: tuple[Any, ...]) -> None:
    _require(not arguments, "it is called with arguments, as pickle never does.")


_ENCODINGS = frozenset({"latin1", "latin-1", "iso-8859-1", "ascii", "us-ascii", "utf-8", "utf8"})
"""Those that pickle writes, and others that are not imported when they are first used."""


def _encoded(arguments: tuple[Any, ...]) -> None:
    """Python imports an encoding by its name."""
    _require(all(not isinstance(each, str) or each.lower() in _ENCODINGS for each in arguments[1:]),
             "it imports an encoding by a name that pickle does not use.")


_MAKE_BYTES = (("_codecs", "encode"), ("builtins", "bytes"))


def is_bytes(value: Any) -> bool:
    """Whether it is bytes, however the protocol stores these."""
    return isinstance(value, (Data, str)) or (isinstance(value, Made) and value.callee in _MAKE_BYTES)


def _sized(arguments: tuple[Any, ...]) -> None:
    """bytes(NUMBER) makes so many bytes."""
    _require(not any(type(each) is int and each > _LARGE for each in arguments),
             "it makes as many bytes as a number says, which take the memory of the machine.", "exhausts")
    _container(arguments)
    _require(not any(isinstance(each, Made) and not is_bytes(each) for each in arguments),
             "it makes bytes of what another call makes.")
    _encoded(arguments)


def _text(arguments: tuple[Any, ...]) -> None:
    """str() of lists that hold each other many times over is longer than any memory."""
    _require(all(isinstance(each, (str, int, Data)) or each is None for each in arguments),
             "it makes a text of something that no pickler makes a text of.")
    _encoded(arguments)


def _address(arguments: tuple[Any, ...]) -> None:
    """What is no number is made a text of, or bytes."""
    _require(all(isinstance(each, (str, int, Data)) or each is None for each in arguments),
             "it makes a text of something that no pickler makes a text of.")


def _told(arguments: tuple[Any, ...]) -> None:
    """An exception whose text has what it is given."""
    _address(tuple(each for each in arguments if not is_bytes(each)))
    for each in arguments:
        _of_few_digits(each)


def _number(arguments: tuple[Any, ...]) -> None:
    """int(Decimal("1e999999999")) writes out a power of ten."""
    _require(not any(isinstance(each, Made) for each in arguments), "it makes a number of what another call makes.",
             "exhausts")


def _of_few_digits(value: Any) -> None:
    """What is calculated with a number of many digits takes their number squared."""
    _require(type(value) is not int or value.bit_length() <= _MOST_BITS, "it calculates with an enormous number.",
             "exhausts")


_DIGITS = re.compile(r"\s*[-+]?[\d_]*(?:[/.][\d_]*)?\s*")


def _fraction(arguments: tuple[Any, ...]) -> None:
    _number(arguments)
    for each in arguments:
        _of_few_digits(each)
        _require(not isinstance(each, str) or len(each) <= _MOST_BITS and _DIGITS.fullmatch(each),
                 "a power of ten, or as many digits, in its text take memory or time without end.",
                 "exhausts")


def _zone(arguments: tuple[Any, ...]) -> None:
    """A zone is read from a file of its name."""
    _require(arguments and isinstance(arguments[0], str) and len(arguments) <= 2
             and re.fullmatch(r"[A-Za-z][\w+-]*(?:/[A-Za-z][\w+-]*){0,3}", arguments[0], re.ASCII),
             "its name is none of a time zone.")


_CONSTANT_NAMES = (("builtins", "Ellipsis"), ("builtins", "NotImplemented"))


def _type_of(arguments: tuple[Any, ...]) -> None:
    """The types of None, ... and NotImplemented have no names."""
    _require(len(arguments) == 1 and (arguments[0] is None or arguments[0] in _CONSTANT_NAMES),
             "it makes a class, or finds out that of an object.")


_KEPT: dict[str, tuple[str, type]] = {
    "UserDict": ("data", Pairs), "UserList": ("data", Items), "UserString": ("data", str), "ChainMap": ("maps", Items),
}
"""Classes of collections that keep a container as an attribute, and which; what is done to them is done to that."""


def _keeper(arguments: tuple[Any, ...]) -> None:
    """A UserString passes its text on to __new__, and so does a text of Django's that is marked as safe."""
    _require(all(isinstance(each, str) for each in arguments), "it is called with what pickle does not call it with.")


def _kept_state(name: str, state: Any) -> None:
    """A further attribute might be a method that is called where the object is filled."""
    attribute, kind = _KEPT[name]
    proven = isinstance(state, Pairs) and len(state) == 1 and state[0][0] == attribute and isinstance(state[0][1], kind)
    _require(proven and (name != "ChainMap" or all(_is_dict(each) for each in state[0][1])),
             "its state is none that pickle writes.")


def _is_dict(value: Any) -> bool:
    if isinstance(value, Made):
        return value.callee in (("collections", "OrderedDict"), ("collections", "defaultdict"))
    return isinstance(value, Pairs)


def _kept(arguments: tuple[Any, ...]) -> None:
    """An exception keeps what it is given; only its state matters."""


_SYNTAX, _PER_BYTE = 1000, 32
"""What a set of characters counts for, since it is expanded where the case of letters does not matter; and a byte of a
pattern of bytes, which is in a set of no more than 256, if it is."""
_RANGE = re.compile(r"-(\\[uU]|.)", re.DOTALL)
_WIDEST = 1 << 16


def _pattern(arguments: tuple[Any, ...]) -> None:
    """A regular expression is compiled: no names of characters, which import a module, and no output (re.DEBUG)."""
    _require(len(arguments) == 2 and is_bytes(arguments[0])
             and type(arguments[1]) is int and not arguments[1] & (1 | 128), "it is called as no pattern is stored.")
    text = arguments[0]
    _require(not isinstance(text, str) or r"\N" not in text, "its pattern names characters, which imports a module.")


def _cost(pattern: Any) -> int:
    """How long a pattern takes to compile, in characters of a text without sets."""
    if isinstance(pattern, Data):
        return pattern.size * _PER_BYTE
    if isinstance(pattern, Made):
        of = pattern.arguments
        _require(all(type(each) is str for each in of), "it is a pattern of unknown length.")
        return sum(len(each.encode("utf-8", "surrogatepass")) for each in of) * _PER_BYTE
    sets = pattern.count("[")
    return len(pattern) + _SYNTAX * sets + (sum(map(_width, _RANGE.findall(pattern))) if sets else 0)


def _width(last: str) -> int:
    """How many characters a range has at most, of which this is the last one, or the start of its escape."""
    if last.startswith("\\"):
        return _WIDEST if len(last) > 1 else _SYNTAX
    return min(ord(last) + 1, _WIDEST)


def _random_state(state: Any) -> None:
    proven = (type(state) is tuple and len(state) == 3 and state[0] == 3 and type(state[1]) is tuple
              and all(type(each) is int for each in state[1]) and (state[2] is None or state[2] is UNKNOWN))
    _require(proven, "its state is none that pickle writes.")


def _plain(arguments: tuple[Any, ...]) -> None:
    """An object of Python code that is its attributes; and a cookie, which has items besides."""
    _require(not arguments, "it is called with arguments, as pickle never does.")


_POLYNOMIALS = {"polynomial": "Polynomial", "chebyshev": "Chebyshev", "hermite": "Hermite", "hermite_e": "HermiteE",
                "laguerre": "Laguerre", "legendre": "Legendre"}
_PLAIN = {
    "email.message": "Message EmailMessage", "email.policy": "EmailPolicy", "email._policybase": "Compat32",
    "email.charset": "Charset", "email.header": "Header", "http.client": "HTTPMessage", "logging": "LogRecord",
    "email.mime.text": "MIMEText", "email.mime.multipart": "MIMEMultipart", "email.mime.image": "MIMEImage",
    "email.mime.application": "MIMEApplication", "email.mime.base": "MIMEBase", "numpy": "poly1d",
    **{f"numpy.polynomial.{module}": name for module, name in _POLYNOMIALS.items()},
}
_OF_A_MAIL = frozenset("policy _headers _unixfrom _payload _charset preamble epilogue defects _default_type".split())
_OF_A_POLICY = frozenset("max_line_length linesep cte_type raise_on_defect mangle_from_ message_factory "
                         "verify_generated_headers".split())
_ATTRIBUTES = {
    "Compat32": _OF_A_POLICY,
    "EmailPolicy": _OF_A_POLICY | frozenset("utf8 refold_source".split()),
    "Charset": frozenset("input_charset header_encoding body_encoding output_charset input_codec output_codec".split()),
    "Header": frozenset("_charset _continuation_ws _chunks _maxlinelen _headerlen".split()),
    "poly1d": frozenset("coeffs _variable".split()),
    **dict.fromkeys(_POLYNOMIALS.values(), frozenset("coef domain window symbol _symbol".split())),
}
"""What these classes write of themselves; a mail has those of _OF_A_MAIL, and a record what its program adds to it."""
_RECORD = ("logging", "LogRecord")
_MORSEL = ("http.cookies", "Morsel")
_COOKIES = (_MORSEL, ("http.cookies", "SimpleCookie"), ("http.cookies", "BaseCookie"))


def _plain_state(callee: Name, state: Any) -> None:
    """A Morsel's is taken apart, as three texts. An attribute in the place of a method is called as one."""
    proven = isinstance(state, Pairs) and has_names(state)
    if callee in _COOKIES:
        proven = proven and callee == _MORSEL and all(type(value) is str for _, value in state)
    elif callee != _RECORD:
        known = _ATTRIBUTES.get(callee.name, _OF_A_MAIL)
        proven = proven and all(key in known for key, _ in state)
    _require(proven, "its state is no dict of attributes.")
    _require(not any(_is_function(value) for _, value in state), "its state has a class or function as an attribute.")


def _is_function(value: Any) -> bool:
    return isinstance(value, Name) or isinstance(value, Made) and value.callee == _GETATTR


def _cookie_items(callee: Name, items: list[Any]) -> None:
    """A Morsel takes any value under its names; a cookie takes Morsels, and makes one of a text."""
    _require(all(type(key) is str for key in items[::2]) and (callee == _MORSEL or all(
        type(value) is str or isinstance(value, Made) and _class_of(value) == _MORSEL for value in items[1::2])),
        "it has items that no cookie has.")


_UUID = ("uuid", "UUID")
_WITH_ATTRIBUTES = frozenset({("types", "SimpleNamespace"), *(("collections", name)
                              for name in "OrderedDict Counter defaultdict".split())})


def _value_state(callee: Name, state: Any) -> None:
    """Attributes of what keeps them and does nothing with them; nothing else that is a value has a state.

    What is believed of a state is used when the object is compared, or is a key: a UUID's number, a path's parts.
    """
    if state is None:
        return
    proven = isinstance(state, Pairs) and has_names(state)
    if is_exception(*callee):
        proven = proven and all(key != "args" for key, _ in state)  # they are unpacked once more
    elif callee == _UUID:
        proven = proven and all(_is_of_uuid(*pair) for pair in state)
    else:
        proven = proven and callee in _WITH_ATTRIBUTES
    _require(proven, "its state is none that pickle writes.")


def _is_of_uuid(attribute: Any, value: Any) -> bool:
    """Its number, or whether it was made in a safe way, which Python before 3.7 stored as a member of an Enum."""
    if attribute == "is_safe":
        return value is None or type(value) is int or isinstance(value, Made) and value.callee == ("uuid", "SafeUUID")
    return attribute == "int" and type(value) is int


# --- enumerations of Python's library -------------------------------------------------------------------

_ENUMS = {
    "ast": "_Precedence", "asyncio.constants": "_SendfileMode", "dis": "Positions", "email.message": "",
    "enum": "FlagBoundary EnumCheck", "http": "HTTPStatus HTTPMethod", "inspect": "_ParameterKind BufferFlags",
    "locale": "", "plistlib": "PlistFormat", "pstats": "SortKey", "py_compile": "PycInvalidationMode",
    "re": "RegexFlag", "signal": "Signals Handlers Sigmasks", "socket": "AddressFamily SocketKind AddressInfo MsgFlag",
    "ssl": "TLSVersion VerifyMode VerifyFlags Purpose Options AlertDescription SSLErrorNumber",
    "tkinter": "EventType", "tokenize": "", "uuid": "SafeUUID", "calendar": "Month Day", "decimal": "",
    "unittest.mock": "_Sentinel", "tarfile": "", "selectors": "", "types": "", "zipfile": "",
}
_ENUM_NAMES = frozenset((module, name) for module, names in _ENUMS.items() for name in names.split())


_MEMBER = re.compile(r"(?!mro$)[A-Za-z][A-Za-z0-9_]*")
_DOORS = frozenset({("zoneinfo", "ZoneInfo", "_unpickle")})


def is_enum(module: str, name: str) -> bool:
    """Whether it is an enumeration of Python's library, whose members are looked up and nothing else."""
    return (module, name) in _ENUM_NAMES


def is_member_name(name: str) -> bool:
    """Whether a member may be called so, and nothing that all classes have."""
    return _MEMBER.fullmatch(name) is not None


_CONSTANTS = {
    "socket": re.compile(r"(?:AF|SOCK|MSG|AI)_[A-Z0-9_]+"), "re": re.compile(r"[A-Z]+"),
    "signal": re.compile(r"SIG[A-Z0-9_]+|ITIMER_[A-Z]+"), "enum": re.compile(r"STRICT|CONFORM|EJECT|KEEP"),
    "numpy": re.compile(r"(?:float|int|uint|complex)\d+|bool_?|str_|bytes_|object_|datetime64|timedelta64"),
    "ssl": re.compile(r"(?:CERT|PROTOCOL|OP|VERIFY|ALERT_DESCRIPTION|SSL_ERROR)_[A-Z0-9_]+"),
}
"""Members that are stored by a name of their module; and numpy's types."""


def _member(arguments: tuple[Any, ...]) -> None:
    _require(len(arguments) == 1 and not isinstance(arguments[0], (Items, Pairs)),
             "it is called as no member of an enumeration is stored.")


# --- numpy ----------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[<>|=]?(?:[?bBhHiIlLqQefdgFDG]|[biufc]\d{1,2}|O8?|[MmSUVa]\d{0,9})")
_FLAGS = (0, 8, 16, 24, 27, 63)
_ALIGNMENTS = (1, 2, 4, 8, 16)
_ALIGNED = -128
"""Of fields that lie where C would put them, as a number of eight bits."""
_RECORDS = (("numpy", "record"), ("numpy.rec", "record"))
"""A type of these has the size that its state says."""
_ARRAYS = (*(("numpy", name) for name in "ndarray matrix recarray memmap chararray".split()),
           ("numpy.rec", "recarray"), ("numpy.char", "chararray"))
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_MADE_BY_NUMPY = frozenset((module, name) for module in _MULTIARRAY for name in ("scalar", "_reconstruct")) | {
    (module, "_frombuffer") for module in _NUMERIC}


_DTYPE = Name("numpy", "dtype")


def _is_dtype(value: Any) -> bool:
    return isinstance(value, Made) and value.callee == _DTYPE


def _letters(dtype: Made) -> str:
    """What a type of numbers is called by numpy: "<f8"; empty for one that is made of something else."""
    first = dtype.arguments[0]
    return "V" if first in _RECORDS else first if type(first) is str else ""


def _dtype(arguments: tuple[Any, ...]) -> None:
    _require(arguments
             and (arguments[0] in _RECORDS or isinstance(arguments[0], str) and _NUMBER.fullmatch(arguments[0]))
             and all(type(each) in (bool, int) for each in arguments[1:]),
             "it is made of something else than the name of a type of numbers.")


def _dtype_state(target: Made, state: Any) -> None:
    """(version, order, (type, shape) or None, names, fields, size, alignment, flags); names are those of fields."""
    proven = (type(state) is tuple and len(state) in (8, 9) and type(state[0]) is int
              and state[1] in ("<", ">", "|", "=") and type(state[7]) is int)
    _require(proven, "a state of fields is believed by numpy as it stands.")
    if state[2] is not None:
        _subarray(target, state)
        return
    if state[3] is not None or state[4] is not None or target.arguments[0] in _RECORDS:
        _fields(target, state)
        return
    _require(state[7] in _FLAGS, "its state has flags that no type of numbers has.")
    letter, size = re.fullmatch(r"[<>|=]?(.)(\d*)", _letters(target)).groups()  # type: ignore[union-attr]
    per = {"U": 4, "S": 1, "a": 1, "V": 1}.get(letter)
    wanted = (int(size or 0) * per, {"U": 4}.get(letter, 1)) if per else (-1, -1)
    _require(state[5:7] in (wanted, (-1, -1)), "its state has sizes of another type, which numpy believes.")
    _require((state[7] in (27, 63)) == (letter == "O"), "its state has flags of another type, which numpy believes.")


def _subarray(target: Made, state: Any) -> None:
    """Several of one type in the place of one: as large as all of them."""
    of = state[2]
    proven = (type(of) is tuple and len(of) == 2 and _is_dtype(of[0]) and "O" not in _letters(of[0])
              and _is_numbers(of[1]) and state[1] == "|" and state[3] is None and state[4] is None
              and target.arguments[0] not in _RECORDS and "V" in _letters(target)
              and 0 < _size(target) <= _LARGE and state[5] == _size(target) == math.prod(of[1]) * _size(of[0])
              and state[6] in _ALIGNMENTS and state[7] in (0, 8, 16, 24))
    _require(proven, "its state is one of several numbers that numpy does not write, and believes.")


def _fields(target: Made, state: Any) -> None:
    """Fields that lie within the size: numpy reads and writes memory where they say that they are."""
    names, fields, size, alignment = state[3:7]
    of_record = target.arguments[0] in _RECORDS
    proven = (type(names) is tuple and isinstance(fields, Pairs) and has_names(fields) and type(size) is int
              and (0 < size <= _LARGE if of_record else size == _size(target)) and alignment in _ALIGNMENTS
              and _ALIGNED <= state[7] < 128 and state[7] & ~_ALIGNED in (0, 8, 16, 24)
              and all(type(field) is tuple and len(field) in (2, 3) and _is_dtype(field[0]) and type(field[1]) is int
                      and "O" not in _letters(field[0]) and 0 <= field[1] <= size - _size(field[0])
                      for _, field in fields) and _are_keys(names, fields))
    _require(proven, "a state of fields is believed by numpy as it stands.")


def _are_keys(names: tuple[Any, ...], fields: Pairs) -> bool:
    """Whether fields are under their names, each once, and those that have a title under that too."""
    known = dict(fields)
    if len(known) != len(fields) or not all(type(name) is str and name in known for name in names):
        return False
    titles = {known[name][2]: known[name] for name in names if len(known[name]) == 3 and type(known[name][2]) is str}
    titled = sum(len(known[name]) == 3 for name in names)
    return (len({*names, *titles}) == len(names) + titled == len(known)
            and all(known.get(title) is field for title, field in titles.items()))


def _size(dtype: Made) -> int:
    """Bytes of one number."""
    match = re.fullmatch(r"[<>|=]?(.)(\d*)", _letters(dtype))
    letter, digits = match.groups() if match else ("", "")
    if letter in "Mm":
        return 8
    return int(digits or 0) * (4 if letter == "U" else 1) or _SIZES.get(letter, 1 << 40)


_SIZES = dict(zip("?bBhHiIlLqQefdgFDGO", (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 2, 4, 8, 16, 8, 16, 32, 8)))


def array_bytes(shape: Any, dtype: Any) -> int | None:
    """How many bytes the numbers of an array are; None for one of objects, or if that is not known."""
    if not _is_dtype(dtype) or not _is_numbers(shape) or "O" in _letters(dtype):
        return None
    return math.prod(shape) * _size(dtype)


def _reconstruct(arguments: tuple[Any, ...]) -> None:
    _require(len(arguments) == 3 and arguments[0] in _ARRAYS and arguments[1] == (0,),
             "it is called otherwise than numpy stores an array.")


def _masked(arguments: tuple[Any, ...]) -> None:
    _require(arguments == (("numpy.ma.core", "MaskedArray"), ("numpy", "ndarray"), (0,), "b"),
             "it is called otherwise than numpy stores an array with a mask.")


def _masked_state(target: Made, state: Any, holds: Callable[[Any], str]) -> None:
    """That of an array, the mask as bytes, and what fills gaps: a number, or an array of one thing, as it is written.

    An array that does so is asked for the number in it, which an object may take forever to make. In an array of
    objects a text stays one, and what is nested is gone through.
    """
    _require(type(state) is tuple and len(state) == 7, "its state is none that numpy writes.")
    _array_state(target, state[:5])
    filling, of_objects = state[6], "O" in _letters(state[2])
    fits = filling is None or filling is UNKNOWN or type(filling) in (bool, int) or of_objects and type(filling) is str
    if isinstance(filling, Made) and isinstance(filling.callee, Name) and filling.callee in _MADE_BY_NUMPY:
        fits = holds(filling) in (("numbers", "values") if of_objects else ("numbers",))
    if re.fullmatch(r"[<>|=]?[USa]\d*", _letters(state[2])):  # what fills gaps becomes a text of the size of all others
        fits = fits and (filling is None or isinstance(filling, Made)) and _size(state[2]) <= _LARGE
    _require(is_bytes(state[5]) and fits and re.fullmatch(
        r"[<>|=]?[?biufcBhHIlLqQefdgFDGOmMUSa]\d*", _letters(state[2])), "its state is none of values with a mask.")


def _array_state(target: Made, state: Any) -> None:
    """(version, shape, dtype, whether Fortran's order, bytes or a list)."""
    _require(type(state) is tuple and len(state) == 5 and _is_numbers(state[1]) and _is_dtype(state[2])
             and (isinstance(state[4], Items) or is_bytes(state[4])), "its state is none that numpy writes.")
    objects = "O" in _letters(state[2])
    _require(objects == isinstance(state[4], Items), "its state has objects where its type has none.")
    _require(not objects or len(state[4]) == math.prod(state[1]),
             "its state has another number of objects than its shape says, which numpy believes.")
    _require(math.prod(state[1]) <= _LARGE or not re.search("[SUVa]0*$", _letters(state[2])),
             "it is an enormous array of nothing.", "unknown" if state[2].arguments[0] in _RECORDS else "exhausts")


def _is_numbers(value: Any) -> bool:
    return type(value) is tuple and len(value) <= 32 and all(type(each) is int and each >= 0 for each in value)


def _scalar(arguments: tuple[Any, ...]) -> None:
    _require(len(arguments) == 2 and _is_dtype(arguments[0]) and "O" not in _letters(arguments[0])
             and is_bytes(arguments[1]), "it is called otherwise than numpy stores a number.")


def _from_buffer(arguments: tuple[Any, ...]) -> None:
    _require(len(arguments) == 4 and (isinstance(arguments[0], Data) or arguments[0] is UNKNOWN)
             and _is_dtype(arguments[1]) and "O" not in _letters(arguments[1]) and _is_numbers(arguments[2]),
             "it is called otherwise than numpy stores an array.")


def _never(arguments: tuple[Any, ...]) -> None:
    raise Refused("unknown", "pickle writes its name and does not call it.")


# --- libraries ------------------------------------------------------------------------------------------

_FRAMES = re.compile(
    r"pandas\.core\.(?:frame\.DataFrame|series\.Series|internals\.managers\.(?:Single)?BlockManager|"
    r"indexes\.(?:base\.(?:_new_Index|Index)|range\.RangeIndex|multi\.MultiIndex|numeric\.\w+Index|"
    r"interval\._new_IntervalIndex|"
    r"category\.CategoricalIndex|datetimes\.(?:_new_DatetimeIndex|DatetimeIndex)|timedeltas\.TimedeltaIndex|"
    r"period\.(?:_new_PeriodIndex|PeriodIndex)|interval\.IntervalIndex|frozen\.FrozenList)|"
    r"arrays\.\w+\.(?:\w+Array|Categorical|\w+Dtype)|dtypes\.dtypes\.\w+Dtype|flags\.Flags)|"
    r"pandas\._libs\.(?:internals\._unpickle_block|missing\.NA|interval\.Interval|arrays\.__pyx_unpickle_NDArrayBacked|"
    r"tslibs\.(?:timestamps\._unpickle_timestamp|timedeltas\._timedelta_unpickle|nattype\._?_nat_unpickle|"
    r"period\.Period|offsets\.\w+)|sparse\.(?:Int|Block)Index)|"
    r"sklearn\.(?:metrics\._dist_metrics\.(?:newObj|\w+Distance\d*)|"
    r"neighbors\._(?:kd|ball)_tree\.(?:newObj|\w+Tree\d*))|"
    r"numpy\.random\.(?:_pickle\.__(?:bit_generator|randomstate|generator)_ctor|"
    r"_\w+\.(?:MT19937|PCG64|PCG64DXSM|Philox|SFC64)|"
    r"mtrand\.RandomState|_generator\.Generator|bit_generator\.(?:__pyx_unpickle_)?SeedSequence)")
_COMPILED = re.compile(r"pandas\._libs\.(?!arrays\.)|sklearn\.(?:metrics|neighbors|tree)\._|numpy\.random\.")
"""What makes numbers of C of what is in a state."""
_BLOCK, _INTERVAL = ("pandas._libs.internals", "_unpickle_block"), ("pandas._libs.interval", "Interval")
_INDEX = ("pandas.core.indexes.base", "Index")
_SLOW_NUMBERS = (("decimal", "Decimal"), ("fractions", "Fraction"), ("numpy", "poly1d"),
                 *((f"numpy.polynomial.{module}", name) for module, name in _POLYNOMIALS.items()))
_MOST_WALKED = 2_000_000
_MODELS = re.compile(
    r"sklearn\.(?:linear_model|tree|ensemble|svm|neighbors|naive_bayes|cluster|decomposition|preprocessing|pipeline|"
    r"compose|feature_extraction|feature_selection|impute|discriminant_analysis|neural_network|mixture|calibration|"
    r"dummy|isotonic|kernel_ridge|manifold|model_selection|multiclass|multioutput|gaussian_process|covariance|"
    r"cross_decomposition|random_projection)(?:\.\w+)*\.[A-Z]\w+|"
    r"scipy\.sparse\.\w+\.\w+_(?:matrix|array)|joblib\.numpy_pickle\.NumpyArrayWrapper|"
    r"pandas\.core\.arrays\.sparse\.(?:array\.SparseArray|dtype\.SparseDtype)")


def _frame(arguments: tuple[Any, ...]) -> None:
    """Its classes are made without arguments, or of arrays; a class among them is one of these too."""
    for each in arguments:
        _require(not isinstance(each, Name) or is_proven_name(*each), "it is given a class of another kind.")


def _not_kept(callee: Name, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """What is made numbers of among the arguments of _frame; objects in a block or an index stay what they are."""
    if callee == _INTERVAL:
        return ()
    if callee == _BLOCK:
        return arguments[1:]
    data = arguments[1] if len(arguments) == 2 and arguments[0] == _INDEX else None
    return () if isinstance(data, Pairs) and all(key in ("data", "name") for key, _ in data) else arguments


def _is_of_numpy(callee: Any) -> bool:
    """A text or dict that another makes would not be looked through; bytes are in the states of arrays alone."""
    return isinstance(callee, Name) and callee.module.partition(".")[0] == "numpy"


def _in_its_numbers(value: Any) -> None:
    """Where a generator of random numbers is in its own: numpy reads there when it is asked for one."""
    if type(value) is not tuple or len(value) < 2:
        return
    last = {"pos": 624, "buffer_pos": 4, "MT19937": 624}.get(value[0]) if type(value[0]) is str else None
    if last is None or value[0] == "MT19937" and len(value) < 3:
        return
    at = value[2] if value[0] == "MT19937" else value[1]
    _require(type(at) is int and 0 <= at <= last, "its state has a place outside of its numbers, which numpy believes.")


def _model(arguments: tuple[Any, ...]) -> None:
    _require(not arguments, "it is called with arguments, as no model is stored.")


def _tree(arguments: tuple[Any, ...]) -> None:
    _require(len(arguments) == 3 and type(arguments[0]) is int and type(arguments[2]) is int,
             "it is called otherwise than a tree is stored.")


def _zone_of_pytz(arguments: tuple[Any, ...]) -> None:
    _zone(arguments[:1])
    _require(all(type(each) in (int, str) for each in arguments[1:]), "its arguments are none of a time zone.")


def _by_judge(arguments: tuple[Any, ...]) -> None:
    """Proofs itself judges it."""


Rule = Callable[[tuple[Any, ...]], None]
_STATES = {**_multiples.STATES, **_mails.STATES}
"""Checks of the states of some, by what makes them."""
_GETATTR = Name("builtins", "getattr")
_TREE = Name("sklearn.tree._tree", "Tree")
_OR = frozenset({Name("_operator", "or_"), Name("operator", "or_")})
_FILLED = frozenset({("builtins", "list"), ("builtins", "set"), ("collections", "deque")})
"""Of what they make, pickle appends to, and nothing can be put into the place of what does that."""
_UNPACKING = frozenset("SyntaxError IndentationError TabError BaseExceptionGroup ExceptionGroup".split())
"""Exceptions that go through what they are given."""
_MAPPINGS = (("builtins", "dict"), *(("collections", name) for name in "OrderedDict Counter defaultdict".split()))
_RULES: dict[tuple[str, str], Rule] = {
    **{("builtins", name): _container for name in "list tuple set frozenset".split()}, ("builtins", "dict"): _mapping,
    **{(module, name): _container for module, names in WALKING.items() for name in names.split()},
    ("uuid", "UUID"): _container, ("random", "Random"): _without, ("re", "_compile"): _pattern,
    **{(module, name): _plain for module, names in _PLAIN.items() for name in names.split()},
    **{cookie: _plain for cookie in _COOKIES}, ("numpy.ma.core", "MaskedConstant"): _without,
    ("collections", "deque"): _container,
    **{("collections", name): _mapping for name in "OrderedDict Counter defaultdict".split()},
    ("builtins", "int"): _number, ("types", "SimpleNamespace"): _without,
    ("array", "array"): _container, ("builtins", "bytes"): _sized, ("builtins", "bytearray"): _sized,
    ("builtins", "str"): _text, ("fractions", "Fraction"): _fraction, _GETATTR: _by_judge,
    **{or_: _by_judge for or_ in _OR},
    **{("ipaddress", f"IPv{version}{kind}"): _address for version in (4, 6)
       for kind in ("Address", "Network", "Interface")},
    ("_codecs", "encode"): _encoded, ("zoneinfo", "ZoneInfo"): _zone, ("zoneinfo", "ZoneInfo._unpickle"): _zone,
    **{name: _never for name in (*_CONSTANT_NAMES, *_ARRAYS, *_RECORDS)}, ("builtins", "type"): _type_of,
    **{("collections", name): _keeper for name in _KEPT}, ("django.utils.safestring", "SafeString"): _keeper,
    ("numpy", "dtype"): _dtype, ("numpy.ma.core", "_mareconstruct"): _masked, ("numpy.ma.core", "MaskedArray"): _never,
    **{(module, "_reconstruct"): _reconstruct for module in _MULTIARRAY},
    **{(module, "scalar"): _scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _from_buffer for module in _NUMERIC},
    **{name: _plain for name in _STATES},
    **{name: _mails.is_text for name in _mails.TEXTS}, **{name: _never for name in _mails.CLASSES},
    _mails.HEADER: _mails.is_header, **{name: is_pairs for name in OF_PAIRS},
    ("django.utils.functional", "_lazy_proxy_unpickle"): is_lazy_text,
    **{("django.utils.translation", name): _never for name in ("gettext", "pgettext")},
    _TREE: _tree, ("pytz", "_UTC"): _model, ("pytz", "_p"): _zone_of_pytz,
}


def rule_of(module: str, name: str) -> Rule | None:
    """What a name's calls have to be like, if there are calls of it that are proven."""
    rule = _RULES.get((module, name))
    if rule is not None:
        return rule
    if is_enum(module, name):
        return _member
    if module in _CONSTANTS and _CONSTANTS[module].fullmatch(name):
        return _never
    if is_exception(module, name):
        return _told if (module, name) in TELLING else _container if name in _UNPACKING else _kept
    if "." in name:  # it may go through whatever the module has imported
        return None
    path = f"{module}.{name}"
    return _frame if _FRAMES.fullmatch(path) else _model if is_model(module, name) else None


def is_model(module: str, name: str) -> bool:
    """Whether it is called as a model, or a matrix, is: what such a module has only imported is another class."""
    return _MODELS.fullmatch(f"{module}.{name}") is not None


def is_proven_name(module: str, name: str) -> bool:
    """Whether it has a rule, or needs none."""
    return is_safe(module, name) or rule_of(module, name) is not None


class Proofs(Judge):
    """Refuses a call or a state that is not proven.

    `enumeration`: what is known of a class as an enumeration of whose members each may be looked up. `is_told`: whether
    of a name it is said anyway that it does not load, or loads in one program only. `is_inner`: whether it is a class
    in a class that may be named.
    """

    def __init__(self, enumeration: Callable[[str, str], Enumeration | None],
                 is_told: Callable[[str, str], bool], is_inner: Callable[[str, str], bool]) -> None:
        self._enumeration, self._is_told, self._is_inner = enumeration, is_told, is_inner
        self._of_numbers: dict[int, Made] = {}
        """The arrays that are known to hold no objects, by their ids."""
        self._of_values: dict[int, Made] = {}
        """Those of objects that are numbers, texts or None."""
        self._slow: dict[int, Made] = {}
        """The arrays of objects of which one may take forever to become a number."""
        self._attributed: dict[int, Made] = {}
        """The objects that have attributes by a state, by their ids."""
        self._left = _MOST_WALKED
        self._done = 0
        """How many calls and states there were of others than types of numpy."""
        self._records: dict[int, tuple[int, Made]] = {}
        """The types of records and of raw bytes, by their ids, and how many there were then."""
        self._several: dict[int, Made] = {}
        """The types that stand for several numbers, and are those of fields alone, by their ids."""
        self._depths: dict[int, tuple[int, Made]] = {}
        """How deep types that are made of others are nested, by their ids."""
        self._parts: dict[int, Made] = {}
        """The types of which others are made, by their ids."""
        self._fields: dict[int, Pairs] = {}
        """The dicts that types have as their fields, by their ids."""

    def call(self, made: Made) -> None:
        callee, arguments = made
        if callee != _DTYPE:
            self._done += 1
            _require(not any(id(each) in self._several for each in arguments), "it is given what only a field is.")
        elif arguments and "V" in _letters(made):
            self._records[id(made)] = self._done, made
        if isinstance(callee, Made):
            self._call_of_fetched(callee, arguments)
        elif callee == _GETATTR:
            if self.fetched(made) is None:
                self._getattr(arguments)
        elif not isinstance(callee, Name):  # it cannot be called; to find the hash of a tuple may take without end
            return
        elif callee in _OR:
            _require(all(type(each) is int or self._is_member(each) for each in arguments),
                     "flags are stored by it, and these are none.")
        elif callee in _MAKERS:
            self._reconstruct(callee, arguments)
        else:
            self._make(callee, arguments)

    def state(self, target: Any, state: Any) -> None:
        if not isinstance(target, Made):
            return
        callee = _class_of(target)
        if callee == _DTYPE:
            self._look_through(state)
            _dtype_state(target, state)
            changes = target.arguments[0] in _RECORDS or state[2] is not None
            _require(not changes or self._records[id(target)][0] == self._done,
                     "it has its size when it has been used already, which numpy believes.")
            if state[2] is not None:
                self._several[id(target)] = target
            self._compose(target, state)
            return
        self._done += 1
        parts = state if type(state) is tuple else ()
        _require(not any(id(each) in self._several for each in parts), "it is an array of what only a field is.")
        if isinstance(callee, Name) and callee.name == "_reconstruct":
            _array_state(target, state)
            self._note_array(target, state[4])
        elif callee == ("numpy.ma.core", "_mareconstruct"):
            _masked_state(target, state, self._held)
        elif isinstance(callee, Name) and callee.module == "collections" and callee.name in _KEPT:
            _kept_state(callee.name, state)
        elif not isinstance(callee, Name) or self._is_enum(callee) or callee == _GETATTR:
            raise Refused("unknown", "its state changes what belongs to the whole process.")
        elif rule_of(*callee) is _model:
            _require(isinstance(state, Pairs) and has_names(state), "its state is no dict of attributes.")
        elif rule_of(*callee) is _frame or callee == _TREE:
            parts = state if type(state) is tuple else (state,)
            _require(all(has_names(each) for each in parts if isinstance(each, Pairs)),
                     "its state has attributes of which another call has made the names.")
            if _COMPILED.match(f"{callee.module}.{callee.name}"):
                self._converted((state,), callee)
        elif callee == ("random", "Random"):
            _random_state(state)
        elif callee in _STATES:
            self._attributed[id(target)] = target
            _STATES[callee](state)
        elif rule_of(*callee) is _plain:
            self._attributed[id(target)] = target
            _plain_state(callee, state)
        elif is_proven_name(*callee):
            self._attributed[id(target)] = target
            _value_state(callee, state)

    def fill(self, target: Any) -> None:
        callee = _class_of(target) if isinstance(target, Made) else None
        if isinstance(callee, Name) and (is_proven_name(*callee) or self._is_enum(callee)):
            _require(callee in _FILLED or callee in _mails.LISTS or rule_of(*callee) in (_model, _frame),
                     "it is filled, as pickle never does.")

    def set_items(self, target: Any, items: list[Any]) -> None:
        if id(target) in self._fields:
            raise Refused("unknown", "its fields are changed when it has them already, which numpy believes.", _DTYPE)
        callee = _class_of(target) if isinstance(target, Made) else None
        if isinstance(callee, Name) and callee in _COOKIES:
            _cookie_items(callee, items)
        elif isinstance(callee, Name) and (is_proven_name(*callee) or self._is_enum(callee)):
            _require(callee in _MAPPINGS or callee in FILLED_BY_KEYS, "items are set in it, as pickle never does.")

    def _look_through(self, state: Any) -> None:
        """One state of many fields may be given over and over."""
        if type(state) is tuple:
            self._left -= sum(len(each) for each in state[3:5] if isinstance(each, (tuple, list)))
        _require(self._left > 0, "it is given too much to be looked through.")

    def _compose(self, target: Made, state: Any) -> None:
        """That a type is made of others that are whole: to use one that is in itself goes on until the stack ends.

        What has become a part of another type is given no parts any more, so that none gets into itself.
        """
        fields = state[4] if state[2] is None else None
        parts = [state[2][0]] if state[2] is not None else [field[0] for _, field in fields or ()]
        if fields is not None:
            self._fields[id(fields)] = fields
        if not parts:
            return
        _require(id(target) not in self._parts and not any(each is target for each in parts),
                 "it is made of others when it is a part of one itself: it may contain itself.")
        depth = max(self._depth(target), 1 + max(map(self._depth, parts)))
        _require(depth <= _DEEPEST_DTYPE, "it is made of others that are nested too deeply.", "exhausts")
        self._depths[id(target)] = depth, target
        self._parts.update((id(each), each) for each in parts)

    def _depth(self, dtype: Made) -> int:
        return self._depths.get(id(dtype), (0, dtype))[0]

    def _note_array(self, array: Made, held: Any) -> None:
        if not isinstance(held, Items):
            self._of_numbers[id(array)] = array
        elif all(each is UNKNOWN or each is None or type(each) in (str, int, bool) for each in held):
            self._of_values[id(array)] = array
        elif any(self._is_slow(each) or isinstance(each, Made) and each.callee == array.callee for each in held):
            self._slow[id(array)] = array

    def _held(self, array: Made) -> str:
        """What is in an array: numbers (or what has no objects), plain values, or objects."""
        if array.callee.name != "_reconstruct" or id(array) in self._of_numbers:
            return "numbers"
        return "values" if id(array) in self._of_values else "objects"

    def _is_slow(self, value: Any) -> bool:
        return isinstance(value, Made) and (_class_of(value) in _SLOW_NUMBERS or id(value) in self._slow)

    def _converted(self, values: tuple[Any, ...], callee: Name) -> None:
        """That whatever is in these becomes a number or an array soon, if it does: int(Decimal("1e999999999"))."""
        of_generator = callee.module.startswith("numpy.random.")
        seen: set[int] = set()
        left = [*values]
        while left:
            value = left.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            self._left -= 1
            _require(self._left > 0, "it is given too much to be looked through.")
            _finite(value)
            _of_few_digits(value)
            _require(not self._is_slow(value), "it may make a number of what it is given, which takes memory or time "
                     "without end.", "exhausts")
            if of_generator:
                _require(not isinstance(value, Made) or _is_of_numpy(_class_of(value)),
                         "its state is made by others than numpy.")
                _in_its_numbers(value)
            if type(value) is tuple or isinstance(value, (Items, Pairs)):
                left += value

    def _is_enum(self, name: Name) -> bool:
        return is_enum(*name) or self._enumeration(*name) is not None

    def _is_member(self, value: Any) -> bool:
        callee = value.callee if isinstance(value, Made) else None
        return isinstance(callee, Name) and (callee == _GETATTR or callee in _OR or self._is_enum(callee))

    def _make(self, callee: Name, arguments: tuple[Any, ...]) -> None:
        rule = rule_of(*callee)
        if rule in (_container, _mapping) or rule is None and is_safe(*callee):
            self._without_attributes(arguments, rule is _mapping)
        if rule is not None:
            rule(arguments)
            if rule is _pattern:
                self._left -= _cost(arguments[0])
                _require(self._left > 0, "it is given too much to be compiled soon.")
            if rule is _frame:
                self._converted(_not_kept(callee, arguments), callee)
        elif is_safe(*callee):
            _container(arguments)
        elif self._enumeration(*callee):
            _member(arguments)

    def _without_attributes(self, arguments: Iterable[Any], of_pairs: bool) -> None:
        """dict(OBJECT) calls its `keys`, which may be an attribute, and asks it for each of these."""
        for each in arguments:
            _require(id(each) not in self._attributed, "it goes through an object whose attributes may be its methods.")
            if of_pairs and isinstance(each, (tuple, Items)):
                self._without_attributes(each, False)

    def fetched(self, made: Made) -> Name | None:
        owner, name = made.arguments if made.callee == _GETATTR and len(made.arguments) == 2 else (None, None)
        if not isinstance(owner, Name) or type(name) is not str or not name.isidentifier():
            return None
        inner = Name(owner.module, f"{owner.name}.{name}")
        return inner if self._is_inner(*inner) else None

    def _getattr(self, arguments: tuple[Any, ...]) -> None:
        """Members of an Enum, and time zones, are stored by it."""
        owner, name = arguments if len(arguments) == 2 else (None, None)
        proven = False
        if isinstance(owner, Name) and isinstance(name, str):
            known = self._enumeration(*owner)
            if known and is_member_name(name) and name not in known.members:
                raise Refused("restore-no-attribute", f"it has no member {name}.", owner)
            proven = (known is not None and name in known.members or (*owner, name) in _DOORS
                      or (is_enum(*owner) or self._is_told(*owner)) and is_member_name(name))
        _require(proven, "members of an Enum and time zones are stored by it, and it reaches every attribute of "
                         "whatever else the pickle names.")

    def _call_of_fetched(self, callee: Made, arguments: tuple[Any, ...]) -> None:
        _require(callee.callee == _GETATTR and callee.arguments[1:] == ("_unpickle",),
                 "it is what another call has made.")
        _zone(arguments)

    def _reconstruct(self, callee: Name, arguments: tuple[Any, ...]) -> None:
        """copyreg makes an object: of a class by a base of it, from a state; or of a class with arguments."""
        _require(arguments and isinstance(arguments[0], Name), "it makes an object of what another call has made.")
        made = arguments[0]
        if callee.name == "__newobj__":
            self._make(made, arguments[1:])
            return
        otherwise = "it makes an object otherwise than pickle does."
        _require(len(arguments) == 3 and isinstance(arguments[1], Name), otherwise)
        if (made in _COOKIES or made in FILLED_BY_KEYS) and arguments[1] == ("builtins", "dict"):
            _require(isinstance(arguments[2], Pairs), otherwise)
        elif _mails.is_old_form(made, arguments[1], arguments[2]):
            pass
        elif rule_of(*made) is not None:
            _require(arguments[1:] == (("builtins", "object"), None), otherwise)
            self._make(made, ())
        elif arguments[1] != ("builtins", "object"):
            self._make(arguments[1], arguments[2:])
