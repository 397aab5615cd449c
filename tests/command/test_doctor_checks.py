"""The decisions of `brine doctor`, by tables: rights, aliases, extensions, limits, units, what a child answers."""

import json
import stat
import struct

import pytest

from brine import walking
from brine.bounded_child import Outcome
from brine.configuration.lines import Place
from brine.configuration.sites import Sites, size
from brine.configuration.tree import Directive, Tree
from brine.doctor import machine, unit
from brine.doctor.checks import aliases, clock, environment, extensions, limits, locales, memory, paths, scripts, services
from brine.doctor.loading import understood
from brine.doctor.runners import children
from brine.doctor.state import (Context, Extension, Limits, Load, Machine, Raised, Runner, Script, State, Walk, Wanted)
from brine.identity import Identity
from brine.walking import ENTER, READ, Step

SHOP = Identity("shop", 1001, 1001, frozenset({1001, 50}), "/home/shop")
HERE = Place("/etc/httpd.conf", 3)


def tree(text):
    """Directives of one line each; <VirtualHost> is the only section."""
    found, host = [], ()
    for number, line in enumerate(text.strip().split("\n"), 1):
        name, _, arguments = line.strip().partition(" ")
        if name == "</VirtualHost>":
            host = ()
        elif name == "<VirtualHost":
            host = (Directive("VirtualHost", arguments.rstrip(">"), Place("httpd.conf", number)),)
        else:
            found.append(Directive(name, arguments, Place("httpd.conf", number), host))
    return Tree(found)


def sites(text="WSGIDaemonProcess shop"):
    return Sites(tree(text), "www-data", "www-data", "/etc")


def runner(group="shop", script="/srv/app.wsgi", application_group="%{GLOBAL}", **changed):
    one = Script(script, HERE, "application", application_group)
    values = {"group": group, "place": HERE, "identity": SHOP, "processes": 2, "threads": 5, "python": "3.11",
              "home": "", "search_path": (), "working_folder": "/", "chroot": "", "environment": {}, "umask": -1,
              "memory_limit": 0, "space_limit": 0, "own_gil": False, "scripts": (one,),
              "wanted": (Wanted("the script", script, HERE, READ),), **changed}
    return Runner(**values)


def state(*runners, walks=(), loads=(), unit=None, text="WSGIDaemonProcess shop", **of_machine):
    return State(sites(text), runners, tuple(walks), tuple(loads), Machine(**of_machine), unit)


def step(mode, uid=0, gid=0, wanted=ENTER, acl=(), path="/srv", **more):
    return Step(path, wanted, mode=stat.S_IFDIR | mode, uid=uid, gid=gid, owner=f"u{uid}", group=f"g{gid}", acl=acl,
                **more)


USER_ENTRY = ((1, 7, 0), (2, 5, 1001), (4, 0, 0), (16, 7, 0), (32, 0, 0))


@pytest.mark.parametrize("step, passes, whose", [
    (step(0o755), True, "everybody else's"),
    (step(0o750), False, "everybody else's"),
    (step(0o750, gid=50), True, "its group's"),
    (step(0o705, gid=1001), False, "its group's"),  # the group's rights count, though others have more
    (step(0o077, uid=1001), False, "the owner's"),
    (step(0o700, uid=1001), True, "the owner's"),
    (step(0o644, wanted=READ), True, "everybody else's"),
    (step(0o711, wanted=READ | ENTER), False, "everybody else's"),
    (step(0o770, acl=USER_ENTRY), True, "those of shop in its ACL"),
    (step(0o755, acl=((1, 7, 0), (2, 0, 1001), (4, 5, 0), (16, 5, 0), (32, 5, 0))), False, "those of shop in its ACL"),
    (step(0o705, acl=((1, 7, 0), (2, 5, 1001), (4, 0, 0), (16, 0, 0), (32, 5, 0))), False, "those of shop in its ACL"),
    (step(0o775, acl=((1, 7, 0), (4, 0, 0), (8, 5, 50), (16, 5, 0), (32, 5, 0))), True, "those of a group in its ACL"),
    (step(0o775, acl=((1, 7, 0), (4, 0, 0), (8, 0, 50), (16, 5, 0), (32, 5, 0))), False, "those of a group in its ACL"),
])
def test_rights(step, passes, whose):
    assert walking.is_passed(step, SHOP) is passes
    assert walking.right(step, SHOP).source == whose


