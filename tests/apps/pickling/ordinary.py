"""Classes as an importable module has them: none of them is a hazard by itself."""


class Holder:
    """Keeps what it is given as attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first, self.second = first, second


class SlottedWithDict(Slotted):
    def __init__(self, first, second, third):
        super().__init__(first, second)
        self.third = third


class Reduced:
    """Is made from its arguments."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return Reduced, self.arguments


class Stated:
    """Says itself what its state is."""

    def __init__(self, state):
        self.state = state

    def __getstate__(self):
        return self.state

    def __setstate__(self, state):
        self.state = state


class Setter:
    """Has its state set by a function of its own choice."""

    def __init__(self, setter):
        self.setter = setter

    def __reduce__(self):
        return Setter, (None,), {"a": 1}, None, None, self.setter


class ListLike(list):
    pass


class DictLike(dict):
    pass


class Text(str):
    """A text that is not pickle's own kind: a key that has a class."""
