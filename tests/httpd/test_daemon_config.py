"""Daemon process groups as `httpd -t` judges them: options, names, users, homes, Pythons, and who
may use which group. What the text alone tells is the matter of apache_daemon_options_test."""

import grp
import os
import pwd
import re
import shutil
import subprocess

import pytest

from harness.config import httpd_user

pytestmark = pytest.mark.modes("embedded")  # the groups are the tests' own

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root's httpd takes on another user")
as_user = pytest.mark.skipif(ROOT, reason="for an httpd that a plain user starts")
OTHER_USER = "nobody"
CONFIG = """
WSGIScriptAlias /app {apps}/hello.wsgi
<Location /app/unknown>
  WSGIProcessGroup %{ENV:GROUP}
  SetEnv GROUP nobody
</Location>
<Location /app/foreign>
  WSGIProcessGroup %{ENV:GROUP}
  SetEnv GROUP theirs
</Location>
<Location /app/only-daemons>
  WSGIRestrictProcess theirs others
</Location>
<Location /app/embedded>
  WSGIRestrictProcess theirs %{GLOBAL}
</Location>
<Location /app/embedded/not>
  WSGIRestrictProcess others
  WSGIRestrictProcess theirs
</Location>
<VirtualHost 127.0.0.1:444>
  ServerName two.example
  WSGIDaemonProcess theirs threads=1
</VirtualHost>
"""
SITES = """
<VirtualHost *:{port}>
  ServerName one.example
  %s
</VirtualHost>
<VirtualHost *:{port}>
  ServerName two.example
  %s
</VirtualHost>
"""


@pytest.fixture
def accepted(configtest):
    def check(text, **options):
        passed, said = configtest(text, **options)
        assert passed, said
        return said
    return check


@pytest.fixture
def refused(configtest):
    """`refused(config, word...)`: httpd -t fails, and says all of these."""
    def check(text, *words, **options):
        passed, said = configtest(text, **options)
        assert not passed, "accepted"
        assert [word for word in words if word not in said] == [], said
        return said
    return check


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    "", "processes=2 threads=15", "home=/tmp lang=C.UTF-8 locale=C.UTF-8 display-name=%{GROUP}",
    "umask=0027 python-path=/a:/b python-eggs=/tmp switch-interval=5ms memory-recycle=512M",
    "request-timeout=60s queue-timeout=1.5s restart-interval=1h cpu-priority=5 threads=0"])
def test_good_options(accepted, options):
    accepted(f"WSGIDaemonProcess site {options}\nWSGIProcessGroup site")


@pytest.mark.parametrize("options, words", [
    ("threads=5abc", ["threads", "5abc", "65533"]), ("bogus=1", ["bogus"]), ("home=", ["home"]),
    ("threads=1 threads=2", ["threads", "'1'", "'2'"]), ("queue-timeout=1d", ["1d", "5m"]),
    ("user=#x", ["user", "#x"]), ("script-user=a script-group=b", ["script-user"])])
def test_bad_options_are_named_with_their_line(refused, options, words):
    refused(f"WSGIDaemonProcess site {options}", "WSGIDaemonProcess", "httpd.conf", "line", *words)


def test_needs_a_name(refused):
    refused("WSGIDaemonProcess", "WSGIDaemonProcess", "name of the group")


def test_options_without_effect_are_said_to_be_so(start_httpd):
    server = start_httpd("WSGIDaemonProcess site threads=1 response-flush-delay=5\n")
    server.expect_log("BRINE0007: WSGIDaemonProcess's option response-flush-delay .*httpd.conf")


def test_what_a_site_relied_on_is_missed_at_level_warning_once(start_httpd):
    """A line for each option, not for each virtual host: a monitoring agent that is gone concerns somebody."""
    options = ("newrelic-config-file=/etc/newrelic.ini newrelic-environment=production server-metrics=On "
               "response-socket-timeout=5 socket-user=www-data header-buffer-size=64K response-buffer-size=1M")
    hosts = [f"<VirtualHost *:*>\nServerName {i}.example\nWSGIDaemonProcess site{i} threads=1 {options}\n</VirtualHost>\n"
             for i in range(9)]
    server = start_httpd("".join(hosts))
    server.expect_log("BRINE0016", count=7)
    warnings = server.log.texts("BRINE0016: ", since=0)
    assert len(warnings) == 7
    for option, consequence in (("newrelic-config-file", "no New Relic agent"), ("newrelic-environment", "no New Relic agent"),
                                ("server-metrics", "server_metrics"), ("response-socket-timeout", "Timeout"),
                                ("socket-user", "no socket file"), ("header-buffer-size", "as long as"),
                                ("response-buffer-size", "passed on at once")):
        line, = (line for line in warnings if f"option {option} (" in line)
        assert "httpd.conf:" in line and "and 8 other places)" in line and consequence in line
    assert not server.log.texts("BRINE0007: ", since=0)


