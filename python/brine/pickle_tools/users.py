"""Who pickles: the modules and functions by which a script's objects get into a pickle.

Paths are those of `brine.pickle_tools.flow.Outside`: a module's name, then `.attribute`, `()` for what a call
returns, `[]` or `[key]` for an item. A store is written as a call: `shelve.open()[]=`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Sink:
    """A call that pickles what it is given."""

    user: str
    """What to call it in a message."""
    arguments: tuple[int | str, ...] | None = None
    """Positions and keywords of the arguments that are pickled; None: all."""
    ignored: frozenset[str] = frozenset()
    """Keywords that are not pickled, where all others are."""
    certain: bool = True
    """It pickles in every configuration."""
    functions: str = "pickled"
    """What becomes of a function: pickled, by its name; named, as `pickled` but its name is the module's
    whatever function it is in; called, so that its result is pickled; copied, with its code."""
    results: bool = False
    """What the functions among the arguments return is pickled too."""
    decorates: bool = False
    """Of the arguments nothing is pickled but what they return."""
    receiver: bool = False
    """The object whose method it is, is what is pickled."""
    needs: str = ""
    """Pickles only where the script shows this: a key of EVIDENCE."""


def _copying(user: str) -> Sink:
    return Sink(user, (0, "obj"), functions="copied", certain=False)


def _cached(user: str) -> Sink:
    return Sink(user, (0,), results=True, decorates=True)


_NOT_SENT = frozenset({"callback", "error_callback", "chunksize", "timeout"})

_MULTIPROCESSING = r"multiprocessing\.(?:context\.)?(?:get_context\(\w*\)\.)?"
_SPAWNING = r"multiprocessing\.(?:context\.)?(?:get_context\((?!fork\))\w*\)\.)?"
_MANAGED = _MULTIPROCESSING + r"(?:managers\.SyncManager|Manager)\(\)\."
_SHELF = r"shelve\.(?:open|Shelf|DbfilenameShelf|BsdDbShelf)\(\)"
_DJANGO = r"django\.core\.cache\.(?:cache|caches\[[^\]]*\]|get_cache\(\w*\))\."
_FLASK_CACHE = r"(?:flask_caching|flask_cache|flask\.ext\.cache)\.Cache\(\)\.(?:cache\.)?"
_CACHELIB = r"(?:cachelib|werkzeug\.contrib\.cache)\.(?:\w+\.)*\w*Cache\(\)\."
_DOGPILE = (r"dogpile\.cache\.(?:region\.)?(?:make_region|CacheRegion)\(\)"
            r"(?:\.configure\((?!dogpile\.cache\.memory\))[^)]*\))?\.")
_BEAKER = r"beaker\.cache\.CacheManager\(\)\."
_TASK = (r"(?:celery\.(?:Celery\(\)\.task|shared_task|task|app\.(?:base\.Celery\(\)\.task|shared_task))|"
         r"(?:\w+\.)+celery(?:_app)?\.\w+\.task)")
_JOB = r"rq\.(?:decorators\.)?job\(\)"
_SESSION = (r"(?:flask\.session|(?:<\w+>|flask\.request|flask\.globals\.request)\.session|"
            r"<\w+>\[beaker\.session\]|django\.contrib\.sessions\.backends\.\w+\.SessionStore\(\))")
_DISK = r"diskcache\.(?:core\.|fanout\.)?(?:Fanout)?Cache\(\)"
_DISK_INDEX = r"diskcache\.(?:persistent\.)?Index\(\)"
_DISK_DEQUE = r"diskcache\.(?:persistent\.)?Deque\(\)"
_MEMCACHE = (r"(?:memcache|pylibmc|bmemcached)\.(?:\w+\.)?(?:(?:Replicating)?Client\(\)|"
             r"(?:ThreadMapped|Client)Pool\(\)\.reserve\(\))")
_PYMEMCACHE = r"pymemcache\.(?:\w+\.)*(?:\w*Client)\(\)"
_SQLITE_DICT = r"(?:sqlitedict\.(?:SqliteDict|open)|pickleshare\.PickleShareDB)\(\)"  # with `encode=`: (encode)
_HUEY = (r"huey\.(?:api\.|contrib\.sql_huey\.)?\w*Huey\(\)\.(?:periodic_)?task\(\)|"
         r"huey\.contrib\.djhuey\.(?:db_)?(?:periodic_)?task\(\)")
_SCHEDULER = r"apscheduler\.schedulers\.\w+\.\w+Scheduler\(\)\."
_LOGGER = r"logging\.(?:getLogger\(\)\.)?(?:getChild\(\)\.)*(?:debug|info|warning|warn|error|critical|exception|log)"
_WEBPY = r"web\.(?:session\.)?Session\(\)"
_ZODB = r"ZODB\.(?:(?:DB\.)?DB\(\)\.open|connection)\(\)\.root(?:\(\))?"
_INSIDE = r"(?:\[[^\]]*\]|\.(?:get|pop|setdefault)\(\)|\.\w+(?=[.\[]))*"
_GROW = r"\.(?:append|add|extend|insert|update|setdefault|appendleft)"

_SINKS: list[tuple[str, Sink]] = [
    (r"pickle\._?dumps?", Sink("{}", (0, "obj"))),
    (r"pickle\._?Pickler\(\)\.(?:dump|save)", Sink("pickle.Pickler.dump", (0, "obj"))),
    (r"(?:dill|cloudpickle)\.(?:_dill\.|cloudpickle\.)?dumps?", _copying("{}")),
    (r"(?:dill|cloudpickle)\.(?:\w+\.)?\w*Pickler\(\)\.dump", _copying("{}")),
    (r"torch\.(?:serialization\.)?save", Sink("torch.save", (0, "obj"))),
    (r"joblib\.(?:numpy_pickle\.)?dump", Sink("joblib.dump", (0, "value"))),
    (r"joblib\.(?:memory\.)?Memory\(\)\.cache(?:\(\))?", _cached("joblib.Memory")),
    (r"pandas\.(?:io\.pickle\.)?to_pickle", Sink("pandas.to_pickle", (0, "obj"))),

    (_SHELF + r"\[[^\]]*\]=", Sink("a shelf")),
    (_SHELF + r"\.(?:update|setdefault)", Sink("a shelf")),
    (_SHELF + r"\[[^\]]*\]" + _INSIDE + _GROW, Sink("a shelf")),

    (_DJANGO + r"a?(?:set|add)", Sink("Django's cache", (1, "value"))),
    (_DJANGO + r"a?set_many", Sink("Django's cache", (0, "data"))),
    (_DJANGO + r"a?get_or_set", Sink("Django's cache", (1, "default"), functions="called")),
    (_FLASK_CACHE + r"(?:set|add)", Sink("Flask-Caching", (1, "value"))),
    (_FLASK_CACHE + r"set_many", Sink("Flask-Caching")),
    (_FLASK_CACHE + r"(?:cached|memoize)\(\)", _cached("Flask-Caching")),
    (_CACHELIB + r"(?:set|add)", Sink("cachelib", (1, "value"))),
    (_CACHELIB + r"set_many", Sink("cachelib")),
    (_DOGPILE + r"set", Sink("a dogpile.cache region", (1, "value"))),
    (_DOGPILE + r"set_multi", Sink("a dogpile.cache region", (0, "mapping"))),
    (_DOGPILE + r"get_or_create(?:_multi)?", Sink("a dogpile.cache region", (1, "creator"), functions="called")),
    (_DOGPILE + r"cache_(?:multi_)?on_arguments\(\)", _cached("a dogpile.cache region")),
    (_BEAKER + r"(?:cache|region)\(\)", _cached("Beaker's cache")),
    (_BEAKER + r"get_cache(?:_region)?\(\)\.(?:put|set|set_value)", Sink("Beaker's cache", (1, "value"))),
    (_BEAKER + r"get_cache(?:_region)?\(\)\.get(?:_value)?",
     Sink("Beaker's cache", ("createfunc",), functions="called")),
    (_SESSION + r"\[[^\]]*\]=", Sink("the session", needs="sessions")),
    (_SESSION + r"\.(?:update|setdefault)", Sink("the session", needs="sessions")),
    (_SESSION + r"\[[^\]]*\]" + _INSIDE + _GROW, Sink("the session", needs="sessions")),

    (rf"{_DISK}(?:\[[^\]]*\]=|\.setdefault)|{_DISK_INDEX}(?:\[[^\]]*\]=|\.(?:setdefault|update|push))",
     Sink("diskcache")),
    (_DISK + r"\.(?:set|add)", Sink("diskcache", (1, "value"))),
    (rf"(?:{_DISK}|{_DISK_INDEX})\.push", Sink("diskcache", (0, "value"))),
    (rf"(?:{_DISK}|{_DISK_INDEX})\.memoize(?:_stampede)?\(\)", _cached("diskcache")),
    (_DISK_DEQUE + r"(?:\[[^\]]*\]=|\.(?:append|appendleft|extend|extendleft))", Sink("diskcache")),
    (_DISK_DEQUE.removesuffix(r"\(\)"), Sink("diskcache", (0, "iterable"))),
    (_MEMCACHE + r"\.(?:set|add|replace|cas)", Sink("memcached", (1, "val", "value"))),
    (_MEMCACHE + r"\.(?:set|add)_multi", Sink("memcached", (0, "mapping", "mappings"))),
    (_MEMCACHE + r"\[[^\]]*\]=", Sink("memcached")),
    (_PYMEMCACHE + r"\.(?:set|add|replace|cas)", Sink("memcached", (1, "value"), needs="pymemcache")),
    (_PYMEMCACHE + r"\[[^\]]*\]=", Sink("memcached", needs="pymemcache")),
    (_PYMEMCACHE + r"\.set_(?:multi|many)", Sink("memcached", (0, "values"), needs="pymemcache")),
    (_SQLITE_DICT + r"(?:\[[^\]]*\]=|\.(?:update|setdefault))", Sink("{}")),
    (r"persistqueue\.\w+\(\)\.put(?:_nowait)?", Sink("persist-queue", (0, "item"))),
    (r"cachier\.(?:core\.)?cachier\(\)", _cached("cachier")),
    (rf"{_WEBPY}(?:\[[^\]]*\]|\.\w+)=", Sink("web.py's session")),
    (rf"{_ZODB}(?:\[[^\]]*\]|\.\w+)=", Sink("ZODB")),
    (r"zmq\.(?:\w+\.)*Context(?:\.instance)?\(\)\.socket\(\)\.send_pyobj", Sink("zmq's send_pyobj", (0, "obj"))),
    (_LOGGER, Sink("a SocketHandler", ("extra",), needs="sockets")),

    (_MULTIPROCESSING + r"(?:pool\.)?Pool\(\)\.(?:map|imap|imap_unordered|starmap|apply)(?:_async)?",
     Sink("multiprocessing.Pool", ignored=_NOT_SENT, results=True)),
    (_SPAWNING + r"(?:pool\.)?Pool", Sink("multiprocessing.Pool", (1, 2, "initializer", "initargs"), certain=False)),
    (_SPAWNING + r"(?:process\.)?Process",
     Sink("multiprocessing.Process", (1, 3, 4, "target", "args", "kwargs"), certain=False)),
    (_SPAWNING + r"(?:process\.)?Process\(\)\.start", Sink("multiprocessing.Process", certain=False, receiver=True)),
    (_MULTIPROCESSING + r"(?:queues\.)?(?:Joinable|Simple)?Queue\(\)\.(?:put|put_nowait)",
     Sink("multiprocessing.Queue", (0, "obj"))),
    (r"multiprocessing\.reduction\.(?:ForkingPickler\.)?dumps?", Sink("multiprocessing.reduction", (0, "obj"))),
    (_MULTIPROCESSING + r"Pipe\(\)\[\d*\]\.send", Sink("multiprocessing.Pipe", (0, "obj"))),
    (_MANAGED + r"(?:dict|list|Namespace|Queue)\(\)(?:\[[^\]]*\]=|\.\w+=|"
                r"\.(?:append|extend|insert|update|setdefault|put|put_nowait))",
     Sink("a multiprocessing.Manager")),
    (_MANAGED + r"(?:dict|list)", Sink("a multiprocessing.Manager")),
    (r"concurrent\.futures\.(?:process\.)?ProcessPoolExecutor\(\)\.(?:submit|map)",
     Sink("a ProcessPoolExecutor", ignored=_NOT_SENT, results=True)),

    (_TASK + r"(?:\(\))?", Sink("Celery", (0,), functions="named")),
    (_TASK + r"(?:\(\w*\))+\.(?:delay|s|si|signature)", Sink("a Celery task", certain=False)),
    (_TASK + r"(?:\(\w*\))+\.apply_async", Sink("a Celery task", (0, 1, "args", "kwargs"), certain=False)),
    (_JOB, Sink("RQ", (0,), functions="named", results=True)),
    (_JOB + r"\(\)\.delay", Sink("RQ")),
    (r"rq\.(?:queue\.)?Queue\(\)\.enqueue\w*", Sink("RQ", results=True)),
    (r"django_rq\.enqueue|django_rq\.get_queue\(\)\.enqueue\w*", Sink("RQ", results=True)),
    (r"django_rq\.job(?:\(\))?", Sink("RQ", (0,), functions="named", results=True)),
    (r"django_q\.tasks\.async_(?:task|iter)", Sink("Django Q", results=True)),
    (_HUEY, Sink("huey", (0,), functions="named", results=True)),
    (rf"(?:{_HUEY})\(\)", Sink("a huey task")),
    (rf"(?:{_HUEY})\(\)\.(?:s|schedule|map)", Sink("a huey task")),
    (r"arq\.(?:connections\.)?(?:create_pool|ArqRedis)\(\)\.enqueue_job", Sink("arq")),
    (_SCHEDULER + r"(?:add_job|modify_job)",
     Sink("APScheduler's job store", (0, 2, 3, "func", "args", "kwargs"), needs="jobs")),
    (_SCHEDULER + r"scheduled_job\(\)", Sink("APScheduler's job store", (0,), needs="jobs")),
    (r"dramatiq\.actor(?:\(\))+\.(?:send|message)", Sink("a dramatiq actor", needs="dramatiq")),
    (r"dramatiq\.actor(?:\(\))+\.send_with_options", Sink("a dramatiq actor", ("args", "kwargs"), needs="dramatiq")),
    (r"(?!celery\.|rq\.)[\w.]+\.delay", Sink("a task's delay()", certain=False, needs="tasks")),
    (r"(?!celery\.|rq\.)[\w.]+\.apply_async",
     Sink("a task's apply_async()", (0, 1, "args", "kwargs"), certain=False, needs="tasks")),
]
_COMPILED = [(re.compile(pattern), sink) for pattern, sink in _SINKS]
DATA_FRAME = Sink("to_pickle()", receiver=True)
"""pandas: a method that objects of many types have, so that its name alone is what is looked at."""

EVIDENCE = {
    # Flask's and Django's sessions are JSON unless somebody changes that.
    "sessions": re.compile(r"flask_session\b|beaker\b|(?:[\w.]+\.)?PickleSerializer\b"),
    "tasks": re.compile(r"celery\b|rq\b"),
    "pandas": re.compile(r"pandas\b"),
    "pymemcache": re.compile(r"pymemcache\.serde\b"),
    "sockets": re.compile(r"logging\.handlers\.(?:Socket|Datagram)Handler\b"),
    "jobs": re.compile(r"apscheduler\.(?:jobstores\.(?!base\b|memory\b)\w+|executors\.pool\.ProcessPoolExecutor\b|"
                       r"schedulers\..*\.add_jobstore\((?!memory\))\w+\))"),
    "dramatiq": re.compile(r"dramatiq\.(?:encoder\.)?PickleEncoder\b"),
}
"""By what is imported, used, and named by settings: what makes sinks out of calls that are none by themselves."""

_COLUMN_MAKERS = re.compile(r"(?:sqlalchemy|flask_sqlalchemy)\.(?:.*\.)?(?:Column|mapped_column)")
_PICKLED_TYPE = re.compile(r"(?:sqlalchemy|flask_sqlalchemy\.SQLAlchemy\(\))\.(?:.*\.)?PickleType(?:\(\))?")
_PICKLED_FIELD = re.compile(r"picklefield\.(?:fields\.)?PickledObjectField\(\)|playhouse\.fields\.PickleField\(\)")
PICKLED_COLUMN = "(pickled)"
"""Behind the path of a column's maker: it was given a type that pickles."""
COLUMN = Sink("a PickleType column")
"""A class's attribute that is such a column: what is stored in it is pickled."""


