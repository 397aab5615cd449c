"""What the checks judge: all that was gathered of a site and its machine. Nothing here is looked up later."""

from dataclasses import dataclass, field

from brine.configuration.lines import Place
from brine.configuration.sites import Sites
from brine.doctor.unit import Unit
from brine.identity import Identity
from brine.walking import Step


@dataclass(frozen=True)
class Wanted:
    """A path that the configuration names."""

    what: str
    """What it is, as a message calls it: "the script", "python-home="."""
    path: str
    place: Place
    access: int
    """walking.READ or ENTER."""


@dataclass(frozen=True)
class Script:
    """A file that a runner loads."""

    path: str
    place: Place
    callable: str
    """What it has to define; "" for nothing."""
    application_group: str
    """"" or an expansion for a sub-interpreter, "%{GLOBAL}" for the main interpreter."""

    @property
    def in_sub_interpreter(self) -> bool:
        return self.application_group != "%{GLOBAL}"


@dataclass(frozen=True)
class Runner:
    """The processes that run scripts: a daemon group, or httpd's own."""

    group: str
    """"" for httpd's own processes."""
    place: Place
    identity: Identity | None
    """None: there is no such user."""
    processes: int
    threads: int
    python: str
    """X.Y; "" where its home decides."""
    home: str
    """A virtual environment or prefix; "" for the engine's own."""
    search_path: tuple[Wanted, ...]
    working_folder: str
    chroot: str
    environment: dict[str, str]
    """What is added to httpd's."""
    umask: int
    memory_limit: int
    space_limit: int
    own_gil: bool
    scripts: tuple[Script, ...]
    wanted: tuple[Wanted, ...]
    """All paths that it has to reach, those of scripts and of the search path included."""

    @property
    def called(self) -> str:
        return f"group {self.group}" if self.group else "httpd's own processes"

    @property
    def user(self) -> str:
        return self.identity.name if self.identity else ""


@dataclass(frozen=True)
class Walk:
    """The way to a path, as its runner goes it."""

    runner: Runner
    wanted: Wanted
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Raised:
    """An exception."""

    type: str
    message: str
    file: str
    line: int
    module: str = ""
    """The module that an ImportError is about."""
    errno: int = 0
    filename: str = ""
    """The file that an OSError is about."""
    lookup: bool = False
    """It was raised by a look into os.environ."""


@dataclass(frozen=True)
class Extension:
    """A loaded extension module."""

    name: str
    file: str
    phase: str
    """"multi-phase", "single-phase", or "unknown"."""
    support: int | None
    """The value of its slot Py_mod_multiple_interpreters: 0 none, 1 with a common GIL, 2 with a GIL of their own; None:
    it has none."""


@dataclass(frozen=True)
class Context:
    """Who and where the child was that loaded the script."""

    uid: int
    gid: int
    folder: str
    prefix: str
    path: tuple[str, ...]
    version: str
    program: str
    encoding: str
    stdlib: str


@dataclass(frozen=True)
class Load:
    """How a script was loaded."""

    runner: Runner
    script: Script
    ending: str
    """"loaded", "raised", "ended" (its process, with `code`), "late", "no-python" (with `output`)."""
    seconds: float = 0
    """The time limit."""
    code: int | None = None
    raised: tuple[Raised, ...] = ()
    """The root exception first."""
    missing: str = ""
    """The module that was not found."""
    found: tuple[tuple[str, str, str], ...] = ()
    """Where it is: kind, folder, X.Y."""
    callable: str = ""
    """"yes", "no" (it is none), "missing"; "" where nothing is wanted."""
    defined: tuple[str, ...] = ()
    context: Context | None = None
    extensions: tuple[Extension, ...] = ()
    resident: int = 0
    data: int = 0
    space: int = 0
    """Bytes: resident at most, and what counts for memory-limit= and virtual-memory-limit=."""
    output: str = ""


@dataclass(frozen=True)
class Limits:
    """What a process of httpd's may have; None: as much as it wants."""

    source: str
    """Whose limits these are, for messages."""
    descriptors: int | None = None
    tasks: int | None = None
    """Processes and threads of a user (RLIMIT_NPROC)."""


@dataclass(frozen=True)
class Machine:
    """The system."""

    limits: Limits = Limits("this shell")
    free_memory: int = 0
    """Bytes that can be had, those of a running httpd included; 0: not known."""
    memory_source: str = ""
    now: float = 0
    oldest_now: float = 0
    """A time before which it cannot be: Brine has been built since."""
    time_zone: str = ""
    """TZ of httpd's environment."""
    known_zone: bool = True
    modified: dict[str, float] = field(default_factory=dict)
    """When scripts were modified, by their path."""
    selinux: bool = False
    """It is enforced."""
    profile: str = ""
    """The AppArmor profile that confines httpd, where it is enforced."""


@dataclass(frozen=True)
class State:
    """All of it."""

    sites: Sites
    runners: tuple[Runner, ...]
    walks: tuple[Walk, ...]
    loads: tuple[Load, ...]
    machine: Machine
    unit: Unit | None
    unseen: tuple[Runner, ...] = ()
    """Those whose files could not be looked at."""
    broken_engines: dict[str, str] = field(default_factory=dict)
    """Why the engine for a Python cannot be loaded."""
    unknown_accounts: tuple[str, ...] = ()
    """Which of User and Group, that root's httpd takes on, names nobody."""
