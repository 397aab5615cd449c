"""Classes that attrs makes."""

import attr


@attr.s
class Point:
    x = attr.ib()
    y = attr.ib(default=0)


@attr.define
class Slots:
    value: int


@attr.frozen
class Frozen:
    value: int


@attr.define
class Nested(Slots):
    child: Point = None


@attr.s(auto_exc=True)
class WithError(Exception):
    code = attr.ib()


Made = attr.make_class("Made", ["a"])
MADE = Made(1)
