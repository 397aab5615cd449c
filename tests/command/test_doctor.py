"""`brine doctor`: each seeded fault is found, with the component and the line that are to blame; a good site is clean."""

import json
import os
import pwd
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field

import jsonschema
import pytest

from brine.installation import Brine
from configured import Site
from serving import REPOSITORY, write_script

USER = pwd.getpwnam("www-data").pw_name if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
SCHEMA = jsonschema.Draft202012Validator(json.loads((REPOSITORY / "docs/doctor.schema.json").read_text()))
LOAD = "LoadModule wsgi_module {}"


class Patient(Site):
    """A site that is to be looked at."""

    def __init__(self, brine, folder):
        super().__init__(brine, folder, "doctor")
        self.script = write_script(folder / "site" / "app.wsgi", 'b"one"')
        self.unit = folder / "apache2.service"

    def put(self, name, text="", mode=0o644):
        """A file, and the folders that it needs."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def environment(self, name, *packages):
        """What looks like a virtual environment of this Python, with packages."""
        library = f"{name}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        self.put(f"{name}/pyvenv.cfg", f"home = /usr/bin\nversion = 3.{sys.version_info[1]}\n")
        for package in packages:
            self.put(f"{library}/{package}/__init__.py")
        return self.folder / name

    def configure(self, text):
        self.write(text.format(folder=self.folder, script=self.script, site=self.folder / "site"),
                   LOAD.format(self.brine.parent / "mod_brine.so"))

    def findings(self, *arguments, code=None, **options):
        report = self.report(*arguments, code=code, **options)
        SCHEMA.validate(report)
        return report["findings"]


@pytest.fixture
def patient(brine, folder):
    made = Patient(brine, folder)
    yield made
    for path in [folder / "site" / "closed", folder / "site" / "app.wsgi"]:
        if path.exists():
            path.chmod(0o755)


GROUP = "WSGIDaemonProcess shop threads=2 "
ALIAS = "WSGIScriptAlias /shop {script} process-group=shop application-group=%{{GLOBAL}}\n"
SITE = GROUP + "\n" + ALIAS


@dataclass
class Fault:
    """What is wrong, and what has to be said of it."""

    name: str
    id: str
    says: tuple[str, ...]
    """What stands in the message, the remedy or the details; {site} and others are filled in."""
    line: str
    """How the configuration's line begins that is named, if it is not "unit"."""
    text: str = SITE
    seed: object = lambda patient: None
    options: tuple[str, ...] = ()
    run: dict = field(default_factory=dict)
    only_root: bool = False


def script(text):
    return lambda patient: patient.put("site/app.wsgi", text)


def closed_folder(patient):
    write_script(patient.folder / "site/closed/inner/app.wsgi", 'b"one"')
    (patient.folder / "site/closed").chmod(0o000)


def dangling(patient):
    (patient.folder / "site/current").symlink_to(patient.folder / "site/releases/7")


def listed_user(patient):
    """An ACL that shuts out whom the mode lets in: entries of owner, user, group, mask, others."""
    path = patient.folder / "site/closed"
    write_script(path / "app.wsgi", 'b"one"')
    path.chmod(0o755)
    number = pwd.getpwnam("www-data").pw_uid
    none = 0xFFFFFFFF
    entries = [(1, 7, none), (2, 0, number), (4, 5, none), (16, 5, none), (32, 5, none)]
    value = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, rights, who in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("the file system has no ACLs")


def near_environment(patient):
    patient.environment("site/venv", "shopping_cart")
    script("import shopping_cart\n")(patient)


def gone_python(patient):
    (patient.environment("site/venv") / "bin").mkdir()
    (patient.folder / "site/venv/bin/python3").symlink_to("/usr/bin/python3.1")


def other_python(patient):
    patient.put("site/lib/engine_part/__init__.py", "from engine_part import _speed\n")
    patient.put("site/lib/engine_part/_speed.cpython-39-x86_64-linux-gnu.so")
    script("import engine_part\n")(patient)


def chained(patient):
    patient.put("site/lib/outer.py", "try:\n    import inner\nexcept ImportError as error:\n"
                                     "    raise RuntimeError('the shop cannot start') from error\n")
    patient.put("site/lib/inner.py", "\nfrom os import no_such_name\n")
    script("try:\n    import outer\nexcept RuntimeError as error:\n    raise ValueError('last words')\n")(patient)


def from_the_future(patient):
    later = time.time() + 5 * 86400
    os.utime(patient.script, (later, later))


