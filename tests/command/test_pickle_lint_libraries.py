"""`brine pickle lint`: caches, queues, sessions, columns and loggers that pickle; and the same ones where they do not."""

import pytest
from test_pickle_lint import expected, hazards, notes

from brine.pickle_tools.users import _USERS

ITEM = "class Item: pass  # <- naming-script Item\n"
TASK = "def work(item): return 1  # <- naming-script work\n"

STORES = {
    "diskcache": ("from diskcache import Cache, FanoutCache, Index, Deque", """
        Cache("d")["k"] = ITEM
        Cache("d").set("k", ITEM, expire=3)
        Cache("d").set("k", value=ITEM)
        Cache("d").add("k", ITEM)
        Cache("d").push(ITEM)
        FanoutCache("d").set("k", [ITEM])
        FanoutCache("d").setdefault("k", ITEM)
        Index("d")["k"] = ITEM
        Index("d").update({"k": ITEM})
        Index("d").push(ITEM)
        Deque([ITEM])
        Deque(directory="d").append(ITEM)
        Deque(directory="d").extendleft([ITEM])
        with Cache("d") as cache: cache["k"] = ITEM
    """, """
        Cache("d").get("k", ITEM)
        Cache("d").set("k", 1, tag="x")
        Cache("d").incr("k", delta=1)
        Cache("d").close()
    """),
    "memcache": ("import memcache, pylibmc, bmemcached", """
        memcache.Client(["h:1"]).set("k", ITEM, time=3)
        memcache.Client(["h:1"]).set("k", val=ITEM)
        memcache.Client(["h:1"]).set_multi({"k": ITEM})
        memcache.Client(["h:1"]).cas("k", ITEM)
        pylibmc.Client(["h"], binary=True).set("k", ITEM)
        pylibmc.Client(["h"]).add_multi({"k": {"a": ITEM}})
        pylibmc.Client(["h"]).replace("k", ITEM)
        pylibmc.Client(["h"])["k"] = ITEM
        with pylibmc.ClientPool(pylibmc.Client(["h"]), 4).reserve() as client: client.set("k", ITEM)
        with pylibmc.ThreadMappedPool(pylibmc.Client(["h"])).reserve() as client: client["k"] = ITEM
        bmemcached.Client(("h",)).set("k", ITEM)
    """, """
        memcache.Client(["h"]).get("k", ITEM)
        memcache.Client(["h"]).delete("k")
        pylibmc.Client(["h"]).incr("k", 1)
        pylibmc.Client(["h"]).behaviors["k"] = ITEM
    """),
    "pymemcache": ("from pymemcache import serde\nfrom pymemcache.client.base import Client, PooledClient", """
        Client("h", serde=serde.pickle_serde).set("k", ITEM)
        PooledClient("h", serde=serde.pickle_serde).set_many({"k": ITEM})
        Client("h", serde=serde.pickle_serde)["k"] = ITEM
    """, """
        Client("h").get("k", ITEM)
    """),
    "sqlitedict": ("import sqlitedict, json\nfrom sqlitedict import SqliteDict", """
        SqliteDict("f")["k"] = ITEM
        SqliteDict("f", autocommit=True).update(k=ITEM)
        sqlitedict.open("f").setdefault("k", ITEM)
        with SqliteDict("f") as store: store["k"] = [ITEM]
    """, """
        SqliteDict("f", encode=json.dumps, decode=json.loads)["k"] = ITEM
        SqliteDict("f").get("k", ITEM)
    """),
    "others": ("import pickleshare, persistqueue, web, ZODB, zmq", """
        pickleshare.PickleShareDB("d")["k"] = ITEM
        persistqueue.SQLiteQueue("d").put(ITEM)
        persistqueue.FIFOSQLiteQueue("d", auto_commit=True).put(item=ITEM)
        web.session.Session(None, None).cart = ITEM
        web.session.Session(None, None)["cart"] = ITEM
        ZODB.DB(None).open().root()["k"] = ITEM
        ZODB.connection("f").root.item = ITEM
        zmq.Context().socket(zmq.PUSH).send_pyobj(ITEM)
        zmq.Context.instance().socket(1).send_pyobj([ITEM])
    """, """
        persistqueue.SQLiteQueue("d").get(ITEM)
        zmq.Context().socket(zmq.PUSH).send_json(ITEM)
        web.template.render("d", globals=ITEM)
        ZODB.DB(ITEM)
    """),
    "SocketHandler": ("import logging, logging.handlers\nfrom logging import getLogger, handlers\n"
                      "getLogger().addHandler(handlers.SocketHandler('h', 1))", """
        logging.info("x", extra={"item": ITEM})
        getLogger("shop").warning("x", extra={"item": ITEM})
        getLogger("shop").getChild("a").log(10, "x", extra=dict(item=ITEM))
    """, """
        logging.info("%s", ITEM)
        getLogger("shop").error(ITEM)
        getLogger("shop").info("x", exc_info=ITEM)
    """),
    "PickleType": ("from sqlalchemy import Column, Integer, PickleType, String\nfrom sqlalchemy.orm import mapped_column\n"
                   "import sqlalchemy as sa\nfrom picklefield.fields import PickledObjectField\n"
                   "from playhouse.fields import PickleField\n"
                   "class Row(base.Model):\n    id = Column(Integer)\n    name = Column(String(3))\n    data = Column(PickleType)\n"
                   "    more: object = mapped_column(sa.PickleType(), nullable=True)\n    django = PickledObjectField(null=True)\n"
                   "    peewee = PickleField()\nrow = Row()", """
        Row(data=ITEM)
        Row(more=[ITEM])
        row.data = ITEM
        row.data = {"k": ITEM}
        row.django = ITEM
        setattr(row, "peewee", ITEM)
    """, """
        Row(name=ITEM)
        row.name = ITEM
        row.unknown = ITEM
        other.data = ITEM
    """),
    "job queues": ("import arq, django_rq, dramatiq\nfrom django_q.tasks import async_task\n"
                   "from dramatiq import PickleEncoder\n"
                   "@dramatiq.actor\ndef one(item): pass\n@dramatiq.actor(max_retries=3)\ndef two(item): pass\n"
                   "from shop import tasks", """
        one.send(ITEM)
        two.send_with_options(args=(ITEM,), delay=3)
        async_task(tasks.run, ITEM)
        async_task("shop.tasks.run", item=ITEM, hook="x")
        django_rq.enqueue(tasks.run, ITEM)
        django_rq.get_queue("low").enqueue(tasks.run, ITEM)
        arq.create_pool(None).enqueue_job("run", ITEM)
    """, """
        one(ITEM)
        django_rq.get_connection(ITEM)
        two.send_with_options(args=(1,), delay=ITEM)
    """),
    "an APScheduler with a store": ("from apscheduler.schedulers.background import BackgroundScheduler\n"
                                    "from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore\n"
                                    "scheduler = BackgroundScheduler()\nfrom shop import tick", """
        scheduler.add_job(tick, "interval", [ITEM])
        scheduler.add_job(tick, "interval", kwargs={"item": ITEM}, seconds=3)
        scheduler.modify_job("x", args=[ITEM])
    """, """
        scheduler.add_job(tick, "interval", seconds=3)
        scheduler.add_listener(ITEM)
    """),
}


