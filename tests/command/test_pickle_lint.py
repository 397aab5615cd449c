"""`brine pickle lint`: which definitions of a script can get into a pickle, and which cannot.

In the scripts below a comment `# <- ID NAME` says what has to be found in its line; nothing else may be.
"""

import re
import sys
import time
from pathlib import Path

import pytest

from brine.pickle_tools.lint import LARGEST_SCRIPT, Unreadable, lint

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = re.compile(r"# <- (.+)$")


def expected(source):
    """(line, id, name) of each comment; several are divided by commas."""
    found = set()
    for number, line in enumerate(source.splitlines(), start=1):
        match = EXPECTED.search(line)
        for each in match[1].split(", ") if match else []:
            id_, name = each.split(" ", 1)
            found.add((number, id_, name))
    return found


def hazards(source):
    """What was found, without notes."""
    data = source if isinstance(source, bytes) else source.encode()
    return {(finding.line, finding.id, finding.details["name"]) for finding in lint(data, "app.wsgi")
            if finding.counts}


def notes(source):
    return [(finding.line, finding.details.get("module")) for finding in lint(source.encode(), "app.wsgi")
            if finding.severity == "note"]


AT_RISK = {
    "an instance": """
import pickle
class Item: pass  # <- naming-script Item
pickle.dumps(Item())
""",
    "the class": """
import pickle
class Item: pass  # <- naming-script Item
pickle.dumps(Item)
""",
    "a function": """
import pickle
def task(): pass  # <- naming-script task
pickle.dumps(task)
""",
    "a lambda": """
import pickle
pickle.dumps(lambda: 0)  # <- naming-local <lambda>
""",
    "a lambda with a name": """
import pickle
key = lambda x: x  # <- naming-local <lambda>
pickle.dumps({"key": key})
""",
    "definitions in a function": """
import pickle
def application(environ, start_response):
    class Item: pass  # <- naming-local application.<locals>.Item
    def task(): pass  # <- naming-local application.<locals>.task
    pickle.dumps([Item(), task])
""",
    "a class in a class, a class in an `if`": """
import pickle, sys
class Outer:
    class Inner: pass  # <- naming-script Outer.Inner
if sys.platform == "linux":
    class Item: pass  # <- naming-script Item
else:
    class Item: pass  # <- naming-script Item
pickle.dumps([Outer.Inner(), Item()])
""",
    "a global definition in a function": """
import pickle
def make():
    global Item
    class Item: pass  # <- naming-script Item
    pickle.dumps(Item())
""",
    "dump to a file, by keyword": """
import pickle
class Item: pass  # <- naming-script Item
with open("x", "wb") as file:
    pickle.dump(obj=Item(), file=file)
""",
    "Pickler": """
import pickle, io
class Item: pass  # <- naming-script Item
pickler = pickle.Pickler(io.BytesIO())
pickler.dump(Item())
""",
    "a subclass of Pickler": """
import pickle, io
class Item: pass  # <- naming-script Item
class Own(pickle.Pickler):
    dispatch_table = {}
Own(io.BytesIO()).dump(Item())
""",
    "import as": """
import pickle as p
class Item: pass  # <- naming-script Item
p.dumps(Item())
""",
    "from import as": """
from pickle import dumps as d
class Item: pass  # <- naming-script Item
d(Item())
""",
    "import star": """
from pickle import *
class Item: pass  # <- naming-script Item
dumps(Item())
""",
    "try and except import": """
try:
    import cPickle as pickle
except ImportError:
    import pickle
class Item: pass  # <- naming-script Item
pickle.dumps(Item())
""",
    "import in a function": """
class Item: pass  # <- naming-script Item
def application(environ, start_response):
    import pickle
    return [pickle.dumps(Item())]
""",
    "import by name": """
import importlib
class Item: pass  # <- naming-script Item
importlib.import_module("pickle").dumps(Item())
""",
    "the C module": """
import _pickle
class Item: pass  # <- naming-script Item
_pickle.dumps(Item())
""",
    "the guard's own functions": """
import brine.pickle
class Item: pass  # <- naming-script Item
brine.pickle.dumps(Item())
""",
    "a pickler by another name": """
import pickle
class Item: pass  # <- naming-script Item
SERIALIZE = pickle.dumps
def application(environ, start_response):
    return [SERIALIZE(Item())]
""",
    "a pickler as a default and as an attribute": """
import pickle
class Item: pass  # <- naming-script Item
class Cart: pass  # <- naming-script Cart
def save(value, dump=pickle.dumps):
    return dump(value)
class Store:
    serializer = pickle
    def put(self, value):
        return self.serializer.dumps(value)
save(Item())
Store().put(Cart())
""",
    "a pickler that is mapped": """
import pickle
class Item: pass  # <- naming-script Item
blobs = list(map(pickle.dumps, [Item()]))
""",
    "containers": """
import pickle
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
class D: pass  # <- naming-script D
class E: pass  # <- naming-script E
pickle.dumps({"a": [A()], B(): 1, "c": ({C()},), "d": [D() for _ in range(3)], **{"e": E()}})
""",
    "containers that are filled": """
import pickle
from collections import deque, defaultdict
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
class D: pass  # <- naming-script D
class E: pass  # <- naming-script E
class F: pass  # <- naming-script F
class G: pass  # <- naming-script G
items, more, table, groups = [], deque(), {}, defaultdict(list)
alias = items
alias.append(A())
more.extend([B()])
table["c"] = C()
table.update(d=D())
table.setdefault("e", []).append(E())
groups["f"].append(F())
items += [G()]
pickle.dumps((items, more, table, groups))
""",
    "attributes": """
import pickle
class Item: pass  # <- naming-script Item
class Cart:  # <- naming-script Cart
    def __init__(self):
        self.items = []
    def add(self, item):
        self.items.append(item)
cart = Cart()
cart.add(Item())
pickle.dumps(cart)
""",
    "attributes that are set from outside": """
import pickle
class Item: pass  # <- naming-script Item
class Cart: pass  # <- naming-script Cart
cart = Cart()
cart.item = Item()
setattr(cart, "other", 1)
pickle.dumps(cart)
""",
    "a dataclass and its fields": """
import pickle
from dataclasses import dataclass, field
@dataclass
class Item:  # <- naming-script Item
    name: str
@dataclass
class Cart:  # <- naming-script Cart
    items: list["Item"] = field(default_factory=list)
pickle.dumps(Cart())
""",
    "named tuples and other classes made by a call": """
import pickle, collections, enum, typing
Point = collections.namedtuple("Point", "x y")  # <- naming-script Point
Color = enum.Enum("Color", "RED GREEN")  # <- naming-script Color
Pair = typing.NamedTuple("Pair", [("a", int)])  # <- naming-script Pair
Plain = type("Plain", (), {})  # <- naming-script Plain
pickle.dumps([Point(1, 2), Color.RED, Pair(1), Plain()])
""",
    "a member of an enum": """
import pickle, enum
class Color(enum.Enum):  # <- naming-script Color
    RED = 1
class Size(enum.IntEnum):  # <- naming-script Size
    BIG = enum.auto()
pickle.dumps([Color.RED, Size["BIG"]])
""",
    "members of an enum that are iterated": """
import pickle
from enum import Enum
class Color(Enum):  # <- naming-script Color
    RED = 1
pickle.dumps(list(Color))
""",
    "subclasses of built-in types": """
import pickle
class Row(dict): pass  # <- naming-script Row
class Text(str): pass  # <- naming-script Text
pickle.dumps([Row(a=1), Text("x")])
""",
    "a class that derives from another of the script": """
import pickle
class Base:
    def save(self):
        return pickle.dumps(self)
class Item(Base): pass  # <- naming-script Item
Item().save()
""",
    "a method that pickles self, called by who knows": """
import pickle
class Item:  # <- naming-script Item
    def __str__(self):
        return pickle.dumps(self).hex()
""",
    "a class method that makes instances": """
import pickle
class Item:  # <- naming-script Item
    @classmethod
    def make(cls):
        return cls()
    @staticmethod
    def save(item):
        pickle.dumps(item)
Item.save(Item.make())
""",
    "a bound method": """
import pickle
class Item:  # <- naming-script Item
    def work(self): pass
pickle.dumps(Item().work)
""",
    "a method of the class": """
import pickle
class Item:
    def work(self): pass  # <- naming-script Item.work
pickle.dumps(Item.work)
""",
    "through functions": """
import pickle
class Item: pass  # <- naming-script Item
def make(kind):
    return kind()
def save(*values, **named):
    for value in values:
        pickle.dumps(value)
def relay(*args, **kwargs):
    return save(*args, **kwargs)
relay(make(Item))
""",
    "through keywords": """
import pickle
class Item: pass  # <- naming-script Item
def save(**named):
    pickle.dumps(named)
save(item=Item())
""",
    "through a generator": """
import pickle
class Item: pass  # <- naming-script Item
def items():
    yield Item()
def all_items():
    yield from items()
pickle.dumps(list(all_items()))
""",
    "through a coroutine": """
import asyncio, pickle
class Item: pass  # <- naming-script Item
async def load():
    return Item()
async def main():
    async with lock() as held:
        async for name in names():
            pickle.dumps(await load())
asyncio.run(main())
""",
    "through a decorator of the script": """
import functools, pickle
class Item: pass  # <- naming-script Item
def cached(function):
    @functools.wraps(function)
    def wrapper(*args):
        return pickle.dumps(function(*args))
    return wrapper
@cached
def load(key):
    return Item()
""",
    "a wrapped function is pickled by the name of the wrapped one": """
import functools
from multiprocessing import Pool
def traced(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper
@traced
def work(x): return x  # <- naming-script work
with Pool() as pool:
    pool.map(work, [1])
""",
    "a closure is pickled by its own name": """
from multiprocessing import Pool
def make(n):
    def work(x): return x + n  # <- naming-local make.<locals>.work
    return work
with Pool() as pool:
    pool.map(make(1), [1])
""",
    "unpacking, walrus, conditional expressions": """
import pickle
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
first, *rest = [A(), B()]
pickle.dumps(rest)
pickle.dumps(first)
if (c := C()):
    pickle.dumps(c if c else None)
""",
    "match": """
import pickle
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
def application(environ, start_response):
    match {"a": A(), "b": [B()]}:
        case {"a": a, "b": [b, *_]}:
            pickle.dumps((a, b))
        case other:
            pass
""",
    "one of two ways": """
import pickle
class Item: pass  # <- naming-script Item
def application(environ, start_response):
    value = {}
    if environ["QUERY_STRING"]:
        value = Item()
    elif environ["PATH_INFO"]:
        value = []
    pickle.dumps(value)
""",
    "from one round of a loop to the next": """
import pickle
class Item: pass  # <- naming-script Item
last = None
for number in range(3):
    pickle.dumps(last)
    last = Item()
""",
    "after a break": """
import pickle
class Item: pass  # <- naming-script Item
while True:
    value = Item()
    if value:
        break
    value = None
pickle.dumps(value)
""",
    "an interrupted try": """
import pickle
class Item: pass  # <- naming-script Item
try:
    value = Item()
    value = int("x")
except ValueError:
    pickle.dumps(value)
finally:
    pass
""",
    "a global that a function sets": """
import pickle
class Item: pass  # <- naming-script Item
_item = None
def start():
    global _item
    _item = Item()
def application(environ, start_response):
    return [pickle.dumps(_item)]
""",
    "annotations": """
from __future__ import annotations
import pickle
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
def save(a: A, b: "list[B] | None") -> None:
    pickle.dumps((a, b))
def load() -> C:
    return other.load()
save(None, load())
""",
    "getattr, vars, functools.partial": """
import functools, pickle
class A: pass  # <- naming-script A
class Box: pass
def work(): pass  # <- naming-script work
box = Box()
box.value = A()
pickle.dumps(getattr(box, "value"))
pickle.dumps(vars(box))
pickle.dumps(functools.partial(work, 1))
""",
    "items of an object from outside": """
import pickle
from flask import g
class Item: pass  # <- naming-script Item
def before():
    g.item = Item()
def application(environ, start_response):
    return [pickle.dumps(g.item)]
""",
    "items of environ": """
import pickle
class User: pass  # <- naming-script User
def application(environ, start_response):
    environ["shop.user"] = User()
    return [pickle.dumps(environ["shop.user"])]
""",
    "__reduce__ that names the class": """
import pickle
class Item:  # <- naming-script Item
    def __reduce__(self):
        return (self.__class__, ())
class Other:  # <- naming-script Other
    def __reduce__(self):
        return super().__reduce__()
pickle.dumps([Item(), Other()])
""",
    "__reduce__ that names a function": """
import pickle
def restore(): pass  # <- naming-script restore
class Item:
    def __reduce__(self):
        return restore, ()
pickle.dumps(Item())
""",
    "copyreg": """
import copyreg, pickle
def restore(): pass  # <- naming-script restore
class Item: pass
def reduce_item(item):
    return restore, ()
copyreg.pickle(Item, reduce_item)
pickle.dumps(Item())
""",
    "shelve": """
import shelve
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
with shelve.open("x", writeback=True) as shelf:
    shelf["a"] = A()
    shelf["b"].append(B())
    shelf.update({"c": C()})
""",
    "a shelf that a class holds": """
import shelve
class Item: pass  # <- naming-script Item
class Store:
    def __init__(self):
        self.shelf = shelve.open("x")
    def put(self, key, value):
        self.shelf[key] = value
STORE = Store()
def application(environ, start_response):
    STORE.put("a", Item())
""",
    "multiprocessing.Pool": """
import multiprocessing
class Item: pass  # <- naming-script Item
class Result: pass  # <- naming-script Result
def work(item):  # <- naming-script work
    return Result()
def done(result): pass
def start(): pass  # <- naming-script start
pool = multiprocessing.get_context("spawn").Pool(4, initializer=start)
pool.apply_async(work, (Item(),), callback=done)
""",
    "a process pool of concurrent.futures": """
from concurrent.futures import ProcessPoolExecutor
class Result: pass  # <- naming-script Result
def work(): return Result()  # <- naming-script work
with ProcessPoolExecutor() as pool:
    pool.submit(work)
""",
    "run_in_executor": """
import asyncio
import concurrent.futures as futures
def work(): pass  # <- naming-script work
async def main():
    loop = asyncio.get_running_loop()
    with futures.ProcessPoolExecutor() as pool:
        await loop.run_in_executor(pool, work)
""",
    "multiprocessing.Process, its target and a subclass": """
from multiprocessing import Process
class Item: pass  # <- naming-script Item
def work(item): pass  # <- naming-script work
class Worker(Process):  # <- naming-script Worker
    def run(self): pass
Process(target=work, args=(Item(),)).start()
Worker().start()
""",
    "queues, pipes, managers": """
import multiprocessing as mp
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
queue = mp.Queue()
queue.put(A())
receiver, sender = mp.Pipe()
sender.send(B())
shared = mp.Manager().dict()
shared["c"] = C()
""",
    "Django's cache": """
from django.core.cache import cache, caches
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
class D: pass  # <- naming-script D
def make(): return D()
cache.set("a", A(), 60)
caches["other"].add("b", value=B())
cache.set_many({"c": C()})
cache.get_or_set("d", make)
""",
    "Django's sessions with PickleSerializer": """
from django.conf import settings
settings.configure(SESSION_SERIALIZER="django.contrib.sessions.serializers.PickleSerializer")
class Cart: pass  # <- naming-script Cart
class Item: pass  # <- naming-script Item
def view(request):
    request.session["cart"] = Cart()
    request.session.setdefault("items", []).append(Item())
""",
    "Flask-Caching": """
from flask import Flask
from flask_caching import Cache
app = application = Flask(__name__)
cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
@cache.memoize(50)
def load(): return A()
@app.route("/")
@cache.cached(timeout=5)
def index(): return [B()]
cache.set("c", C())
""",
    "Flask-Session": """
from flask import Flask, session
from flask_session import Session
application = Flask(__name__)
Session(application)
class Cart: pass  # <- naming-script Cart
class Item: pass  # <- naming-script Item
@application.route("/")
def index():
    cart = session.get("cart", Cart())
    cart.items = [Item()]
    session["cart"] = cart
""",
    "cachelib": """
from cachelib import FileSystemCache
class Item: pass  # <- naming-script Item
FileSystemCache("x").set("a", Item())
""",
    "joblib": """
import joblib
from joblib import Memory
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
joblib.dump(A(), "x")
memory = Memory("y")
@memory.cache
def load(): return B()
""",
    "dill and cloudpickle": """
import dill, cloudpickle
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
dill.dumps(A())
cloudpickle.dumps(B())
""",
    "torch": """
import torch
from torch import nn
class Net(nn.Module): pass  # <- naming-script Net
torch.save({"model": Net()}, "x")
""",
    "pandas": """
import pandas as pd
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
pd.to_pickle(A(), "x")
pd.DataFrame([B()]).to_pickle("y")
""",
    "Celery": """
from celery import Celery, shared_task
app = Celery("shop")
class Item: pass  # <- naming-script Item
@app.task
def one(item): pass  # <- naming-script one
@shared_task(bind=True)
def two(self): pass  # <- naming-script two
one.delay(Item())
""",
    "Celery tasks in a factory": """
from celery import Celery
def create():
    app = Celery("shop")
    @app.task
    def work(): pass  # <- naming-script create.<locals>.work
    return app
""",
    "Celery tasks of another module": """
import celery
from shop.tasks import bill
class Order: pass  # <- naming-script Order
def application(environ, start_response):
    bill.apply_async(args=[Order()])
""",
    "RQ": """
from redis import Redis
from rq import Queue
from rq.decorators import job
class Item: pass  # <- naming-script Item
def work(item): pass  # <- naming-script work
@job("default")
def other(): pass  # <- naming-script other
queue = Queue(connection=Redis())
queue.enqueue(work, Item())
""",
    "dogpile.cache": """
from dogpile.cache import make_region
region = make_region().configure("dogpile.cache.redis")
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
region.set("a", A())
@region.cache_on_arguments()
def load(): return B()
""",
    "Beaker": """
from beaker.cache import CacheManager
from beaker.middleware import SessionMiddleware
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
manager = CacheManager()
@manager.cache("a")
def load(): return A()
def application(environ, start_response):
    session = environ["beaker.session"]
    session["b"] = B()
    session.save()
application = SessionMiddleware(application)
""",
    "what runs in a thread pickles": """
import asyncio, pickle, threading
from concurrent.futures import ThreadPoolExecutor
class A: pass  # <- naming-script A
class B: pass  # <- naming-script B
class C: pass  # <- naming-script C
class D: pass  # <- naming-script D
def save(value):
    pickle.dumps(value)
def load(number):
    return D()
threading.Thread(target=save, args=(A(),)).start()
with ThreadPoolExecutor() as pool:
    pool.submit(save, B())
    pool.map(save, [C()])
    pickle.dumps([list(pool.map(load, [1])), pool.submit(load, 1).result()])
""",
    "the pickler of multiprocessing": """
from multiprocessing.reduction import ForkingPickler
class Item: pass  # <- naming-script Item
ForkingPickler.dumps(Item())
""",
    "several definitions, each once": """
import pickle, shelve
class A: pass  # <- naming-script A
def b(): pass  # <- naming-script b
for value in (A(), A(), A, b, b):
    pickle.dumps(value)
    shelve.open("x")["y"] = value
""",
}

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"hello"]
"""

CLEAN = {
    "empty": "",
    "hello": HELLO,
    "a bridge": "from shop.wsgi import application\n",
    "Django": """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
