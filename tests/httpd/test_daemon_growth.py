"""processes=MIN-MAX: a group that has more processes while all threads are taken, and fewer when it is idle."""

import json
import os
import signal
from contextlib import contextmanager

import pytest

from harness import daemons, groups
from harness.deadline import until
from harness.load import Load
from harness.metrics import CONFIG as STATUS
from harness.metrics import scrape

from test_event_log import events
from test_status_command import brine

pytestmark = pytest.mark.modes("groups")

APP = """
import json, os, time
import mod_wsgi

LOADED_BY = os.getpid()


def application(environ, start_response):
    name, _, path = environ["QUERY_STRING"].partition("=")
    if name == "hold":
        with open(path + ".held", "w") as file:
            file.write(str(os.getpid()))
        while not os.path.exists(path):
            time.sleep(0.005)
    facts = dict(pid=os.getpid(), loaded_by=LOADED_BY, version=VERSION, multiprocess=environ["wsgi.multiprocess"],
                 most=mod_wsgi.maximum_processes)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
"""


def app(version=1):
    return f"VERSION = {version}\n{APP}"


@pytest.fixture
def site(start_httpd):
    """`site("processes=1-3")`: (server, its group), of one thread in each process."""
    def start(options, more=""):
        server = start_httpd(
            groups.CONFIG + STATUS + f"WSGIEventLog {{dir}}/events.log\nWSGIDaemonProcess site threads=1 {options}\n"
            "WSGIScriptAlias /app {dir}/app.wsgi process-group=site application-group=%{GLOBAL}\n" + more,
            files={"app.wsgi": app()})
        group = groups.Group(server)
        until(lambda: group.pids(), "it is ready", 30)
        return server, group
    return start


@contextmanager
def held(server, count):
    """So many requests, which hold a thread each, or wait for one, until the end; the list takes their answers."""
    answers = []
    requests = [daemons.Held(server, name=f"release-{number}") for number in range(count)]
    try:
        yield answers
    finally:
        for one in requests:
            one.file.touch()
        for one in requests:
            one.thread.join()
            one.file.unlink()
            one.file.with_name(one.file.name + ".held").unlink()
            answers.append(json.loads(one.answer.text) if one.answer.status == 200 else one.answer.status)


def size(group, count, seconds=30):
    """Waits until so many processes are ready, and there are no others; returns their pids."""
    return until(lambda: len(rows := group.rows()) == count and len(group.pids()) == count and {row.pid for row in rows},
                 f"the group has {count} processes", seconds)


def grown(server, group, count):
    """Has the group grow to so many; returns their pids."""
    with held(server, count):
        pids = size(group, count)
    return pids


def test_a_group_grows_under_load_and_shrinks_when_it_is_idle(site):
    server, group = site("processes=1-3 processes-idle=400ms")
    first = size(group, 1)
    with held(server, 6) as answers:
        size(group, 3)
        until(lambda: group.count("busy") == 3, "all three have a request")
        until(lambda: group.count("waiting") == 3, "the others wait")
        assert len(group.rows()) == 3, "and no more than three processes come"
    assert len({answer["pid"] for answer in answers}) == 3 and len(answers) == 6
    assert all(answer["multiprocess"] and answer["most"] == 3 for answer in answers)
    last = size(group, 1)
    assert (group.count("grown"), group.count("idle"), group.count("restarts")) == (2, 2, 0)
    until(lambda: len(events(server, event="end")) == 2, "both have ended")
    assert [event.get("reason") for event in events(server, event="start")] == [None, "grow", "grow"]
    assert [event["reason"] for event in events(server, event="retire")] == ["idle"] * 2
    assert [event["reason"] for event in events(server, event="end")] == ["idle"] * 2
    assert {end["why"] for end in daemons.obituaries(server, 0)} == {"reason: idle"}
    assert last == first, "the youngest leave"
    server.log.expect("daemon group 'site' grows to 2 processes: all threads are taken, and ", since=0)
    server.log.expect("daemon group 'site' shrinks to 1 process$", since=0)


