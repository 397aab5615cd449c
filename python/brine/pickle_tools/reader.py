"""Reads a script's syntax tree and says to the data-flow analysis what the script does with its objects.

The script is never executed. Statements are read in their order, functions after the scope that they
are in, since they may use what that defines later. What does not run under httpd is not read: the
block of `if __name__ == "__main__"`, and what follows a `return`.
"""

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from brine.pickle_tools.flow import (KEYS, UNKNOWN_ITEM, ClassObject, Flow, FunctionObject, Holder, Instance, Outside,
                                     ScriptClass, ScriptFunction, Super, Value, Variable)
from brine.pickle_tools.operations import Arguments, Operations, Site, constant_key
from brine.pickle_tools.scopes import Branch, Scope, names_of
from brine.pickle_tools.users import canonical, evidence, setting

_Step = tuple[ast.AST, Scope] | Callable[[], None]
_PARTS_OF_A_ROW = 64  # items that are kept apart; the rest of a longer list is one


@dataclass(frozen=True)
class Import:
    """A name that the script imports."""

    path: str
    line: int
    column: int


@dataclass(frozen=True)
class Setting:
    """A string of the script that says how something pickles."""

    says: str
    line: int
    column: int


class Reader:
    """One script. After `read()` and the flow's run, `classes`, `imports` and the operations hold the facts."""

    def __init__(self, tree: ast.Module, flow: Flow) -> None:
        self._tree, self._flow = tree, flow
        self.operations = Operations(flow)
        self.classes: list[ScriptClass] = []
        self.imports: list[Import] = []
        self.settings: list[Setting] = []
        self._first_arguments: list[tuple[ScriptFunction, ScriptClass]] = []
        self._annotated: list[tuple[ast.expr, Scope, Variable]] = []
        self._variables: dict[int, tuple[ast.AST, Variable]] = {}  # the node too: its id is taken while it lives
        self._starred_modules: list[str] = []
        self._bodies: deque[tuple[ScriptFunction, Scope, list[ast.stmt] | ast.expr]] = deque()
        self._loops: list[Branch] = []
        self._not_run = 0  # depth of blocks for type checkers only
        self._nothing = self.operations.nothing

    def read(self) -> None:
        names = names_of(self._tree.body)
        scope = Scope("module", self._flow, bound=names.bound)
        scope.bound.update(name for node in ast.walk(self._tree) if isinstance(node, ast.Global) for name in node.names)
        self._block(self._tree.body, scope)
        while self._bodies:
            function, inside, body = self._bodies.popleft()
            self._loops = []
            if isinstance(body, list):
                self._block(body, inside)
            else:
                self._flow.copy(self._evaluate(body, inside), function.returns)

    def presume(self) -> None:
        """After a first run: what is known without a call that the script itself makes.

        A method's `self` is an instance of its class, and what is annotated as an Item may be one. Not
        of a class that others derive from, for it is those that are meant then.
        """
        for function, owner in self._first_arguments:
            if function.positional and (owner.instantiated or not owner.subclassed) and not owner.abstract:
                first: Value = ClassObject(owner) if function.kind == "class" else Instance(owner)
                self._flow.add(function.parameters[function.positional[0]], first)
        for annotation, scope, variable in self._annotated:
            self._presume_annotated(annotation, scope, variable)

    # Expressions: an explicit list of steps, since expressions nest deeper than Python's stack

    def _variable(self, node: ast.AST) -> Variable:
        found = self._variables.get(id(node))
        if found is None:
            found = self._variables[id(node)] = (node, Variable())
        return found[1]

    def _evaluate(self, root: ast.expr | None, scope: Scope) -> Variable:
        """Reads an expression and gives the variable of its values."""
        if root is None:
            return self._nothing
        steps: list[_Step] = [(root, scope)]
        while steps:
            step = steps.pop()
            if callable(step):
                step()
                continue
            node, inside = step
            handler = getattr(self, f"_of_{type(node).__name__}", None)
            if isinstance(node, ast.Constant):
                self._constant(node)
            elif handler:
                steps.extend(reversed(list(handler(node, inside))))
            else:
                steps.extend(reversed([(child, inside) for child in ast.iter_child_nodes(node)]))
        return self._variable(root)

    def _constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and len(node.value) < 200:
            says = setting(node.value)
            if says:
                self.settings.append(Setting(says, node.lineno, node.col_offset))
                self._note_evidence(node.value)

    def _note_evidence(self, path: str) -> None:
        self.operations.evidence |= evidence([path])

    def _watch(self, node: ast.AST, reaction: Callable[[Value], None]) -> None:
        self._flow.watch(self._variable(node), reaction)

    def _of_Name(self, node: ast.Name, scope: Scope) -> Iterator[_Step]:
        self._flow.copy(self._named(node.id, scope), self._variable(node))
        yield from ()

    def _named(self, name: str, scope: Scope) -> Variable:
        """What a name means; one that the script does not define is a builtin or came with `import *`."""
        found = scope.lookup(name)
        if found is None:
            found = Variable()
            for module in ["builtins", *self._starred_modules]:
                self.operations.outside(f"{module}.{name}", None, found)
        return found

    def _of_Attribute(self, node: ast.Attribute, scope: Scope) -> Iterator[_Step]:
        target = self._variable(node)
        self._watch(node.value, lambda value: self.operations.attribute(value, node.attr, target))
        yield node.value, scope

    def _of_Subscript(self, node: ast.Subscript, scope: Scope) -> Iterator[_Step]:
        target = self._variable(node)
        if isinstance(node.slice, ast.Slice):
            self._flow.copy(self._variable(node.value), target)
        else:
            key = _key(node.slice)
            self._watch(node.value, lambda value: self.operations.item(value, key, target))
        yield node.value, scope
        yield node.slice, scope

    def _of_Call(self, node: ast.Call, scope: Scope) -> Iterator[_Step]:
        arguments, result = self._arguments(node), self._variable(node)
        site = Site(node, node.lineno, node.col_offset, scope.local, scope.prefix)
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            keys = {index: _key(argument) for index, argument in enumerate(node.args)
                    if isinstance(argument, ast.Constant)}
            self._watch(node.func.value,
                        lambda value: self.operations.method(value, name, arguments, result, site, keys))
        owner = self._class_around(scope)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and owner:
            self._flow.add(result, Super(owner))
        self._watch(node.func, lambda value: self.operations.call(value, arguments, result, site))
        yield node.func, scope
        for argument in node.args:
            yield argument, scope
        for keyword in node.keywords:
            yield keyword.value, scope

    def _class_around(self, scope: Scope) -> ScriptClass | None:
        around: Scope | None = scope
        while around and not around.script_class:
            around = around.parent
        return around.script_class if around else None

    def _arguments(self, node: ast.Call) -> Arguments:
        arguments = Arguments()
        for index, argument in enumerate(node.args):
            if isinstance(argument, ast.Starred):
                arguments.starred.append(self._variable(argument.value))
            elif arguments.starred:
                holder = Variable()
                self._flow.add(holder, self._holder_of((argument, "argument"), [argument]))
                arguments.starred.append(holder)
            else:
                arguments.positional.append(self._variable(argument))
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    arguments.constants[index] = argument.value
        for keyword in node.keywords:
            if keyword.arg:
                arguments.keywords[keyword.arg] = self._variable(keyword.value)
                if keyword.arg in ("typename", "name", "method") and isinstance(keyword.value, ast.Constant):
                    arguments.constants.setdefault(0, str(keyword.value.value))
            else:
                arguments.mappings.append(self._variable(keyword.value))
        return arguments

    def _holder_of(self, site: object, nodes: list[ast.expr]) -> Holder:
        """A list of the values of some expressions."""
        holder = Holder(site)
        starred = any(isinstance(node, ast.Starred) for node in nodes) or len(nodes) > _PARTS_OF_A_ROW
        for index, node in enumerate(nodes):
            if isinstance(node, ast.Constant):
                continue
            if isinstance(node, ast.Starred):
                self.operations.elements(self._variable(node.value), self._flow.field(holder, UNKNOWN_ITEM))
            else:
                place = self._flow.field(holder, UNKNOWN_ITEM if starred else constant_key(index))
                self._flow.copy(self._variable(node), place)
        return holder

    def _of_List(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Iterator[_Step]:
        self._flow.add(self._variable(node), self._holder_of(node, node.elts))
        for element in node.elts:
            yield element, scope

    _of_Tuple = _of_Set = _of_List

    def _of_Dict(self, node: ast.Dict, scope: Scope) -> Iterator[_Step]:
        holder = Holder(node, mapping=True)
        self._flow.add(self._variable(node), holder)
        for key, value in zip(node.keys, node.values):
            if key is None:
                self._watch(value, lambda source: self.operations.update(holder, source))
            else:
                if not isinstance(value, ast.Constant):
                    self._flow.copy(self._variable(value), self._flow.field(holder, _key(key)))
                if not isinstance(key, ast.Constant):
                    self._flow.copy(self._variable(key), self._flow.field(holder, KEYS))
                yield key, scope
            yield value, scope

    def _comprehended(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
                      scope: Scope) -> Iterator[_Step]:
        inside = Scope("comprehension", self._flow, scope)
        for generator in node.generators:
            inside.bound |= names_of([generator.target]).bound
        holder = Holder(node, isinstance(node, ast.DictComp))
        self._flow.add(self._variable(node), holder)
        around = scope
        for generator in node.generators:
            yield generator.iter, around
            around = inside
            yield partial(self._bind_elements, generator.target, self._variable(generator.iter), inside)
            for condition in generator.ifs:
                yield condition, inside
        if isinstance(node, ast.DictComp):
            self._flow.copy(self._variable(node.key), self._flow.field(holder, KEYS))
            self._flow.copy(self._variable(node.value), self._flow.field(holder, UNKNOWN_ITEM))
            yield node.key, inside
            if node.value is not None:
                yield node.value, inside
        else:
            self._flow.copy(self._variable(node.elt), self._flow.field(holder, UNKNOWN_ITEM))
            yield node.elt, inside

    _of_ListComp = _of_SetComp = _of_DictComp = _of_GeneratorExp = _comprehended

    def _bind_elements(self, target: ast.expr, iterable: Variable, scope: Scope) -> None:
        element = Variable()
        self.operations.elements(iterable, element)
        self._assign(target, element, scope)

    def _of_Lambda(self, node: ast.Lambda, scope: Scope) -> Iterator[_Step]:
        function = self._function(node, "<lambda>", scope, local=True)
        self._flow.add(self._variable(node), FunctionObject(function))
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default:
                yield default, scope
        yield lambda: self._defaults(node.args, function)

    def _of_NamedExpr(self, node: ast.NamedExpr, scope: Scope) -> Iterator[_Step]:
        self._flow.copy(self._variable(node.value), self._variable(node))
        yield node.value, scope
        around = scope
        while around.kind == "comprehension" and around.parent:
            around = around.parent
        yield lambda: around.define(node.target.id, self._variable(node))

    def _of_IfExp(self, node: ast.IfExp, scope: Scope) -> Iterator[_Step]:
        for choice in (node.body, node.orelse):
            self._flow.copy(self._variable(choice), self._variable(node))
        for part in (node.test, node.body, node.orelse):
            yield part, scope

    def _of_BoolOp(self, node: ast.BoolOp, scope: Scope) -> Iterator[_Step]:
        for value in node.values:
            self._flow.copy(self._variable(value), self._variable(node))
            yield value, scope

    def _of_BinOp(self, node: ast.BinOp, scope: Scope) -> Iterator[_Step]:
        """Lists and dicts that are joined; what else is computed is another object than its parts."""
        for part in (node.left, node.right):
            self._watch(part, lambda value: self._joined(value, node))
            yield part, scope

    def _joined(self, value: Value, node: ast.BinOp | ast.AugAssign) -> None:
        if isinstance(value, Holder):
            self._flow.add(self._variable(node), value)
        elif isinstance(value, Instance):
            operator = _OPERATORS.get(type(node.op))
            if operator:
                self.operations.call_member(value, operator, Arguments(), self._variable(node), node)

    def _of_Await(self, node: ast.Await, scope: Scope) -> Iterator[_Step]:
        self._flow.copy(self._variable(node.value), self._variable(node))
        yield node.value, scope

    def _of_Yield(self, node: ast.Yield, scope: Scope) -> Iterator[_Step]:
        function = self._function_around(scope)
        if node.value:
            if function:
                self._flow.copy(self._variable(node.value), function.yields)
            yield node.value, scope

    def _of_YieldFrom(self, node: ast.YieldFrom, scope: Scope) -> Iterator[_Step]:
        function = self._function_around(scope)
        if function:
            self.operations.elements(self._variable(node.value), function.yields)
        yield node.value, scope

    def _function_around(self, scope: Scope) -> ScriptFunction | None:
        around: Scope | None = scope
        while around and not around.function:
            around = around.parent
        return around.function if around else None

    # Assignment

    def _assign(self, target: ast.expr, value: Variable, scope: Scope) -> None:
        """target = value, of any form."""
        waiting = [(target, value)]
        while waiting:
            node, given = waiting.pop()
            if isinstance(node, ast.Name):
                scope.define(node.id, given)
            elif isinstance(node, ast.Starred):
                rest = Variable()
                self._flow.add(rest, self._rest(node, given))
                waiting.append((node.value, rest))
            elif isinstance(node, (ast.Tuple, ast.List)):
                waiting += self._unpacked(node, given)
            elif isinstance(node, ast.Attribute):
                self._store_into(self._evaluate(node.value, scope), f".{node.attr}", given, node)
            elif isinstance(node, ast.Subscript):
                owner = self._evaluate(node.value, scope)
                self._evaluate(node.slice, scope)
                self._store_into(owner, _key(node.slice), given, node)

    def _store_into(self, owner: Variable, key: str, value: Variable, node: ast.expr) -> None:
        self._flow.watch(owner, lambda each: self.operations.store(each, key, value, node.lineno))

    def _rest(self, site: ast.AST, values: Variable) -> Holder:
        holder = Holder(site)
        self._flow.copy(values, self._flow.field(holder, UNKNOWN_ITEM))
        return holder

    def _unpacked(self, node: ast.Tuple | ast.List, value: Variable) -> Iterator[tuple[ast.expr, Variable]]:
        starred = False
        for index, part in enumerate(node.elts):
            starred = starred or isinstance(part, ast.Starred)
            element, key = Variable(), None if starred else constant_key(index)
            self._flow.watch(value, partial(self._unpack, key=key, target=element))
            yield part, element

    def _unpack(self, value: Value, key: str | None, target: Variable) -> None:
        if isinstance(value, Holder) and value.mapping or key is None:
            self.operations.element(value, target)
        else:
            self.operations.item(value, key, target)

    # Annotations

    def _annotate(self, annotation: ast.expr | None, scope: Scope, variable: Variable) -> None:
        if annotation is not None:
            self._annotated.append((annotation, scope, variable))

    def _presume_annotated(self, annotation: ast.expr, scope: Scope, variable: Variable) -> None:
        """`x: Item`, `x: "list[Item] | None"`: an Item may be there."""
        waiting, whole = [annotation], True
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                waiting += _parsed(node.value)
            elif isinstance(node, ast.Subscript):
                if _last_name(node.value) in ("Callable", "Literal", "type", "Type", "ClassVar"):
                    continue
                waiting += [node.slice]
            elif isinstance(node, ast.BinOp):
                waiting += [node.left, node.right]
            elif isinstance(node, (ast.Tuple, ast.List)):
                waiting += node.elts
            elif isinstance(node, (ast.Name, ast.Attribute)):
                self._presume_kind(self._evaluate(_detached(node), scope), variable, whole)
            whole = False

    def _presume_kind(self, kind: Variable, variable: Variable, whole: bool) -> None:
        def each(value: Value) -> None:
            if isinstance(value, ClassObject):
                owner = value.definition
                if (owner.instantiated or not owner.subclassed) and not owner.abstract:
                    self._flow.add(variable, Instance(owner))
            elif isinstance(value, Outside) and whole and not value.path.startswith(("builtins.", "typing.")):
                self.operations.outside(f"{value.path}()", value.site, variable)
        self._flow.watch(kind, each)

    # Statements

    def _block(self, statements: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in statements:
            if scope.branch.ended:
                return
            handler = getattr(self, f"_on_{type(statement).__name__}", None)
            if handler:
                handler(statement, scope)
            else:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.expr):
                        self._evaluate(child, scope)

    def _branch(self, statements: list[ast.stmt], scope: Scope, branch: Branch | None = None) -> Branch:
        """Reads statements that are perhaps not executed."""
        branch = branch or Branch()
        scope.branches.append(branch)
        self._block(statements, scope)
        scope.branches.pop()
        return branch

    def _on_Import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            self._imported(alias.name, node)
            bound = Variable()
            top = alias.name.partition(".")[0]
            self.operations.outside(alias.name if alias.asname else top, None, bound)
            scope.define(alias.asname or top, bound)

    def _on_ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self._starred_modules.append(module)
                self._imported(module, node)
                continue
            separator = "" if module.endswith(".") else "."
            path = f"{module}{separator}{alias.name}"
            self._imported(path, node)
            bound = Variable()
            self.operations.outside(path, None, bound)
            scope.define(alias.asname or alias.name, bound)

    def _imported(self, path: str, node: ast.stmt) -> None:
        if not self._not_run:
            self.imports.append(Import(canonical(path), node.lineno, node.col_offset))
            self._note_evidence(path)

    def _on_Assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self._evaluate(node.value, scope)
        for target in node.targets:
            self._assign(target, value, scope)
            self._note_attribute(target, value, scope)

    def _on_AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:
        value = Variable()
        if node.value:
            self._flow.copy(self._evaluate(node.value, scope), value)
        self._annotate(node.annotation, scope, value)
        if scope.kind == "class" and scope.script_class and isinstance(node.target, ast.Name):
            owner = scope.script_class
            owner.declared.append(node.target.id)
            self._flow.copy(value, self._flow.field(Instance(owner), f".{node.target.id}"))
        self._note_attribute(node.target, value, scope)
        if node.value or scope.kind != "class":
            self._assign(node.target, value, scope)

    def _note_attribute(self, target: ast.expr, value: Variable, scope: Scope) -> None:
        if scope.kind == "class" and scope.script_class and isinstance(target, ast.Name):
            self.operations.class_attribute(scope.script_class, target.id, value, target.lineno)

    def _on_AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:
        before = self._evaluate(_detached(node.target), scope)
        added = self._evaluate(node.value, scope)
        result = self._variable(node)
        self._flow.copy(before, result)
        self._flow.watch(added, lambda value: self._joined(value, node))
        if isinstance(node.op, ast.Add):  # a list takes the elements, whoever else has it
            self._flow.watch(before, lambda value: self._extended(value, added))
        self._assign(node.target, result, scope)

    def _extended(self, value: Value, added: Variable) -> None:
        if isinstance(value, (Holder, Outside)):
            self.operations.elements(added, self._flow.field(value, UNKNOWN_ITEM))

    def _on_TypeAlias(self, node: ast.AST, scope: Scope) -> None:
        scope.define(node.name.id, Variable())  # type: ignore[attr-defined]

    def _on_Return(self, node: ast.Return, scope: Scope) -> None:
        if node.value:
            value = self._evaluate(node.value, scope)
            if scope.function:
                self._flow.copy(value, scope.function.returns)
        scope.branch.ended = True

    def _on_Raise(self, node: ast.Raise, scope: Scope) -> None:
        for part in (node.exc, node.cause):
            self._evaluate(part, scope)
        scope.branch.ended = True

    def _on_Break(self, node: ast.Break | ast.Continue, scope: Scope) -> None:
        if self._loops:
            self._loops[-1].left_early = True
        scope.branch.ended = True

    _on_Continue = _on_Break

    def _on_If(self, node: ast.If, scope: Scope) -> None:
        branches: list[Branch] = []
        while True:  # through all `elif`, which are nested in the tree
            self._evaluate(node.test, scope)
            runs = _runs(node.test)
            if runs == "typing":
                self._not_run += 1
                branches.append(self._branch(node.body, scope))
                self._not_run -= 1
            elif runs != "never":
                branches.append(self._branch(node.body, scope))
            if runs == "always":
                break
            if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
                node = node.orelse[0]
                continue
            branches.append(self._branch(node.orelse, scope))
            break
        scope.join(branches)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> None:
        iterable = self._nothing if isinstance(node, ast.While) else self._evaluate(node.iter, scope)
        loop = Branch(loop=True)
        self._loops.append(loop)
        scope.branches.append(loop)
        if isinstance(node, ast.While):
            self._evaluate(node.test, scope)
        else:
            self._bind_elements(node.target, iterable, scope)
        self._block(node.body, scope)
        scope.branches.pop()
        self._loops.pop()
        scope.close_loop(loop)
        self._block(node.orelse, scope)

    _on_For = _on_AsyncFor = _on_While = _loop

    def _on_With(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            manager = self._evaluate(item.context_expr, scope)
            if item.optional_vars:
                entered = Variable()
                self._flow.watch(manager, partial(self._enter, target=entered))
                self._assign(item.optional_vars, entered, scope)
        self._block(node.body, scope)

    _on_AsyncWith = _on_With

    def _enter(self, value: Value, target: Variable) -> None:
        """What `with value as target` gives: most often the manager itself."""
        if isinstance(value, Instance):
            for name in ("__enter__", "__aenter__"):
                self.operations.call_member(value, name, Arguments(), target, None)
            if self.operations.defines(value.definition, "__enter__"):
                return
        if isinstance(value, Holder):  # a generator function that is a context manager
            self.operations.element(value, target)
        self._flow.add(target, value)

    def _on_Try(self, node: ast.Try, scope: Scope) -> None:
        body = self._branch([*node.body, *node.orelse], scope)
        branches = [body]
        for handler in node.handlers:
            # Any part of the body may have been executed.
            names = {}
            for name, some in body.history.items():
                names[name] = either = Variable()
                for variable in (some, scope.latest(name)):
                    if variable:
                        self._flow.copy(variable, either)
            self._evaluate(handler.type, scope)
            if handler.name:
                names[handler.name] = self._caught(handler, node)
            branches.append(self._branch(handler.body, scope, Branch(names=names)))
        scope.join(branches)
        ended, scope.branch.ended = scope.branch.ended, False
        self._block(node.finalbody, scope)
        scope.branch.ended = scope.branch.ended or ended

    _on_TryStar = _on_Try

    def _caught(self, handler: ast.ExceptHandler, tried: ast.Try) -> Variable:
        """`except ShopError as error`: an instance of one of the classes; of what is raised in the block itself too."""
        caught = Variable()
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
        for type_ in types:
            self._watch(type_, lambda value: self._presume_caught(value, tried, caught))
        return caught

    def _presume_caught(self, type_: Value, tried: ast.Try, caught: Variable) -> None:
        if isinstance(type_, ClassObject):
            self._flow.add(caught, Instance(type_.definition))
        elif isinstance(type_, Outside) and type_.path in ("builtins.Exception", "builtins.BaseException"):
            for raised in (each for statement in tried.body for each in _raised(statement)):
                self._watch(raised, lambda value: self._presume_raised(value, caught))

    def _presume_raised(self, value: Value, caught: Variable) -> None:
        if isinstance(value, (ClassObject, Instance)):
            self._flow.add(caught, Instance(value.definition))

    def _on_Match(self, node: ast.Match, scope: Scope) -> None:
        subject = self._evaluate(node.subject, scope)
        branches, complete = [], False
        for case in node.cases:
            branch = Branch()
            scope.branches.append(branch)
            self._capture(case.pattern, subject, scope)
            self._evaluate(case.guard, scope)
            scope.branches.pop()
            branches.append(self._branch(case.body, scope, branch))
            complete = complete or (case.guard is None and isinstance(case.pattern, ast.MatchAs)
                                    and case.pattern.pattern is None)
        scope.join(branches if complete else [*branches, Branch()])

    def _capture(self, pattern: ast.pattern, subject: Variable, scope: Scope) -> None:
        """The names of a pattern: the whole subject, or any part of it."""
        parts = Variable()
        self._flow.watch(subject, lambda value: self._flow.copy(self._flow.field(value, "*"), parts))
        whole: ast.pattern | None = pattern
        wholes = []
        while isinstance(whole, ast.MatchAs):
            wholes.append(whole)
            whole = whole.pattern
        for node in ast.walk(pattern):
            name = node.rest if isinstance(node, ast.MatchMapping) else (
                node.name if isinstance(node, (ast.MatchAs, ast.MatchStar)) else None)
            if name:
                scope.define(name, subject if node in wholes else parts)

    # Definitions

    def _on_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        decorators = [self._evaluate(decorator, scope) for decorator in node.decorator_list]
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            self._evaluate(default, scope)
        function = self._function(node, node.name, scope, local=scope.local and node.name not in scope.globals)
        self._defaults(node.args, function)
        for decorator in node.decorator_list:
            name = _last_name(decorator)
            function.kind = {"staticmethod": "static", "classmethod": "class", "property": "property",
                             "cached_property": "property"}.get(name, function.kind)
            if name == "wraps" and isinstance(decorator, ast.Call) and decorator.args:
                function.wraps = self._variable(decorator.args[0])
        if scope.script_class and scope.kind == "class":
            scope.script_class.statements.add(node.name)
            if function.kind != "static":
                self._first_arguments.append((function, scope.script_class))
        result = self._decorated(FunctionObject(function), node, decorators, scope)
        scope.define(node.name, result)

    _on_AsyncFunctionDef = _on_FunctionDef

    def _decorated(self, value: FunctionObject | ClassObject,
                   node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, decorators: list[Variable],
                   scope: Scope) -> Variable:
        """What a definition's name means after its decorators."""
        result = Variable()
        self._flow.add(result, value)
        for position, decorator in reversed(list(enumerate(decorators))):
            before, result = result, Variable()
            line = node.decorator_list[position].lineno
            site = Site((node, position), line, node.col_offset, scope.local, scope.prefix)

            def apply(callee: Value, before: Variable = before, result: Variable = result, site: Site = site) -> None:
                if isinstance(callee, Outside):  # it leaves what it decorates much as it was
                    self._flow.copy(before, result)
                self.operations.call(callee, Arguments(positional=[before]), result, site)

            self._flow.watch(decorator, apply)
        return result

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str, scope: Scope,
                  local: bool) -> ScriptFunction:
        function = ScriptFunction(name, ("" if name in scope.globals else scope.prefix) + name, node.lineno,
                                  node.col_offset, local)
        names = names_of([node.body] if isinstance(node, ast.Lambda) else node.body)
        function.generator = names.yields
        inside = Scope("function", self._flow, scope, bound=names.bound, elsewhere=names.globals | names.nonlocals,
                       globals=names.globals, function=function, prefix=f"{function.qualified_name}.<locals>.")
        static = any(_last_name(decorator) == "staticmethod" for decorator in getattr(node, "decorator_list", []))
        self._parameters(node.args, function, inside, scope, static)
        returns = getattr(node, "returns", None)
        if returns is not None and not function.generator:
            self._annotate(returns, scope, function.returns)
        self._bodies.append((function, inside, node.body))
        return function

    def _parameters(self, arguments: ast.arguments, function: ScriptFunction, inside: Scope, around: Scope,
                    static: bool) -> None:
        function.positional = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
        method = around.kind == "class" and not static
        for index, argument in enumerate([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]):
            variable = function.parameters[argument.arg] = Variable()
            if not (method and index == 0):
                self.operations.outside(f"<{argument.arg}>", argument, variable)
                self._annotate(argument.annotation, around, variable)
            inside.bound.add(argument.arg)
            inside.define(argument.arg, variable)
        for many, mapping in ((arguments.vararg, False), (arguments.kwarg, True)):
            if many:
                holder, variable = Holder(many, mapping), Variable()
                self._flow.add(variable, holder)
                self._annotate(many.annotation, around, self._flow.field(holder, UNKNOWN_ITEM))
                inside.bound.add(many.arg)
                inside.define(many.arg, variable)
                if mapping:
                    function.keywords = holder
                else:
                    function.rest = holder

    def _defaults(self, arguments: ast.arguments, function: ScriptFunction) -> None:
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = [*zip(reversed(positional), reversed(arguments.defaults)),
                 *zip(arguments.kwonlyargs, arguments.kw_defaults)]
        for argument, default in pairs:
            if default is not None:
                self._flow.copy(self._variable(default), function.parameters[argument.arg])

    def _on_ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:
        decorators = [self._evaluate(decorator, scope) for decorator in node.decorator_list]
        is_global = node.name in scope.globals
        owner = ScriptClass(node.name, ("" if is_global else scope.prefix) + node.name, node.lineno, node.col_offset,
                            local=scope.local and not is_global)
        owner.decorators = [self._evaluate(decorator.func, scope) if isinstance(decorator, ast.Call) else value
                            for decorator, value in zip(node.decorator_list, decorators)]
        self.classes.append(owner)
        for base in node.bases:
            bases = self._evaluate(base.value if isinstance(base, ast.Starred) else base, scope)
            self._flow.watch(bases, lambda value: self._derive(owner, value))
        for keyword in node.keywords:
            meta = self._evaluate(keyword.value, scope)
            if keyword.arg == "metaclass":
                self._flow.watch(meta, lambda value: self._derive(owner, value))
        names = names_of(node.body)
        inside = Scope("class", self._flow, scope, bound=names.bound, elsewhere=names.globals | names.nonlocals,
                       globals=names.globals, script_class=owner, prefix=f"{owner.qualified_name}.", every=owner.own)
        self._block(node.body, inside)
        if scope.script_class and scope.kind == "class":
            scope.script_class.statements.add(node.name)
        scope.define(node.name, self._decorated(ClassObject(owner), node, decorators, scope))

    def _derive(self, owner: ScriptClass, base: Value) -> None:
        if isinstance(base, Outside):
            self._flow.add(owner.outside, base)
            owner.abstract = owner.abstract or base.path.startswith(_ABSTRACT)
        elif isinstance(base, ClassObject):
            base.definition.subclassed = True
            self._flow.add(owner.bases, base)
            self._flow.copy(base.definition.outside, owner.outside)


_ABSTRACT = ("typing.Protocol", "abc.ABC")
_OPERATORS = {ast.Add: "__add__", ast.Sub: "__sub__", ast.Mult: "__mul__", ast.BitOr: "__or__", ast.BitAnd: "__and__",
              ast.Div: "__truediv__", ast.Mod: "__mod__", ast.MatMult: "__matmul__"}


def _raised(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a statement raises, but for functions and classes that it defines."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and node.exc:
            yield node.exc
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def _key(node: ast.expr) -> str:
    """The field for an item under that key."""
    if isinstance(node, ast.Constant) and (not isinstance(node.value, (str, bytes)) or len(node.value) < 200):
        return constant_key(node.value)
    return UNKNOWN_ITEM


def _last_name(node: ast.expr) -> str:
    """`wraps` of `functools.wraps(f)`."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _detached(node: ast.expr) -> ast.expr:
    """A copy of a name, attribute or item that is read now: what has been read of it before does not count."""
    if isinstance(node, ast.Name):
        return ast.Name(node.id, ast.Load())
    if isinstance(node, ast.Attribute):
        return ast.Attribute(node.value, node.attr, ast.Load())
    return ast.Subscript(node.value, node.slice, ast.Load()) if isinstance(node, ast.Subscript) else node


def _parsed(text: str) -> list[ast.expr]:
    """An annotation in quotes."""
    if len(text) > 1000 or "\0" in text:
        return []
    try:
        return [ast.parse(text.strip(), mode="eval").body]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _runs(test: ast.expr) -> str:
    """Whether a block is executed under httpd: always, never, or perhaps (empty); `typing`: never, and yet
    annotations may use what it imports."""
    if _last_name(test) == "TYPE_CHECKING" and isinstance(test, (ast.Name, ast.Attribute)):
        return "typing"
    if isinstance(test, ast.Constant):
        return "always" if test.value else "never"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        sides = [test.left, test.comparators[0]]
        names = {side.id for side in sides if isinstance(side, ast.Name)}
        values = {side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)}
        if "__name__" in names and "__main__" in values:
            return {ast.Eq: "never", ast.NotEq: "always"}.get(type(test.ops[0]), "")
    return ""
