"""The sample configurations in conf/: httpd accepts each, and they do what their comments say."""

import base64
import json
import re
import subprocess
import urllib.error
import urllib.request

import pytest

from brine.installation import find_httpd
from brine.server_user import server_user
from ports import free_port
from serving import PATIENCE, REPOSITORY, poll

MODULES = ("mpm_event", "unixd", "authn_core", "auth_basic", "authz_core", "authz_host", "alias", "mime", "actions", "log_config")
SAMPLES = ("site.conf", "handlers.conf", "many-applications.conf", "virtualenv.conf", "daemon.conf",
           "pickle-guard.conf", "script-names.conf", "sending-files.conf", "behind-proxy.conf", "auth.conf", "logging.conf", "joined-logs.conf", "interpreters.conf", "own-gil.conf", "preload.conf",
           "status.conf", "debian/brine.conf")

ANSWER = ("def {name}(environ, start_response):\n"
          "    body = {body}\n"
          "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
          "    return [body.encode()]\n")


def answering(body, name="application"):
    return ANSWER.format(name=name, body=body)


TREE = {
    "shop.wsgi": "import catalogue\n" + answering(
        "f\"shop {environ['PATH_INFO']} {environ.get('HTTP_AUTHORIZATION')} {catalogue.NAME}\""),
    "lib/catalogue.py": "NAME = 'catalogue'\n",
    "static/style.css": "p {}",
    "tools/report.wsgi": answering("f\"report {environ['PATH_INFO']}\""),
    "render.py": answering("'rendered ' + open(environ['SCRIPT_FILENAME']).read()", "handle_request"),
    "notes/a.md": "# note",
    "notes/a.txt": "plain",
    "table.wsgi": answering("'table ' + environ['PATH_INFO']"),
    "data/x.csv": "1,2",
    "shop/api.wsgi": answering("'api'"),
    "shop/site.wsgi": answering("'site ' + environ['mod_wsgi.application_group']"),
    "plots/plots.wsgi": answering("'plots <' + environ['mod_wsgi.application_group'] + '>'"),
    "wiki/wiki.wsgi": answering("'wiki'") + answering("'statistics'", "statistics"),
    "downloads.wsgi": ("def application(environ, start_response):\n"
                       "    found = environ['PATH_INFO'] == '/bill'\n"
                       "    start_response('200 OK' if found else '404 No', [('Location', '/private/bill.txt')])\n"
                       "    return [b'never seen']\n"),
    "behind.wsgi": answering("f\"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']} {environ['HTTP_HOST']}\""),
    "reports.wsgi": ("import logging\n"
                     "def application(environ, start_response):\n"
                     "    logging.debug('not shown')\n"
                     "    logging.info('a report is made')\n"
                     "    logging.warning('it is late')\n"
                     "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
                     "    return [b'report']\n"),
    "staff.wsgi": ("import sys\n"
                   "def application(environ, start_response):\n"
                   "    folders = [each for each in sys.path if each.endswith('/lib') and '/tree/' in each]\n"
                   "    try:\n"
                   "        said = print(end='') or 'printed'\n"
                   "    except OSError:\n"
                   "        said = 'denied'\n"
                   "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
                   "    return [f'{sys.getswitchinterval() * 1000:g} {folders} {said}'.encode()]\n"),
    "staff/lib/editors.py": "",
    "private/bill.txt": "the bill",
    "errors/404.html": "the site's page",
    "staff/page.txt": "for editors",
    "judge.py": ("def allow_access(environ, host):\n    return environ.get('HTTP_X_BARRED') is None\n"
                 "def check_password(environ, user, password):\n    return password == 'secret'\n"
                 "def groups_for_user(environ, user):\n    return ['editors'] if user == 'anna' else []\n"),
    "small/todo": answering("'todo ' + environ['SCRIPT_NAME']"),
}


@pytest.fixture(scope="module")
def tree(public_folder):
    """What the samples' BRINE_ROOT stands for: all of their files and a virtual environment."""
    root = public_folder / "tree"
    for name, content in TREE.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", root / "venv"], check=True)
    subprocess.run(["chmod", "-R", "a+rX", root], check=True)
    return root