def test_root_passes_and_what_was_tried_counts():
    root = Identity("root", 0, 0, frozenset())
    assert walking.is_passed(step(0o000), root)
    assert not walking.is_passed(step(0o777, refused=True), SHOP)
    assert walking.is_passed(step(0o000, refused=False), SHOP)


def test_an_acl_is_read():
    entries = [(1, 7, 0xFFFFFFFF), (2, 5, 1001)]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
    assert walking.parsed_acl(value) == tuple(entries)
    assert walking.parsed_acl(b"") == walking.parsed_acl(value[:-1]) == walking.parsed_acl(b"\1\0\0\0") == ()


def test_a_walk_follows_links(tmp_path):
    (tmp_path / "releases/7").mkdir(parents=True)
    (tmp_path / "releases/7/app.wsgi").write_text("")
    (tmp_path / "current").symlink_to("releases/../releases/7")
    (tmp_path / "round").symlink_to("round")
    names = [each.path for each in walking.walk(f"{tmp_path}/current/app.wsgi", READ, True)]
    assert names[-4:] == [str(tmp_path), f"{tmp_path}/releases", f"{tmp_path}/releases/7",
                          f"{tmp_path}/releases/7/app.wsgi"]
    assert len(set(names)) == len(names)
    *_, last = walking.walk(f"{tmp_path}/current/lib/x", READ, True)
    assert (last.path, last.error, last.link) == (f"{tmp_path}/releases/7/lib", 2, f"{tmp_path}/current")
    *_, last = walking.walk(f"{tmp_path}/round/x", READ, True)
    assert last.error == 40
    *_, last = walking.walk(f"{tmp_path}/current/app.wsgi/x", READ, True)
    assert last.error == 20


def walk_to(*steps, of=None):
    one = of or runner()
    return Walk(one, one.wanted[0], steps)


def test_why_a_path_is_refused():
    by_mode = walk_to(step(0o755, path="/"), step(0o700, path="/srv"))
    by_another = walk_to(step(0o755, path="/"), step(0o755, path="/srv", refused=True, label="u:object_r:nfs_t:s0"))
    found = list(paths.findings(state(runner(), walks=[by_mode, by_another], profile="/usr/sbin/apache2")))
    assert [each.id for each in found] == ["path-refused"] * 2
    assert found[0].message == ("the script /srv/app.wsgi: shop may not enter /srv (drwx------ u0:g0)")
    assert found[0].remedy.startswith("setfacl -m u:shop:x /srv ")
    assert "u:object_r:nfs_t:s0" in found[1].details[0] and "/usr/sbin/apache2" in found[1].details[0]
    unseen = list(paths.findings(state(runner(), walks=[walk_to(Step("/srv", ENTER, 13))])))
    assert [(each.id, each.severity) for each in unseen] == [("path-unseen", "note")]


def test_who_could_not_look_says_so():
    found = list(paths.findings(State(sites(), (), (), (), Machine(), None, (runner(), runner(chroot="/jail")))))
    assert [(each.id, each.severity) for each in found] == [("path-unseen", "note")] * 2
    assert "did not come to its end" in found[0].message and "behind chroot=" in found[1].message


@pytest.mark.parametrize("label, enforced, found", [
    ("unconfined_u:object_r:user_home_t:s0", True, 1), ("unconfined_u:object_r:user_home_t:s0", False, 0),
    ("system_u:object_r:httpd_sys_content_t:s0", True, 0), ("", True, 0)])
def test_labels(label, enforced, found):
    walks = [walk_to(step(0o755, path="/"), step(0o755, path="/srv", label=label))]
    ids = [each.id for each in paths.findings(state(runner(), walks=walks, selinux=enforced))]
    assert ids == ["selinux-label"] * found