""",
    "Django, with a virtual environment and pickle imported": """
import os, sys, pickle
sys.path.insert(0, "/srv/shop")
activate = "/srv/venv/bin/activate_this.py"
exec(open(activate).read(), {"__file__": activate})
from django.core.handlers.wsgi import WSGIHandler
class Application(WSGIHandler):
    def __call__(self, environ, start_response):
        os.environ["SECRET"] = environ.get("SECRET", "")
        return super().__call__(environ, start_response)
application = Application()
""",
    "Flask": """
from flask import Flask, render_template, session
from multiprocessing import cpu_count
application = Flask(__name__)
application.secret_key = "x"
@application.route("/")
def index():
    session["seen"] = True
    return render_template("index.html", workers=cpu_count())
""",
    "plain dicts": """
import pickle
def application(environ, start_response):
    counts = {"a": 1, "b": [1, 2.5, None, (b"", "")]}
    return [pickle.dumps(counts), pickle.dumps({k: v for k, v in environ.items() if isinstance(v, str)})]
""",
    "helpers that are called": """
import pickle
def helper(value):
    return sorted(value, key=lambda pair: pair[1])
def application(environ, start_response):
    return [pickle.dumps(helper(environ.items()))]
""",
    "middleware": """
import pickle
class Middleware:
    def __init__(self, app):
        self.app, self.cache = app, {}
    def __call__(self, environ, start_response):
        key = environ["PATH_INFO"]
        if key not in self.cache:
            self.cache[key] = pickle.dumps(list(self.app(environ, start_response)))
        return pickle.loads(self.cache[key])