def lines(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("name, line", [(name, line) for name, (_, good, _) in STORES.items() for line in lines(good)])
def test_what_is_stored_is_found(name, line):
    source = f"{STORES[name][0]}\n{ITEM}{line.replace('ITEM', 'Item()')}\n"
    assert hazards(source) == expected(source)


@pytest.mark.parametrize("name, line", [(name, line) for name, (_, _, bad) in STORES.items() for line in lines(bad)])
def test_what_is_not_stored_is_not(name, line):
    source = f"{STORES[name][0]}\nclass Item: pass\n{line.replace('ITEM', 'Item()')}\n"
    assert hazards(source) == set()


AT_RISK = {
    "a factory": "import pickle\nfrom collections import defaultdict\n"
                 "pickle.dumps(defaultdict(lambda: 0))  # <- naming-local <lambda>\n",
    "a factory in a session": "from collections import defaultdict\nimport flask_session\nfrom flask import session\n"
                              "def count(): return 0  # <- naming-script count\n"
                              "def application(e, s):\n    session['n'] = {'a': defaultdict(count)}\n",
    "a class as a factory": "import pickle\nfrom collections import defaultdict as dd\n" + ITEM
                            + "counts = dd(Item)\npickle.dumps(counts)\n",
    "a nested factory": "import pickle\nfrom collections import defaultdict\n"
                        "tree = defaultdict(lambda: defaultdict(int))  # <- naming-local <lambda>\npickle.dumps(tree)\n",
    "a caught exception": "import pickle\nclass ShopError(Exception): pass  # <- naming-script ShopError\n"
                          "try:\n    shop()\nexcept ShopError as error:\n    pickle.dumps(error)\n",
    "one of several": "import pickle\nclass A(Exception): pass  # <- naming-script A\n"
                      "class B(ValueError): pass  # <- naming-script B\n"
                      "try:\n    shop()\nexcept (KeyError, A, B) as error:\n    pickle.dumps({'error': error})\n",
    "one that is raised there": "import pickle\nclass ShopError(Exception): pass  # <- naming-script ShopError\n"
                                "try:\n    if shop():\n        raise ShopError('x')\nexcept Exception as error:\n"
                                "    pickle.dumps(error)\n",
    "what an exception holds": "import pickle\n" + ITEM + "class ShopError(Exception):  # <- naming-script ShopError\n"
                               "    def __init__(self, item): self.item = item\n"
                               "try:\n    raise ShopError(Item())\nexcept ShopError as error:\n    pickle.dumps(error)\n",
    "stored for later": "import shelve\nclass ShopError(Exception): pass  # <- naming-script ShopError\nlast = None\n"
                        "def application(e, s):\n    global last\n    try:\n        shop()\n"
                        "    except ShopError as error:\n        last = error\n    shelve.open('x')['last'] = last\n",
    "partial": "import functools, pickle\n" + ITEM + "dump = functools.partial(pickle.dumps, protocol=4)\ndump(Item())\n",
    "partial of a method": "from functools import partial\nfrom django.core.cache import cache\n" + ITEM
                           + "keep = partial(cache.set, 'k')\nkeep(Item())\n",
    "partial with the object": "from functools import partial as p\nimport pickle\n" + ITEM + "p(pickle.dump, Item())(file)\n",
    "partial of partial": "from functools import partial\nimport pickle\n" + ITEM
                          + "partial(partial(pickle.dumps), protocol=2)(Item())\n",
    "partial that is mapped": "from functools import partial\nimport pickle\n" + ITEM
                              + "list(map(partial(pickle.dumps, protocol=2), [Item()]))\n",
    "partial of a function": "from functools import partial\nimport pickle\n" + ITEM
                             + "def save(where, item): pickle.dumps(item)\npartial(save, 'x')(Item())\n",
    "huey": "from huey import SqliteHuey, crontab\nhuey = SqliteHuey()\n" + ITEM
            + "@huey.task()\ndef work(item): return 1  # <- naming-script work\nwork(Item())\n",
    "huey, periodic": "from huey import RedisHuey, crontab\nhuey = RedisHuey('x')\n"
                      "@huey.periodic_task(crontab(minute='0'))\ndef work(): pass  # <- naming-script work\n",
    "huey in Django": "from huey.contrib.djhuey import db_task\n" + ITEM
                      + "@db_task(retries=2)\ndef work(item): pass  # <- naming-script work\nwork.schedule((Item(),), delay=3)\n",
    "APScheduler": "from apscheduler.schedulers.background import BackgroundScheduler\n"
                   "from apscheduler.jobstores.redis import RedisJobStore\nscheduler = BackgroundScheduler()\n" + TASK
                   + "scheduler.add_job(work, 'interval', seconds=3)\n",
    "APScheduler, a store by its name": "from apscheduler.schedulers.background import BackgroundScheduler\n" + TASK
                                        + "scheduler = BackgroundScheduler()\nscheduler.add_job(work, 'date')\n"
                                        "scheduler.add_jobstore('sqlalchemy', url='sqlite://')\n",
    "APScheduler, decorated": "from apscheduler.schedulers.background import BackgroundScheduler\n"
                              "from apscheduler.executors.pool import ProcessPoolExecutor\n"
                              "scheduler = BackgroundScheduler()\n@scheduler.scheduled_job('interval', hours=1)\n" + TASK,
    "RQ in Django": "import django_rq\n@django_rq.job\n" + TASK + "@django_rq.job('low')\n"
                    "def other(): pass  # <- naming-script other\n",
    "cached results": "import diskcache, cachier\n" + ITEM + "@diskcache.Cache('d').memoize()\ndef one(): return Item()\n"
                      "class Other: pass  # <- naming-script Other\n@cachier.cachier()\ndef two(): return Other()\n",
}

NOT = {
    "a factory that is not pickled": "import pickle\nfrom collections import defaultdict\n"
                                     "counts = defaultdict(lambda: 0)\npickle.dumps(dict(counts))\n"
                                     "pickle.dumps(list(counts.values()))\npickle.dumps(defaultdict(int))\n",
    "a caught exception's text": "import pickle\nclass ShopError(Exception): pass\n"
                                 "try:\n    shop()\nexcept ShopError as error:\n    pickle.dumps(str(error))\n"
                                 "    pickle.dumps([repr(error), type(error).__name__])\n",
    "another exception": "import pickle\nclass ShopError(Exception): pass\ndef fail(): raise ShopError\n"
                         "try:\n    shop()\nexcept (KeyError, ValueError) as error:\n    pickle.dumps(error)\n"
                         "try:\n    def inner(): raise ShopError\nexcept Exception as error:\n    pickle.dumps(error)\n",
    "an exception that is only raised": "import pickle\nclass ShopError(Exception): pass\n"
                                        "try:\n    pickle.dumps(1)\nexcept Exception as error:\n    raise ShopError from error\n",
    "partial of something else": "import functools, json, pickle\nclass Item: pass\n"
                                 "functools.partial(json.dumps, indent=2)(Item())\nfunctools.partial(pickle.loads)(Item())\n",
    "APScheduler in memory": "from apscheduler.schedulers.background import BackgroundScheduler\n"
                             "from apscheduler.jobstores.memory import MemoryJobStore\nscheduler = BackgroundScheduler()\n"
                             "def work(): pass\nscheduler.add_job(work, 'interval', [lambda: 0])\n"
                             "scheduler.add_jobstore('memory')\n",
    "a log without a socket": "import logging, logging.handlers, pickle\nclass Item: pass\n"
                              "logging.handlers.RotatingFileHandler('x')\nlogging.info('x', extra={'item': Item()})\n",
    "memcached with texts": "from pymemcache.client.base import Client\nclass Item: pass\nClient('h').set('k', Item())\n",
    "dramatiq with JSON": "import dramatiq\nclass Item: pass\n@dramatiq.actor\ndef work(item): pass\nwork.send(Item())\n",
    "a column of another type": "from sqlalchemy import Column, JSON, PickleType\nclass Item: pass\nclass Row(base.Model):\n"
                                "    data = Column(JSON)\nRow(data=Item())\nkinds = [PickleType]\n",
    "names that are like them": "from shop import Cache, Client, Deque, SqliteDict, huey\nclass Item: pass\n"
                                "Cache('d')['k'] = Item()\nClient().set('k', Item())\nDeque([Item()])\n"
                                "SqliteDict('x')['k'] = Item()\n@huey.task()\ndef work(): pass\nwork(Item())\n",
}


@pytest.mark.parametrize("kind", AT_RISK)
def test_what_is_at_risk(kind):
    assert hazards(AT_RISK[kind]) == expected(AT_RISK[kind])


@pytest.mark.parametrize("kind", NOT)
def test_what_is_no_hazard(kind):
    assert hazards(NOT[kind]) == set()


def test_a_partial_that_calls_itself():
    """With ever more arguments, as a loop or a function that hands itself on may have it."""
    source = ("from functools import partial\nimport pickle\nclass Item: pass  # <- naming-script Item\n"
              "def wait(function, *rest):\n    step = partial(wait, function, Item())\n    step(*rest)\n"
              "    pickle.dumps(rest)\nwait(1, 2)\ndump = pickle.dumps\n"
              "for each in (1, 2):\n    dump = partial(dump, protocol=2)\ndump(Item())\n")
    assert hazards(source) == expected(source)


@pytest.mark.parametrize("module", [user.module for user in _USERS if not user.only])
def test_each_module_that_pickles_is_noted(module):
    assert (1, module) in notes(f"import {module}\n")


@pytest.mark.parametrize("source, module", [
    ("import logging.handlers\nlogging.handlers.SocketHandler('h', 1)", "logging.handlers"),
    ("from apscheduler.jobstores.redis import RedisJobStore", "apscheduler"),
    ("import zmq\nzmq.Context().socket(1).send_pyobj(1)", "zmq"),
    ("from playhouse.fields import PickleField", "playhouse"), ("import web\nweb.session.Session(1, 2)", "web"),
    ("from pymemcache import serde", "pymemcache"), ("from dramatiq import PickleEncoder", "dramatiq")])
def test_modules_that_pickle_where_something_of_them_is_used(source, module):
    assert (1, module) in notes(source + "\n")


@pytest.mark.parametrize("source", ["import logging.handlers\n", "import zmq, web, apscheduler, dramatiq, playhouse\n",
                                    "import logging\nlogging.handlers.QueueHandler(1)\n"])
def test_modules_that_mostly_do_other_things(source):
    assert notes(source) == []