def evidence(paths: Iterable[str]) -> set[str]:
    """What paths show."""
    return {kind for path in paths for kind, pattern in EVIDENCE.items() if pattern.match(path)}


def makes_column(path: str) -> bool:
    """Whether a call of that path makes a column of a table."""
    return _COLUMN_MAKERS.fullmatch(path) is not None


def is_pickled_type(path: str) -> bool:
    """Whether it is a type of column that pickles."""
    return _PICKLED_TYPE.fullmatch(path) is not None


def is_pickled_column(path: str) -> bool:
    """Whether an attribute of a class is a column whose values are pickled."""
    return path.endswith(PICKLED_COLUMN) or _PICKLED_FIELD.fullmatch(path) is not None


_SAME = (
    (re.compile(r"^(?:cPickle|_pickle)(?![^.])"), "pickle"),
    (re.compile(r"^brine\.pickle(?=\.(?:dumps|dump|Pickler)(?!\w))"), "pickle"),
    (re.compile(r"^(?:torch\.multiprocessing|multiprocess|billiard)(?![^.])"), "multiprocessing"),
)


def canonical(path: str) -> str:
    """One path for a thing that can be imported under several."""
    for pattern, name in _SAME:
        path = pattern.sub(name, path)
    return path


@lru_cache(maxsize=4096)
def sinks(path: str) -> tuple[Sink, ...]:
    """What a call of that path pickles."""
    return tuple(sink for pattern, sink in _COMPILED if pattern.fullmatch(path))