def test_numbers(site):
    server, group = site("processes=1-2 processes-idle=1h")
    grown(server, group, 2)
    numbers = scrape(server)
    for name, value in (("processes", 2), ("processes_min", 1), ("processes_max", 2)):
        assert numbers.sum(f"brine_group_{name}", process_group="site") == value, name
    assert numbers.sum("brine_processes_grown_total", process_group="site") == 1
    document = json.loads(server.get("/brine-status?format=json").text)
    shown, = (each for each in document["groups"] if each["name"] == "site")
    assert (shown["processes"], shown["processes_min"], shown["processes_max"], shown["ready"]) == (2, 1, 2, 2)
    assert "2 of 2 processes ready (1 to 2)" in server.get("/server-status").text
    assert (group.count("least-processes"), group.count("most-processes")) == (1, 2)
    told = brine("status", server.url("/brine-status")).stdout
    line, = (line for line in told.splitlines() if line.startswith("site "))
    assert line.split()[1:3] == ["2/2", "(1-2)"]


def test_nothing_is_lost_while_a_group_grows_and_shrinks(site):
    server, group = site("processes=1-3 processes-idle=250ms")
    with Load(server, "/app", clients=3, rest=0.05) as load:
        for _ in range(2):
            with held(server, 4) as answers:
                until(lambda: len(group.pids()) == 3, "it has grown", 30)
            assert not [answer for answer in answers if isinstance(answer, int)]
            until(lambda: len(group.pids()) < 3, "one has left", 30)
            load.go_on(3)
    load.nothing_lost()
    size(group, 1)


@pytest.mark.parametrize("preload", ["Off", "On"])
def test_new_code_at_the_size_that_it_has(site, preload):
    server, group = site(f"processes=1-3 processes-idle=1h preload={preload}", "WSGIScriptReloading Rolling\n")
    old = grown(server, group, 3)
    with Load(server, "/app", clients=2, rest=0.02) as load:
        server.write("app.wsgi", app(version=2))
        until(lambda: not old & group.pids() and len(group.pids()) == 3, "all three are new", 30)
        load.go_on(3)
    load.nothing_lost()
    assert json.loads(server.get("/app").text)["version"] == 2
    size(group, 3)


def test_a_graceful_restart_keeps_the_size(site):
    server, group = site("processes=1-3 processes-idle=1h")
    old = grown(server, group, 3)
    with Load(server, "/app", clients=2, rest=0.02) as load:
        server.reload()
        until(lambda: len(group.pids() - old) == 3, "as many are there as before", 30)
        load.go_on(3)
    load.nothing_lost()
    assert not old & size(group, 3)


def test_a_grown_process_that_crashes_is_replaced(site):
    server, group = site("processes=1-2 processes-idle=1h")
    first = size(group, 1)
    victim, = grown(server, group, 2) - first
    os.kill(victim, signal.SIGKILL)
    server.expect_log(f"BRINE0610: process {victim} .*SIGKILL")
    until(lambda: len(pids := group.pids()) == 2 and victim not in pids, "there are two again", 30)
    assert group.count("grown") == 1
    assert [event.get("reason") for event in events(server, event="start")] == [None, "grow", None]


def test_a_group_grows_from_its_template(site):
    server, group = site("processes=1-3 processes-idle=1h preload=On")
    with held(server, 3) as answers:
        size(group, 3)
        until(lambda: group.count("busy") == 3, "all three have a request")
    template, = (int(text.split()[3]) for text in server.log.texts("started template process", 0))
    assert {answer["loaded_by"] for answer in answers} == {template}
    assert len({answer["pid"] for answer in answers}) == 3


def test_a_range_of_one_number_is_that_number(site):
    server, group = site("processes=2-2")
    size(group, 2)
    with held(server, 3):
        until(lambda: group.count("waiting") == 1, "one waits")
    assert (len(group.pids()), group.count("grown")) == (2, 0)


@pytest.mark.parametrize(("options", "complaint"), [
    ("processes=0-3", "has the option 'processes', which must be a whole number from 1 to 10000, not '0'"),
    ("processes=5-2", "which must not end with less than it begins with, as '5-2' does"),
    ("processes=-3", "not '-3'"), ("processes=2-", "not ''"), ("processes=2-x", "not 'x'"),
    ("processes=2-3-4", "not '3-4'"), ("processes=2--3", "not '-3'"), ("processes=2-10001", "not '10001'"),
    ("processes=1-2 threads=0", "has processes=1-2 and threads=0: a service does not grow"),
    ("processes=1-2 listen-backlog=0", "has processes=1-2 and listen-backlog=0: no request may wait"),
    ("processes=2 processes-idle=5m", "has processes-idle= without processes=MIN-MAX"),
    ("processes=1-2 processes-idle=soon", "the option 'processes-idle', which must be")])
def test_what_cannot_be(workspace, variant, options, complaint):
    passed, answer = workspace.configtest(variant, f"WSGIDaemonProcess site {options}\n")
    assert not passed and complaint in answer and "httpd.conf" in answer
