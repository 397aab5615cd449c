"""Which objects may be where in a script: a data-flow analysis that knows nothing of Python's syntax.

A `Variable` stands for a place in the script (an expression, a name's definition, a parameter, a
field of an object) and holds the set of values that may be there. Values only ever arrive, so the
order of events does not matter: who watches a variable is told each value once, those that are there
already and those still to come. Nothing here calls itself: what is to be done waits in one list, so
that no script is nested too deeply for it, and a limit on that list ends what would take too long.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

STEPS = 3_000_000
"""How much work is done for one script: seconds, where a script takes milliseconds."""

_ENOUGH, _ENOUGH_THAT_MATTER = 24, 72
"""A variable with so many values takes no more of those that come from outside."""

# The fields of an object. `.name` is an attribute and `[key` an item, beside these:
UNKNOWN_ITEM = "["
"""An item under a key that is not a constant."""
ITEMS = "[*"
"""All items."""
KEYS = "{*"
"""The keys of a mapping."""
EVERYTHING = "*"
"""All that pickling the object pickles with it: items, keys, attributes."""


class TooInvolved(Exception):
    """The limit has been reached."""


class Variable:
    """The values that may be in one place, and what happens with each of them."""

    __slots__ = ("values", "reactions")

    def __init__(self) -> None:
        self.values: dict["Value", None] = {}  # in the order in which they came, so that runs repeat
        self.reactions: list[Callable[["Value"], None]] = []


@dataclass(eq=False)
class ScriptClass:
    """A class that the script defines."""

    name: str
    qualified_name: str
    line: int
    column: int
    local: bool
    """Made inside a function, so that its name cannot be looked up in the module."""
    made: bool = False
    """By a call, as of namedtuple(), and not by a class statement."""
    own: dict[str, Variable] = field(default_factory=dict)
    """What its body defines."""
    statements: set[str] = field(default_factory=set)
    """Those of the names in `own` that a def or class statement defines."""
    declared: list[str] = field(default_factory=list)
    """The names that its body annotates, in order: the arguments of a dataclass."""
    bases: Variable = field(default_factory=Variable)
    outside: Variable = field(default_factory=Variable)
    """Bases that the script does not define, also those of bases."""
    inherited: dict[str, Variable] = field(default_factory=dict)
    decorators: list[Variable] = field(default_factory=list)
    """What stands behind each @, without arguments."""
    abstract: bool = False
    """Has no instances of its own: a typing.Protocol or abc.ABC."""
    subclassed: bool = False
    instantiated: bool = False
    reducers: Variable = field(default_factory=Variable)
    """Functions that copyreg was given for it."""


@dataclass(eq=False)
class ScriptFunction:
    """A function that the script defines."""

    name: str
    qualified_name: str
    line: int
    column: int
    local: bool
    """Its name cannot be looked up in the module: made inside a function, or a lambda."""
    kind: str = "function"
    """function, static, class or property: what an attribute of a class makes of it."""
    positional: list[str] = field(default_factory=list)
    parameters: dict[str, Variable] = field(default_factory=dict)
    rest: "Holder | None" = None
    """The tuple of `*args`."""
    keywords: "Holder | None" = None
    """The dict of `**kwargs`."""
    generator: bool = False
    returns: Variable = field(default_factory=Variable)
    yields: Variable = field(default_factory=Variable)
    wraps: Variable | None = None
    """What functools.wraps has given it the name of."""


@dataclass(frozen=True)
class ClassObject:
    """The class itself."""

    definition: ScriptClass


@dataclass(frozen=True)
class Instance:
    definition: ScriptClass


@dataclass(frozen=True)
class FunctionObject:
    definition: ScriptFunction


@dataclass(frozen=True)
class Bound:
    """A method with its `self` or `cls`."""

    function: ScriptFunction
    owner: Instance | ClassObject


@dataclass(frozen=True)
class Super:
    """What super() gives in a method of the class."""

    definition: ScriptClass


@dataclass(frozen=True)
class Holder:
    """A list, dict, generator or the like: one for each place in the script that makes some."""

    site: object
    mapping: bool = False


@dataclass(frozen=True)
class Outside:
    """Something that the script does not define: imported, built in, or a parameter nobody is seen to
    pass. Its path says where it comes from: `multiprocessing.Pool().map`, `<request>.session[cart]`."""

    path: str
    site: object = None
    """The call that made it, which keeps two results of one function apart."""
    matters: bool = field(default=False, compare=False)
    """It belongs to a module that pickles."""


Value = ClassObject | Instance | FunctionObject | Bound | Super | Holder | Outside


class Flow:
    """Moves values from variable to variable until nothing changes any more."""

    def __init__(self, steps: int = STEPS) -> None:
        self._steps = steps
        self._work: list[tuple[Callable[[Value], None], Value]] = []
        self._fields: dict[tuple[Value, str], Variable] = {}
        self._copied: set[tuple[Variable, Variable]] = set()

    def add(self, variable: Variable, value: Value) -> None:
        if len(variable.values) >= _ENOUGH and isinstance(value, Outside):
            if not value.matters or len(variable.values) >= _ENOUGH_THAT_MATTER:
                return
        if value not in variable.values:
            variable.values[value] = None
            self._work += [(reaction, value) for reaction in variable.reactions]

    def watch(self, variable: Variable, reaction: Callable[[Value], None]) -> None:
        """Calls the reaction once for each value that the variable ever gets."""
        variable.reactions.append(reaction)
        self._work += [(reaction, value) for value in variable.values]

    def copy(self, source: Variable, target: Variable) -> None:
        """What is in the source is in the target too."""
        if source is not target and (source, target) not in self._copied:
            self._copied.add((source, target))
            self.watch(source, lambda value: self.add(target, value))

    def field(self, value: Value, key: str) -> Variable:
        """A field of an object, to store into; it is part of the fields that stand for several."""
        variable = self._fields.get((value, key))
        if variable is None:
            variable = self._fields[value, key] = Variable()
            if key.startswith("[") and key != ITEMS:
                self.copy(variable, self.field(value, ITEMS))
            elif key != EVERYTHING:
                self.copy(variable, self.field(value, EVERYTHING))
        return variable

    def item(self, value: Value, key: str, target: Variable) -> None:
        """Reads an item: `[key`, or UNKNOWN_ITEM for any."""
        if key == UNKNOWN_ITEM:
            self.copy(self.field(value, ITEMS), target)
        else:
            self.copy(self.field(value, key), target)
            self.copy(self.field(value, UNKNOWN_ITEM), target)

    def member(self, definition: ScriptClass, name: str) -> Variable:
        """What a class has under a name, from its own body or from the script's classes it derives from."""
        if name in definition.own:
            return definition.own[name]
        if name not in definition.inherited:
            found = definition.inherited[name] = Variable()

            def from_base(base: Value) -> None:
                if isinstance(base, ClassObject):
                    self.copy(self.member(base.definition, name), found)

            self.watch(definition.bases, from_base)
        return definition.inherited[name]

    def run(self) -> None:
        while self._work:
            self._steps -= 1
            if self._steps < 0:
                raise TooInvolved
            reaction, value = self._work.pop()
            reaction(value)