def application(environ, start_response):
    return [b""]
application = Middleware(application)
""",
    "an exception, a base class": """
import pickle
class NotFound(Exception): pass
class Base: pass
class Other(Base): pass
def application(environ, start_response):
    try:
        pickle.dumps({})
        raise NotFound("x")
    except NotFound as error:
        return [str(error).encode()]
""",
    "no pickle user at all": """
class Item: pass
session = {}
def save(item):
    cache.set("a", item)
    session["item"] = item
    pool.map(save, [item])
save(Item())
""",
    "something else is called dumps": """
import json, pickle, marshal
class Item:
    def to_json(self): return {}
json.dumps(Item().to_json())
json.dumps(Item(), default=lambda item: item.to_json())
class dumper:
    @staticmethod
    def dumps(value): return b""
dumper.dumps(Item())
""",
    "the script's own module named pickle": """
class pickle:
    @staticmethod
    def dumps(value): return b""
class Item: pass
pickle.dumps(Item())
""",
    "only loaded": """
import pickle
class Item: pass
def application(environ, start_response):
    data = pickle.loads(environ["x"])
    return [bytes(Item(data))]
""",
    "what is made of an object": """
import pickle, json
from dataclasses import dataclass, asdict, astuple
@dataclass
class Item:
    name: str
    def to_dict(self):
        return {"name": self.name, "size": len(self.name)}