@dataclass(frozen=True)
class User:
    """A module that pickles."""

    module: str
    does: str
    """What it does, as the end of a sentence about it."""
    only: re.Pattern[str] | None = None
    """It pickles only where the script uses a path that begins so; None: whenever it is imported."""


_USERS = [
    User("pickle", "pickles what it is given"),
    User("shelve", "pickles what is stored on a shelf"),
    User("copyreg", "says how objects are pickled"),
    User("dill", "pickles, with their code, functions and classes that cannot be imported"),
    User("cloudpickle", "pickles, with their code, functions and classes that cannot be imported"),
    User("joblib", "pickles what it stores and what it sends to processes"),
    User("multiprocessing", "pickles what goes to another process", re.compile(
        _MULTIPROCESSING + r"(?:pool\.|managers\.|queues\.|process\.|connection\.)?"
                           r"(?:Pool|Process|(?:Joinable|Simple)?Queue|Pipe|Manager|SyncManager|BaseManager|Client|"
                           r"Listener|reduction)\b")),
    User("concurrent.futures", "pickles what goes to another process",
         re.compile(r"concurrent\.futures\.(?:process\.)?ProcessPoolExecutor\b")),
    User("celery", "sends tasks by the name of their module, and pickles their arguments where it is set to"),
    User("rq", "pickles jobs, which name their function by its module"),
    User("django.core.cache", "pickles what is cached"),
    User("django.contrib.sessions", "pickles sessions where PickleSerializer is set"),
    User("flask_caching", "pickles what is cached"),
    User("flask_cache", "pickles what is cached"),
    User("flask_session", "pickles sessions, unless it is set to another serialization"),
    User("cachelib", "pickles what is cached"),
    User("werkzeug.contrib.cache", "pickles what is cached"),
    User("dogpile.cache", "pickles what is cached"),
    User("beaker", "pickles sessions and what is cached"),
    User("torch", "pickles what is saved", re.compile(r"torch\.(?:serialization\.)?(?:save|load)\b")),
    User("sqlalchemy", "pickles what is in a PickleType column", re.compile(r"sqlalchemy\.(?:.*\.)?PickleType\b")),
    User("diskcache", "pickles what is stored that is no number, text or bytes"),
    User("memcache", "pickles what is cached that is no number or text"),
    User("pylibmc", "pickles what is cached that is no number or text"),
    User("bmemcached", "pickles what is cached that is no number or text"),
    User("pymemcache", "pickles what is cached", re.compile(r"pymemcache\.serde\b")),
    User("sqlitedict", "pickles what is stored, unless it is given an encoding"),
    User("pickleshare", "pickles what is stored"),
    User("persistqueue", "pickles what is put into its queues"),
    User("cachier", "pickles what is cached"),
    User("huey", "pickles tasks, which name their function by its module"),
    User("django_rq", "pickles jobs, which name their function by its module"),
    User("django_q", "pickles tasks, which name their function by its module"),
    User("arq", "pickles the arguments of jobs"),
    User("dramatiq", "pickles messages", re.compile(r"dramatiq\.(?:encoder\.)?PickleEncoder\b")),
    User("apscheduler", "pickles jobs, which name their function by its module", EVIDENCE["jobs"]),
    User("web", "pickles sessions", re.compile(r"web\.(?:session\.)?Session\b")),
    User("ZODB", "pickles what is stored"),
    User("zmq", "pickles by send_pyobj()", re.compile(r"zmq\.(?:.*\.)?send_pyobj\b")),
    User("logging.handlers", "pickles records that go through a socket", EVIDENCE["sockets"]),
    User("picklefield", "pickles what is in its fields"),
    User("playhouse", "pickles what is in a PickleField", re.compile(r"playhouse\.fields\.PickleField\b")),
    User("pandas", "pickles by to_pickle()", re.compile(r"pandas\.(?:.*\.)?(?:to_pickle|read_pickle)\b")),
]