def write_configuration(brine, folder, tree, sample, port):
    """An httpd.conf that includes a sample as its head says."""
    user = server_user()
    httpd = find_httpd()
    loads = [f"LoadModule {name} {file}" for name, file in httpd.load_lines(*MODULES)]
    answer = subprocess.run(["/usr/bin/python3", "-c", "import sysconfig; print(sysconfig.get_python_version())"],
                            capture_output=True, text=True, check=True)
    lines = [*loads, f"LoadModule wsgi_module {brine.parent / 'mod_brine.so'}", "ServerRoot /", "ServerName localhost",
             f"Listen 127.0.0.1:{port}", f"PidFile {folder}/httpd.pid", f"ErrorLog {folder}/error.log",
             *([f"User {user.name}", f"Group {user.group}"] if user else []), "TypesConfig /dev/null",
             "<Directory />", "Require all denied", "</Directory>",
             f"Define BRINE_ROOT {tree}", f"Define BRINE_LOGS {folder}", f"Define BRINE_PORT {port}", f"Define BRINE_PYTHON {answer.stdout.strip()}",
             *(f"Define BRINE_NEW_PYTHON {python}" for python in pythons_with_own_gils(brine)[:1]),
             f"Include {REPOSITORY / 'conf' / sample}"]
    configuration = folder / "httpd.conf"
    configuration.write_text("\n".join(lines) + "\n")
    return [httpd.program, "-f", configuration]


def pythons_with_own_gils(brine):
    """The versions of Python for which there is an engine that own-gil.conf can use."""
    there = [file.name.split("-3")[1].split(".")[0] for file in brine.parent.glob("brine_engine.cpython-3*.so")]
    return [f"3.{minor}" for minor in there if minor.isdigit() and int(minor) >= 12]


@pytest.mark.parametrize("sample", SAMPLES)
def test_httpd_accepts_the_sample(brine, folder, tree, sample):
    if sample == "own-gil.conf" and not pythons_with_own_gils(brine):
        pytest.skip("this build has no engine for Python 3.12 or later")
    command = write_configuration(brine, folder, tree, sample, 8000)
    answer = subprocess.run([*command, "-t", "-D", "BRINE_TEST"], capture_output=True, text=True)
    assert "Syntax OK" in answer.stderr


def test_debian_s_load_file_names_the_module():
    text = (REPOSITORY / "conf/debian/brine.load").read_text()
    assert "\nLoadModule wsgi_module /usr/lib/apache2/modules/mod_brine.so\n" in text


def test_all_samples_are_tested():
    there = {str(file.relative_to(REPOSITORY / "conf")) for file in (REPOSITORY / "conf").rglob("*.conf")}
    assert there == set(SAMPLES)