item = Item("x")
pickle.dumps([asdict(item), astuple(item), str(item), repr(item), f"{item}", hash(item), item.name, item.to_dict()])
pickle.dumps(json.dumps(item.to_dict()))
pickle.dumps(item == item)
pickle.dumps(not item)
pickle.dumps(isinstance(item, Item))
pickle.dumps(vars(item))
pickle.dumps(item.__dict__)
pickle.dumps(Item.__name__)
pickle.dumps([each.name for each in [item]])
""",
    "a name with another meaning later": """
import pickle
from dataclasses import asdict
class Item: pass
def application(environ, start_response):
    data = Item()
    data = asdict(data)
    pickle.dumps(data)
    for data in [Item()]:
        data = asdict(data)
        pickle.dumps(data)
    if environ:
        data = Item()
        return []
    pickle.dumps(data)
""",
    "another item of the same dict": """
import pickle
class Form: pass
context = {"form": Form(), "name": "x"}
pickle.dumps(context["name"])
form, name = Form(), "x"
pickle.dumps(name)
pair = (Form(), 1)
pickle.dumps(pair[1])
for key, value in {"a": Form()}.items():
    pickle.dumps(key)
""",
    "the keys of a table of classes": """
import pickle
class A: pass
class B: pass
KINDS = {"a": A, "b": B}
pickle.dumps(list(KINDS))
pickle.dumps(sorted(KINDS.keys()))
pickle.dumps([name for name in KINDS])
""",
    "another attribute of the same object": """