def test_empty_values_are_as_if_left_out(start_httpd):
    """As in mod_wsgi: what templates and variables that are not set make."""
    server = start_httpd("WSGIDaemonProcess site threads=1 python-path='' lang= locale=\"\" display-name= "
                         "python-home= python-eggs='' supplementary-groups='' newrelic-config-file=\n"
                         "WSGIScriptAlias /app {apps}/where.wsgi process-group=site application-group=%{GLOBAL}\n")
    assert server.get("/app").status == 200
    assert server.log.texts("BRINE00(07|16)", since=0) == []


@pytest.mark.parametrize("option", ["user", "group", "threads", "home", "chroot", "umask", "request-timeout", "script-user"])
def test_other_empty_values_are_named(refused, option):
    refused(f"WSGIDaemonProcess site {option}=", "WSGIDaemonProcess", "empty value", option)


@pytest.mark.parametrize("option", ["lang", "locale"])
def test_a_locale_that_is_not_there_is_a_warning(start_httpd, option):
    server = start_httpd(f"WSGIDaemonProcess site threads=1 {option}=xx_YY.UTF-8\n"
                         "WSGIScriptAlias /app {dir}/scripts/app.wsgi process-group=site application-group=%{GLOBAL}\n",
                         files={"scripts/app.wsgi": SAYS_LOCALE})
    record, = server.expect_log("BRINE0017")
    assert f"{option}= names 'xx_YY.UTF-8'" in record.text and "httpd.conf:" in record.text and "C.UTF-8" in record.text
    assert server.get("/app").text == "C.UTF-8 ü"


def test_a_group_s_python_path_that_does_not_exist(start_httpd):
    """The line names the option or the directive that names the directory."""
    alias = "WSGIScriptAlias /{name} {{apps}}/where.wsgi process-group={name} application-group=%{{GLOBAL}}\n"
    server = start_httpd("WSGIPythonPath /no/such/global\nWSGIRestrictEmbedded On\n"
                         "WSGIDaemonProcess own threads=1 python-path={dir}:/no/such/own\n"
                         "WSGIDaemonProcess inherits threads=1\n" + alias.format(name="own") + alias.format(name="inherits"))
    server.expect_log("BRINE0203", count=2)
    own, = server.log.texts("BRINE0203.*/no/such/own", since=0)
    assert re.search(r"BRINE0203: python-path= of WSGIDaemonProcess own \(.*/httpd.conf:\d+\) names '/no/such/own',", own)
    inherited, = server.log.texts("BRINE0203.*/no/such/global", since=0)
    assert re.search(r"BRINE0203: WSGIPythonPath \(.*/httpd.conf:\d+\) names '/no/such/global',", inherited)


SAYS_LOCALE = """
import locale, os

def application(environ, start_response):
    start_response("200 OK", [])
    set_ = locale.setlocale(locale.LC_ALL)  # what the process runs in
    locale.setlocale(locale.LC_ALL, "")  # what the application asks for, by its environment
    return [(set_ + " " + os.fsdecode(b"\\xc3\\xbc")).encode()]
"""


@pytest.mark.parametrize("options, words", [
    ("user=no-such-user", ["user=", "no-such-user"]),
    ("group=no-such-group", ["group=", "no-such-group"]),
    ("supplementary-groups=no-such-group", ["supplementary-groups=", "no-such-group"]),
    ("script-user=no-such-user", ["script-user=", "no-such-user"]),
    ("script-group=no-such-group", ["script-group=", "no-such-group"]),
    ("home=/no/such/home", ["home=", "/no/such/home"]),
    ("home=/etc/passwd", ["home=", "no directory"]),
    ("python=3.9", ["3.9", "no engine", "there are engines for Python 3."]),
    ("python-home=/no/such/venv", ["python-home=", "/no/such/venv", "does not exist"])])
def test_what_the_system_does_not_have(refused, options, words):
    text = f"WSGIDaemonProcess site {options}"
    refused(text, "BRINE0010: WSGIDaemonProcess site (", "httpd.conf:", *words)


def test_all_that_is_wrong_is_said_at_once(refused):
    refused("WSGIDaemonProcess a home=/no/such/a\nWSGIDaemonProcess b home=/no/such/b\n"
            "WSGIProcessGroup c", "/no/such/a", "/no/such/b", "'c'")


def test_the_place_is_that_of_the_line(configtest, workspace):
    folder = workspace.new_folder()
    _, said = configtest("\n\nWSGIDaemonProcess site home=/no/such/home\n", folder=folder)
    lines = (folder / "httpd.conf").read_text().split("\n")
    number = lines.index("WSGIDaemonProcess site home=/no/such/home") + 1
    assert f"WSGIDaemonProcess site ({folder}/httpd.conf:{number}): " in said