@pytest.fixture
def running(brine, folder, tree):
    """running(SAMPLE): a function that gets pages from an httpd with that sample."""
    processes = []

    def start(sample):
        port = free_port()
        command = write_configuration(brine, folder, tree, sample, port)
        process = subprocess.Popen([*command, "-D", "FOREGROUND"], stdin=subprocess.DEVNULL, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        processes.append(process)

        def get(path, **headers):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code

        def answers():
            assert process.poll() is None, process.stderr.read()
            try:
                return get("/") is not None
            except OSError:
                return False

        poll(answers, f"httpd with {sample}")
        return get

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_scripts_that_decide(running):
    get = running("auth.conf")

    def ask(user, password):
        return get("/staff/page.txt", Authorization="Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())

    assert get("/staff/page.txt") == 401
    assert ask("anna", "secret") == "for editors"
    assert (ask("anna", "wrong"), ask("otto", "secret")) == (401, 401)
    assert get("/staff/page.txt", **{"X-Barred": "1"}) == 403


def test_site(running):
    get = running("site.conf")
    assert get("/cart") == "shop /cart None catalogue"
    assert get("/api/cart", Authorization="Bearer x") == "shop /api/cart Bearer x catalogue"
    assert get("/cart", Authorization="Bearer x") == "shop /cart None catalogue"
    assert get("/static/style.css") == "p {}"
    assert get("/admin/users") == "shop /admin/users None catalogue"


def test_files_and_pages_that_httpd_sends(running):
    get = running("sending-files.conf")
    assert get("/bill") == "the bill"
    assert get("/private/bill.txt") == 403
    assert get("/else") == 404


def test_behind_a_proxy(running):
    get = running("behind-proxy.conf")
    said = {"X-Forwarded-For": "6.6.6.6, 192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert get("/", **said) == get("/admin", **said) == "192.0.2.7 https shop.example"
    assert get("/admin", **{"X-Forwarded-For": "192.0.2.7, 6.6.6.6"}) == 403


def test_what_an_application_logs(running, folder):
    assert running("logging.conf")("/") == "report"
    log = folder / "error.log"
    shown = ("info", "a report is made"), ("warn", "it is late")
    poll(lambda: all(re.search(rf"\[wsgi:{level}\] .*{text}", log.read_text()) for level, text in shown), "both records")
    assert "not shown" not in log.read_text()


def test_logs_that_join(running, folder):
    assert running("joined-logs.conf")("/", **{"X-Request-Id": "seven"}) == "report"
    error_log, access_log = folder / "error.log", folder / "joined.log"

    def told():
        found = [json.loads(line) for line in error_log.read_text().splitlines() if line.startswith("{")]
        return [each for each in found if each.get("request_id") == "seven" and each["message"] == "it is late"]

    assert poll(told, "the record")[0]["level"] == "WARNING"
    poll(lambda: re.search(r'" 200 6 seven \d+ \d+ \d+ reports \d+$', access_log.read_text(), re.M), "the line of the access log")


def test_handlers(running):
    get = running("handlers.conf")
    assert get("/tools/report.wsgi/2024") == "report /2024"
    assert get("/notes/a.md") == "rendered # note"
    assert get("/notes/a.txt") == "plain"
    assert get("/data/x.csv") == "table /data/x.csv"


def test_many_applications(running):
    get = running("many-applications.conf")
    assert get("/shop/api") == "api"
    assert get("/shop") == "site shop"
    assert get("/plots") == "plots <>"
    assert get("/wiki") == "wiki"
    assert get("/wiki/statistics") == "statistics"
    assert get("/small/todo") == "todo /small/todo"


PICKLING = """
import pickle
from datetime import date

class Item:
    pass

def application(environ, start_response):
    values = {"item": Item, "date": date.today, "list": list}
    try:
        pickle.dumps(values[environ["PATH_INFO"].strip("/")]())
        said = "pickled"
    except pickle.PicklingError as error:
        said = type(error).__name__
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode()]
"""


def test_interpreters(running, tree):
    get = running("interpreters.conf")
    assert get("/shop/") == "shop / None catalogue"
    lib, own = f"{tree}/lib", f"{tree}/staff/lib"
    assert get("/staff") == f"1 {[own, lib]} denied"
    assert get("/reports") == f"5 {[lib]} denied"


def test_pickle_guard(running, tree, folder):
    for script in ("shop/site.wsgi", "wiki/wiki.wsgi"):
        tree.joinpath(script).write_text(PICKLING)
    get = running("pickle-guard.conf")
    assert [get(f"/shop/{kind}") for kind in ("item", "date", "list")] == ["UnsafePickleError", "pickled", "pickled"]
    assert [get(f"/wiki/{kind}") for kind in ("date", "list")] == ["UnsafePickleError", "pickled"]
    expected = {"/shop/item": "naming-script", "/shop/date": "-", "/shop/list": "-",
                "/wiki/date": "not-builtin", "/wiki/list": "-"}

    def logged():  # httpd writes a line after its answer, so those of two requests may change places
        lines = re.findall(r'"GET (\S+) .*" \d+ \S+ (\S+)$', folder.joinpath("pickle.log").read_text(), re.M)
        found = {path: hazards for path, hazards in lines if path in expected}
        return len(found) == len(expected) and found

    assert poll(logged, "a line for each request") == expected
    for script in ("shop/site.wsgi", "wiki/wiki.wsgi"):
        tree.joinpath(script).write_text(TREE[script])


def test_script_names(running, tree):
    tree.joinpath("shop/site.wsgi").write_text(
        "import pickle, brine.pickle\n@brine.pickle.stable(schema=1)\nclass Item: pass\n"
        + answering("pickle.dumps(Item()).hex()"))
    tree.joinpath("wiki/wiki.wsgi").write_text(
        "import pickle\n" + answering("repr(pickle.loads(bytes.fromhex(environ['QUERY_STRING'])))"))
    get = running("script-names.conf")
    assert get(f"/wiki?{get('/shop')}").startswith("<shop_wsgi.Item object at ")
    assert get("/small/todo") == "todo /small/todo"
    for script in ("shop/site.wsgi", "wiki/wiki.wsgi"):
        tree.joinpath(script).write_text(TREE[script])


def test_virtualenv(running, tree):
    [packages] = (tree / "venv").glob("lib/python*/site-packages")
    packages.joinpath("installed.py").write_text("NAME = 'installed'\n")
    tree.joinpath("shop.wsgi").write_text("import installed\n" + TREE["shop.wsgi"])
    get = running("virtualenv.conf")
    assert get("/x") == "shop /x None catalogue"
    tree.joinpath("shop.wsgi").write_text(TREE["shop.wsgi"])