import pickle
class Form: pass
class View:
    def __init__(self):
        self.form, self.data = Form(), {"a": 1}
    def save(self):
        return pickle.dumps(self.data)
View().save()
""",
    "the value of an enum's member": """
import pickle, enum
class Color(enum.Enum):
    RED = "red"
pickle.dumps([Color.RED.value, Color.RED.name])
""",
    "what __getstate__ leaves out, __reduce__ to what is built in": """
import pickle
class Lock: pass
class Item:
    def __init__(self): self.lock = Lock()
    def __reduce__(self): return (dict, ())
pickle.dumps(Item())
""",
    "copyreg to what is built in": """
import copyreg, pickle
class Item: pass
copyreg.pickle(Item, lambda item: (dict, ()))
pickle.dumps(Item())
""",
    "a typed dict": """
import pickle
from typing import TypedDict
class Movie(TypedDict):
    name: str
pickle.dumps(Movie(name="x"))
""",
    "a pickler with rules of its own": """
import pickle, io
class Item: pass
class Own(pickle.Pickler):
    def persistent_id(self, obj):
        return str(obj) if isinstance(obj, Item) else None
Own(io.BytesIO()).dump(Item())
""",
    "classes of imported modules": """
import pickle, datetime
from decimal import Decimal
from shop.models import Item, make
pickle.dumps([Item(), Item, make, datetime.date(2024, 1, 1), Decimal(1)])
""",
    "threads": """
import threading, multiprocessing
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from queue import Queue
class Item: pass
def work(item): pass
threading.Thread(target=work, args=(Item(),)).start()
ThreadPoolExecutor().submit(work, Item())
ThreadPool().map(work, [Item()])
queue = Queue()
queue.put(Item())
print(multiprocessing.cpu_count())
""",
    "processes that are forked": """
import multiprocessing
def work(): pass
multiprocessing.get_context("fork").Process(target=work).start()
""",
    "callbacks of a pool": """
from multiprocessing import Pool
from shop.jobs import work
class Item: pass
def done(result): print(Item())
Pool().apply_async(work, (1,), callback=done, error_callback=lambda error: None)
""",
    "a cached function is not pickled itself": """
import functools
from flask_caching import Cache
from dogpile.cache import make_region
from joblib import Memory
cache, region = Cache(), make_region()
@cache.memoize()
def one(): return {"a": 1}
@region.cache_on_arguments()
def two(): return [1]
@Memory("x").cache
def three(): return 3
class View:
    def __init__(self):
        self.load = Memory("x").cache(self.load)
        self.part = Memory("x").cache(functools.partial(self.load, 1))
    def load(self): return 4
View()
region.get_or_create("k", lambda: 1)
""",
    "sessions that are JSON": """
from flask import Flask, session
import pickle
application = Flask(__name__)
class Cart(dict): pass
@application.route("/")
def index():
    session["cart"] = Cart()