# --- users and homes -----------------------------------------------------------------------------


@as_root
@pytest.mark.parametrize("options", ["user=root", "user=#0", "group=root", "group=#0", f"user={OTHER_USER} group=#00"])
def test_root_is_refused(refused, options):
    refused(f"WSGIDaemonProcess site {options}", "BRINE0010", "root", f"{options.split()[-1].split('=')[0]}= names")


@as_root
def test_root_s_group_is_refused_where_httpd_runs_in_it(refused):
    refused("Group root\nWSGIDaemonProcess site", "BRINE0010", "as httpd's Group does")


@as_root
def test_another_user(accepted):
    said = accepted(f"WSGIDaemonProcess site user={OTHER_USER} home=/tmp group=#12345 "
                    f"supplementary-groups={grp.getgrgid(0).gr_name},#1")
    assert "BRINE" not in said


@as_root
def test_home_that_the_groups_user_may_not_enter(refused, workspace):
    folder = workspace.new_folder() / "private"
    folder.mkdir(mode=0o700)
    refused(f"WSGIDaemonProcess site home={folder}", "home=", str(folder), "mode 0700",
            f"the user '{httpd_user()}'")


@as_root
def test_a_user_without_home_works_in_the_root_directory(accepted):
    assert not os.path.exists(pwd.getpwnam(OTHER_USER).pw_dir)
    said = accepted(f"WSGIDaemonProcess site user={OTHER_USER}")
    assert "BRINE0015: WSGIDaemonProcess site (" in said and f"'{OTHER_USER}'" in said


@as_root
def test_a_chroot_must_be_there(refused, accepted, workspace):
    jail = workspace.new_folder()
    refused("WSGIDaemonProcess site chroot=/no/such/jail", "chroot=", "no directory")
    refused(f"WSGIDaemonProcess site chroot={jail} home=/writable/none", "home=", "below chroot=")
    accepted(f"WSGIDaemonProcess site chroot={jail} home=/writable")


@as_user
def test_a_chroot_needs_root(refused):
    refused("WSGIDaemonProcess site chroot=/tmp", "chroot=", "root")


@as_user
def test_another_user_has_no_effect(accepted):
    assert "BRINE0014: WSGIDaemonProcess site (" in accepted("WSGIDaemonProcess site user=root")
    own = httpd_user()
    assert "BRINE0014" not in accepted(f"WSGIDaemonProcess site user={own}")


# --- Python --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def venv(workspace):
    folder = workspace.new_folder() / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    return folder


def make_old_venv(folder):
    """An environment of a Python for which there is no engine."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib/python3.9/site-packages").mkdir(parents=True)
    (folder / "bin/python").symlink_to("/usr/bin/python3")
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.9.2\n")
    return folder


def test_a_venv_for_a_group(accepted, venv):
    accepted(f"WSGIDaemonProcess site python-home={venv}")
    accepted("WSGIDaemonProcess site python-home=venv", folder=venv.parent)


def test_a_venv_for_which_there_is_no_engine(refused, workspace):
    folder = make_old_venv(workspace.new_folder() / "venv")
    refused(f"WSGIDaemonProcess site python-home={folder}", "BRINE0010", "Python 3.9", "no engine",
            "there are engines for Python 3.")


def test_a_venv_that_is_not_of_the_wanted_python(refused, workspace, variant):
    folder = make_old_venv(workspace.new_folder() / "venv")
    refused(f"WSGIDaemonProcess site python={variant.python} python-home={folder}",
            "python-home=", str(folder), "for Python 3.9", f"run Python {variant.python}")


@as_root
def test_a_venv_that_the_groups_user_cannot_read(refused, accepted, workspace, venv):
    """WSGIPythonHome too, which is judged for the group's user once more."""
    folder = workspace.new_folder() / "private"
    folder.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", venv, folder / "venv"], check=True)
    shutil.chown(folder, "www-data")
    group = f"WSGIDaemonProcess site user={OTHER_USER} home=/"
    refused(f"{group} python-home={folder / 'venv'}", "python-home=", "mode 0700",
            f"the group's user '{OTHER_USER}'")
    accepted(f"WSGIDaemonProcess site python-home={folder / 'venv'}")
    refused(f"WSGIPythonHome {folder / 'venv'}\n{group}", "BRINE0010", "WSGIPythonHome names",
            f"the group's user '{OTHER_USER}'")


# --- names, and who may use them -----------------------------------------------------------------