def unit(text, *drop_ins):
    def seed(patient):
        patient.put("apache2.service", f"[Unit]\nAfter=network.target\n[Service]\nType=forking\n{text}\n")
        for name, drop_in in drop_ins:
            patient.put(f"apache2.service.d/{name}.conf", f"[Service]\n{drop_in}\n")
    return seed


def limited(which, value):
    def lower():
        resource.setrlimit(which, (value, value))
    return {"preexec_fn": lower}


UNIT = ("--unit", "{folder}/apache2.service")
CLOSED = GROUP + "\nWSGIScriptAlias /shop {site}/closed/inner/app.wsgi process-group=shop application-group=%{{GLOBAL}}\n"

FAULTS = [
    Fault("a folder that may not be entered", "path-refused",
          ("{user} may not enter {site}/closed (d--------- ", "rights there are"),
          "WSGIScriptAlias", CLOSED, closed_folder),
    Fault("a script that may not be read", "path-refused", ("may not read {site}/app.wsgi (----------",),
          "WSGIScriptAlias", seed=lambda patient: patient.script.chmod(0o000)),
    Fault("an ACL that shuts the user out", "path-refused",
          ("www-data may not enter {site}/closed (drwxr-xr-x+", "those of www-data in its ACL: ---"), "WSGIScriptAlias",
          GROUP + "\nWSGIScriptAlias /shop {site}/closed/app.wsgi process-group=shop application-group=%{{GLOBAL}}\n",
          listed_user, only_root=True),
    Fault("a script that is not there", "path-missing", ("{site}/gone is not there",), "WSGIScriptAlias",
          GROUP + "\nWSGIScriptAlias /shop {site}/gone/app.wsgi process-group=shop application-group=%{{GLOBAL}}\n"),
    Fault("a link that leads nowhere", "path-missing",
          ("{site}/releases, to which the link {site}/current leads, is not there",), "WSGIScriptAlias",
          GROUP + "\nWSGIScriptAlias /shop {site}/current/app.wsgi process-group=shop application-group=%{{GLOBAL}}\n",
          dangling),
    Fault("a file in the way", "path-missing", ("{site}/app.wsgi is no folder",), "WSGIDaemonProcess",
          GROUP + "python-path={site}/app.wsgi/lib\n" + ALIAS),
    Fault("a folder of modules that may not be entered", "path-refused", ("may not enter {site}/closed",),
          "WSGIDaemonProcess", GROUP + "python-path={site}/closed/inner\n" + ALIAS, closed_folder),
    Fault("a folder of modules that is not there", "path-missing", ("the folder of modules {site}/lib",),
          "WSGIDaemonProcess", GROUP + "python-path={site}/lib\n" + ALIAS),
    Fault("a home that may not be entered", "path-refused", ("home= {site}/closed/inner: {user} may not enter",),
          "WSGIDaemonProcess", GROUP + "home={site}/closed/inner\n" + ALIAS, closed_folder),
    Fault("an environment that may not be read", "path-refused", ("python-home= {site}/closed/inner: {user} may not",),
          "WSGIDaemonProcess", GROUP + "python-home={site}/closed/inner\n" + ALIAS, closed_folder),
    Fault("a module in an environment that is not used", "script-raises",
          ("app.wsgi does not load: ModuleNotFoundError: No module named 'shopping_cart' ({site}/app.wsgi:1)",
           "shopping_cart is in {site}/venv, which this group does not use: python-home={site}/venv"),
          "WSGIScriptAlias", seed=near_environment),
    Fault("a module beside the script", "script-raises",
          ("helpers_of_shop is in {site}, which is not on the module path of group shop: python-path={site}",),
          "WSGIScriptAlias", seed=lambda patient: (patient.put("site/helpers_of_shop.py"),
                                                   script("import helpers_of_shop.deep\n")(patient))),
    Fault("a module that is nowhere", "script-raises", ("Install no_such_module_here for the Python of group shop",),
          "WSGIScriptAlias", seed=script("import no_such_module_here\n")),
    Fault("an extension for another Python", "script-raises", ("is built for Python 3.9, and group shop runs 3.",),
          "WSGIScriptAlias", GROUP + "python-path={site}/lib\n" + ALIAS, other_python),
    Fault("an environment whose Python has gone", "BRINE0010", ("python-home= names '{site}/venv'",),
          "WSGIDaemonProcess", GROUP + "python-home={site}/venv\n" + ALIAS, gone_python),
    Fault("an environment of httpd's own that may not be read", "path-refused",
          ("WSGIPythonHome {site}/closed/inner: {user} may not",), "WSGIPythonHome",
          "WSGIPythonHome {site}/closed/inner\nWSGIScriptAlias / {script}\n", closed_folder),
    Fault("a chain of exceptions", "script-raises",
          ("does not load: ImportError: cannot import name 'no_such_name' from 'os'", "({site}/lib/inner.py:2)",
           "which led to RuntimeError: the shop cannot start ({site}/lib/outer.py:4)",
           "which led to ValueError: last words ({site}/app.wsgi:4)"),
          "WSGIScriptAlias", GROUP + "python-path={site}/lib\n" + ALIAS, chained),
    Fault("a mistake in the syntax", "script-raises", ("SyntaxError: ", "({site}/app.wsgi:2)", "Mend that line."),
          "WSGIScriptAlias", seed=script("import os\ndef application(:\n")),
    Fault("a variable that httpd has not", "script-raises", ("KeyError: 'SHOP_KEY'", "SetEnv reaches a request's environ"),
          "WSGIScriptAlias", seed=script("import os\nos.environ['SHOP_KEY']\n")),
    Fault("a relative path", "script-raises", ("settings.ini is looked for in {site}: name it from / on",),
          "WSGIScriptAlias", GROUP + "home={site}\n" + ALIAS, script("open('settings.ini')\n")),
    Fault("no application", "no-application", ("does not define 'application'", "It defines: app, helper."),
          "WSGIScriptAlias", seed=script("def app(): pass\ndef helper(): pass\n_x = 1\n")),
    Fault("an application that cannot be called", "no-application", ("defines 'shop', which cannot be called",),
          "WSGIScriptAlias", SITE + "WSGICallableObject shop\n", script("shop = 'no'\n")),
    Fault("a script that ends its process", "script-ends", ("ends its process: exit code 3", "  goodbye"),
          "WSGIScriptAlias", seed=script("import os\nprint('goodbye', flush=True)\nos._exit(3)\n")),
    Fault("a script that crashes", "script-ends", ("killed by SIGSEGV",), "WSGIScriptAlias",
          seed=script("import os\nos.kill(os.getpid(), 11)\n")),
    Fault("a script that hangs", "script-late", ("was still loading after 8 s", "line 3 in connect"), "WSGIScriptAlias",
          seed=script("import threading\ndef connect():\n    threading.Event().wait()\nconnect()\n"),
          options=("--timeout", "8")),
    Fault("an alias behind a shorter one", "alias-shadowed",
          ("/shop/admin can never match: WSGIScriptAlias /shop ({folder}/httpd.conf:",), "WSGIScriptAlias /shop/admin",
          SITE + "WSGIScriptAlias /shop/admin {script} process-group=shop application-group=%{{GLOBAL}}\n"),
    Fault("an alias behind one of httpd's", "alias-shadowed", ("/shop can never match: Alias /shop ",),
          "WSGIScriptAlias", "Alias /shop {site}\n" + SITE),
    Fault("an extension in a sub-interpreter", "extension-sub-interpreter", ("_cffi_backend",), "WSGIScriptAlias",
          GROUP + "\nWSGIScriptAlias /shop {script} process-group=shop\n", script("import _cffi_backend\napplication = len\n")),
    Fault("a limit of descriptors", "too-few-descriptors", ("group shop may have 142 descriptors open", "limit is 100"),
          "WSGIDaemonProcess", run=limited(resource.RLIMIT_NOFILE, 100)),
    Fault("a limit of processes", "too-few-tasks", ("is to run", "this shell's limit is 4000"), "WSGIDaemonProcess",
          GROUP.replace("threads=2", "threads=20") + "processes=200\n" + ALIAS, run=limited(resource.RLIMIT_NPROC, 4000)),
    Fault("a limit of the service", "too-few-descriptors", ("apache2.service's limit is 64", ), "unit",
          seed=unit("LimitNOFILE=64"), options=UNIT),
    Fault("a memory limit", "script-raises", ("MemoryError", "raise it"), "WSGIScriptAlias",
          GROUP + "memory-limit=60M\n" + ALIAS, script("x = bytearray(200 << 20)\n")),
    Fault("a memory limit that is nearly reached", "memory-limit", ("memory-limit= of group shop is 120 MiB",),
          "WSGIDaemonProcess", GROUP + "memory-limit=120M\n" + ALIAS, script("x = bytearray(90 << 20)\napplication = len\n")),
    Fault("more processes than memory", "too-little-memory", ("the processes take", "10000 x "), "WSGIDaemonProcess",
          GROUP + "processes=10000\n" + ALIAS, script("x = bytearray(b'1') * (30 << 20)\napplication = len\n")),
    Fault("less memory in the service", "too-little-memory", ("the service has MemoryMax=4M",), "unit",
          seed=unit("", ("memory", "MemoryMax=4M")), options=UNIT),
    Fault("a locale that is not there", "BRINE0017", ("xx_YY.UTF-8",), "WSGIDaemonProcess",
          GROUP + "locale=xx_YY.UTF-8\n" + ALIAS),
    Fault("a clock that is wrong", "from-the-future", ("{site}/app.wsgi was modified at",), "WSGIScriptAlias",
          seed=from_the_future),
    Fault("a time zone that is not there", "time-zone", ("TZ is 'Mars/Olympus'",), "WSGIDaemonProcess",
          run={"env": {**os.environ, "TZ": "Mars/Olympus"}}),
    Fault("file names that are ASCII", "encoding", ("for ascii",), "WSGIDaemonProcess",
          run={"env": {**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}}),
    Fault("a group that is not defined", "BRINE0012", ("'nobody_has_it'",), "WSGIScriptAlias /other",
          SITE + "WSGIScriptAlias /other {script} process-group=nobody_has_it\n"),
    Fault("PrivateTmp", "service-hides", ("the script {site}/app.wsgi is not seen", "PrivateTmp=true"), "WSGIScriptAlias",
          seed=unit("PrivateTmp=true"), options=UNIT),
    Fault("PrivateTmp by a drop-in", "service-hides", ("PrivateTmp=yes ({folder}/apache2.service.d/10-more.conf:2)",),
          "WSGIScriptAlias", seed=unit("PrivateTmp=false", ("10-more", "PrivateTmp=yes")), options=UNIT),
    Fault("a folder that the service may not see", "service-hides", ("InaccessiblePaths=",), "WSGIScriptAlias",
          seed=lambda patient: unit(f"InaccessiblePaths=-{patient.folder}/site /nowhere")(patient), options=UNIT),
    Fault("TasksMax", "service-tasks", ("TasksMax=20",), "unit", seed=unit("", ("tasks", "TasksMax=20")), options=UNIT),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name.replace(" ", "-") for fault in FAULTS])