""",
    "a cache of a region in memory": """
from dogpile.cache import make_region
class Item: pass
region = make_region().configure("dogpile.cache.memory")
region.set("a", Item())
""",
    "Celery tasks with a name, and plain arguments": """
from celery import Celery
app = Celery("shop")
@app.task(name="shop.work")
def work(order): pass
work.delay({"id": 1})
work.apply_async((1, "a"), link=lambda: 0)
""",
    "functions with their code": """
import cloudpickle, dill
from joblib import Parallel, delayed
def work(x): return x
cloudpickle.dumps(work)
dill.dumps(lambda: 0)
Parallel(n_jobs=2)(delayed(work)(x) for x in range(3))
""",
    "delay() of something else": """
import pickle
from shop.timer import alarm
class Item: pass
alarm.delay(Item())
""",
    "what runs elsewhere only": """
import pickle
class Item: pass
if __name__ == "__main__":
    pickle.dumps(Item())
def application(environ, start_response):
    return []
    pickle.dumps(Item())
if False:
    pickle.dumps(Item())
""",
    "annotated with what is not an instance": """
import pickle
from typing import Callable, Literal, Protocol
class Item: pass
class Closes(Protocol):
    def close(self): ...
def save(kind: Callable[[Item], dict], name: Literal["Item"], closing: Closes):
    pickle.dumps((kind(None), name, closing))
""",
    "an abstract base of what is pickled elsewhere": """
import abc, pickle
class Stored(abc.ABC):
    def save(self):
        pickle.dumps(self)
""",
    "a parameter of unknown origin": """
import pickle
class Item: pass
def save(value):
    return pickle.dumps(value)
def application(environ, start_response):
    item = Item()
    return [save(environ["PATH_INFO"]), str(item).encode()]
""",
    "a function's attribute": """