@pytest.mark.parametrize("text, shadowed", [
    ("WSGIScriptAlias / /a\nWSGIScriptAlias /api /b", [2]),
    ("WSGIScriptAlias /api /b\nWSGIScriptAlias / /a", []),
    ("WSGIScriptAlias /a /a\nWSGIScriptAlias /ab /b", []),
    ("WSGIScriptAlias /a/ /a\nWSGIScriptAlias /a /b", []),
    ("WSGIScriptAlias /a /a\nWSGIScriptAlias /a /b", [2]),
    ("WSGIScriptAlias /a/ /a/\nWSGIScriptAlias /a/b /b", [2]),
    ("WSGIScriptAliasMatch ^/a /a\nWSGIScriptAlias /a/b /b", [2]),
    ("WSGIScriptAliasMatch ^/a/([^/]+)$ /a/$1\nWSGIScriptAlias /a/b /b", []),
    ("WSGIScriptAliasMatch ^/a/.*\\.html$ /a\nWSGIScriptAlias /a/b /b", []),
    ("WSGIScriptAliasMatch ( /a\nWSGIScriptAlias /a/b /b", []),
    ("WSGIScriptAlias /a /a\nAlias / /srv", [1]),
    ("WSGIScriptAlias / /a\nAlias /static /srv", []),
    ("WSGIScriptAlias /a /a\nRedirect permanent /a https://a.example/", [1]),
    ("WSGIScriptAlias /a /a\nRedirectMatch ^/b /c", []),
    ("WSGIScriptAlias / /a\n<VirtualHost *:80>\nWSGIScriptAlias /b /b\n</VirtualHost>", []),
    ("<VirtualHost *:80>\nWSGIScriptAlias / /a\nWSGIScriptAlias /b /b\n</VirtualHost>\n"
     "<VirtualHost *:81>\nWSGIScriptAlias /b /b\n</VirtualHost>", [3]),
])
def test_aliases(text, shadowed):
    found = list(aliases.findings(state(runner(), text=text)))
    assert [each.places[0].line for each in found] == shadowed


CONTEXT = Context(1001, 1001, "/", "/usr", ("/usr/lib/python3.11",), "3.11", "/usr/bin/python3", "utf-8",
                  "/usr/lib/python3.11")


def load(ending="loaded", of=None, **more):
    one = of or runner()
    return Load(one, one.scripts[0], ending, **{"context": CONTEXT, **more})


@pytest.mark.parametrize("phase, support, file, own_gil, fits", [
    ("single-phase", None, "/srv/x.so", False, False),
    ("single-phase", None, "/usr/lib/python3.11/lib-dynload/x.so", False, True),
    ("single-phase", None, "/usr/lib/python3.11/lib-dynload/x.so", True, False),
    ("multi-phase", None, "/srv/x.so", False, True),
    ("multi-phase", None, "/srv/x.so", True, False),
    ("multi-phase", 0, "/srv/x.so", False, False),
    ("multi-phase", 1, "/srv/x.so", False, True),
    ("multi-phase", 1, "/srv/x.so", True, False),
    ("multi-phase", 2, "/srv/x.so", True, True),
    ("unknown", None, "/srv/x.so", True, True),
])
def test_extensions(phase, support, file, own_gil, fits):
    one = runner(application_group="%{RESOURCE}", own_gil=own_gil)
    wanted = [] if fits else ["extension-own-gil" if own_gil else "extension-sub-interpreter"]
    loads = [load(of=one, extensions=(Extension("x", file, phase, support),))]
    assert [each.id for each in extensions.findings(state(one, loads=loads))] == wanted
    assert extensions.fits(Extension("_datetime", file, phase, support), loads[0]) or not own_gil
    main = runner(own_gil=own_gil)
    assert list(extensions.findings(state(main, loads=[load(of=main, extensions=loads[0].extensions)]))) == []


