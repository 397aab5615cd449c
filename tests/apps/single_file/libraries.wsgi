"""What libraries find by the script's name while a request is served: each of CHECKS is one, named in the query.

The answer is JSON; "missing" where the library is not installed.
"""

from __future__ import annotations

import json


class Item:
    size: Part = None


class Part:
    pass


def attrs_class():
    import attr

    @attr.s(auto_attribs=True)
    class Point:
        x: int
        part: Part = None

    attr.resolve_types(Point)
    return [attr.fields(Point).part.type is Part, Point(3).x]


def attrs_hints():
    import attr

    @attr.s(auto_attribs=True)
    class Point:
        part: Part = None

    return sorted(__import__("typing").get_type_hints(Point.__init__))


def bottle_load():
    import bottle
    return [bottle.load(f"{__name__}:Part") is Part, bottle.load(f"{__name__}:Part()").__class__ is Part]


def cattrs_structure():
    import attr
    import cattr

    @attr.s(auto_attribs=True)
    class Shelf:
        points: list[Point]

    attr.resolve_types(Shelf)
    return cattr.structure({"points": [{"x": 1}]}, Shelf).points[0].x


def django_string():
    from django.utils.module_loading import import_string
    return import_string(f"{__name__}.Part") is Part


def flask_path():
    import flask
    return flask.Flask(__name__).jinja_loader.list_templates()


def flask_helper():
    from flask.helpers import get_root_path
    return get_root_path(__name__) == __file__.rpartition("/")[0]


def graphene_name():
    import graphene

    class Query(graphene.ObjectType):
        other = graphene.Field(__name__ + ".Reply")

        def resolve_other(self, info):
            return Reply(text="found")

    class Reply(graphene.ObjectType):
        text = graphene.String()

    globals()["Reply"] = Reply
    return graphene.Schema(query=Query).execute("{ other { text } }").data["other"]["text"]


def marshmallow_name():
    import marshmallow

    class PartSchema(marshmallow.Schema):
        size = marshmallow.fields.Int()

    class ItemSchema(marshmallow.Schema):
        part = marshmallow.fields.Nested(__name__ + ".PartSchema")

    return ItemSchema().load({"part": {"size": "3"}})["part"]["size"]


def option_values():
    from optparse import Values
    values = Values({"Part": None})
    values.read_module(__name__)
    return values.Part is Part


def paste_urls():
    from paste.urlparser import load_module_from_name
    return load_module_from_name({}, __file__, __name__, None).Part is Part


def peewee_engine():
    from peewee import SqliteDatabase
    from playhouse.flask_utils import FlaskDB
    globals()["Engine"] = type("Engine", (SqliteDatabase,), {})
    try:
        return type(FlaskDB()._load_from_config_dict({"name": ":memory:", "engine": f"{__name__}.Engine"})) is Engine
    finally:
        del globals()["Engine"]


def pkg_resources_data():
    import pkg_resources
    return pkg_resources.resource_string(__name__, "templates/hello.txt").decode()


def pydantic_model():
    import pydantic

    class Shelf(pydantic.BaseModel):
        size: Size

    return Shelf(size={"value": "4"}).size.value


class Grammar:
    """For PLY, which reads the source of the module that it is in."""

    tokens = ("WORD",)
    t_WORD = "[a-z]+"
    t_ignore = " "

    def t_error(self, token):
        raise ValueError(token)

    def p_sentence(self, p):
        "sentence : WORD"
        p[0] = p[1]

    def p_error(self, p):
        raise ValueError(p)


def ply_lexer():
    from ply import lex
    lexer = lex.lex(module=Grammar())
    lexer.input("one two")
    return [token.value for token in lexer]


def ply_parser():
    from ply import lex, yacc
    grammar = Grammar()
    return yacc.yacc(module=grammar, write_tables=False, debug=False).parse("one", lexer=lex.lex(module=grammar))


def pyramid_names():
    from pyramid.path import DottedNameResolver, package_name, package_of
    import importlib
    module = importlib.import_module(__name__)
    return [DottedNameResolver().resolve(f"{__name__}:Part") is Part,
            DottedNameResolver(__name__).resolve(".Part") is Part, package_name(module) is not None,
            package_of(module) is not None]


def sqlalchemy_names():
    from sqlalchemy import Column, ForeignKey, Integer
    from sqlalchemy.orm import declarative_base, relationship
    Base = declarative_base()

    class Parent(Base):
        __tablename__ = "parent"
        id = Column(Integer, primary_key=True)
        children = relationship(__name__ + ".Child")

    class Child(Base):
        __tablename__ = "child"
        id = Column(Integer, primary_key=True)
        parent = Column(ForeignKey("parent.id"))

    return Parent(children=[Child(), Child()]).children[1].__class__.__name__


def sqlalchemy_mapped():
    import sqlalchemy
    if sqlalchemy.__version__ < "2":
        raise ImportError("Mapped is of SQLAlchemy 2")
    from sqlalchemy import ForeignKey
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
    globals().update(Mapped=Mapped)

    class Base(DeclarativeBase):
        pass

    class Parent(Base):
        __tablename__ = "parent"
        id: Mapped[int] = mapped_column(primary_key=True)
        children: Mapped[list["Child"]] = relationship()

    class Child(Base):
        __tablename__ = "child"
        id: Mapped[int] = mapped_column(primary_key=True)
        parent: Mapped[int] = mapped_column(ForeignKey("parent.id"))

    return Parent(children=[Child(), Child()]).children[1].__class__.__name__


def venusian_scan():
    import importlib
    import venusian
    found = []

    def callback(scanner, name, ob):
        found.append(name)

    def decorated(function):
        venusian.attach(function, callback)
        return function

    globals()["decorated"] = decorated(lambda: None)
    try:
        venusian.Scanner().scan(importlib.import_module(__name__))
    finally:
        del globals()["decorated"]
    return found


def watchdog_class():
    from watchdog.utils import load_class
    return load_class(f"{__name__}.Part") is Part


def werkzeug_string():
    from werkzeug.utils import import_string
    return [import_string(f"{__name__}:Part") is Part, import_string(__name__).Part is Part,
            import_string(f"{__name__}.nothing", silent=True)]


def wrapt_path():
    import wrapt
    return wrapt.resolve_path(__name__, "Part")[2] is Part


try:
    import attr

    @attr.s(auto_attribs=True)
    class Point:
        x: int
except ImportError:
    pass
try:
    import pydantic

    class Size(pydantic.BaseModel):
        value: int
except ImportError:
    pass
try:
    import marshmallow

    class PartSchema(marshmallow.Schema):
        size = marshmallow.fields.Int()
except ImportError:
    pass

CHECKS = {name: check for name, check in globals().items() if callable(check) and "_" in name[1:]}


def application(environ, start_response):
    try:
        answer = CHECKS[environ["QUERY_STRING"]]()
    except ImportError as error:
        if (error.name or "").startswith("_mod_wsgi_"):
            raise
        answer = "missing"
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