def test_a_fault_is_found(patient, fault):
    if fault.only_root and os.geteuid() != 0:
        pytest.skip("needs another user")
    names = {"folder": patient.folder, "site": patient.folder / "site", "user": USER}
    fault.seed(patient)
    patient.configure(fault.text)
    found = patient.findings(*(each.format(**names) for each in fault.options), code=1, **fault.run)
    of_it = [each for each in found if each["id"] == fault.id]
    told = "\n".join("\n".join([each["message"], each["remedy"], *each["details"]]) for each in of_it)
    assert [says for says in fault.says if says.format(**names) not in told] == [], found
    if fault.line == "unit":
        assert any("apache2.service" in place["file"] for each in of_it for place in each["places"]), of_it
    else:
        place = {"file": str(patient.file), "line": patient.line(fault.line)}
        assert all(place in each["places"] for each in of_it), (place, of_it)
    others = [each for each in found if each["severity"] != "note" and each["id"] != fault.id]
    assert others == [], "it says more than there is"


GOOD = {
    "one group": SITE,
    "a sub-interpreter": GROUP + "\nWSGIScriptAlias /shop {script} process-group=shop\n",
    "embedded": "WSGIScriptAlias /shop {script}\n",
    "several aliases": SITE + "WSGIScriptAlias /sh {script}\nWSGIScriptAliasMatch ^/x/(.*) {script}/$1\n"
                              "Alias /static {site}\nWSGIScriptAlias / {script}\n",
    "virtual hosts": SITE + "<VirtualHost *:1>\nServerName a.example\nWSGIScriptAlias /shop/a {script}\n</VirtualHost>\n",
    "home and path": GROUP + "home={site} python-path={site} locale=C.UTF-8\n" + ALIAS,
    "a prefix without a program": GROUP + "python-home={site}/prefix\n" + ALIAS,
    "no WSGI": "",
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_site_is_clean(patient, name):
    """With what scripts may use: mod_wsgi's module, threads that go on, files of the library that are extensions."""
    patient.put("site/app.wsgi", "import datetime, decimal, json, logging, sqlite3, threading\nimport mod_wsgi\n"
                                 "from mod_wsgi import process_group, LogHandler, RequestTimeout\nimport mod_wsgi.express\n"
                                 "mod_wsgi.subscribe_shutdown(lambda *given: None)\n"
                                 "import apache; assert apache.version >= (2, 4, 0)\n"
                                 "@mod_wsgi.subscribe_events\ndef told(name, **more): pass\n"
                                 "told('x'); mod_wsgi.event_callbacks.append(told); mod_wsgi.active_requests.get('x')\n"
                                 "assert not issubclass(RequestTimeout, Exception) and not hasattr(mod_wsgi, 'nothing')\n"
                                 "import sys; sys.stdout.close(); sys.stderr.close(); sys.stdout = sys.stderr\n"
                                 "threading.Thread(target=threading.Event().wait).start()\nprint('hello')\n"
                                 "def application(environ, start_response): pass\n")
    library = os.path.dirname(os.__file__)
    (patient.folder / "site/prefix/lib").mkdir(parents=True)
    (patient.folder / "site/prefix/lib" / os.path.basename(library)).symlink_to(library)
    unit("PrivateTmp=no\nProtectHome=yes\nTasksMax=infinity\nLimitNOFILE=65536\nMemoryMax=90%")(patient)
    patient.configure(GOOD[name])
    assert patient.findings("--unit", str(patient.unit), code=0) == []


def test_the_text_of_an_exception_cannot_pass_for_a_finding(patient):
    patient.put("site/app.wsgi", f"raise ValueError('one\\n{patient.file}:1: error: forged [forged]')\n")
    patient.configure(GROUP + "\n" + ALIAS)
    said = patient.run(code=1)
    assert f"\n    {patient.file}:1: error: forged [forged]" in said
    assert not re.search(r"^\S*: error: forged", said, re.MULTILINE)


def test_the_text_says_the_root_exception_first(patient):
    chained(patient)
    patient.configure(GROUP + "python-path={site}/lib\n" + ALIAS)
    lines = patient.run(code=1).split("\n")
    assert lines[0].startswith(f"{patient.file}:{patient.line('WSGIScriptAlias')}: error: {patient.script} does not "
                               "load: ImportError: cannot import name 'no_such_name'")
    assert any(line.startswith(f"    loaded by {USER} (uid ") and line.endswith(", in /") for line in lines)
    assert any(line.startswith("    sys.prefix: /") for line in lines)
    assert any(line.startswith(f"    sys.path: {patient.folder}/site/lib, ") for line in lines)


def test_each_python_loads_its_groups_scripts(patient, brine):
    """The one that the engine was built for, which a group names."""
    versions = Brine(brine.parent).pythons()
    script("import os, sys\n"
           "raise ValueError('this is Python %d.%d%s %s' % (*sys.version_info[:2], sys.abiflags, "
           "os.environ.get('LD_LIBRARY_PATH')))\n"
           )(patient)
    patient.configure("".join(
        f"WSGIDaemonProcess of{version} python={version} threads=2\n"
        f"WSGIScriptAlias /{version} {{script}} process-group=of{version} application-group=%{{{{GLOBAL}}}}\n"
        for version in versions))
    said = "".join(each["message"] for each in patient.findings(code=1))
    assert versions and [version for version in versions if f"this is Python {version} None" not in said] == []


def test_no_load_runs_nothing(patient):
    mark = patient.folder / "site/ran"
    script(f"open({str(mark)!r}, 'w')\nimport nosuch\n")(patient)
    patient.folder.joinpath("site").chmod(0o777)
    patient.configure(SITE)
    assert patient.findings("--no-load", code=0) == [] and not mark.exists()
    assert [each["id"] for each in patient.findings(code=1)] == ["script-raises"] and mark.exists()


def test_a_script_is_loaded_once_and_not_waited_for(patient):
    """However many aliases lead to it, and whatever it has started holds its output open."""
    count = patient.put("site/count", mode=0o666)
    script(f"import subprocess\nopen({str(count)!r}, 'a').write('x')\n"
           "subprocess.Popen(['sleep', 'infinity'])\nraise ValueError('once')\n")(patient)
    patient.configure(SITE + ALIAS.replace("/shop", "/other") + ALIAS.replace("/shop", "/third"))
    [found] = patient.findings(code=1, timeout=250)
    assert count.read_text() == "x"
    assert "once" in found["message"] and len(found["places"]) == 3


def test_a_hostile_script_says_no_more_than_it_may(patient):
    """What it answers in the child's place is taken for nothing, and control characters do not reach the terminal."""
    script("import os\nprint('\\x1b]0;owned\\x07', flush=True)\nfor number in range(3, 20):\n    try:\n"
           "        os.write(number, b'{\"raised\": 1}' * 9)\n    except OSError:\n        pass\n"
           "os.write(1, b'x' * 3000000)\nos._exit(0)\n")(patient)
    patient.configure(SITE)
    text = patient.run(code=1)
    assert "ends its process: exit code 0" in text and "\x1b" not in text and len(text) < 20000


@pytest.mark.skipif(os.geteuid() != 0, reason="httpd takes on a user where root starts it")
@pytest.mark.parametrize("user, group, said", [
    (None, None, ["no User is set", "no Group is set"]),
    ("#123456", "www-data", ["User #123456 is not in the system's list"])])
def test_an_account_that_is_not_there(patient, user, group, said):
    """httpd -t accepts it."""
    patient.head = [line for line in patient.head if not line.startswith(("User", "Group"))]
    patient.head += [f"{name} {value}" for name, value in (("User", user), ("Group", group)) if value]
    patient.configure(f"WSGIScriptAlias / {patient.script}\n")
    found = [each for each in patient.findings(code=1) if each["id"] == "account-unknown"]
    assert [each["severity"] for each in found] == ["error"] * len(said)
    assert all(words in each["message"] for words, each in zip(said, found, strict=True))
    lines = {each["places"][0]["line"] for each in found}
    assert lines == {patient.line("User" if user else "Listen")}


def test_what_is_no_httpd_is_refused(patient):
    patient.configure(SITE)
    assert "--httpd names /bin/true, which is no httpd" in patient.run("--httpd", "/bin/true", code=2)
    assert "--httpd names /etc/passwd, which is no httpd" in patient.run("--httpd", "/etc/passwd", code=2)


def test_what_httpd_cannot_read_is_said(patient):
    patient.configure(SITE + "<Directory /srv>\n")
    assert [each["id"] for each in patient.findings(code=2)] == ["broken"]
    assert "The configuration is a folder, /tmp: name the file" in subprocess.run(
        [patient.brine, "doctor", "/tmp"], capture_output=True, text=True).stderr
    assert "There is no configuration /no/such" in subprocess.run(
        [patient.brine, "doctor", "/no/such"], capture_output=True, text=True).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_a_script_runs_as_its_groups_user(patient):
    script("import os, sys\nraise OSError(0, 'I am %d %d %s in %s' % (os.getuid(), os.getgid(), os.getgroups(), "
           "os.environ['HOME']))\n")(patient)
    patient.configure(SITE)
    user = pwd.getpwnam("www-data")
    message = patient.findings(code=1)[0]["message"]
    assert f"I am {user.pw_uid} {user.pw_gid} [{user.pw_gid}] in {user.pw_dir}" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes a plain user")
def test_a_plain_user_judges_others_by_modes(patient):
    """And says so."""
    nobody = pwd.getpwnam("nobody")
    closed = patient.folder / "site/closed"
    write_script(closed / "app.wsgi", 'b"one"')
    os.chown(closed, nobody.pw_uid, nobody.pw_gid)
    closed.chmod(0o700)
    patient.configure(GROUP + "\nWSGIScriptAlias /shop {site}/closed/app.wsgi process-group=shop "
                      "application-group=%{{GLOBAL}}\n")
    found = patient.findings(code=1, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
    assert {each["id"]: each["severity"] for each in found if not each["id"].startswith("BRINE")} == {
        "path-refused": "error", "not-root": "note"}
    assert "www-data may not enter" in next(each["message"] for each in found if each["id"] == "path-refused")


def test_the_page_names_every_finding():
    """And no other."""
    sources = "".join(file.read_text() for file in (REPOSITORY / "python/brine/doctor/checks").glob("*.py"))
    ids = set(re.findall(r'(?:Finding|_problem)\((?:load, )?"([a-z-]+)"', sources)) - {"path-unseen"}
    ids |= set(re.findall(r'return Finding\("([a-z-]+)"', sources)) - {"path-unseen"}
    page = (REPOSITORY / "docs/doctor.md").read_text()
    table = page[page.index("## What is looked for"):page.index("## What it runs")]
    named = {name for row in re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z-]+)`", row)}
    assert len(ids) > 20 and named == ids
