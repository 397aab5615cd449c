"""A dataclass with string annotations that is made within a function."""

from __future__ import annotations

import typing
from dataclasses import InitVar, dataclass, field, fields, make_dataclass
from typing import ClassVar


class Unit:
    pass


def make():
    @dataclass
    class Point:
        shared: ClassVar[int] = 7
        other: typing.ClassVar[int] = 8
        x: int = 0
        scale: InitVar[int] = 1
        kept: list[int] = field(default_factory=list)

        def __post_init__(self, scale):
            self.x *= scale

    @dataclass
    class Measure:
        unit: Unit
        number: int = 0

    return Point, Measure


def application(environ, start_response):
    Point, Measure = make()
    names = [each.name for each in fields(Point)]
    hints = typing.get_type_hints(Measure.__init__)
    made = make_dataclass("Made", [("x", "ClassVar[int]", 3), ("y", "int")], namespace={"__module__": __name__})
    start_response("200 OK", [])
    return [repr((Point(2, 3).x, names, sorted(hints), made(4).y)).encode()]