@pytest.mark.parametrize("raised, more, said", [
    (Raised("ModuleNotFoundError", "", "", 0), {"missing": "a.b", "found": (("environment", "/v", "3.12"),)},
     "a is in /v, which this group does not use: python-home=/v (its packages are for Python 3.12)"),
    (Raised("ModuleNotFoundError", "", "", 0), {"missing": "a", "found": (("environment", "/v", "3.11"),
                                                                         ("folder", "/srv/shop", ""))},
     "a is in /srv/shop, which is not on the module path of group shop: python-path=/srv/shop"),
    (Raised("ModuleNotFoundError", "", "", 0), {"missing": "a", "found": (
        ("folder", "/usr/lib/python3/dist-packages", ""),)},
     "a is in /usr/lib/python3/dist-packages, which the environment of group shop does not use: install it there."),
    (Raised("ImportError", "", "", 0), {"missing": "a.b", "found": (("built-for", "/v", "3.9"),)},
     "a.b in /v is built for Python 3.9, and group shop runs 3.11."),
    (Raised("PermissionError", "", "", 0, errno=13, filename="/var/log/shop"), {}, "Open /var/log/shop for shop."),
    (Raised("FileNotFoundError", "", "", 0, errno=2, filename="/no"), {}, ""),
    (Raised("KeyError", "'x'", "", 0), {}, ""),
    (Raised("MemoryError", "", "", 0), {}, ""),
])
def test_hints(raised, more, said):
    assert scripts.hint(load("raised", raised=(raised,), **more)) == said


def test_a_hint_for_httpds_own_processes_names_their_directives():
    one = load("raised", of=runner(""), raised=(Raised("ModuleNotFoundError", "", "", 0),), missing="a",
               found=(("environment", "/v", "3.11"),))
    assert scripts.hint(one).endswith("which these do not use: WSGIPythonHome /v")


GOOD_ANSWER = {"raised": [], "missing": "", "found": [], "callable": "yes", "defined": ["application"], "resident": 1,
               "data": 2, "space": 3, "extensions": [["x", "/x.so", "multi-phase", None]],
               "context": {"uid": 1, "gid": 1, "cwd": "/", "prefix": "/usr", "path": ["/lib"], "version": "3.11",
                           "program": "/python", "encoding": "utf-8", "stdlib": "/lib"}}


@pytest.mark.parametrize("answer", [
    b"", b"{", b"[]", b"1", b"[" * 100000, b"\xff", json.dumps({**GOOD_ANSWER, "raised": 1}).encode(),
    json.dumps({**GOOD_ANSWER, "raised": [{}]}).encode(), json.dumps({**GOOD_ANSWER, "found": [["a", "b"]]}).encode(),
    json.dumps({**GOOD_ANSWER, "context": None}).encode(), json.dumps({**GOOD_ANSWER, "resident": "much"}).encode(),
    json.dumps({**GOOD_ANSWER, "extensions": [[1, 2, 3, 4]]}).encode()])
def test_an_answer_of_another_form_is_none(answer):
    one = runner()
    assert understood(one, one.scripts[0], 1, Outcome(0, answer, b"")).ending == "ended"


def test_an_answer_is_understood():
    one = runner()
    seen = understood(one, one.scripts[0], 1, Outcome(0, json.dumps(GOOD_ANSWER).encode(), b"said"))
    assert (seen.ending, seen.callable, seen.output, seen.data) == ("loaded", "yes", "said", 2)
    assert understood(one, one.scripts[0], 1, Outcome(None, b"", b"")).ending == "late"


@pytest.mark.parametrize("text, wanted", [
    ("LoadModule mpm_event_module x\nMaxRequestWorkers 100\nThreadsPerChild 50", (2, 50)),
    ("LoadModule mpm_worker_module x", (16, 25)),
    ("LoadModule mpm_prefork_module x\nMaxClients 20", (20, 1)),
    ("ThreadsPerChild 50", (256, 1))])
def test_children(text, wanted):
    assert children(sites(text)) == wanted


