"""What `httpd -t` says to good and to bad configurations: nothing wrong gets as far as a request."""

import os
import subprocess
from pathlib import Path

import pytest

import harness.server

pytestmark = pytest.mark.modes("embedded")  # what httpd -t says depends on no mode

BOOLEANS = ["WSGIPassAuthorization", "WSGIChunkedRequest", "WSGIIgnoreActivity",
            "WSGIEnableSendfile", "WSGIDontWriteBytecode", "WSGIRestrictStdin",
            "WSGIRestrictStdout", "WSGIRestrictSignal", "WSGIRestrictEmbedded",
            "WSGICaseSensitivity", "WSGILogging"]
GLOBAL_ONLY = ["WSGIPython 3.11", "WSGIPythonHome /usr", "WSGIPythonPath /tmp",
               "WSGIInterpreterLimit 3", "WSGIPythonOptimize 1", "WSGIPythonHashSeed 1",
               "WSGIPythonWarnings default", "WSGIPythonEggs /tmp", "WSGIRestrictStdin On",
               "WSGIRestrictEmbedded On", "WSGIDontWriteBytecode On"]
ACCEPTED_ONLY = ["WSGISocketPrefix run/wsgi", "WSGISocketRotation On", "WSGIAcceptMutex default",
                 "WSGILazyInitialization On", "WSGIVerboseDebugging Off",
                 "WSGIDestroyInterpreter Off"]
BAD_VALUES = [
    ("WSGIMapHEADToGET Maybe", "WSGIMapHEADToGET", "Maybe"),
    ("WSGIChunkedRequest Maybe", "WSGIChunkedRequest", "Maybe"),
    ("WSGIRequestBuffering 10X", "WSGIRequestBuffering", "10X"),
    ("WSGIRequestBuffering On", "WSGIRequestBuffering", "On"),
    ("WSGIReloadFailure Never", "WSGIReloadFailure", "Never"),
    ("WSGIScriptModules Other", "WSGIScriptModules", "Other"),
    ("WSGIInterpreterLimit many", "WSGIInterpreterLimit", "many"),
    ("WSGIInterpreterLimit -1", "WSGIInterpreterLimit", "-1"),
    ("WSGIInterpreterLimit 5abc", "WSGIInterpreterLimit", "5abc"),
    ("WSGIPythonOptimize lots", "WSGIPythonOptimize", "lots"),
    ("WSGIPythonHashSeed lots", "WSGIPythonHashSeed", "lots"),
    ("WSGIPythonHashSeed 4294967296", "WSGIPythonHashSeed", "4294967296"),
    ("WSGIPythonHashSeed -1", "WSGIPythonHashSeed", "-1"),
    ("WSGISwitchInterval 0", "WSGISwitchInterval", "0"),
    ("WSGISwitchInterval 2h", "WSGISwitchInterval", "2h"),
    ("WSGISwitchInterval 5abc", "WSGISwitchInterval", "5abc"),
    ("WSGIPerInterpreterGIL Maybe", "WSGIPerInterpreterGIL", "Maybe"),
    ("WSGIFreeThreading Maybe", "WSGIFreeThreading", "Maybe"),
    ("WSGIPassApacheRequest 1", "WSGIPassApacheRequest", "1"),
    ("WSGIPython three", "WSGIPython", "three"),
    ("WSGIScriptAlias /x /y bogus=1", "WSGIScriptAlias", "bogus"),
    ("WSGIScriptAlias /x /y callable-object=", "WSGIScriptAlias", "callable-object"),
    ("WSGIScriptAlias /x /y pass-authorization=Perhaps",
     "WSGIScriptAlias has the option 'pass-authorization', which must be On or Off", "not 'Perhaps'"),
    ("WSGIScriptAlias /x /y process-group=nobody", "WSGIScriptAlias", "nobody"),
    ("WSGIScriptAlias /x", "WSGIScriptAlias", ""),
    ("WSGIScriptAliasMatch ^/( /y", "WSGIScriptAliasMatch", ""),
    ("WSGIProcessGroup nobody", "WSGIProcessGroup", "nobody"),
    ("WSGIImportScript /x process-group=nobody application-group=%{GLOBAL}", "WSGIImportScript",
     "nobody"),
    ("WSGIImportScript /x", "WSGIImportScript", ""),
    ("WSGIScriptReloading Sometimes", "WSGIScriptReloading", "Sometimes"),
    ("WSGIPickleGuard Sometimes", "WSGIPickleGuard must be Off, Report, Enforce or BuiltinOnly", "Sometimes"),
    ("WSGIPickleGuard", "WSGIPickleGuard must be Off, Report, Enforce or BuiltinOnly", ""),
    *((f"WSGIPickleGuard Report sample={bad}", "a whole number from 1 to 1000000000 for sample=", f"'{bad}'")
      for bad in ("0", "-1", "1.5", "many", "1000000001", "10k")),
    ("WSGIPickleGuard Report sample=", "WSGIPickleGuard", "sample"),
    ("WSGIPickleGuard Report 1000", "WSGIPickleGuard", "1000"),
    ("WSGIPickleGuard Report samples=9", "the only one is sample=", "'samples'"),
    ("WSGIPickleGuard Off sample=9", "takes sample= with Report or Enforce", "not with Off"),
    ("WSGIPickleGuard BuiltinOnly sample=9", "takes sample= with Report or Enforce", "not with BuiltinOnly"),
    ("WSGIRestrictProcess", "WSGIRestrictProcess", ""),
    *((f"<Location />\n{directive}{rest}\n</Location>", directive, culprit)
      for directive in ("WSGIAccessScript", "WSGIAuthUserScript", "WSGIAuthGroupScript", "WSGIDispatchScript")
      for rest, culprit in (("", ""), (" /x bogus=1", "bogus"), (" /x process-group=", "process-group"),
                            (" /x process-group=nobody", "nobody"), (" /x pass-authorization=On", "pass-authorization"))),
    ("WSGIDispatchScript /x callable-object=y", "WSGIDispatchScript", "callable-object"),
    ("WSGIAccessScript /x", "WSGIAccessScript", ""),
    ("<Location />\nWSGIGroupAuthoritative Maybe\n</Location>", "WSGIGroupAuthoritative", "Maybe"),
    ("<Location />\nRequire wsgi-group\n</Location>", "Require wsgi-group", ""),
]


