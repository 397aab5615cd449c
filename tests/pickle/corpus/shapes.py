"""Classes of all shapes that a module on sys.path may define."""

import abc
import collections
import copyreg
import enum
import functools
import pickle
import typing
from dataclasses import dataclass, field


class Plain:
    """Attributes in a __dict__."""

    def __init__(self, **values):
        self.__dict__.update(values)

    def method(self):
        return self

    @classmethod
    def make(cls):
        return cls()

    @staticmethod
    def static():
        return None

    class Inner:
        """Named Plain.Inner."""

        class Innermost:
            """Named Plain.Inner.Innermost."""

        def method(self):
            return self


class Slots:
    __slots__ = ("left", "right")


class MoreSlots(Slots):
    __slots__ = ("more",)


class SlotsAndDict(Slots):
    pass


class ListOf(list):
    pass


class DictOf(dict):
    pass


class SetOf(set):
    pass


class TupleOf(tuple):
    pass


class Text(str):
    pass


class Bytes(bytes):
    pass


class Number(int):
    pass


class WithState:
    def __init__(self):
        self.value = 1

    def __getstate__(self):
        return ("state", self.value)

    def __setstate__(self, state):
        _, self.value = state


class FalseState:
    def __getstate__(self):
        return 0

    def __setstate__(self, state):
        pass


class NewArguments:
    def __new__(cls, *args):
        return super().__new__(cls)

    def __getnewargs__(self):
        return 1, "two"


class NewKeywords:
    def __new__(cls, *, size=0):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"size": 3}


class Reduced:
    def __reduce__(self):
        return make_reduced, (1, [2])


def make_reduced(*args):
    return Reduced()


class ReducedWithAll:
    """All six parts of __reduce__."""

    def __init__(self):
        self.items, self.pairs, self.state = [], {}, None

    def append(self, item):
        self.items.append(item)

    def extend(self, items):
        self.items.extend(items)

    def __setitem__(self, key, value):
        self.pairs[key] = value

    def __reduce__(self):
        return ReducedWithAll, (), {"a": 1}, iter([1, 2]), iter([("k", "v")]), set_state


def set_state(obj, state):
    obj.state = state


class ByName:
    """Pickled as the name of a module's variable."""

    def __reduce__(self):
        return "BY_NAME"


BY_NAME = ByName()


class Registered:
    def __init__(self, value):
        self.value = value


copyreg.pickle(Registered, lambda obj: (Registered, (obj.value,)))


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


class Concrete(Abstract):
    def method(self):
        return None


class Color(enum.Enum):
    RED = 1
    GREEN = "green"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


class Outer:
    class Kind(enum.Enum):
        NESTED = 1


Functional = enum.Enum("Functional", "ONE TWO", module=__name__)


@dataclass
class Data:
    number: int
    items: list = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    number: int


@dataclass(slots=True)
class Slotted:
    number: int
    items: list = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FrozenSlotted:
    number: int


Pair = collections.namedtuple("Pair", "left right")


class TypedPair(typing.NamedTuple):
    left: int
    right: str = ""


class Movie(typing.TypedDict):
    title: str


T = typing.TypeVar("T")


class Box(typing.Generic[T]):
    def __init__(self, value=None):
        self.value = value


class ModuleError(Exception):
    """With arguments of its own."""

    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


class KeywordError(Exception):
    def __init__(self, *, code=0):
        super().__init__()
        self.code = code


def function(value=None):
    return value


def decorate(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


@decorate
def decorated():
    """The name leads to the wrapper, whose copied names lead back to it."""


@functools.lru_cache
def cached():
    return None


@functools.singledispatch
def dispatching(value):
    return value


async def coroutine():
    return None


def generator():
    yield


class LazyValue:
    """Pretends to be of the class of what it holds, as lazy objects do."""

    def __init__(self, make):
        self.__dict__["make"] = make

    @property
    def __class__(self):
        return type(self.make())

    def __reduce__(self):
        return function, (self.make(),)


class PersistentPickler:
    """Mixed into a Pickler: what it calls persistent stays out of the pickle."""

    def persistent_id(self, obj):
        return ("id", obj.number) if isinstance(obj, Data) else None


class OverridingPickler:
    """Mixed into a Pickler: pickles functions by value, as cloudpickle does."""

    def reducer_override(self, obj):
        if type(obj) is type(function) and "<l" in obj.__qualname__:
            return make_reduced, (obj.__name__,)
        return NotImplemented


class Buffered:
    """With a part that leaves out of band."""

    def __init__(self, data):
        self.data = data

    def __reduce_ex__(self, protocol):
        if protocol >= 5:
            return Buffered, (pickle.PickleBuffer(self.data),)
        return Buffered, (bytes(self.data),)


def recursive():
    """Objects that lead back to themselves."""
    items = []
    items.append(items)
    mapping = {}
    mapping["self"] = mapping
    plain = Plain()
    plain.me = plain
    plain.items = [plain, (plain,), {plain: plain}]
    inner = []
    inner.append((inner,))
    return {"list": items, "dict": mapping, "instance": plain, "tuple": inner[0]}


def instances():
    """Name -> an object, of this module's classes."""
    plain = Plain(a=1, b=[Plain(c=Plain())], d={"x": Plain()})
    slots = Slots()
    slots.left, slots.right = 1, [2]
    more = MoreSlots()
    more.left, more.more = 1, Plain()
    both = SlotsAndDict()
    both.left, both.other = 1, 2
    objects = [
        plain, plain.method, Plain.make, Plain.static, Plain, Plain.Inner, Plain.Inner.Innermost, Plain.Inner(),
        Plain.Inner.Innermost(), Plain.Inner().method, Plain.Inner.method, Plain.method, slots, more, both,
        MoreSlots, ListOf([1, Plain()]), DictOf(a=Plain()), SetOf([1]), TupleOf([1]), Text("t"), Bytes(b"b"),
        Number(7), WithState(), FalseState(), NewArguments(), NewKeywords(), Reduced(), ReducedWithAll(), BY_NAME,
        Registered(3), Meta, WithMeta, WithMeta(), Abstract, Concrete, Concrete(), Concrete().method, Color.RED,
        Color.GREEN, Color, Access.READ, Access.READ | Access.WRITE, Access(0), Level.LOW, Bits.ONE | Bits.TWO,
        Bits(8), Outer.Kind.NESTED, Outer.Kind, Functional.ONE, Data(1, [Data(2)]), Frozen(1), Slotted(1, [2]),
        FrozenSlotted(1), Pair(1, Pair(2, 3)), TypedPair(1), TypedPair, Movie(title="t"), Movie, T, Box, Box(1),
        Box[int], Box[T], Box[int](2), ModuleError(1, "x"), KeywordError(code=1), function, decorated, cached,
        dispatching, coroutine, generator, functools.partial(function, 1, a=Plain()), LazyValue(list),
        Buffered(bytearray(b"data" * 10)), [Plain] * 3, {Plain: Plain}, {Color.RED: Level.LOW},
        (Plain(), Plain(), {1, 2}, frozenset([Plain()])), [plain, plain, plain.b],
    ]
    named = {f"{at}-{type(obj).__name__}": obj for at, obj in enumerate(objects)}
    return named | {f"recursive-{name}": obj for name, obj in recursive().items()}
