"""What is measured: the rows of the table, each with its goal where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field

from load import Load

GLOBAL = "%{GLOBAL}"
EMBEDDED, DAEMON = "embedded", "daemon"
MODES = (EMBEDDED, DAEMON)
#: The daemon group of both modules, unless a row says otherwise.
PROCESSES = "processes=1 threads=5"
MIB = 1024 * 1024
#: The pages of django_view.wsgi and flask_view.wsgi: the same template, the same data.
PAGE_BYTES = len("<h1>World</h1><ul></ul>") + 10 * len("<li>0</li>")
#: What a browser sends with a request for a page, with a query string below.
BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,fr;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://www.example.com/catalogue/books?sort=title&page=2"),
    ("Cookie", "sessionid=38afes7a8c2f4e1b9d6a; csrftoken=u32t4o3tb3gg43; theme=dark"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Priority", "u=0, i"),
)
BROWSER_QUERY = "?category=books&author=le+guin&sort=title&order=asc&page=3&per_page=50&lang=en"


@dataclass(frozen=True)
class Goal:
    """Brine's figure must be at least (`least`) or at most (`most`) `value`.

    `figure` is a name from measure.figures(): "rate/floor", "rate/mod_wsgi", "p99/floor", ...;
    it is Brine's in `mode`, over the other server's in the same mode.
    """

    figure: str
    least: float | None = None
    most: float | None = None
    mode: str = EMBEDDED
    aim: bool = False  #: to miss it is said, and is no failure

    def met(self, value: float) -> bool:
        """Whether `value` reaches the goal."""
        return (self.least is None or value >= self.least) and \
               (self.most is None or value <= self.most)

    def __str__(self) -> str:
        return f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}"


@dataclass(frozen=True)
class Row:
    """One request, repeated under load on every server.

    `floor` is the path on the C handler, `path` that on the Python servers; `reply_bytes` is the
    length of the answer's body, checked before the load. `how` is "load", "reload",
    "memory" or "blocked". `modes` are those that the row is measured in; `daemon` has the options of
    the daemon group.
    """

    key: str
    title: str
    path: str
    floor: str
    reply_bytes: int
    load: Load = field(default_factory=Load)
    group: str = GLOBAL
    how: str = "load"
    goals: tuple[Goal, ...] = ()
    modes: tuple[str, ...] = MODES
    daemon: str = PROCESSES

    def goals_of(self, mode: str) -> list[Goal]:
        """The goals of one mode."""
        return [goal for goal in self.goals if goal.mode == mode]


def server(family: str, mode: str) -> str:
    """The name of the server of a family ("brine", "mod_wsgi", "floor") in a mode."""
    return family if mode == EMBEDDED or family == "floor" else f"{family}-{mode}"


ROWS = (
    Row("hello", "hello world, 12 bytes", "/hello", "/hello", 12,
        goals=(Goal("rate/floor", least=0.80), Goal("rate/mod_wsgi", least=2.2),
               Goal("p99/floor", most=2.5), Goal("pss/mod_wsgi", most=1.0),
               Goal("rate/floor", least=0.60, mode=DAEMON),
               Goal("rate/mod_wsgi", least=2.2, mode=DAEMON),
               Goal("rate/mod_wsgi embedded", least=1.0, mode=DAEMON, aim=True),
               Goal("pss/mod_wsgi", most=1.0, mode=DAEMON),
               # That of the one process of the group; httpd's children have none.
               Goal("pythons", most=1, mode=DAEMON))),
    Row("hello-subinterpreter", "hello world, sub-interpreter", "/hello", "/hello", 12,
        group="bench", modes=(EMBEDDED,)),
    Row("hello-browser", "hello world, a browser's request", "/hello" + BROWSER_QUERY,
        "/hello" + BROWSER_QUERY, 12, load=Load(headers=BROWSER)),
    Row("download", "1 MiB download", "/download", f"/bytes?{MIB}", MIB,
        goals=(Goal("rate/floor", least=0.95), Goal("rate/floor", least=0.60, mode=DAEMON))),
    Row("upload", "256 KiB upload", "/upload", "/upload", 6,
        load=Load(method="POST", body_bytes=256 * 1024),
        goals=(Goal("rate/floor", least=0.60), Goal("rate/floor", least=0.40, mode=DAEMON))),
    Row("django", "Django view", "/django_view/page/World", f"/bytes?{PAGE_BYTES}", PAGE_BYTES),
    Row("flask", "Flask view", "/flask_view/page/World", f"/bytes?{PAGE_BYTES}", PAGE_BYTES),
    Row("generator-1", "generator, 1 block", "/blocks?1", "/blocks?1", 1024),
    Row("generator-10", "generator, 10 blocks", "/blocks?10", "/blocks?10", 10 * 1024),
    Row("generator-100", "generator, 100 blocks", "/blocks?100", "/blocks?100", 100 * 1024),
    Row("file", "file_wrapper, 10 MiB", "/file", "/file", 10 * MIB,
        goals=(Goal("rate/floor", least=0.90, mode=DAEMON),)),
    Row("close", "hello world, keep-alive off", "/hello", "/hello", 12, load=Load(close=True),
        modes=(EMBEDDED,)),
    Row("reload", "100 reloads under load", "/reload", "/hello", 12, how="reload",
        goals=(Goal("failed", most=0), Goal("failed", most=0, mode=DAEMON))),
    Row("blocked", "one of two workers blocked", "/hello", "/hello", 12, how="blocked",
        modes=(DAEMON,), daemon="processes=2 threads=1",
        goals=(Goal("failed", most=0, mode=DAEMON),)),
    Row("memory", "memory growth", "/hello", "/hello", 12, how="memory",
        # The smallest thing that can leak is 16 bytes; threads that warm up late make 1 to 2 of it.
        goals=(Goal("growth", most=4.0), Goal("growth", most=4.0, mode=DAEMON))),
    Row("memory-new", "memory growth, names that clients make up", "/hello", "/hello", 12, how="memory",
        load=Load(new=True),
        goals=(Goal("growth", most=4.0), Goal("growth", most=4.0, mode=DAEMON))),
)


def pick(keys: list[str]) -> list[Row]:
    """The rows of these keys, in the table's order; all of them for none."""
    return [row for row in ROWS if not keys or row.key in keys]