import pickle
def view(): pass
view.cache = {}
pickle.dumps(view.cache)
pickle.dumps(view.__name__)
""",
}


@pytest.mark.parametrize("name", AT_RISK)
def test_what_can_get_into_a_pickle(name):
    source = AT_RISK[name]
    assert hazards(source) == expected(source)
    assert expected(source)


@pytest.mark.parametrize("name", CLEAN)
def test_what_cannot(name):
    assert hazards(CLEAN[name]) == set()


def _scripts_of_the_project():
    return sorted([*(ROOT / "tests" / "apps").rglob("*.wsgi"), *(ROOT / "tests" / "bench").rglob("*.wsgi"),
                   *(ROOT / "docs" / "examples").glob("*.wsgi")])


# Those that test the guard are hazards on purpose.
@pytest.mark.parametrize("path", [path for path in _scripts_of_the_project() if "pickle" not in path.name],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_the_project_s_own_scripts_are_clean(path):
    assert hazards(path.read_bytes()) == set()


@pytest.mark.parametrize("source, found", [
    ("import pickle", [(1, "pickle")]),
    ("import os, cPickle", [(1, "pickle")]),
    ("import _pickle as p", [(1, "pickle")]),
    ("\nfrom pickle import *", [(2, "pickle")]),
    ("def f():\n    import shelve", [(2, "shelve")]),
    ("try:\n    import dill as pickle\nexcept ImportError:\n    import pickle", [(2, "dill"), (4, "pickle")]),
    ("from django.core.cache import cache", [(1, "django.core.cache")]),
    ("from django.core import cache, mail", [(1, "django.core.cache")]),
    ("from django.contrib.sessions.backends.db import SessionStore", [(1, "django.contrib.sessions")]),
    ("from dogpile.cache import make_region", [(1, "dogpile.cache")]),
    ("import beaker.middleware, flask_session, flask_caching, rq, celery, joblib, cachelib, copyreg, cloudpickle",
     [(1, "beaker"), (1, "cachelib"), (1, "celery"), (1, "cloudpickle"), (1, "copyreg"), (1, "flask_caching"),
      (1, "flask_session"), (1, "joblib"), (1, "rq")]),
    ("import multiprocessing\nmultiprocessing.Queue()", [(1, "multiprocessing")]),
    ("from multiprocessing import Pool", [(1, "multiprocessing")]),
    ("import multiprocessing as mp\nwith mp.get_context('spawn').Pool(): pass", [(1, "multiprocessing")]),
    ("import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor()", [(1, "concurrent.futures")]),
    ("from concurrent import futures\nfutures.ProcessPoolExecutor()", [(1, "concurrent.futures")]),
    ("import pandas as pd\npd.read_pickle('x')", [(1, "pandas")]),
    ("import torch\ntorch.load('x')", [(1, "torch")]),
    ("import sqlalchemy\nsqlalchemy.Column(sqlalchemy.PickleType)", [(1, "sqlalchemy")]),
    ("import sqlalchemy\nsqlalchemy.Column(sqlalchemy.String)", []),
    ("SESSION_SERIALIZER = 'django.contrib.sessions.serializers.PickleSerializer'", [(1, None)]),
    ("C = {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}", [(1, None)]),
    # Not: what only looks like it, what does not pickle, what is not executed.
    ("import multiprocessing\nmultiprocessing.cpu_count()", []),
    ("from multiprocessing import cpu_count, current_process", []),
    ("from concurrent.futures import ThreadPoolExecutor", []),
    ("import concurrent.futures\nconcurrent.futures.ThreadPoolExecutor()", []),
    ("import pandas\npandas.read_csv('x')", []),
    ("import pickletools, picklescan, jsonpickle, django.core.mail, rqdata", []),
    ("from . import pickle", []),
    ("from shop.cache import cache", []),
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pickle", []),
    ("if __name__ == '__main__':\n    import pickle", []),
    ("'''We do not use PickleSerializer here.'''", []),
    ("B = 'django.core.cache.backends.dummy.DummyCache'", []),
], ids=lambda value: value.replace("\n", "; ")[:60] if isinstance(value, str) else "")
def test_which_imports_are_noted(source, found):
    assert sorted(notes(source), key=str) == sorted(found, key=str)


def only(source):
    """The one finding that is no note."""
    found = [finding for finding in lint(source if isinstance(source, bytes) else source.encode(), "/srv/app.wsgi")
             if finding.counts]
    assert len(found) == 1, found
    return found[0]


def test_a_finding_says_what_where_why_and_what_to_do():
    finding = only("import pickle\nclass Item: pass\n\n\npickle.dumps({'a': Item()})\n")
    assert finding.message.startswith("an instance of class Item, defined in this WSGI script, reaches pickle.dumps "
                                      "in line 5. ")
    assert finding.remedy == "Move class Item into a module on sys.path and import it from the script."
    assert (finding.file, finding.line, finding.column, finding.offset) == ("/srv/app.wsgi", 2, 1, None)
    assert finding.details == {"name": "Item", "kind": "class", "reaches": "pickle.dumps", "reaches_line": 5}


@pytest.mark.parametrize("source, words", [
    ("import pickle\nclass A:\n  class B: pass\npickle.dumps(A.B)", "Move class A into a module"),
    ("import pickle\ndef f():\n  class B: pass\n  pickle.dumps(B)", "Move class B to the top level of a module"),
    ("import pickle\ndef f(): pass\npickle.dumps(f)", "Move function f into a module"),
    ("import pickle\npickle.dumps(lambda: 0)", "Define a function by `def` in a module"),
])
def test_remedies(source, words):
    assert only(source).remedy.startswith(words)


@pytest.mark.parametrize("source, severity", [
    ("import pickle\nclass A: pass\npickle.dumps(A())", "error"),
    ("import dill\nclass A: pass\ndill.dumps(A())", "warning"),
    ("import multiprocessing as m\ndef f(): pass\nm.Process(target=f)", "warning"),
    ("import multiprocessing as m\ndef f(): pass\nm.Pool().map(f, [1])", "error"),
    ("import celery\nfrom shop import task\nclass A: pass\ntask.delay(A())", "warning"),
    # Both: what is certain counts, though it comes later.
    ("import pickle, dill\nclass A: pass\ndill.dumps(A())\npickle.dumps(A())", "error"),
])
def test_what_depends_on_settings_is_a_warning(source, severity):
    assert only(source).severity == severity


@pytest.mark.parametrize("source, line, column", [
    (b"\xef\xbb\xbfimport pickle\nclass A: pass\npickle.dumps(A())\n", 2, 1),
    (b"# -*- coding: latin-1 -*-\nimport pickle\nx = '\xe9'; f = lambda: 0\npickle.dumps(f)\n", 3, 14),
    ("import pickle\nx = 'é€😀'; f = lambda: 0\npickle.dumps(f)\n".encode(), 2, 16),
    (b"import pickle\r\nclass A: pass\r\npickle.dumps(A())\r\n", 2, 1),
    (b"import pickle\rclass A: pass\rpickle.dumps(A())\r", 2, 1),
    (b"import pickle\n@deco\nclass A: pass\npickle.dumps(A())", 3, 1),
    (b"\x0cimport pickle\n\x0cclass A: pass\npickle.dumps(A())", 2, 2),
])
def test_lines_and_columns(source, line, column):
    finding = only(source)
    assert (finding.line, finding.column) == (line, column)


@pytest.mark.parametrize("source, line, words", [
    (b"x = 1\ndef f(:\n", 2, "invalid syntax"),
    (b"x = (\n", 1, "never closed"),
    (b"x = 1\n  y = 2\n", 2, "unexpected indent"),
    (b"x = 1\ny = '\0'\n", 2, "null bytes"),
    (b"# coding: no-such-encoding\n", None, "no-such-encoding"),
    (b"x = '\xff'\n", None, "utf-8"),
    (b"(" * 5000, None, ""),
    (b"-" * 200_000 + b"1", None, ""),
    (b"#" * (LARGEST_SCRIPT + 1), None, "larger than"),
    (bytes(range(256)) * 10, None, ""),
    (b"print 'Python 2'", 1, ""),
], ids=[f"no script {number}" for number in range(1, 12)])
def test_what_is_no_script(source, line, words):
    with pytest.raises(Unreadable) as refused:
        lint(source, "app.wsgi")
    assert words in refused.value.reason
    assert refused.value.reason
    if line:
        assert refused.value.line == line


@pytest.mark.parametrize("part", ["1+", "a.", "f()", "a[", "not ", "(", "{", "lambda: ", "x if x else ", "x = ", "@x\n",
                                  "if x:\n ", "[x for x in ", "f'{", "elif x: pass\n", "\\\n", ";", ",", "\x0c", "'"])
def test_whatever_is_repeated_ends_in_an_answer(part):
    for source in (part * 30_000, "x = a" + part * 30_000 + "a\n"):
        try:
            assert lint(source.encode(), "app.wsgi") == []
        except Unreadable as error:
            assert error.reason


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_aliases_and_type_parameters():
    source = """
