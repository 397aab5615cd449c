"""The classes of what the pickle guard's cost is measured with: those of an application live in modules."""

import threading
from dataclasses import dataclass


@dataclass
class Address:
    """One that is stored by itself."""

    street: str = "Cedar Street 5"
    town: str = "Portland"
    zip_code: int = 97210


class Item:
    """A class of an ordinary module."""

    def __init__(self, number):
        self.number = number
        self.name = f"item {number}"
        self.price = number * 1.25


def refused_with_rows_behind(rows, cls=Item):
    """An object that pickle refuses at once, with so many rows behind what it refuses."""
    session = cls(1)
    session.lock = threading.Lock()
    session.rows = rows
    return session


def make_classes(names):
    """Classes like Item, of these names."""
    made = [type(name, (Item,), {"__module__": __name__}) for name in names]
    globals().update({cls.__name__: cls for cls in made})
    return made