def test_a_copied_virtual_host_defines_its_group_again(accepted):
    """As certbot leaves it. Both may use the group, and so may a third of the same name."""
    site = ("<VirtualHost *:%s>\nServerName one.example\n%s"
            "WSGIScriptAlias / /x process-group=site\n</VirtualHost>\n")
    group = "WSGIDaemonProcess site threads=5 home=/tmp\n"
    again = "WSGIDaemonProcess site home=/tmp threads=5\n"
    accepted(site % ("{port}", group) + site % ("444", again) + site % ("445", ""))


def test_copies_under_different_names_share_the_group(accepted):
    group = "WSGIDaemonProcess site threads=5\nWSGIProcessGroup site"
    accepted(SITES % (group, group))


def test_definitions_that_differ_are_refused(refused):
    said = refused(SITES % ("WSGIDaemonProcess site threads=5 umask=022",
                            "WSGIDaemonProcess site threads=6 home=/tmp"),
                   "BRINE0011: WSGIDaemonProcess site (", "threads ('5' there, '6' here)",
                   "umask ('022' there, not given here)", "home (not given there, '/tmp' here)")
    places = [word for word in said.replace(")", "(").split("(") if "httpd.conf:" in word]
    assert len(set(places)) == 2, said


@pytest.mark.parametrize("line, directive", [
    ("WSGIProcessGroup other", "WSGIProcessGroup"),
    ("<Directory />\nWSGIProcessGroup other\n</Directory>", "WSGIProcessGroup"),
    ("<VirtualHost *>\n<Location />\nWSGIProcessGroup other\n</Location>\n</VirtualHost>",
     "WSGIProcessGroup"),
    ("WSGIScriptAlias /x /y process-group=other", "WSGIScriptAlias"),
    ("WSGIScriptAliasMatch /x /y process-group=other application-group=a", "WSGIScriptAliasMatch"),
    ("WSGIHandlerScript name /y process-group=other", "WSGIHandlerScript"),
    ("WSGIImportScript /x process-group=other application-group=%{GLOBAL}", "WSGIImportScript")])
def test_unknown_groups(refused, line, directive):
    said = refused(line, f"BRINE0012: {directive} (", "httpd.conf:", "'other'", "there are none")
    assert "WSGIDaemonProcess" in said
    refused(f"{line}\nWSGIDaemonProcess a\nWSGIDaemonProcess b", "there are 'a' and 'b'")


@pytest.mark.parametrize("line", [
    "WSGIProcessGroup site", "WSGIScriptAlias / /x process-group=site",
    "<Location />\nWSGIProcessGroup site\n</Location>",
    "WSGIImportScript /x process-group=site application-group=%{GLOBAL}"])
def test_order_does_not_matter(accepted, line):
    accepted(f"{line}\nWSGIDaemonProcess site")
    accepted(f"<VirtualHost *>\n{line}\n</VirtualHost>\nWSGIDaemonProcess site")


@pytest.mark.parametrize("line", [
    "WSGIProcessGroup site", "WSGIScriptAlias / /x process-group=site",
    "<Location />\nWSGIProcessGroup site\n</Location>",
    "WSGIImportScript /x process-group=site application-group=%{GLOBAL}"])
def test_a_virtual_hosts_group_is_not_for_others(refused, accepted, line):
    refused(SITES % ("WSGIDaemonProcess site", line), "BRINE0013: ", "httpd.conf:", "'site'",
            "another ServerName")
    accepted(SITES % (f"WSGIDaemonProcess site\n{line}", ""))


def test_expansions_are_left_to_the_requests(accepted):
    accepted("WSGIProcessGroup %{ENV:GROUP}\nWSGIScriptAlias / /x process-group=%{SERVER}")


@pytest.mark.parametrize("option", ["process-group=%{SERVER} application-group=a",
                                    "process-group=site application-group=%{RESOURCE}",
                                    "process-group=site", "application-group=a"])
def test_an_import_script_names_both_groups(refused, option):
    refused(f"WSGIDaemonProcess site\nWSGIImportScript /x {option}", "WSGIImportScript")


# --- requests ------------------------------------------------------------------------------------


def test_a_group_that_only_the_request_names_may_be_unknown(httpd):
    assert httpd.get("/app/unknown").status == 500
    record, = httpd.expect_log("BRINE0110")
    assert "'nobody'" in record.text and "there is 'theirs'" in record.text


def test_a_group_of_another_virtual_host_is_refused(httpd):
    assert httpd.get("/app/foreign").status == 500
    record, = httpd.expect_log("BRINE0114")
    assert "'theirs'" in record.text


def test_a_group_that_is_not_allowed_here(httpd):
    assert httpd.get("/app").status == 200
    assert httpd.get("/app/embedded").status == 200
    for path in ("/app/only-daemons", "/app/embedded/not"):
        assert httpd.get(path).status == 500
    for record in httpd.expect_log("BRINE0113", count=2):
        assert "'%{GLOBAL}'" in record.text and "hello.wsgi" in record.text