@pytest.mark.parametrize("directive", BOOLEANS)
def test_booleans(configtest, directive):
    for value in ("On", "Off", "on", "OFF"):
        passed, said = configtest(f"{directive} {value}")
        assert passed, said
    for value in ("Yes", "1", "True"):
        passed, said = configtest(f"{directive} {value}")
        assert not passed and directive in said and value in said, said


@pytest.mark.parametrize("line, directive, value", BAD_VALUES)
def test_bad_values_are_named(configtest, line, directive, value):
    passed, said = configtest(line)
    assert not passed
    assert directive in said and value in said


@pytest.mark.parametrize("line", ["WSGIPickleGuard Report", "WSGIPickleGuard enforce sample=1000",
                                  "WSGIPickleGuard Report sample=1", "WSGIScriptReloading Rolling",
                                  "WSGIScriptReloading off", "WSGIMapHEADToGET Auto", "WSGIMapHEADToGET on",
                                  "WSGIReloadFailure Keep", "WSGIReloadFailure fail",
                                  "WSGIScriptModules Anonymous", "WSGIScriptModules Registered",
                                  "WSGIProcessGroup %{GLOBAL}", "WSGIPythonHashSeed random",
                                  "WSGIPythonHashSeed 4294967295", "WSGIPythonOptimize 2",
                                  "WSGIImportScript /x process-group=%{GLOBAL} application-group=a",
                                  "WSGIPythonWarnings error::DeprecationWarning"])
def test_good_values(configtest, line):
    passed, said = configtest(line)
    assert passed, said