def test_limits():
    def ids(**most):
        return [each.id for each in limits.findings(state(runner(), unit=None, limits=Limits("x", **most)))]

    assert ids() == ids(descriptors=65536, tasks=10000) == []
    assert ids(descriptors=100) == ["too-few-descriptors"]
    assert ids(tasks=10) == ["too-few-tasks", "too-few-tasks"]  # those of shop, and httpd's children
    one = runner(memory_limit=100 << 20)
    assert [each.id for each in limits.findings(state(one, loads=[load(of=one, data=90 << 20)]))] == ["memory-limit"]
    assert list(limits.findings(state(one, loads=[load(of=one, data=20 << 20)]))) == []


def test_the_limits_of_a_running_httpd_count_more_than_its_units():
    low = unit.parsed("x.service", [("x", "[Service]\nLimitNOFILE=10\n")])
    running = Limits("the running httpd's", 65536, None)
    assert limits.effective(state(runner(), unit=low, limits=running))[0] == running
    assert limits.effective(state(runner(), unit=low))[0] == Limits("x.service's", 10, None)


def test_memory():
    loads = [load(resident=100 << 20)]
    assert [each.id for each in memory.findings(state(runner(), loads=loads, free_memory=150 << 20))] == [
        "too-little-memory"]
    assert list(memory.findings(state(runner(), loads=loads, free_memory=250 << 20))) == []
    assert list(memory.findings(state(runner(), loads=loads, free_memory=0))) == []
    small = unit.parsed("x.service", [("x", "[Service]\nMemoryMax=1G\nMemoryHigh=150M\n")])
    assert [each.places[-1].line for each in memory.findings(state(runner(), loads=loads, unit=small))] == [3]


def test_clock_and_encoding():
    def ids(**of_machine):
        return [each.id for each in clock.findings(state(runner(), **of_machine))]

    assert ids(now=1e9, oldest_now=1e9, modified={"/srv/app.wsgi": 1e9}) == []
    assert ids(now=1e9, oldest_now=1.1e9) == ["clock-behind"]
    assert ids(now=1e9, modified={"/srv/app.wsgi": 1e9 + 100}) == ["from-the-future"]
    assert ids(now=1e9, modified={"/srv/app.wsgi": 1e30}) == ["from-the-future"]
    assert ids(known_zone=False) == ["time-zone"]
    ascii_one = Context(**{**CONTEXT.__dict__, "encoding": "ascii"})
    assert [each.id for each in locales.findings(state(runner(), loads=[load(context=ascii_one), load()]))] == ["encoding"]
    assert list(locales.findings(state(runner(), loads=[load()]))) == []


@pytest.mark.parametrize("name, known", [("", True), ("UTC", True), ("Europe/Vienna", True), (":Europe/Vienna", True),
                                         ("CET-1CEST,M3.5.0,M10.5.0/3", True), ("<+03>-3", True), ("Mars/Base", False)])
def test_time_zones(name, known):
    assert machine.is_zone(name) is known


def test_what_proc_says():
    assert machine.limits_of("Limit  Soft  Hard  Units\nMax processes             100    200     processes\n"
                             "Max open files            1024   unlimited  files\n") == (None, 200)
    assert machine.available("MemAvailable:    1024 kB\n", "", "") == (1 << 20, "of the machine")
    assert machine.available("MemAvailable:    1024 kB\n", "524288\n", "262144\n") == (1 << 18, "of the control group")
    assert machine.available("MemAvailable:    1024 kB\n", "max\n", "262144\n") == (1 << 20, "of the machine")
    assert machine.descendants(1, {2: 1, 3: 2, 4: 9, 9: 0}) == {1, 2, 3}


UNIT = """# a comment
[Unit]
PrivateTmp=yes
[Service]
PrivateTmp=true
InaccessiblePaths=/a /b
ExecStart=/usr/sbin/apachectl \\
    start
"""


def test_units_are_merged():
    merged = unit.parsed("apache2.service", [
        ("apache2.service", UNIT), ("a.conf", "[Service]\nPrivateTmp=false\nInaccessiblePaths=/c\nTasksMax=5\n"),
        ("b.conf", "[Service]\nTasksMax=\n")])
    assert merged.get("PrivateTmp") == unit.Setting("false", Place("a.conf", 2))
    assert [each.value for each in merged.all("InaccessiblePaths")] == ["/a /b", "/c"]
    assert merged.get("TasksMax") is None
    assert merged.get("ExecStart") == unit.Setting("/usr/sbin/apachectl  start", Place("apache2.service", 7))
    emptied = unit.parsed("x", [("x", UNIT), ("a.conf", "[Service]\nInaccessiblePaths=\nInaccessiblePaths=/c\n")])
    assert [each.value for each in emptied.all("InaccessiblePaths")] == ["/c"]


