"""Which definition of a name a reader sees: Python's scopes, and the order of statements in them.

In the scope that is being executed a name means its latest definition. Where paths join, and at the
head of a loop, it means any of several. A function reads the names of the scopes around it at a time
that is not known: there a name means any definition that it ever has.
"""

import ast
from dataclasses import dataclass, field

from brine.pickle_tools.flow import Flow, ScriptClass, ScriptFunction, Variable


@dataclass
class Branch:
    """Statements that are executed or not, or several times: what they have defined so far."""

    loop: bool = False
    names: dict[str, Variable] = field(default_factory=dict)
    """The latest definitions."""
    history: dict[str, Variable] = field(default_factory=dict)
    """All definitions."""
    heads: dict[str, Variable] = field(default_factory=dict)
    """In a loop: names that were read before their definition in it, so perhaps after that of the last round."""
    ended: bool = False
    """By return, raise, break or continue: what follows is not reached from here."""
    left_early: bool = False
    """A loop with break or continue in it."""


@dataclass(eq=False)
class Scope:
    """A module, class, function or comprehension."""

    kind: str
    flow: Flow
    parent: "Scope | None" = None
    bound: set[str] = field(default_factory=set)
    """Names that belong to this scope."""
    elsewhere: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""
    globals: set[str] = field(default_factory=set)
    function: ScriptFunction | None = None
    script_class: ScriptClass | None = None
    prefix: str = ""
    """What stands before the names defined here in their qualified names."""
    branches: list[Branch] = field(default_factory=lambda: [Branch()])
    every: dict[str, Variable] = field(default_factory=dict)

    @property
    def branch(self) -> Branch:
        return self.branches[-1]

    @property
    def local(self) -> bool:
        """Whether what is defined here cannot be found by its name in the module."""
        scope: Scope | None = self
        while scope:
            if scope.kind == "function":
                return True
            scope = scope.parent
        return False

    @property
    def module(self) -> "Scope":
        scope = self
        while scope.parent:
            scope = scope.parent
        return scope

    def define(self, name: str, variable: Variable) -> None:
        owner = self._owner(name)
        self.flow.copy(variable, owner.all(name))
        if owner is not self:
            return
        self.branch.names[name] = variable
        for branch in self.branches[1:]:
            self.flow.copy(variable, branch.history.setdefault(name, Variable()))

    def _owner(self, name: str) -> "Scope":
        """Where a definition made here goes to."""
        if name in self.globals:
            return self.module
        if name in self.elsewhere:
            scope = self.parent
            while scope and not (scope.kind == "function" and name in scope.bound):
                scope = scope.parent
            return scope or self
        return self

    def all(self, name: str) -> Variable:
        """Any definition that the name ever has here."""
        return self.every.setdefault(name, Variable())

    def latest(self, name: str) -> Variable | None:
        """What the name means at this point of this scope's execution; None: it has not been defined."""
        found, start = None, 0
        for start in range(len(self.branches) - 1, -1, -1):
            found = self.branches[start].names.get(name)
            if found or (self.branches[start].loop and name in self.branches[start].heads):
                found = found or self.branches[start].heads[name]
                break
        for branch in self.branches[start + 1:] if found else self.branches[1:]:
            if branch.loop and (found or name in self.bound):
                head = branch.heads.setdefault(name, Variable())
                if found:
                    self.flow.copy(found, head)
                found = head
        return found

    def lookup(self, name: str) -> Variable | None:
        """What the name means where this scope is executed; None: it is not the script's."""
        scope: Scope | None = self.module if name in self.globals else self
        later = scope is not self
        while scope:
            if name in scope.bound and name not in scope.elsewhere and not (later and scope.kind == "class"):
                found = scope.all(name) if later else scope.latest(name)
                if found or scope.kind != "class":
                    return found or scope.all(name)
            later = later or scope.kind == "function"
            scope = scope.parent
        return None

    def join(self, branches: list[Branch]) -> None:
        """Goes on after branches of which one was taken."""
        alive = [branch for branch in branches if not branch.ended]
        if not alive:
            self.branch.ended = True
            return
        for name in dict.fromkeys(name for branch in alive for name in branch.names):
            before = self.latest(name)
            either = Variable()
            for variable in [branch.names.get(name, before) for branch in alive]:
                if variable:
                    self.flow.copy(variable, either)
            self.branch.names[name] = either

    def close_loop(self, loop: Branch) -> None:
        """The end of a loop's body, which its head comes after too."""
        final = loop.history if loop.left_early or loop.ended else loop.names
        for name, head in loop.heads.items():
            if name in final:
                self.flow.copy(final[name], head)
        self.join([Branch(names=dict(final)), Branch()])


_NEW_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp,
               ast.DictComp, ast.GeneratorExp)


@dataclass
class Names:
    """What a look at a scope's statements says of its names."""

    bound: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    yields: bool = False


def names_of(body: list[ast.stmt] | list[ast.expr]) -> Names:
    """Reads the statements of one scope, not those of the scopes inside it."""
    found = Names()
    waiting: list[tuple[ast.AST, bool]] = [(statement, False) for statement in body]
    while waiting:
        node, comprehension = waiting.pop()
        _note_names(node, comprehension, found)
        if not isinstance(node, _NEW_SCOPES):
            waiting += [(child, comprehension) for child in ast.iter_child_nodes(node)]
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            # A name that `:=` binds in a comprehension belongs to the scope around it.
            waiting += [(child, True) for child in ast.iter_child_nodes(node)]
        else:
            waiting += [(child, comprehension) for child in _outer_parts(node)]
    return found


def _outer_parts(node: ast.AST) -> list[ast.AST]:
    """The parts of a definition that belong to the scope around it."""
    parts: list[ast.AST] = list(getattr(node, "decorator_list", []))
    if isinstance(node, ast.ClassDef):
        return parts + list(node.bases) + list(node.keywords)
    arguments = node.args  # type: ignore[attr-defined]
    return parts + list(arguments.defaults) + [default for default in arguments.kw_defaults if default]


def _note_names(node: ast.AST, comprehension: bool, found: Names) -> None:
    if isinstance(node, ast.NamedExpr):
        found.bound.add(node.target.id)
    elif isinstance(node, ast.Name):
        if not comprehension and not isinstance(node.ctx, ast.Load):
            found.bound.add(node.id)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        found.bound.add(node.name)
    elif isinstance(node, ast.alias):
        found.bound.add(node.asname or node.name.partition(".")[0])
    elif isinstance(node, ast.Global):
        found.globals.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        found.nonlocals.update(node.names)
    elif isinstance(node, (ast.Yield, ast.YieldFrom)):
        found.yields = True
    else:
        # An exception handler's name and the captures of a pattern.
        name = getattr(node, "rest", None) if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
        if isinstance(name, str):
            found.bound.add(name)
        elif isinstance(name, ast.Name):  # a type alias
            found.bound.add(name.id)