@pytest.mark.parametrize("line", ["WSGIErrorOverride On", "WSGILocationRedirect Off"])
def test_directives_of_answers_are_taken_in_a_vhost(configtest, line):
    passed, said = configtest(f"<VirtualHost *>\n{line}\n</VirtualHost>")
    assert passed, said


@pytest.mark.parametrize("line", GLOBAL_ONLY)
def test_global_directives_are_refused_in_a_vhost(configtest, line):
    passed, said = configtest(f"<VirtualHost *>\n{line}\n</VirtualHost>")
    assert not passed
    assert line.split()[0] in said


@pytest.mark.parametrize("line", ["WSGIScriptAlias /x /y", "WSGIScriptAliasMatch /x /y",
                                  "WSGIDaemonProcess site",
                                  "WSGIImportScript /x process-group=%{GLOBAL} application-group=a"])
def test_server_directives_are_refused_in_a_directory(configtest, line):
    passed, said = configtest(f"<Directory />\n{line}\n</Directory>")
    assert not passed
    assert "not allowed" in said


@pytest.mark.parametrize("line", ["WSGIApplicationGroup a", "WSGICallableObject a",
                                  "WSGIHandlerScript name /y", "WSGIPassAuthorization On",
                                  "WSGIMapHEADToGET On", "WSGIChunkedRequest On",
                                  "WSGIScriptReloading Off", "WSGIIgnoreActivity On",
                                  "WSGIRestrictProcess %{GLOBAL} other",
                                  "WSGIProcessGroup %{GLOBAL}", "WSGIReloadFailure Fail",
                                  "WSGIScriptModules Registered", "WSGIEnableSendfile On",
                                  "WSGIPassApacheRequest On", "WSGIPassApacheRequest off"])
def test_directory_directives(configtest, line):
    passed, said = configtest(f"<Directory />\n{line}\n</Directory>\n<Location />\n{line}\n</Location>"
                              f"\n<VirtualHost *>\n{line}\n</VirtualHost>")
    assert passed, said


def test_ifmodule_knows_both_names(configtest):
    for name in ("mod_wsgi.c", "wsgi_module"):
        passed, said = configtest(f"<IfModule {name}>\nNoSuchDirective\n</IfModule>")
        assert not passed and "NoSuchDirective" in said


def test_directives_without_effect_are_accepted_and_said_to_be_so(start_httpd):
    server = start_httpd("\n".join(ACCEPTED_ONLY))
    for line in ACCEPTED_ONLY:
        server.expect_log(f"BRINE0007.*{line.split()[0]}")
    server.expect_log("WSGISocketPrefix .* neither socket files nor a mutex")


def test_telemetry_is_accepted_and_missed(start_httpd):
    server = start_httpd("WSGITelemetryService unix:/run/telemetry.sock interval=2\nWSGISlowRequests 2\n"
                         "WSGITelemetryOptions +CaptureUserAgent -Other\n")
    for name in ("Service", "Options"):
        server.expect_log(f"BRINE0016: WSGITelemetry{name} .*httpd.conf.* mod_status shows")
    server.expect_log("BRINE0016: WSGISlowRequests")


def test_what_has_no_effect_is_said_once_for_all_virtual_hosts(start_httpd):
    host = "<VirtualHost *:*>\nServerName {}.example\n<Location />\nWSGIGroupAuthoritative On\n</Location>\n</VirtualHost>\n"
    server = start_httpd("".join(host.format(i) for i in range(9)))
    line, = server.log.texts("BRINE0007: ", since=0)
    assert "WSGIGroupAuthoritative (" in line and "httpd.conf:" in line and "and 8 other places)" in line


