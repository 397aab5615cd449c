"""What attributes, items and calls give: Python's objects, as far as the way of a value through them matters.

What is not known gives nothing. A function that the script does not define is taken not to keep or return
its arguments, apart from those named here: `json.dumps(item)` is no Item, and most of what a script calls
is like that. So an object that goes through a library unseen is missed, and no alarm is false for it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from brine.pickle_tools.flow import (EVERYTHING, ITEMS, KEYS, UNKNOWN_ITEM, Bound, ClassObject, Flow, FunctionObject,
                                     Holder, Instance, Outside, ScriptClass, ScriptFunction, Super, Value, Variable)
from brine.pickle_tools.users import (COLUMN, DATA_FRAME, PICKLED_COLUMN, Sink, belongs_to_user, canonical,
                                      is_pickled_column, is_pickled_type, makes_column, sinks)

_PATH_PARTS, _PARTS_OF_A_USER_S = 4, 12  # `x = x.next` in a loop would make paths without end
_ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag", "enum.ReprEnum",
                    "django.db.models.TextChoices", "django.db.models.IntegerChoices"})
_CLASS_MAKERS = frozenset({"collections.namedtuple", "typing.NamedTuple", "dataclasses.make_dataclass", "builtins.type",
                           "types.new_class"}) | _ENUMS
_LISTS = frozenset({"builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.sorted",
                    "builtins.reversed", "builtins.iter", "collections.deque", "itertools.chain", "itertools.cycle",
                    "itertools.islice", "heapq.nlargest", "heapq.nsmallest", "random.sample"})
_DICTS = frozenset({"builtins.dict", "collections.OrderedDict", "collections.ChainMap", "types.MappingProxyType",
                    "types.SimpleNamespace", "weakref.WeakValueDictionary"})
_EMPTY = frozenset({"queue.Queue", "queue.LifoQueue", "queue.SimpleQueue", "queue.PriorityQueue", "threading.local",
                    "collections.UserList", "asyncio.Queue"})
_COLLECTORS = frozenset({"functools.partial", "asyncio.gather", "pandas.DataFrame", "pandas.Series", "numpy.array",
                         "builtins.zip", "builtins.enumerate"})
_SAME_OBJECT = frozenset({"copy.copy", "copy.deepcopy", "contextlib.closing", "asyncio.run", "asyncio.wait_for",
                          "asyncio.shield", "asyncio.create_task", "dataclasses.replace", "weakref.proxy"})
_ONE_OF = frozenset({"builtins.next", "builtins.max", "builtins.min", "random.choice", "heapq.heappop", "anext"})
_CALLERS = frozenset({"builtins.map", "itertools.starmap", "functools.reduce"})
_ADDING = frozenset({"append", "add", "appendleft", "push", "put", "put_nowait"})
_EXTENDING = frozenset({"extend", "extendleft", "update"})
_TAKING = frozenset({"get", "pop", "popitem", "popleft", "get_nowait", "result", "__getitem__"})
_THREADS = frozenset({"threading.Thread", "threading.Timer", "multiprocessing.Process"})
_STARTERS = (".submit", ".apply", ".apply_async", ".run_in_executor", ".map", ".imap", ".imap_unordered", ".to_thread")
_PART = re.compile(r"\.(?![^(]*\))|[(\[]")  # not the dots in parentheses
_OWN_FORM = frozenset({"persistent_id", "reducer_override", "save", "dump"})


@dataclass
class Arguments:
    """What a call passes."""

    positional: list[Variable] = field(default_factory=list)
    starred: list[Variable] = field(default_factory=list)
    """`*values`, and what comes behind it."""
    keywords: dict[str, Variable] = field(default_factory=dict)
    mappings: list[Variable] = field(default_factory=list)
    """`**values`."""
    constants: dict[int, str] = field(default_factory=dict)
    """Those of the positional ones that are strings."""

    def everything(self) -> list[Variable]:
        return [*self.positional, *self.starred, *self.keywords.values(), *self.mappings]

    def at(self, index: int) -> Variable | None:
        return self.positional[index] if index < len(self.positional) else None

    def get(self, index: int, name: str) -> Variable | None:
        return self.keywords.get(name) or self.at(index)


@dataclass(frozen=True)
class Site:
    """Where something is done: keeps apart what different places make."""

    node: object
    line: int
    column: int
    local: bool = False
    prefix: str = ""


@dataclass(frozen=True, eq=False)
class Pickled:
    """Something arrives at a sink."""

    variable: Variable
    sink: Sink
    line: int
    user: str


def constant_key(value: object) -> str:
    """The field under which an item with a constant key is kept."""
    return f"[{value!r}"


def _shown_key(key: str) -> str:
    """The key as it stands in a path: without quotes, and nothing where it would make the path ambiguous."""
    text = key[1:].strip("'\"")
    return text if len(text) < 80 and not set(text) & set("[]()<>") else ""


def _called(path: str) -> str:
    """What to call something in a message: `shelve.open` of `shelve.open()[]=`."""
    return path.partition("(")[0]


class Operations:
    """Connects the variables of one script by what is done with its objects."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.pickled: list[Pickled] = []
        self.evidence: set[str] = set()
        self.seen: set[str] = set()
        """All paths that were used."""
        self.made: dict[object, ScriptClass] = {}
        """Classes that a call made, by its node."""
        self.nothing = Variable()
        self._partials: dict[Value, Arguments] = {}
        self._partial_calls: set[tuple[Value, object]] = set()
        self._iterated: set[tuple[Value, Variable]] = set()

    # Reading

    def outside(self, path: str, site: object, target: Variable) -> None:
        """Something from outside arrives. Of what does not pickle, only little has to be known: what a
        call returned begins a new path."""
        path = canonical(path)
        matters = belongs_to_user(path)
        if not matters and path.endswith(")"):
            if path.startswith("builtins."):
                return
            path = "()"
        if len(_PART.findall(path)) <= (_PARTS_OF_A_USER_S if matters else _PATH_PARTS):
            self.seen.add(path)
            self.flow.add(target, Outside(path, site, matters))

    def attribute(self, value: Value, name: str, target: Variable) -> None:
        """value.name"""
        flow = self.flow
        flow.copy(flow.field(value, "." + name), target)
        if isinstance(value, Instance):
            self._instance_attribute(value, name, target)
        elif isinstance(value, ClassObject):
            self._class_attribute(value, name, target)
        elif isinstance(value, Super):
            definition = value.definition

            def from_base(base: Value) -> None:
                if isinstance(base, ClassObject):
                    self._members(base.definition, name, Instance(definition), target)
            flow.watch(definition.bases, from_base)
        elif isinstance(value, Outside):
            self.outside(f"{value.path}.{name}", value.site, target)
        elif isinstance(value, Bound) and name == "__self__":
            flow.add(target, value.owner)

    def _members(self, definition: ScriptClass, name: str, owner: Instance | ClassObject, target: Variable) -> None:
        """What the class has under that name, as an attribute of the class or of an instance gives it."""
        def member(value: Value) -> None:
            if not isinstance(value, FunctionObject):
                self.flow.add(target, value)
                return
            function = value.definition
            if function.kind == "property" and isinstance(owner, Instance):
                self._bind(function, Arguments(), owner)
                self._returned(function, target)
            elif function.kind == "class":
                self.flow.add(target, Bound(function, ClassObject(owner.definition)))
            elif function.kind == "static" or isinstance(owner, ClassObject):
                self.flow.add(target, value)
            else:
                self.flow.add(target, Bound(function, owner))
        self.flow.watch(self.flow.member(definition, name), member)

    def _instance_attribute(self, value: Instance, name: str, target: Variable) -> None:
        definition = value.definition
        if name == "__class__":
            self.flow.add(target, ClassObject(definition))
        elif name == "__dict__":
            self.flow.add(target, self._attributes_of(value))
        self._members(definition, name, value, target)
        # A pickler that says itself how it pickles is not judged.
        if name not in definition.own and not _OWN_FORM & set(definition.own):
            self._from_outside_bases(definition, f"().{name}", target, value)

    def _from_outside_bases(self, definition: ScriptClass, rest: str, target: Variable, site: object) -> None:
        def base(value: Value) -> None:
            if isinstance(value, Outside):
                self.outside(value.path + rest, site, target)
        self.flow.watch(definition.outside, base)

    def _class_attribute(self, value: ClassObject, name: str, target: Variable) -> None:
        definition = value.definition
        self._members(definition, name, value, target)
        if name not in definition.own:
            self._from_outside_bases(definition, f".{name}", target, None)
        if definition.made or name in definition.own and name not in definition.statements:
            self.when_enum(definition, lambda: self.flow.add(target, Instance(definition)))

    def _attributes_of(self, value: Instance) -> Holder:
        """The dict of an object's attributes."""
        holder = Holder((value, "__dict__"), mapping=True)
        self.flow.copy(self.flow.field(value, EVERYTHING), self.flow.field(holder, UNKNOWN_ITEM))
        return holder

    def when_enum(self, definition: ScriptClass, then: Callable[[], None]) -> None:
        def base(value: Value) -> None:
            if isinstance(value, Outside) and value.path in _ENUMS:
                then()
        self.flow.watch(definition.outside, base)

    def _member_of_enum(self, definition: ScriptClass, target: Variable) -> None:
        self.when_enum(definition, lambda: self.flow.add(target, Instance(definition)))

    def item(self, value: Value, key: str, target: Variable) -> None:
        """value[key]"""
        self.flow.item(value, key, target)
        if isinstance(value, Outside):
            self.outside(f"{value.path}[{_shown_key(key)}]", value.site, target)
        elif isinstance(value, Instance):
            self.call_member(value, "__getitem__", Arguments(), target, value)
        elif isinstance(value, ClassObject):
            self._member_of_enum(value.definition, target)

    def element(self, value: Value, target: Variable) -> None:
        """What iterating the value gives."""
        if (value, target) in self._iterated:  # iterators that give each other
            return
        self._iterated.add((value, target))
        if isinstance(value, Holder) and value.mapping:
            self.flow.copy(self.flow.field(value, KEYS), target)
            return
        self.flow.copy(self.flow.field(value, ITEMS), target)
        if isinstance(value, Outside):
            self.outside(f"{value.path}[]", value.site, target)
        elif isinstance(value, Instance):
            iterator = Variable()
            self.call_member(value, "__iter__", Arguments(), iterator, value)
            self.elements(iterator, target)
            self.call_member(value, "__next__", Arguments(), target, value)
        elif isinstance(value, ClassObject):
            self._member_of_enum(value.definition, target)

    def elements(self, source: Variable, target: Variable) -> None:
        self.flow.watch(source, lambda value: self.element(value, target))

    # Storing

    def store(self, value: Value, key: str, stored: Variable, line: int) -> None:
        """value[key] = stored, value.name = stored (a key that begins with a dot)"""
        self.flow.copy(stored, self.flow.field(value, key))
        if isinstance(value, Outside):
            place = key if key.startswith(".") else f"[{_shown_key(key)}]"
            self._sink(f"{value.path}{place}=", Arguments(positional=[stored]), line)
        elif isinstance(value, Instance) and key.startswith("["):
            self.call_member(value, "__setitem__", Arguments(positional=[self.nothing, stored]), Variable(), value)

    def _sink(self, path: str, arguments: Arguments, line: int, receiver: Value | None = None) -> None:
        for sink in sinks(path):
            self.pickle(sink, arguments, line, sink.user.format(_called(path)), receiver)

    def pickle(self, sink: Sink, arguments: Arguments, line: int, user: str, receiver: Value | None) -> None:
        """Something is passed to a sink."""
        if sink.receiver:
            holder = Variable()
            if receiver is not None:
                self.flow.add(holder, receiver)
            given = [holder]
        elif sink.arguments is None:
            given = [*arguments.positional, *arguments.starred, *arguments.mappings,
                     *(value for name, value in arguments.keywords.items() if name not in sink.ignored)]
        else:
            chosen = [arguments.at(key) if isinstance(key, int) else arguments.keywords.get(key)
                      for key in sink.arguments]
            given = [variable for variable in chosen if variable] + arguments.starred + arguments.mappings
        for variable in given:
            if not sink.decorates:
                self.pickled.append(Pickled(variable, sink, line, user))
            if sink.results or sink.functions == "called":
                self.flow.watch(variable, lambda value: self._results(value, sink, line, user))

    def _results(self, value: Value, sink: Sink, line: int, user: str) -> None:
        """A function is called by the sink, and what it returns is pickled."""
        function = value.function if isinstance(value, Bound) else (
            value.definition if isinstance(value, FunctionObject) else None)
        if function:
            result = Variable()
            self._returned(function, result)
            self.pickled.append(Pickled(result, sink, line, user))

    # Calling

    def call(self, callee: Value, arguments: Arguments, result: Variable, site: Site) -> None:
        if isinstance(callee, FunctionObject):
            self._bind(callee.definition, arguments, None)
            self._returned(callee.definition, result)
        elif isinstance(callee, Bound):
            self._bind(callee.function, arguments, callee.owner)
            self._returned(callee.function, result)
        elif isinstance(callee, ClassObject):
            self._instantiate(callee.definition, arguments, result, site)
        elif isinstance(callee, Instance):
            self.call_member(callee, "__call__", arguments, result, site.node)
        elif isinstance(callee, Outside):
            self._call_outside(callee, arguments, result, site)
        elif callee in self._partials and (callee, site.node) not in self._partial_calls:
            self._partial_calls.add((callee, site.node))  # one that calls itself would have ever more arguments
            self._call_partial(self._partials[callee], arguments, result, site)

    def _call_partial(self, bound: Arguments, arguments: Arguments, result: Variable, site: Site) -> None:
        """A functools.partial: of its arguments the first is the function."""
        everything = Arguments([*bound.positional[1:], *arguments.positional], [*bound.starred, *arguments.starred],
                               bound.keywords | arguments.keywords, [*bound.mappings, *arguments.mappings])
        self.flow.watch(bound.positional[0], lambda function: self.call(function, everything, result, site))

    def call_member(self, value: Instance, name: str, arguments: Arguments, result: Variable, node: object) -> None:
        """A special method, if the script's class has it."""
        def method(member: Value) -> None:
            if isinstance(member, FunctionObject):
                self._bind(member.definition, arguments, value)
                self._returned(member.definition, result)
        self.flow.watch(self.flow.member(value.definition, name), method)

    def _returned(self, function: ScriptFunction, result: Variable) -> None:
        if function.generator:
            holder = Holder(function)
            self.flow.copy(function.yields, self.flow.field(holder, UNKNOWN_ITEM))
            self.flow.add(result, holder)
        else:
            self.flow.copy(function.returns, result)

    def _bind(self, function: ScriptFunction, arguments: Arguments, owner: Value | None) -> None:
        """Passes arguments to parameters."""
        flow, first = self.flow, 0
        if owner is not None:
            first = 1
            if function.positional:
                flow.add(function.parameters[function.positional[0]], owner)
        for index, variable in enumerate(arguments.positional, first):
            if index < len(function.positional):
                flow.copy(variable, function.parameters[function.positional[index]])
            elif function.rest:
                flow.copy(variable, flow.field(function.rest, UNKNOWN_ITEM))
        for variable in arguments.starred:
            for name in function.positional[first + len(arguments.positional):]:
                self.elements(variable, function.parameters[name])
            if function.rest:
                self.elements(variable, flow.field(function.rest, UNKNOWN_ITEM))
        for name, variable in arguments.keywords.items():
            if name in function.parameters:
                flow.copy(variable, function.parameters[name])
            elif function.keywords:
                flow.copy(variable, flow.field(function.keywords, constant_key(name)))
        for mapping in arguments.mappings:
            flow.watch(mapping, lambda value: self._bind_mapping(function, value))

    def _bind_mapping(self, function: ScriptFunction, value: Value) -> None:
        for name, parameter in function.parameters.items():
            self.flow.item(value, constant_key(name), parameter)
        if function.keywords:
            self.flow.copy(self.flow.field(value, ITEMS), self.flow.field(function.keywords, UNKNOWN_ITEM))

    def _instantiate(self, definition: ScriptClass, arguments: Arguments, result: Variable, site: Site) -> None:
        definition.instantiated = True
        instance = Instance(definition)
        self.flow.add(result, instance)
        self.call_member(instance, "__init__", arguments, Variable(), site.node)
        if "__init__" in definition.own:
            return
        # A dataclass, a named tuple, a model: its arguments become its attributes.
        for index, variable in enumerate(arguments.positional):
            key = f".{definition.declared[index]}" if index < len(definition.declared) else UNKNOWN_ITEM
            self.flow.copy(variable, self.flow.field(instance, key))
        for name, variable in arguments.keywords.items():
            self.flow.copy(variable, self.flow.field(instance, f".{name}"))

    def _call_outside(self, callee: Outside, arguments: Arguments, result: Variable, site: Site) -> None:
        path = callee.path
        self._sink(path, arguments, site.line, callee.site if isinstance(callee.site, Instance) else None)
        if path.endswith(".run_in_executor"):
            self._executor(arguments, site)
        if path in _THREADS:
            self._start_thread(arguments, site)
        if path == "copyreg.pickle":
            self._register_reducer(arguments, site)
        if path in _CLASS_MAKERS and (path != "builtins.type" or len(arguments.positional) == 3):
            self.flow.add(result, ClassObject(self._made_class(path, arguments, site)))
        elif makes_column(path):
            self._make_column(path, arguments, result, site)
        elif not self._known(path, arguments, result, site):
            if path.endswith(_STARTERS):
                self._start(path, arguments, result, site)
            tag = self._tag(path, arguments)
            self.outside(f"{path}({tag})", site.node, result)

    def _make_column(self, path: str, arguments: Arguments, result: Variable, site: Site) -> None:
        def type_(value: Value) -> None:
            if isinstance(value, Outside) and is_pickled_type(value.path):
                self.outside(path + PICKLED_COLUMN, site.node, result)
        for variable in arguments.everything():
            self.flow.watch(variable, type_)

    def class_attribute(self, definition: ScriptClass, name: str, variable: Variable, line: int) -> None:
        """A class's body binds a name: to a column perhaps, in which its instances keep what is pickled."""
        def column(value: Value) -> None:
            if isinstance(value, Outside) and is_pickled_column(value.path):
                stored = self.flow.field(Instance(definition), f".{name}")
                self.pickle(COLUMN, Arguments([stored]), line, COLUMN.user, None)
        self.flow.watch(variable, column)

    def _tag(self, path: str, arguments: Arguments) -> str:
        """What of a call's arguments the path of its result has to tell."""
        if path.endswith(("get_context", ".configure", ".add_jobstore")):
            text = arguments.constants.get(0, "")
            return text if not set(text) & set("[]()") else ""
        if path.startswith("sqlitedict.") and "encode" in arguments.keywords:
            return "encode"
        return "named" if path.endswith("task") and "name" in arguments.keywords else ""

    def _executor(self, arguments: Arguments, site: Site) -> None:
        """loop.run_in_executor(EXECUTOR, FUNCTION, ...)"""
        def executor(value: Value) -> None:
            if isinstance(value, Outside):
                passed = Arguments(positional=arguments.positional[1:], starred=arguments.starred)
                self._sink(f"{value.path}.submit", passed, site.line)
        if arguments.positional:
            self.flow.watch(arguments.positional[0], executor)

    def _start_thread(self, arguments: Arguments, site: Site) -> None:
        """Thread(target=FUNCTION, args=VALUES), Timer(SECONDS, FUNCTION, VALUES)"""
        function, values = arguments.get(1, "target"), arguments.keywords.get("args") or arguments.at(3)
        if function and values:
            passed = Arguments(starred=[values])
            self.flow.watch(function, lambda value: self._run(value, passed, Variable(), site))

    def _start(self, path: str, arguments: Arguments, result: Variable, site: Site) -> None:
        """Calls by an executor or a pool, of threads or of processes: what they return is got from the result."""
        given = arguments.positional[1:] if path.endswith(".run_in_executor") else arguments.positional
        if not given:
            return
        passed = Arguments(positional=given[1:], starred=arguments.starred)
        if path.endswith("map"):
            passed.positional = [Variable() for _ in given[1:]]
            for variable, element in zip(given[1:], passed.positional):
                self.elements(variable, element)
        elif ".apply" in path:
            passed = Arguments(starred=given[1:2])
        holder = Holder((site.node, "started"))

        def start(value: Value) -> None:
            if isinstance(value, (FunctionObject, Bound)):
                self.flow.add(result, holder)
                self._run(value, passed, self.flow.field(holder, UNKNOWN_ITEM), site)
        self.flow.watch(given[0], start)

    def _run(self, value: Value, arguments: Arguments, result: Variable, site: Site) -> None:
        if isinstance(value, (FunctionObject, Bound)):
            self.call(value, arguments, result, site)

    def _register_reducer(self, arguments: Arguments, site: Site) -> None:
        """copyreg.pickle(CLASS, REDUCER): what the reducer returns is pickled in an instance's place."""
        kind, reducer = arguments.get(0, "ob_type"), arguments.get(1, "pickle_function")
        if not kind or not reducer:
            return
        self.flow.watch(kind, partial(self._reduced, reducer))
        self.flow.watch(reducer, lambda value: self._results(
            value, Sink("copyreg", functions="pickled"), site.line, "copyreg.pickle"))

    def _reduced(self, reducer: Variable, kind: Value) -> None:
        if isinstance(kind, ClassObject):
            self.flow.copy(reducer, kind.definition.reducers)

    def _made_class(self, path: str, arguments: Arguments, site: Site) -> ScriptClass:
        """namedtuple("Point", "x y"): a class that belongs to the script, like one by a class statement."""
        if site.node not in self.made:
            name = arguments.constants.get(0, "(unnamed)")
            made = ScriptClass(name, site.prefix + name, site.line, site.column, site.local, made=True)
            if path in _ENUMS:
                self.flow.add(made.outside, Outside(path))
            self.made[site.node] = made
        return self.made[site.node]

    def _known(self, path: str, arguments: Arguments, result: Variable, site: Site) -> bool:
        """Functions from outside that give back what they were given; False: not one of them."""
        flow = self.flow
        first = arguments.at(0)
        if path in _LISTS or path in _EMPTY or path in _COLLECTORS or path in _CALLERS or path == "builtins.filter":
            self._collection(path, arguments, result, site)
        elif path in _DICTS or path == "collections.defaultdict":
            self._mapping(path, arguments, result, site)
        elif path in _SAME_OBJECT:
            if first:
                flow.copy(first, result)
        elif path == "typing.cast":
            if len(arguments.positional) == 2:
                flow.copy(arguments.positional[1], result)
        elif path in _ONE_OF:
            for variable in arguments.positional:
                self.elements(variable, result)
            for variable in [*arguments.positional[1:], *(arguments.keywords.get("default") or self.nothing,)]:
                flow.copy(variable, result)
        elif path == "builtins.vars" and first:
            flow.watch(first, lambda value: self.attribute(value, "__dict__", result))
        elif path == "builtins.type" and first:
            flow.watch(first, lambda value: self.attribute(value, "__class__", result))
        elif path == "builtins.getattr" and first:
            self._getattr(arguments, result)
        elif path == "builtins.setattr" and first and len(arguments.positional) == 3 and 1 in arguments.constants:
            flow.watch(first, lambda value: self.store(value, "." + arguments.constants[1], arguments.positional[2],
                                                       site.line))
        elif path in ("importlib.import_module", "builtins.__import__"):
            if 0 in arguments.constants:
                self.outside(arguments.constants[0], None, result)
        else:
            return False
        return True

    def _getattr(self, arguments: Arguments, result: Variable) -> None:
        if 1 in arguments.constants:
            self.flow.watch(arguments.positional[0],
                            lambda value: self.attribute(value, arguments.constants[1], result))
        for default in arguments.positional[2:]:
            self.flow.copy(default, result)

    def _collection(self, path: str, arguments: Arguments, result: Variable, site: Site) -> None:
        flow, holder = self.flow, Holder(site.node)
        inside = flow.field(holder, UNKNOWN_ITEM)
        flow.add(result, holder)
        if path == "functools.partial" and arguments.positional:
            self._partials[holder] = arguments
        if path in _LISTS:
            for variable in arguments.positional + arguments.starred:
                self.elements(variable, inside)
        elif path == "builtins.filter":
            for variable in arguments.positional[1:]:
                self.elements(variable, inside)
        elif path in ("builtins.zip", "builtins.enumerate"):
            row = Holder((site.node, "row"))
            flow.add(inside, row)
            for index, variable in enumerate(arguments.positional, start=path == "builtins.enumerate"):
                self.elements(variable, flow.field(row, constant_key(index)))
        elif path in _CALLERS:
            passed = Arguments(positional=[Variable() for _ in arguments.positional[1:]])
            for variable, element in zip(arguments.positional[1:], passed.positional):
                self.elements(variable, element)
            if arguments.positional:
                flow.watch(arguments.positional[0], lambda value: self.call(value, passed, inside, site))
        elif path in _COLLECTORS:
            for variable in arguments.everything():
                flow.copy(variable, inside)

    def _mapping(self, path: str, arguments: Arguments, result: Variable, site: Site) -> None:
        holder = Holder(site.node, mapping=True)
        self.flow.add(result, holder)
        given = arguments.positional
        if path == "collections.defaultdict":
            inside = self.flow.field(holder, UNKNOWN_ITEM)
            for factory in given[:1]:
                self.flow.copy(factory, self.flow.field(holder, ".default_factory"))
                made = Site((site.node, "factory"), site.line, site.column)
                self.flow.watch(factory, lambda value: self.call(value, Arguments(), inside, made))
            given = given[1:]
        for variable in given + arguments.mappings:
            self.flow.watch(variable, lambda value: self.update(holder, value))
        for name, variable in arguments.keywords.items():
            self.flow.copy(variable, self.flow.field(holder, constant_key(name)))
            self.flow.copy(variable, self.flow.field(holder, f".{name}"))  # SimpleNamespace

    def update(self, holder: Value, source: Value) -> None:
        """holder.update(source), for a mapping or for pairs."""
        flow = self.flow
        if isinstance(source, Holder) and not source.mapping:
            def pair(value: Value) -> None:
                flow.item(value, constant_key(0), flow.field(holder, KEYS))
                flow.item(value, constant_key(1), flow.field(holder, UNKNOWN_ITEM))
            flow.watch(flow.field(source, ITEMS), pair)
            return
        flow.copy(flow.field(source, ITEMS), flow.field(holder, UNKNOWN_ITEM))
        flow.copy(flow.field(source, KEYS), flow.field(holder, KEYS))

    # Methods of containers: of the script's own, of subclasses of such, and of any object from outside

    def method(self, value: Value, name: str, arguments: Arguments, result: Variable, site: Site,
               keys: dict[int, str]) -> None:
        if name == "to_pickle" and "pandas" in self.evidence and not isinstance(value, Outside):
            self.pickle(DATA_FRAME, Arguments(), site.line, DATA_FRAME.user, value)
        if isinstance(value, (FunctionObject, Bound, Super)):
            return
        if isinstance(value, (Instance, ClassObject)) and self.defines(value.definition, name):
            return
        flow, unknown = self.flow, self.flow.field(value, UNKNOWN_ITEM)
        if name in _ADDING:
            for variable in arguments.positional[:1] + arguments.starred:
                flow.copy(variable, unknown)
        elif name in _EXTENDING:
            for variable in arguments.positional + arguments.mappings:
                flow.watch(variable, lambda source: self._extend(value, name, source))
            for keyword, variable in arguments.keywords.items():
                flow.copy(variable, flow.field(value, constant_key(keyword)))
        elif name == "insert":
            for variable in arguments.positional[1:2]:
                flow.copy(variable, unknown)
        elif name in ("setdefault", "__setitem__"):
            for variable in arguments.positional[1:2]:
                flow.copy(variable, flow.field(value, keys.get(0, UNKNOWN_ITEM)))
                flow.copy(variable, result)
            flow.item(value, keys.get(0, UNKNOWN_ITEM), result)
        elif name in _TAKING:
            flow.item(value, keys.get(0, UNKNOWN_ITEM), result)
            for variable in arguments.positional[1:2]:
                flow.copy(variable, result)
        else:
            self._view(value, name, result, site)

    def _extend(self, value: Value, name: str, source: Value) -> None:
        if name == "update" and (not isinstance(value, Holder) or value.mapping):
            self.update(value, source)
        else:
            self.element(source, self.flow.field(value, UNKNOWN_ITEM))

    def _view(self, value: Value, name: str, result: Variable, site: Site) -> None:
        flow = self.flow
        if name in ("copy", "__enter__", "__aenter__"):
            flow.add(result, value)
        elif name in ("values", "keys", "elements", "most_common"):
            view = Holder((site.node, name))
            flow.copy(flow.field(value, KEYS if name == "keys" else ITEMS), flow.field(view, UNKNOWN_ITEM))
            flow.add(result, view)
        elif name == "items":
            view, row = Holder((site.node, name)), Holder((site.node, "row"))
            flow.copy(flow.field(value, KEYS), flow.field(row, constant_key(0)))
            flow.copy(flow.field(value, ITEMS), flow.field(row, constant_key(1)))
            flow.add(flow.field(view, UNKNOWN_ITEM), row)
            flow.add(result, view)
        elif name == "_asdict":
            self.attribute(value, "__dict__", result)

    def defines(self, definition: ScriptClass, name: str) -> bool:
        """Whether the class or one that it derives from has such a method of its own."""
        waiting, seen = [definition], set()
        while waiting:
            one = waiting.pop()
            if name in one.own:
                return True
            for base in one.bases.values:
                if isinstance(base, ClassObject) and base.definition not in seen:
                    seen.add(base.definition)
                    waiting.append(base.definition)
        return False