_PREFIXES = tuple(f"{user.module}{mark}" for user in _USERS for mark in ".(") + (
    "flask.", "flask_sqlalchemy.", "logging.")


def belongs_to_user(path: str) -> bool:
    """Whether the path leads into a module that pickles, so that all of it may matter."""
    return path.startswith(_PREFIXES) or ".celery." in path or ".celery_app." in path


def users(path: str) -> list[User]:
    """The modules that pickle, of which a path is part: that of an import, or of a use of it."""
    return [user for user in _USERS if path == user.module or path.startswith(user.module + ".")
            or (user.only and user.only.match(path))]


def candidates(path: str) -> list[User]:
    """The modules that an import of the path makes reachable: `import concurrent` and `concurrent.futures`."""
    return [user for user in _USERS if path == user.module or path.startswith(user.module + ".")
            or user.module.startswith(path + ".")]


_SETTINGS = [
    (re.compile(r"[\w.]*\bPickleSerializer"), "names PickleSerializer: with it sessions are pickled"),
    (re.compile(r"django\.core\.cache\.backends\.(?!dummy\.)\w+\.\w+"),
     "names a cache of Django's, which pickles what is cached"),
]


def setting(text: str) -> str:
    """What a string says of pickling where it is the value of a setting; empty if nothing."""
    return next((says for pattern, says in _SETTINGS if pattern.fullmatch(text)), "")