def test_what_virtual_hosts_share_with_the_main_server_is_said_once(configtest, start_httpd):
    """httpd gives a virtual host without any of our directives the main server's very settings."""
    hosts = "".join(f"<VirtualHost *:*>\nServerName {i}.example\n</VirtualHost>\n" for i in range(9))
    text = ("WSGISocketPrefix /run/wsgi\nWSGIScriptAlias /a {apps}/hello.wsgi\nWSGIScriptAlias /a/b {apps}/hello.wsgi\n"
            "WSGIScriptAlias /c {apps}/hello.wsgi application-group=%{ENV:NAME}\n"
            "WSGIImportScript {dir}/scripts/none.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}\n") + hosts
    passed, said = configtest(text)
    assert passed and said.count("BRINE0018") == 1, said
    passed, said = configtest("WSGIProcessGroup none\n" + text)
    assert not passed and said.count("BRINE0012") == 1, said
    server = start_httpd(text)
    server.expect_log("BRINE0006")
    line, = server.log.texts("BRINE0007: ", since=0)
    assert "other place" not in line
    server.expect_log("BRINE0008")
    server.allow_log("BRINE0303")
    server.stop()
    assert len(server.log.texts("BRINE0006", since=0)) == 1
    assert len(server.log.texts("BRINE0008", since=0)) == len(server.log.texts("BRINE0303", since=0)) == 1


def test_what_has_no_effect_in_a_file_that_each_request_reads_is_said_once(start_httpd):
    server = start_httpd("<Directory {dir}/htdocs>\nAllowOverride All\nRequire all granted\n</Directory>\n")
    server.write("htdocs/page.txt", "page")
    server.write("htdocs/.htaccess", "WSGIGroupAuthoritative On\n")
    for _ in range(9):
        assert server.get("/page.txt").text == "page"
    line, = server.log.texts("BRINE0007: ", since=0)
    assert "WSGIGroupAuthoritative (" in line and ".htaccess:1)" in line


@pytest.mark.parametrize("value, level", [("On", "BRINE0016"), ("Off", "BRINE0007")])
def test_threads_without_a_gil_are_missed_where_they_were_wanted(start_httpd, value, level):
    server = start_httpd(f"WSGIFreeThreading {value}\n")
    server.expect_log(f"{level}: WSGIFreeThreading" + (".*its GIL.* more processes" if value == "On" else ""))


def test_what_takes_the_place_of_httpds_structure(start_httpd):
    """The example of the directive's page."""
    server = start_httpd('SetEnvIfExpr "%{CONN_REMOTE_ADDR} =~ /(.+)/" httpd.peer=$1\n'
                         "WSGIScriptAlias /environ {apps}/environ.wsgi\n")
    assert server.get("/environ").json()["httpd.peer"] == ["str", "127.0.0.1"]


@pytest.mark.parametrize("name", ["WSGINewRelicConfigFile", "WSGINewRelicEnvironment"])
def test_an_agent_is_missed_where_it_was_wanted(start_httpd, configtest, name):
    server = start_httpd(f"{name} /etc/newrelic.ini\n")
    server.expect_log(f"BRINE0016: {name} .*newrelic.agent.initialize")
    passed, said = configtest(f"<VirtualHost *>\n{name} x\n</VirtualHost>\n")
    assert not passed and f"{name} holds for the whole server" in said


# --- PYTHONHOME in the environment ---------------------------------------------------------------

EMBEDDED = "WSGIScriptAlias /x {apps}/where.wsgi process-group=%{GLOBAL} application-group=%{GLOBAL}\n"
IN_A_GROUP = "WSGIRestrictEmbedded On\nWSGIDaemonProcess site threads=1\n"


@pytest.fixture
def python_home(monkeypatch):
    """python_home(VALUE): httpd's environment has it."""
    clean = harness.server.environment
    return lambda value: monkeypatch.setattr(harness.server, "environment",
                                             lambda build: {**clean(build), "PYTHONHOME": str(value)})


@pytest.mark.parametrize("text, who", [(EMBEDDED, "with which httpd cannot"), (IN_A_GROUP, "daemon group 'site'")])
@pytest.mark.parametrize("value", ["/no/such/prefix", "/etc", "/etc:/usr"])
def test_a_wrong_pythonhome_is_found(configtest, python_home, text, who, value):
    python_home(value)
    passed, said = configtest(text)
    assert not passed
    assert f"BRINE0019: PYTHONHOME in httpd's environment names '{value}'" in said and who in said