import pickle
class Item: pass  # <- naming-script Item
type Items = list[Item]
class Box[T]:  # <- naming-script Box
    def __init__(self, value: T): self.value = value
def save[T](value: T) -> T:
    pickle.dumps(value)
    return value
save(Box(Item()))
"""
    assert hazards(source) == expected(source)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="syntax of Python 3.11")
def test_exception_groups():
    source = """
import pickle
class Item: pass  # <- naming-script Item
try:
    value = Item()
except* ValueError:
    value = None
pickle.dumps(value)
"""
    assert hazards(source) == expected(source)


def _nested():
    deep = "x = 0\n" + "".join(f"{' ' * depth}if x:\n" for depth in range(95)) + " " * 95 + "pickle.dumps(Item())\n"
    chain = "if x == 0:\n    y = Item()\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(300))
    return {
        "blocks": deep,
        "elif": "x = 1\n" + chain + "pickle.dumps(y)\n",
        "operators": "pickle.dumps([Item()] + " + " + ".join(["[]"] * 600) + ")\n",
        "calls": "pickle.dumps(Item())" + ".x()" * 500 + "\n",
        "lambdas": "f = " + "lambda: " * 150 + "pickle.dumps(Item())\n",
        "brackets": "pickle.dumps(" + "[" * 80 + "Item()" + "]" * 80 + ")\n",
        "functions": "".join(f"{' ' * depth}def f{depth}():\n" for depth in range(90)) + " " * 90 +
                     "pickle.dumps(Item())\n",
        "base classes": "class C0:\n    def save(self, x): pickle.dumps(x)\n" +
                        "".join(f"class C{n}(C{n - 1}): pass\n" for n in range(1, 600)) + "C599().save(Item())\n",
        "passed on": "def f0(x): pickle.dumps(x)\n" +
                     "".join(f"def f{n}(x): f{n - 1}(x)\n" for n in range(1, 600)) + "f599(Item())\n",
    }


@pytest.mark.parametrize("kind", _nested())
def test_deep_nesting_is_followed(kind):
    source = "import pickle\nclass Item: pass\n" + _nested()[kind]
    assert (2, "naming-script", "Item") in hazards(source)


def _large():
    return {
        "statements": "import pickle\n" + "x = {}\nx['a'] = [x]\npickle.dumps(x)\n" * 1500,
        "data": "DATA = [\n" + "    {'a': 1, 'b': ['x', None]},\n" * 3000 + "]\n",
        "branches": "import pickle\n" + "".join(f"if a{n}:\n    x{n} = 1\n" for n in range(2000)),
        "functions": "".join(f"def f{n}(a, b):\n    return f{n // 2}(b, a)\n" for n in range(2000)),
        "cycle": "import pickle\nx = []\n" + "x = x.items()\nx.append(x)\n" * 100 + "pickle.dumps(x)\n",
    }


@pytest.mark.parametrize("kind", _large())
def test_large_scripts_take_seconds(kind):
    started = time.process_time()
    assert hazards(_large()[kind]) == set()
    assert time.process_time() - started < 20


def test_what_would_take_too_long_is_refused(monkeypatch):
    monkeypatch.setattr("brine.pickle_tools.flow.Flow.__init__.__defaults__", (100,))
    with pytest.raises(Unreadable, match="too large"):
        lint(("import pickle\n" + "x = {}\npickle.dumps(x)\n" * 100).encode(), "app.wsgi")


def test_nothing_is_executed_or_imported(tmp_path):
    trace = tmp_path / "trace"
    source = f"import pickle, brine_no_such_module\nopen({str(trace)!r}, 'w')\nclass A: pass\npickle.dumps(A())\n"
    before = set(sys.modules)
    assert len(hazards(source)) == 1
    assert not trace.exists()
    assert "brine_no_such_module" not in set(sys.modules) - before


@pytest.mark.parametrize("mark", [
    "import brine.pickle\n@brine.pickle.stable\n", "from brine.pickle import stable as keep\n@keep(schema=3)\n",
    "from brine import pickle as guard\n@guard.stable()\n", "import dataclasses, brine.pickle\n@brine.pickle.stable\n"
    "@dataclasses.dataclass\n", "import brine.pickle\nmark = brine.pickle.stable\n@mark\n"])
def test_a_marked_class_is_a_note(mark):
    source = f"import pickle\n{mark}class Item: pass\npickle.dumps([Item(), Item])\n"
    assert hazards(source) == set()
    [note] = [each for each in lint(source.encode(), "app.wsgi") if each.id == "naming-script"]
    assert note.message.endswith("It is marked by brine.pickle.stable, and found where the script has a name.")
    assert note.remedy.startswith("Give the script a name, by WSGIScriptName")


@pytest.mark.parametrize("source", [
    "class Item: pass\nclass More(Item): pass\npickle.dumps(More())\n",  # subclasses are marked by themselves
    "def stable(cls): return cls\n@stable\nclass More: pass\npickle.dumps(More())\n",
    "import other\n@other.stable\nclass More: pass\npickle.dumps(More())\n",
    "@brine.pickle.stable\nclass Item: pass\ndef More(): pass\npickle.dumps([Item(), More])\n",
    "def make():\n    @brine.pickle.stable\n    class More: pass\n    return More()\npickle.dumps(make())\n"])
def test_what_is_not_marked_beside_it_counts(source):
    assert [name.rpartition(".")[2] for _, _, name in hazards(f"import pickle, brine.pickle\n{source}")] == ["More"]
