"""maximum-requests, memory-recycle and their jitter: when a group's processes are replaced, and how many at once."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import daemons, groups
from harness.deadline import until

from test_event_log import events

pytestmark = pytest.mark.modes("groups")

# Answers when all four processes have a request of the round, so that each serves one.
APP = """
import glob, os, time

time.sleep({load})
kept = []


def application(environ, start_response):
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if resident < {grow}:
        kept.append(bytearray({grow} - resident))
    start = environ["HTTP_X_FOLDER"] + "/" + environ["QUERY_STRING"] + "-"
    open(start + str(os.getpid()), "w").close()
    while len(glob.glob(start + "*")) < 4:
        time.sleep(0.005)
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def site(start_httpd):
    """`site("maximum-requests=5")`: four processes of one thread each: (server, its group)."""
    def start(options, load=0.0, grow=0):
        server = start_httpd(
            groups.CONFIG + f"WSGIEventLog {{dir}}/events.log\nWSGIDaemonProcess site processes=4 threads=1 {options}\n"
            "WSGIScriptAlias /app {dir}/app.wsgi process-group=site application-group=%{GLOBAL}\n",
            files={"app.wsgi": APP.format(load=load, grow=grow)})
        group = groups.Group(server)
        until(lambda: len(group.pids()) == 4, "all are ready", 30)
        return server, group
    return start


def serve_round(server, pool, number):
    folder = str(server.folder / "writable")
    answers = list(pool.map(lambda _: server.get(f"/app?{number}", X_Folder=folder), range(4)))
    assert {answer.status for answer in answers} == {200}, "nothing is lost"
    assert len({answer.body for answer in answers}) == 4


def rounds(server, group, enough):
    """Has each process serve one request in each round, until `enough`; returns in which round each was replaced."""
    replaced = {}
    number = 0
    with ThreadPoolExecutor(4) as pool:
        while not enough(replaced):
            number += 1
            before = group.pids()
            serve_round(server, pool, number)
            until(lambda: group.count("in-flight") == 0, "the round has ended")
            retired = group.count("maximum-requests") + group.count("memory-recycle")
            until(lambda: len(daemons.starts(server, 0)) - 4 >= retired and len(group.pids()) == 4 and
                  len(group.rows()) == 4, "those that leave are replaced", 30)
            for pid in before - group.pids():
                replaced[pid] = number
    return replaced


def test_jitter_spreads_the_ends(site):
    """Each serves as many as maximum-requests at least, and no more than the jitter allows; they leave one by one."""
    server, group = site("maximum-requests=8 maximum-requests-jitter=32")
    first = group.pids()
    replaced = rounds(server, group, lambda replaced: first <= set(replaced))
    left = sorted(replaced[pid] for pid in first)
    assert 8 <= left[0] and left[-1] <= 40
    assert min(later - earlier for earlier, later in zip(left, left[1:], strict=False)) >= 3, left
    ends = [int(re.search(r"(\d+) requests served", text)[1]) for text in server.log.texts("BRINE0610:", 0)]
    assert min(ends) >= 8 and max(ends) <= 40
    assert {end["why"] for end in daemons.obituaries(server, 0)} == {"reason: maximum-requests"}


def test_without_jitter_each_serves_what_is_said(site):
    server, group = site("maximum-requests=3")
    first = group.pids()
    replaced = rounds(server, group, lambda replaced: first <= set(replaced))
    assert min(replaced[pid] for pid in first) >= 3
    assert all(end["served"] >= 3 for end in events(server, event="end"))


def most_at_once(server, first):
    """How many of those that replace the first four were starting at the same time."""
    starting, most = set(), 0
    others = {event["pid"] for event in events(server, event="start", reason="template")} | set(first)
    for event in events(server):
        if event["event"] == "start" and event["pid"] not in others:
            starting.add(event["pid"])
        elif event["event"] in ("ready", "end"):
            starting.discard(event["pid"])
        most = max(most, len(starting))
    return most


@pytest.mark.parametrize("preload", ["Off", "On"])
def test_those_that_are_due_together_leave_one_after_another(site, preload):
    """A quarter of the group at once, and one at least: the others serve meanwhile."""
    server, group = site(f"maximum-requests=3 restart-interval=1h preload={preload}", load=0.3)
    first = group.pids()
    with ThreadPoolExecutor(4) as pool:
        for number in range(3):
            serve_round(server, pool, number)
    until(lambda: not first & group.pids() and len(group.pids()) == 4, "all are replaced", 30)
    assert most_at_once(server, first) == 1
    assert group.count("maximum-requests") == 4


def first_four(server):
    """The processes with which the group began, whatever has been replaced since."""
    return {event["pid"] for event in events(server, event="start")[:4]}


def ages(server, pids):
    """{pid: how old it was in seconds when it was told to go}."""
    ready = {event["pid"]: event["time"] for event in events(server, event="ready")}
    return {event["pid"]: event["time"] - ready[event["pid"]] for event in events(server, event="retire") if event["pid"] in pids}


def test_those_that_are_as_old_leave_one_after_another(site):
    """By restart-interval: all are due at once, and the successors come one by one."""
    server, group = site("restart-interval=3s", load=0.3)
    first = first_four(server)
    until(lambda: first <= set(ages(server, first)) and not first & group.pids(), "all are replaced", 60)
    assert most_at_once(server, first) == 1
    assert group.count("restart-interval") >= 4 and min(ages(server, first).values()) >= 2.5


def test_jitter_of_age(site):
    """Each has its own age, in its own part of the jitter: half a part is between any two, in the order of their starts."""
    server, group = site("restart-interval=2s restart-interval-jitter=8s")
    first = [event["pid"] for event in events(server, event="ready")][:4]
    until(lambda: not set(first) & group.pids(), "all are replaced", 60)
    left = ages(server, first)
    places = [event["pid"] for event in events(server, event="start")]
    for place, pid in enumerate(sorted(first, key=places.index)):
        assert left[pid] >= 1.5 + 2 * place, (place, left)
    assert {event["reason"] for event in events(server, event="retire")} == {"restart-interval"}


def test_jitter_of_memory(site):
    """The limit of each lies in its own part between memory-recycle and the jitter more: of four that grow to 410 MB, the
    one in the first part (150 to 400 MB) is replaced, and so is its successor, which comes next in the order of starts.
    The second part begins at 650 MB, since a sanitizer keeps 256 MB of what was freed."""
    server, group = site("memory-recycle=150M memory-recycle-jitter=2000M", grow=410 << 20)
    first = group.pids()
    replaced = rounds(server, group, lambda replaced: len(replaced) >= 2)
    assert len(replaced) == 2 and len(first & set(replaced)) == 1


@pytest.mark.parametrize(("options", "complaint"), [
    ("maximum-requests-jitter=5", "has maximum-requests-jitter= without maximum-requests="),
    ("restart-interval-jitter=1h", "has restart-interval-jitter= without restart-interval="),
    ("restart-interval=1h restart-interval-jitter=soon", "the option 'restart-interval-jitter', which must be"),
    ("memory-recycle-jitter=5M", "has memory-recycle-jitter= without memory-recycle="),
    ("maximum-requests=5 maximum-requests-jitter=-1", "the option 'maximum-requests-jitter', which must be"),
    ("memory-recycle=5M memory-recycle-jitter=some", "the option 'memory-recycle-jitter', which must be")])
def test_what_cannot_be(workspace, variant, options, complaint):
    passed, answer = workspace.configtest(variant, f"WSGIDaemonProcess site {options}\n")
    assert not passed and complaint in answer and "httpd.conf" in answer