def test_a_pythonhome_that_nobody_uses_is_nobody_s_fault(configtest, python_home):
    python_home("/no/such/prefix")
    assert configtest("")[0]
    assert configtest("WSGIRestrictEmbedded On\n" + EMBEDDED)[0]


def test_the_configuration_s_home_comes_before_the_environment_s(start_httpd, venv, python_home):
    python_home("/no/such/prefix")
    server = start_httpd(f"WSGIPythonHome {venv}\n" + EMBEDDED.replace("{apps}/where", "{dir}/scripts/app"), files={
        "scripts/app.wsgi": "import inside_venv\ndef application(environ, start_response):\n"
                            "    start_response('200 OK', [])\n    return [inside_venv.ANSWER.encode()]\n"})
    assert server.get("/x").text == "from the venv"


# --- WSGIPythonHome ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def venv(workspace):
    """A virtual environment of the Python that runs the tests, with a package `inside_venv`."""
    folder = workspace.new_folder() / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    purelib = next(folder.glob("lib/python3.*/site-packages"))
    (purelib / "inside_venv.py").write_text("ANSWER = 'from the venv'\n")
    return folder


@pytest.mark.parametrize("part", ["", "bin", "bin/python", "bin/python3"])
def test_a_venv_by_its_root_its_bin_or_its_python(configtest, venv, part):
    passed, said = configtest(f"WSGIPythonHome {venv / part}")
    assert passed, said


@pytest.mark.parametrize("part", ["", "bin", "bin/python"])
def test_a_venv_is_used(start_httpd, venv, part):
    server = start_httpd(f"WSGIPythonHome {venv / part}\n"
                         "WSGIScriptAlias /app {dir}/scripts/uses_venv.wsgi")
    server.write("scripts/uses_venv.wsgi", """
import sys
import inside_venv

def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{inside_venv.ANSWER} {sys.prefix}".encode()]
""")
    assert server.get("/app").text == f"from the venv {venv}"


def test_a_prefix_is_accepted(configtest):
    passed, said = configtest("WSGIPythonHome /usr")
    assert passed, said


def refused(configtest, home):
    passed, said = configtest(f"WSGIPythonHome {home}")
    assert not passed, "accepted"
    assert "BRINE0005" in said and str(home) in said, said
    return said


def test_home_that_does_not_exist(configtest):
    refused(configtest, "/no/such/home")


def test_home_that_is_no_python(configtest, workspace):
    refused(configtest, workspace.new_folder())


def test_home_that_is_a_plain_file(configtest, workspace):
    path = workspace.new_folder() / "file"
    path.write_text("")
    refused(configtest, path)


def test_venv_of_another_python_version(configtest, workspace):
    folder = workspace.new_folder() / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "lib/python3.9/site-packages").mkdir(parents=True)
    (folder / "bin/python").symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.9.2\n")
    assert "3.9" in refused(configtest, folder)


def test_venv_without_its_base_python(configtest, workspace):
    folder = workspace.new_folder() / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    config = folder / "pyvenv.cfg"
    config.write_text(config.read_text().replace("home = /usr/bin", "home = /no/such/bin"))
    refused(configtest, folder)


def test_prefix_without_the_standard_library(configtest, workspace):
    folder = workspace.new_folder() / "prefix"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python3").symlink_to("/usr/bin/python3")
    (folder / "lib/python3.11").mkdir(parents=True)
    assert "encodings" in refused(configtest, folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's httpd serves as another user")
def test_home_that_the_servers_user_cannot_read(configtest, workspace, venv):
    folder = workspace.new_folder() / "private"
    folder.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", venv, folder / "venv"], check=True)
    said = refused(configtest, folder / "venv")
    assert f"{folder}'" in said and "mode 0700" in said


def test_relative_home_is_below_the_server_root(configtest, workspace):
    folder = workspace.new_folder()
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder / "env"], check=True)
    passed, said = configtest("WSGIPythonHome env", folder=Path(folder))
    assert passed, said