@pytest.mark.parametrize("text, value", [("infinity", None), ("15%", None), ("512", 512), ("2G", 2 << 30),
                                         ("1024:65536", 1024)])
def test_quantities(text, value):
    assert unit.quantity(text) == value


@pytest.mark.parametrize("setting, path, ids", [
    ("PrivateTmp=yes", "/tmp/site/app.wsgi", ["service-hides"]),
    ("PrivateTmp=yes", "/var/tmp/app.wsgi", ["service-hides"]),
    ("PrivateTmp=no", "/tmp/site/app.wsgi", []),
    ("PrivateTmp=yes", "/tmpfiles/app.wsgi", []),
    ("ProtectHome=yes", "/home/shop/app.wsgi", ["service-hides"]),
    ("ProtectHome=tmpfs", "/root/app.wsgi", ["service-hides"]),
    ("ProtectHome=read-only", "/home/shop/app.wsgi", []),
    ("InaccessiblePaths=-/srv/a /srv/b", "/srv/b/app.wsgi", ["service-hides"]),
    ("InaccessiblePaths=-/srv/a /srv/b", "/srv/bc/app.wsgi", []),
    ("TasksMax=100", "/srv/app.wsgi", ["service-tasks"]),
    ("TasksMax=4915", "/srv/app.wsgi", []),
    ("CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "/srv/app.wsgi", ["service-user"]),
    ("CapabilityBoundingSet=CAP_SETUID CAP_SETGID", "/srv/app.wsgi", []),
    ("CapabilityBoundingSet=~CAP_SYS_ADMIN", "/srv/app.wsgi", []),
    ("User=www-data", "/srv/app.wsgi", ["service-user"]),
    ("User=root", "/srv/app.wsgi", []),
])
def test_services(setting, path, ids):
    of_unit = unit.parsed("apache2.service", [("apache2.service", f"[Service]\n{setting}\n")])
    found = list(services.findings(state(runner(script=path), unit=of_unit, text="WSGIDaemonProcess shop user=shop")))
    assert [each.id for each in found] == ids
    assert all(Place("apache2.service", 2) in each.places for each in found)


def test_a_unit_is_found_with_its_drop_ins(tmp_path):
    (tmp_path / "web.service").write_text("[Service]\nExecStart=/usr/sbin/apache2 -f /srv/httpd.conf\n")
    (tmp_path / "web.service.d").mkdir()
    (tmp_path / "web.service.d/b.conf").write_text("[Service]\nTasksMax=7\n")
    (tmp_path / "web.service.d/a.conf").write_text("[Service]\nTasksMax=5\n")
    (tmp_path / "web.service.d/no.txt").write_text("[Service]\nTasksMax=9\n")
    found = unit.read(tmp_path / "web.service", [tmp_path])
    assert found.get("TasksMax").value == "7"
    assert unit.read(tmp_path / "no.service", [tmp_path]) is None


@pytest.mark.parametrize("text, bytes_", [("512M", 512 << 20), ("2g", 2 << 30), ("64MB", 64 << 20), ("100", 100),
                                          ("", 0), ("lots", 0)])
def test_sizes(text, bytes_):
    assert size(text) == bytes_


def test_an_engine_that_cannot_be_loaded():
    broken = State(sites(), (runner(), runner("other", python="3.12")), (), (), Machine(), None,
                   broken_engines={"3.11": "libpython3.11.so.1.0: cannot open shared object file"})
    [found] = environment.findings(broken)
    assert (found.id, found.places) == ("engine-broken", (HERE,))
    assert "group shop needs, cannot be loaded: libpython3.11.so.1.0" in found.message and "libpython3.11)" in found.remedy
