"""The options of `brine serve` beyond the application: addresses, processes, logs, files of settings."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import urllib.request

import pytest

from brine.environment_file import read_environment
from ports import free_port
from serving import PATIENCE, write_script

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def refused(brine, *arguments):
    """What the command says to a command line that it does not take."""
    answer = subprocess.run([brine, *map(str, arguments)], capture_output=True, text=True)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    return answer.stderr


def printed(brine, *arguments):
    """The configuration that the command would run."""
    return subprocess.run([brine, "serve", "--print-config", *map(str, arguments)], capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize("wrong, meant", [("--proceses", "--processes"), ("--request-timout=3", "--request-timeout"),
                                          ("--acess-log", "--access-log"), ("-w", "--processes"),
                                          ("--url-alias", "--static"), ("--timeout=30", "--request-timeout"),
                                          ("--bind=:80", "--host and --port"), ("--working-directory", "--chdir")])
def test_a_wrong_option_says_which_was_meant(brine, script, wrong, meant):
    answer = refused(brine, "serve", script, wrong)
    assert answer.startswith("usage: brine serve ") and f"did you mean {meant}?" in answer


def test_a_wrong_command_or_choice_says_which_was_meant(brine, script):
    assert "did you mean serve?" in refused(brine, "sevre", script)
    assert "did you mean worker?" in refused(brine, "serve", script, "--mpm", "workr")


@pytest.mark.parametrize("option, value, words", [
    ("--request-timeout", "soon", "is not a time such as 30s"),
    ("--memory-recycle", "3X", "is not a size such as 300M"),
    ("--callable", "a-b", "is not a name in Python"), ("--max-requests", "-1", "is not a number from 0"),
    ("--user", "a b", "is not a name, nor #"), ("--tls", "one", "expected 2 arguments")])
def test_values_that_are_none(brine, script, option, value, words):
    assert words in refused(brine, "serve", script, f"{option}={value}" if option != "--tls" else option, *(
        [value] if option == "--tls" else []))


@pytest.mark.parametrize("arguments, words", [
    (["--embedded", "--reload"], "--reload replaces processes"),
    (["--embedded", "--request-timeout", "3s"], "--request-timeout is about"),
    (["--http2", "--mpm", "prefork"], "needs threads"),
    (["--mount", "/a", "--mount", "/b"], "two URLs of one application"),
    (["--mount", "/a=json:loads", "--mount", "/a=json:dumps"], "Two applications are to be mounted at /a"),
    (["--env", "/no/such"], "The file /no/such of --env does not exist"),
    (["--chdir", "/no/such"], "The folder /no/such of --chdir"),
    (["--include", "/no/such"], "of --include does not exist"),
    (["--tls", "/no/such", "/no/such"], "of --tls does not exist"),
    (["--status", "--mount", "/brine-status"], "--status has its page at /brine-status"),
    (["--status", "--mount", "/brine-health=json:loads"], "--status has its page at /brine-health"),
    (["--warm-up", "/x", "--embedded"], "--warm-up is about processes of the application's own"),
    (["--preload-idle", "1m"], "--preload-idle is about the process that --preload loads the application in"),
    (["--preload", "--embedded"], "--preload is about processes of the application's own"),
    (["--max-requests-jitter", "5"], "--max-requests-jitter adds to --max-requests, which is not given"),
    (["--restart-interval-jitter", "1m", "--restart-interval", "0s"], "adds to --restart-interval, which"),
    (["--memory-recycle-jitter", "1M", "--max-requests", "1"], "adds to --memory-recycle, which"),
    (["--max-requests", "9", "--max-requests-jitter", "5", "--embedded"], "is about processes of the application's own"),
    (["--processes", "1-2", "--embedded"], "--processes MIN-MAX is about processes of the application's own"),
    (["--mount", "/a="], "--mount /a= names no application"),
    (["--access-log", "/no/such/x"], "The folder /no/such of"),
    (["--access-log", "/tmp"], "/tmp of --access-log is a directory"),
    (["--config", "/no/such"], "There is no file /no/such")])
def test_what_makes_no_sense_is_one_sentence(brine, script, arguments, words):
    answer = refused(brine, "serve", script, *arguments)
    assert answer.startswith("brine: ") and words in answer and answer.count("\n") == 1


@pytest.mark.parametrize("value", ["0", "5-2", "-3", "2-", "2-x", "2-3-4", "0-2", "2-1001", "", "٣"])
def test_what_is_no_number_of_processes(brine, script, value):
    assert "is not a number from 1 to 1000, nor two such as 2-8" in refused(brine, "serve", script, f"--processes={value}")


@pytest.mark.parametrize("arguments, option", [
    (["--processes", "3"], "processes=3"), (["--processes", "2-8"], "processes=2-8"),
    (["--processes", "1-2"], "processes=1-2"), (["--processes", "4-4"], "processes=4"),
    (["--processes", "1-2", "--threads", "3", "--mpm", "prefork"], "processes=3-6")])
def test_the_number_of_processes(brine, script, arguments, option):
    group = next(line for line in printed(brine, script, *arguments).splitlines() if line.startswith("WSGIDaemonProcess"))
    assert option in group.split()


def test_limits_reach_the_daemon_processes(brine, script):
    text = printed(brine, script, "--request-timeout", "30s", "--max-requests", "100", "--memory-recycle", "300M",
                   "--graceful-timeout", "2s", "--reload", "--limit-request-body", "1000")
    group = next(line for line in text.splitlines() if line.startswith("WSGIDaemonProcess"))
    assert {"request-timeout=30s", "maximum-requests=100", "memory-recycle=300M",
            "graceful-timeout=2s"} <= set(group.split())
    assert "LimitRequestBody 1000" in text


@pytest.mark.parametrize("size, count", [("1M", 1 << 20), ("2kB", 2 << 10), ("3G", 3 << 30), ("0", 0)])
def test_a_limit_of_bodies_is_a_size(brine, script, size, count):
    assert f"LimitRequestBody {count}\n" in printed(brine, script, "--limit-request-body", size)


def test_a_limit_of_bodies_is_no_more_than_httpd_takes(brine, script):
    assert "is more than 4611686018427387904 bytes" in refused(brine, "serve", script, "--limit-request-body", "4294967297G")
    assert "is not a size such as" in refused(brine, "serve", script, "--limit-request-body", "1T")


JITTER = {"maximum-requests": "100", "maximum-requests-jitter": "20", "restart-interval": "1h",
          "restart-interval-jitter": "5m", "memory-recycle": "300M", "memory-recycle-jitter": "50M"}


@pytest.mark.parametrize("where", ["options", "file"])
def test_jitter_reaches_the_daemon_processes(brine, script, folder, where):
    given = {name.replace("maximum", "max"): value for name, value in JITTER.items()}
    settings = folder / "brine.toml"
    settings.write_text("".join(f"{name} = '{value}'\n" for name, value in given.items()))
    text = printed(brine, script, *(["--config", settings] if where == "file" else
                                    [f"--{name}={value}" for name, value in given.items()]))
    group = next(line for line in text.splitlines() if line.startswith("WSGIDaemonProcess"))
    assert {f"{name}={value}" for name, value in JITTER.items()} <= set(group.split())


def test_no_jitter_may_be_said(serve, script):
    """httpd takes what is written."""
    assert serve(script, "--max-requests-jitter", "0").get() == (200, "one")
    assert serve(script, *(f"--{name.replace('maximum', 'max')}={value}" for name, value in JITTER.items())).get() == (
        200, "one")


@pytest.mark.parametrize("where", ["options", "file"])
def test_how_long_a_preloaded_process_is_kept(brine, script, folder, where):
    settings = folder / "brine.toml"
    settings.write_text("preload = true\npreload-idle = '10m'\n")
    text = printed(brine, script, *(["--config", settings] if where == "file" else ["--preload", "--preload-idle=10m"]))
    group = next(line for line in text.splitlines() if line.startswith("WSGIDaemonProcess"))
    assert {"preload=On", "preload-idle=10m"} <= set(group.split())


def test_preloaded_processes_share_what_one_has_loaded(serve, folder):
    script = write_script(folder / "app.wsgi", "f'{LOADED_BY != os.getpid()}'.encode()", "import os\nLOADED_BY = os.getpid()")
    assert serve(script, "--processes", "2", "--preload").get() == (200, "True")


def test_a_warm_up_comes_before_the_first_request(serve, folder):
    script = write_script(folder / "app.wsgi", "f'{SEEN.append(environ.get(MARK)) or SEEN}'.encode()",
                          "SEEN = []\nMARK = 'brine.warm_up'")
    assert serve(script, "--warm-up", "/a,/b?c=1").get() == (200, "['1', '1', None]")


@ROOT_ONLY
def test_another_user(serve, folder):
    script = write_script(folder / "app.wsgi", "f'{os.getuid()} {os.getgid()}'.encode()", "import os")
    assert serve(script, "--user", "nobody", "--group", "nogroup").get() == (200, "65534 65534")


@ROOT_ONLY
@pytest.mark.parametrize("user, words", [("root", "are not run as root"), ("#0", "are not run as root"),
                                         ("no-such-user", "--user no-such-user is not in the system's list of users"),
                                         ("#123456789", "is not in the system's list of users"),
                                         ("#" + "9" * 5000, "is not in the system's list of users")])
def test_users_that_cannot_be(brine, script, user, words):
    assert words in refused(brine, "serve", script, "--user", user)


@ROOT_ONLY
def test_a_group_that_cannot_be(brine, script):
    for user in ([], ["--user", "nobody"]):
        assert "--group no-such-group is not in the system's list of groups" in refused(
            brine, "serve", script, "--group", "no-such-group", *user)


@ROOT_ONLY
def test_the_other_user_has_to_reach_the_script(brine, folder):
    script = write_script(folder / "closed/app.wsgi", "b''")
    shutil.chown(script.parent, "www-data")
    script.parent.chmod(0o700)
    assert f"the folder {script.parent} does not let nobody pass" in refused(brine, "serve", script, "--user", "nobody")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_only_root_has_another_user(brine, script):
    assert "are for root" in refused(brine, "serve", script, "--user", "nobody")


def test_the_environment_and_the_folder(serve, folder):
    script = write_script(folder / "app.wsgi", "' '.join([os.environ['A'], os.environ['B'], os.getcwd()]).encode()",
                          "import os")
    (folder / "vars").write_text("# variables\nA=one\nexport B=\"two words\"\n")
    home = folder / "home"
    home.mkdir(mode=0o755)
    assert serve(script, "--env", folder / "vars", "--chdir", home).get() == (200, f"one two words {home}")


@pytest.mark.parametrize("text, line", [("A=1\nnonsense\n", 2), ("A='open\n", 1), ("1A=2\n", 1)])
def test_a_file_of_variables_with_a_mistake(brine, script, folder, text, line):
    (folder / "vars").write_text(text)
    assert f"vars, line {line}: not a variable" in refused(brine, "serve", script, "--env", folder / "vars")


def test_embedded(serve, folder):
    script = write_script(folder / "app.wsgi", "environ['mod_wsgi.process_group'].encode() or b'none'")
    server = serve(script, "--embedded", "--threads", "3")
    assert server.get() == (200, "none")
    assert server.stop() == 0


def test_several_addresses(serve, script):
    port = free_port()
    server = serve(script, "--host", "127.0.0.1", "--host", "127.0.0.2", "--port", port)
    server.wait_for("^http://127.0.0.1")
    for host in ("127.0.0.1", "127.0.0.2"):
        with urllib.request.urlopen(f"http://{host}:{port}/", timeout=PATIENCE) as answer:
            assert answer.read() == b"one"


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")
def test_a_certificate_of_its_own_and_http2(serve, script):
    server = serve(script, "--tls", "auto", "--http2")
    url = server.wait_for(r"^https://(\S+?):(\d+)/$")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = http.client.HTTPSConnection(url[1], int(url[2]), context=context, timeout=PATIENCE)
    client.request("GET", "/")
    assert client.getresponse().read() == b"one"
    if shutil.which("curl"):
        version = subprocess.run(["curl", "-sko", "/dev/null", "-w", "%{http_version}", f"https://{url[1]}:{url[2]}/"],
                                 capture_output=True, text=True).stdout
        assert version == "2"
    assert server.stop() == 0


@pytest.mark.parametrize("places", [[], ["--embedded"], ["--mount", "/shop"]])
def test_the_status_page(serve, script, places):
    server = serve(script, "--status", *places)
    origin = server.wait_for(r"^Status at\n(http://\S+)/brine-status$")[1]
    with urllib.request.urlopen(urllib.request.Request(f"{origin}/brine-status", headers={"Accept": "text/html"}),
                                timeout=PATIENCE) as answer:
        assert answer.headers["Content-Type"].startswith("text/html") and b"</html>" in answer.read()
    with urllib.request.urlopen(f"{origin}/brine-health", timeout=PATIENCE) as answer:
        assert answer.status == 200
    assert server.get("/") == (200, "one")


def test_without_the_option_there_is_none(serve, script):
    assert serve(script).get("/brine-status") == (200, "one")


def test_requests_are_shown(serve, folder):
    script = write_script(folder / "app.wsgi", "b'four'")
    server = serve(script, "--access-log", "-")
    assert server.get("/a%1bb?c=d") == (200, "four")
    server.wait_for(r"^\d\d:\d\d:\d\d 200    GET /a\\x1bb\?c=d  \d+\.\d m?s  4 B$")
    assert server.stop() == 0
    assert "\x1b" not in server.output


def test_requests_are_noted_in_a_file(serve, script, folder):
    server = serve(script, "--access-log", folder / "access.log")
    assert server.get("/here") == (200, "one")
    assert server.stop() == 0
    assert '"GET /here HTTP/1.1" 200 ' in (folder / "access.log").read_text()
    assert "/here" not in server.output


def test_json(serve, folder):
    script = write_script(folder / "app.wsgi", "1 / 0")
    server = serve(script, "--log-format", "json", "--access-log", "-")
    message = server.wait_for(r'^\{"message": "Serving .*(http://[^"]*?)/"\}$')
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(message[1] + "/x", timeout=PATIENCE)
    server.wait_for('"status": 500')
    assert server.stop() == 0
    records = [json.loads(line) for line in server.output.splitlines()]
    error = next(record for record in records if record.get("code") == "BRINE0401")
    assert error["level"] == "error" and "ZeroDivisionError" in error["message"]
    request = next(record for record in records if "status" in record)
    assert (request["method"], request["url"], request["status"]) == ("GET", "/x", 500)


def test_what_the_application_logs_has_a_level(serve, folder):
    script = write_script(folder / "app.wsgi", "str(logging.getLogger('x').debug('a detail')).encode()",
                          "import logging")
    server = serve(script, "--log-level", "debug")
    assert server.get() == (200, "None")
    server.wait_for("debug  .*a detail")


def test_settings_of_a_file(serve, script, folder):
    settings = folder / "brine.toml"
    settings.write_text(f"target = '{script}'\nthreads = 3\nmount = ['/here']\nhttp2 = false\n"
                        "request-timeout = '30s'\n")
    server = serve("--config", settings)
    assert server.url.endswith("/here")
    assert server.get("/") == (200, "one")


def test_the_command_line_counts_more_than_the_file(brine, script, folder):
    settings = folder / "brine.toml"
    settings.write_text("threads = 3\nport = 8123\nenv = []\n")
    text = printed(brine, script, "--config", settings, "--threads", "4")
    assert "WSGIDaemonProcess site threads=4" in text and "Listen 127.0.0.1:8123" in text


def test_files_of_settings_and_variables_as_other_editors_write_them(brine, script, folder):
    """With a mark at their beginning and carriage returns; a value may hold what is no end of a line there."""
    settings, variables = folder / "site.toml", folder / "site.env"
    settings.write_bytes(b"\xef\xbb\xbfport = 8123\r\nthreads = 3\r\n")
    variables.write_bytes("\ufeffONE=\"a\u2028b\x0bc\"\r\nTWO=2\r\n".encode())
    text = printed(brine, script, "--config", settings, "--env", variables)
    assert "Listen 127.0.0.1:8123" in text and "threads=3" in text
    assert read_environment(variables) == {"ONE": "a\u2028b\x0bc", "TWO": "2"}


@pytest.mark.parametrize("text, words", [
    ("thread = 3", "there is no option thread; did you mean threads?"),
    ("workers = 3", "there is no option workers; did you mean processes?"), ("threads = 'many'", "'many' is not a number"),
    ("threads = {}", "threads = {} is not a string or a number"), ("reload = 'yes'", "is not true or false"),
    ("port = [1, 2]", "port = [1, 2] is not a string or a number"), ("tls = 'one'", 'or "auto"'),
    ("target = ['a']", "is not a string"), ("env = true", "is not a list of strings"), ("x = ", "is no TOML"),
    ("config = 'other'", "there is no option config"), ("x = " + "[" * 100_000, "too deep to be read"),
    *((f'{key} = "a\\u0000b"', f"{key} = \"a\\u0000b\" is not what a command line could have") for key in (
        "target", "env", "host", "chdir", "static", "mount", "access-log", "python", "tls", "port"))])
def test_a_file_of_settings_with_a_mistake(brine, script, folder, text, words):
    settings = folder / "brine.toml"
    settings.write_text(text)
    answer = refused(brine, "serve", script, "--config", settings)
    assert answer.startswith("brine: ") and str(settings) in answer and words in answer


def test_every_option_can_be_set_in_a_file(brine, script, folder):
    """But for those that are about the command itself."""
    from brine.cli import _parser
    from brine.settings_file import _defaults
    [serve] = [action.choices["serve"] for action in _parser("")._actions if getattr(action, "choices", None)]
    for action in serve._actions:
        if action.dest in ("help", "config", "print_config"):
            continue
        kind = getattr(action, "choices", None)
        value = ("true" if action.nargs == 0 else f"'{kind[0]}'" if kind else "['a', 'b']" if action.nargs == 2
                 else {"callable": "'name'", "warm_up": "'/login/'"}.get(action.dest, "'7'"))
        settings = folder / "one.toml"
        settings.write_text(f"{action.dest.replace('_', '-')} = {value}\n")
        assert action.dest in _defaults(settings, serve), action.dest


def test_further_configuration(serve, script, folder):
    more = folder / "more.conf"
    more.write_text("<Location /closed>\n    Require all denied\n</Location>\n")
    server = serve(script, "--include", more)
    assert server.get("/closed")[0] == 403
    assert server.get("/") == (200, "one")


def test_a_hundred_half_sent_requests_keep_nobody_waiting(serve, script):
    server = serve(script, "--threads", "2")
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    clients = []
    for number in range(100):
        client = socket.create_connection((host, int(port)))
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc" if number % 2
                       else b"GET / HTTP/1.1\r\nHo")
        clients.append(client)
    assert server.get() == (200, "one")
    for client in clients:
        client.close()


def test_the_help_has_groups_and_defaults(brine):
    text = subprocess.run([brine, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    for group in ("application:", "address:", "processes:", "files:", "logs:", "configuration:", "development:"):
        assert re.search(f"^{group}$", text, re.MULTILINE)
