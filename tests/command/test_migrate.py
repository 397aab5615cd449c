"""`brine migrate`: all that differs, once each, with its line; nothing is changed but by --apply."""

import json
import os
import re
import subprocess

import pytest

from brine.configuration.asking import variables
from brine.configuration.lines import logical_lines, options, without_option, words
from brine.installation import find_httpd
from brine.migration.moving import moved
from configured import OLD_MODULE, Site
from serving import write_script


@pytest.fixture
def site(brine, folder):
    return Site(brine, folder, "migrate")


def of(findings, *ids):
    return [each for each in findings if each[0] in ids]


def counted(findings):
    return [each for each in findings if each[1] != "note"]


def test_a_plain_site_has_notes_only(site):
    """Though the old module is not installed, and the logs' folder is not there."""
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    site.write(f"WSGIDaemonProcess shop threads=5\nWSGIScriptAlias / {script} process-group=shop "
               "application-group=%{GLOBAL}\nCustomLog /nonexistent/folder/log common\n")
    before = site.file.read_bytes()
    findings = site.check(0)
    assert counted(findings) == []
    alias = [("httpd.conf", site.line("WSGIScriptAlias"))]
    for name in ("chunked", "hop-by-hop", "locale", "location"):
        assert [places for *_, places in of(findings, name)] == [alias], name
    assert len({(name, message) for name, _, message, _ in findings}) == len(findings), "said twice"
    assert site.file.read_bytes() == before
    assert sorted(path.name for path in site.folder.iterdir()) == ["app.wsgi", "httpd.conf"]


@pytest.mark.parametrize("head, module", [
    ("<IfModule !wsgi_module>", "wsgi_module"), ("<IFModule  ! mod_wsgi.c >", '"wsgi_module"'),
    ("<IfModule !absent_module>\n<IfModule !mod_wsgi.c>", "wsgi_module")])
def test_a_line_that_loads_it_where_it_is_not_loaded(site, head, module):
    """As Red Hat's configuration has it."""
    site.head = [line for line in site.head if not line.startswith("ErrorLog")] + ["ErrorLog error.log"]
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    load = f"    LoadModule {module} {OLD_MODULE}"
    ends = "\n".join(["</IfModule>"] * head.count("<"))
    site.write(f"WSGIScriptAlias / {script}\n", load=f"{head}\n{load}\n    WSGIRestrictStdin perhaps\n{ends}")
    findings = site.check(1)
    assert [(name, places) for name, _, _, places in counted(findings)] == [
        ("refused", [("httpd.conf", site.line("WSGIRestrictStdin"))])]
    site.file.write_text(site.file.read_text().replace("perhaps", "On"))
    site.check(0)
    assert f":{site.line(load.strip())}: changed to load" in site.run("--apply", code=0)
    assert subprocess.run([find_httpd().program, "-t", "-f", site.file], capture_output=True).returncode == 0


@pytest.mark.parametrize("directive", ["WSGIScriptAlias /reviews {}/reviews", 'WSGIScriptAliasMatch "^/(.*)" {}/$1'])
def test_a_target_with_more_behind_the_script(site, directive):
    """What follows is PATH_INFO, as in the configurations that ReviewBoard makes."""
    before = "import sys\nsys.modules[__name__] = object()\n"
    script = write_script(site.folder / "app.wsgi", 'b"one"', before)
    site.write(directive.format(script) + "\n")
    assert [(name, places) for name, _, _, places in counted(site.check(1))] == [("look-up", [("app.wsgi", 2)])]


def test_all_that_is_refused_is_said(site):
    """Several lines, several options of one line, from includes, macros, conditions, variables; nothing hides the rest."""
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    (site.folder / "sites").mkdir()
    (site.folder / "sites/one.conf").write_text("# one\nWSGINonsense On\n")
    (site.folder / "sites/two.conf").write_text("WSGIScriptAlias /two /srv/two.wsgi \\\n   process-group=nobody_has_it\n")
    site.write(f"""Define HERE {site.folder}
IncludeOptional sites/*.conf
IncludeOptional absent/*.conf
<Macro Site $name>
# mod_macro counts no comments

<VirtualHost *:1>
    ServerName $name
    WSGIScriptAlias / \\
        "${{HERE}}/app.wsgi"
    WSGISocketRotation On
</VirtualHost>
</Macro>
Use Site a.example
Use Site b.example
<IfModule mod_wsgi.c>
WSGIDaemonProcess good threads=5x user=no_such_user_here wrong=1 home=/no/such/folder
</IfModule>
<IfModule wsgi_module>
WSGIPythonOptimize lots
</IfModule>
<IfModule !wsgi_module>
WSGIPythonOptimize never-read
</IfModule>
<WSGINoSuchSection x>
WSGIRestrictStdin perhaps
</WSGINoSuchSection>
WSGIScriptAlias /good {script} process-group=good
NoSuchDirective
SSLCertificateFile /no/such/certificate
""")
    findings = site.check(1)
    errors = [(message, places) for _, severity, message, places in findings if severity == "error"]
    wanted = [("WSGINonsense", ("one.conf", 2)), ("nobody_has_it", ("two.conf", 1)),
              ("WSGISocketRotation", ("httpd.conf", site.line("WSGISocketRotation"))),
              ("'threads'", ("httpd.conf", site.line("WSGIDaemonProcess"))),
              ("no_such_user_here", ("httpd.conf", site.line("WSGIDaemonProcess"))),
              ("'wrong'", ("httpd.conf", site.line("WSGIDaemonProcess"))),
              ("/no/such/folder", ("httpd.conf", site.line("WSGIDaemonProcess"))),
              ("'lots'", ("httpd.conf", site.line("WSGIPythonOptimize lots"))),
              ("<WSGINoSuchSection>", ("httpd.conf", site.line("<WSGINoSuchSection"))),
              ("NoSuchDirective", ("httpd.conf", site.line("NoSuchDirective"))),
              ("/no/such/certificate", ("httpd.conf", site.line("SSLCertificateFile")))]
    for text, place in wanted:
        assert [places for message, places in errors if text in message] == [[place]], (text, errors)
    assert len(errors) == len(wanted), errors
    assert [message[:20] for _, _, message, _ in of(findings, "broken")] == [
        "Invalid command 'NoS", "SSLCertificateFile: "], "httpd's own, whichever module runs Python"
    assert [places for *_, places in of(findings, "sendfile")] == [
        [("two.conf", 1), ("httpd.conf", site.line("WSGIScriptAlias /")), ("httpd.conf", site.line("WSGIScriptAlias /good"))]]


def test_what_differs_by_configuration(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    site.write(f"""WSGIDaemonProcess slow threads=15 request-timeout=60.
WSGIDaemonProcess unit queue-timeout=1m
WSGIDaemonProcess half queue-timeout=.5
WSGIDaemonProcess unwatched deadlock-timeout=0 restart-interval=60
WSGIPythonHashSeed random
WSGIDaemonProcess same queue-timeout=5s switch-interval=.005
WSGIDaemonProcess service threads=0 response-socket-timeout=5
WSGIChunkedRequest On
WSGISocketPrefix run/wsgi
WSGIFreeThreading On
WSGIScriptAlias / {script} process-group=slow application-group=%{{HOST}}
WSGIScriptAliasMatch ^/(a)$ {script}
""")
    findings = site.check(1)
    for name, severity, directive in (
            ("request-timeout", "warning", "WSGIDaemonProcess slow"),
            ("services", "note", "WSGIDaemonProcess service"), ("hash-seed", "note", "WSGIPythonHashSeed"),
            ("time-limits", "warning", "WSGIDaemonProcess unwatched"), ("interrupted", "note", "WSGIDaemonProcess slow"), ("chunked-on", "warning", "WSGIChunkedRequest"),
            ("interpreters", "warning", "WSGIScriptAlias /"), ("resource", "note", "WSGIScriptAliasMatch")):
        assert [(each[1], each[3]) for each in of(findings, name)] == [
            (severity, [("httpd.conf", site.line(directive))])], name
    assert [each[3] for each in of(findings, "units")] == [
        [("httpd.conf", site.line(f"WSGIDaemonProcess {group}")) for group in ("unit", "half")]]
    assert "222 s" in of(findings, "request-timeout")[0][2]
    assert of(findings, "chunked") == []
    assert [(severity, places[0][1]) for _, severity, _, places in of(findings, "no-effect")] == [
        *(("warning", site.line(name)) for name in ("WSGIDaemonProcess service", "WSGIFreeThreading")),
        ("note", site.line("WSGISocketPrefix"))]


def test_sections_about_interpreters(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    site.write(f"""WSGIDaemonProcess site
<WSGIInterpreterOptions>
WSGISwitchInterval 1ms
</WSGIInterpreterOptions>
<WSGIInterpreterOptions process-group=site application-group=%{{GLOBAL}}>
WSGIPythonPath /srv
</WSGIInterpreterOptions>
<WSGIInterpreterOptions process-group=other>
WSGIProcessGroup other
</WSGIInterpreterOptions>
WSGIScriptAlias / {script}
""")
    findings = site.check(1)
    assert of(findings, "no-effect") == []
    (_, _, says, places), = of(findings, "refused")
    assert places == [("httpd.conf", site.line("<WSGIInterpreterOptions process-group=other"))]
    assert "holds WSGIProcessGroup" in says


def test_a_section_about_a_group_that_is_not_there(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    site.write(f"""<WSGIInterpreterOptions process-group=gone>
WSGIRestrictStdin On
</WSGIInterpreterOptions>
<WSGIInterpreterOptions application-group=one>
WSGIRestrictStdin Maybe
</WSGIInterpreterOptions>
WSGIScriptAlias / {script}
""")
    findings = site.check(1)
    (_, _, _, places), = of(findings, "refused")
    assert places == [("httpd.conf", site.line("WSGIRestrictStdin Maybe"))]
    (_, _, says, places), = of(findings, "BRINE0012")
    assert places == [("httpd.conf", site.line("<WSGIInterpreterOptions process-group=gone"))]
    assert "names the process group 'gone'" in says


def test_what_every_site_has_is_one_line(site):
    """Unless a script has to do with it."""
    plain = write_script(site.folder / "app.wsgi", 'b"one"')
    site.write(f"WSGIScriptAlias / {plain}\n")
    text = site.run("--check", code=0)
    assert len(text.splitlines()) == 2 and "differences of every site" in text and "--all" in text
    listed = site.run("--check", "--all", code=0)
    assert "[chunked]" in listed and "differences of every site" not in listed
    report = json.loads(site.run("--check", "--json"))
    assert len(report["findings"]) > 30 and all(each["general"] for each in report["findings"])
    (site.folder / "app.wsgi").write_text("""import sys
def application(environ, start_response):
    print("seen")
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Connection", "close")])
    return environ["wsgi.file_wrapper"](open(__file__, "rb"))
""")
    text = site.run("--check", code=0)
    for line, name in ((3, "print"), (4, "chunked"), (4, "input"), (5, "hop-by-hop"), (6, "file-wrapper")):
        assert any(f"app.wsgi:{line}: note: " in each and f"[{name}]" in each for each in text.splitlines()), name


def test_folders_are_looked_at(site):
    """.htaccess files, where httpd reads them, and the scripts that a handler names."""
    for name, text in {
        "htdocs/sub/.htaccess": "WSGIDaemonProcess x\nWSGIPassAuthorization On\n<IfModule !mod_wsgi.c>\nWSGIOld On\n"
                                "</IfModule>\n<Files one.py>\nSetHandler wsgi-script\n</Files>\n"
                                "WSGIAccessScript /no/such/access.py\n",
        "htdocs/sub/one.py": "import sys\nthere = __name__ in sys.modules\n",
        "htdocs/two.wsgi": "print 'Python 2'\n", "htdocs/two.txt": "print 'no script'\n",
        "htdocs/sub/three.py": "print 'no script either'\n",
        "closed/.htaccess": "WSGIDaemonProcess nobody reads\n", "closed/four.wsgi": "def application(): pass\n",
    }.items():
        (site.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / name).write_text(text)
    [(name, file)] = find_httpd().load_lines("mime")
    site.write(f"""LoadModule {name} {file}
TypesConfig /dev/null
DocumentRoot {site.folder}/htdocs
Alias /closed {site.folder}/closed
<Directory {site.folder}/htdocs>
AllowOverride All
AddHandler wsgi-script .wsgi
</Directory>
""")
    findings = site.check(1)
    assert sorted((each[0], each[3][0]) for each in counted(findings)) == [
        ("htaccess", (".htaccess", 1)), ("look-up", ("one.py", 2)), ("script-broken", ("two.wsgi", 1)),
        ("script-missing", (".htaccess", 9))]


def test_scripts_are_read_and_not_run(site):
    (site.folder / "app.wsgi").write_text(f"""import pickle, sys, mod_wsgi
open({str(site.folder / "it-ran")!r}, "w")
class Item: pass
here = sys.modules[__name__]
there = __name__ in sys.modules
mod_wsgi.no_such_function()
def application(environ, start_response):
    pickle.dumps(Item())
""")
    (site.folder / "broken.wsgi").write_text("print 'Python 2'\n")
    site.write(f"WSGIScriptAlias /a {site.folder}/app.wsgi\nWSGIScriptAlias /b {site.folder}/broken.wsgi\n"
               f"WSGIScriptAlias /c {site.folder}/absent.wsgi\nWSGIScriptAliasMatch ^/d/(.*) {site.folder}/$1.wsgi\n"
               f"<Location /e>\nWSGIAccessScript {site.folder}/gone.wsgi\n</Location>\n")
    findings = site.check(1)
    assert [(each[0], each[3][0]) for each in counted(findings) if each[1] == "warning"] == [
        ("naming-script", ("app.wsgi", 3)), ("look-up", ("app.wsgi", 5)), ("python-api", ("app.wsgi", 6)),
        ("script-broken", ("broken.wsgi", 1)), ("script-missing", ("httpd.conf", site.line("WSGIScriptAlias /c"))),
        ("script-missing", ("httpd.conf", site.line("WSGIAccessScript")))]
    assert [each[3] for each in of(findings, "look-up") if each[1] == "note"] == [[("app.wsgi", 4)]]
    assert not (site.folder / "it-ran").exists()


def test_scripts_that_want_httpds_structure_of_a_request(site):
    for name in ("on", "off", "daemon", "decides", "decides_there"):
        (site.folder / f"{name}.wsgi").write_text('def application(environ, start_response):\n'
                                                  '    return environ["apache.request_rec"]\n')
    site.write(f"""WSGIDaemonProcess group
WSGIScriptAlias /on {site.folder}/on.wsgi
WSGIScriptAlias /off {site.folder}/off.wsgi
WSGIScriptAlias /daemon {site.folder}/daemon.wsgi process-group=group
WSGIPassApacheRequest On
<Location /off>
WSGIPassApacheRequest Off
WSGIAccessScript {site.folder}/decides.wsgi
</Location>
<Location /there>
WSGIAccessScript {site.folder}/decides_there.wsgi process-group=group
</Location>
""")
    findings = site.check(1)
    wanted = {each[2].rpartition(": ")[2].split(",")[0]: {file for file, _ in each[3] if file != "httpd.conf"}
              for each in of(findings, "request-rec") if each[1] == "warning"}
    assert wanted == {"WSGIPassApacheRequest is Off for it": {"off.wsgi"},
                      "it runs in the daemon group group": {"daemon.wsgi", "decides_there.wsgi"}}
    assert [each[3] for each in of(findings, "request-rec") if each[1] == "note"] == [
        [("httpd.conf", site.line("WSGIPassApacheRequest On"))]]


def test_environments_and_engines(site):
    version = "3.9"
    for name in (version, "3.11"):
        (site.folder / f"venv{name}/lib/python{name}/site-packages").mkdir(parents=True)
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    module = site.folder / "mod_wsgi.so"
    module.write_bytes(b"\x7fELF\0libpython3.9.so.1.0\0")
    site.write(f"""WSGIDaemonProcess a python-home={site.folder}/venv3.9
WSGIDaemonProcess b python-path={site.folder}/venv3.9/lib/python3.9/site-packages
WSGIScriptAlias / {script}
""", load=f"LoadModule wsgi_module {module}")
    findings = site.check(1)
    for name, directive in (("environment", "WSGIDaemonProcess a"), ("packages-of-another-python", "WSGIDaemonProcess b"),
                            ("another-python", "LoadModule wsgi_module")):
        assert [(each[1], each[3]) for each in of(findings, name)] == [
            ("warning", [("httpd.conf", site.line(directive))])], name


def test_a_section_s_module_path_is_for_the_python_of_its_group(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    (site.folder / "lib/python3.12/site-packages").mkdir(parents=True)
    sections = "".join(f"<WSGIInterpreterOptions process-group={group}>\n"
                       f"WSGIPythonPath {site.folder}/lib/python3.12/site-packages\n</WSGIInterpreterOptions>\n"
                       for group in ("a", "b"))
    site.write(f"WSGIDaemonProcess a python=3.12\nWSGIDaemonProcess b python=3.11\n{sections}"
               f"WSGIScriptAlias / {script}\n")
    (_, _, says, places), = of(site.check(1), "packages-of-another-python")
    assert places == [("httpd.conf", site.line("<WSGIInterpreterOptions process-group=b") + 1)]
    assert "packages of Python 3.12, and Python 3.11 will run" in says


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whose_rights_a_section_s_module_path_needs(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    folder = site.folder / "private"
    folder.mkdir(mode=0o700)
    site.write(f"""WSGIDaemonProcess other user=nobody home=/
<WSGIInterpreterOptions process-group=other>
WSGIPythonPath {folder}
</WSGIInterpreterOptions>
WSGIScriptAlias / {script}
""")
    (_, _, says, places), = of(site.check(1), "may-not-read")
    assert "read by nobody" in says and places == [("httpd.conf", site.line("WSGIPythonPath"))]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_a_user_may_not_read(site):
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    script.chmod(0o600)
    site.write(f"WSGIDaemonProcess other user=nobody home=/\nWSGIScriptAlias / {script}\n"
               f"WSGIScriptAlias /other {script} process-group=other\n")
    assert [(each[2].split("read by ")[1].split(",")[0], each[3]) for each in of(site.check(1), "may-not-read")] == [
        ("www-data", [("httpd.conf", site.line("WSGIScriptAlias /"))]),
        ("nobody", [("httpd.conf", site.line("WSGIScriptAlias /other"))])]


@pytest.mark.parametrize("text, said", [
    ("LoadModule absent_module /no/such.so\n<VirtualHost *:1>\nServerName x\n", "was not closed"),
    ("</VirtualHost>\n", "without matching"),
])
def test_what_cannot_be_read_to_its_end(site, text, said):
    told = site.write(text).run(code=2)
    assert said in told and "httpd cannot read the configuration to its end" in told
    assert ("/no/such.so" in told) == ("/no/such.so" in text), "what came before counts too"


def test_a_htaccess_that_nobody_writes_to_holds_up_nobody(site):
    (site.folder / "htdocs").mkdir()
    os.mkfifo(site.folder / "htdocs/.htaccess")
    site.write(f"DocumentRoot {site.folder}/htdocs\n<Directory {site.folder}/htdocs>\nAllowOverride All\n</Directory>\n")
    [said] = [each[2] for each in site.check(1) if each[0] == "htaccess-unread"]
    assert "is no regular file" in said


def test_files_that_include_each_other_without_end(site, folder):
    (folder / "one.conf").write_text("\nInclude two.conf\n")
    (folder / "two.conf").write_text("Include one.conf\n")
    told = site.write("Include one.conf\n").run(code=2)
    assert re.fullmatch(rf"brine: {folder}/(one.conf, line 2|two.conf, line 1): this includes {folder}/(one|two).conf, "
                        "which includes itself again and again, .*: take the line out.\\n", told)


def test_a_part_of_a_configuration_is_refused(site):
    site.file.write_text("WSGIScriptAlias / /srv/a.wsgi\n")
    assert "only a part of a configuration" in site.run(code=2)
    site.file.unlink()
    assert "There is no configuration" in site.run(code=2)


def test_apply_and_back(site):
    """The line of a file that a link leads to; what httpd does not accept is put back."""
    script = write_script(site.folder / "app.wsgi", 'b"one"')
    (site.folder / "available").mkdir()
    (site.folder / "enabled").mkdir()
    load = site.folder / "available/wsgi.load"
    old = f"# Depends: nothing\n  LoadModule wsgi_module {OLD_MODULE}\n"
    load.write_text(old)
    load.chmod(0o640)
    (site.folder / "enabled/wsgi.load").symlink_to(load)
    site.write(f"Include enabled/*.load\nWSGIScriptAlias / {script}\n", load="ErrorLog /dev/null")
    told = site.run("--apply", code=0)
    module = site.brine.parent / "mod_brine.so"
    assert load.read_text() == (f"# Depends: nothing\n  # LoadModule wsgi_module {OLD_MODULE}\n"
                                f'  LoadModule wsgi_module "{module}"\n')
    assert load.stat().st_mode & 0o777 == 0o640 and (site.folder / "enabled/wsgi.load").is_symlink()
    assert "Brine is loaded already" in site.run("--apply", code=0)
    way_back = told.split("To go back: ")[1].split(", and restart")[0]
    subprocess.run(way_back, shell=True, check=True)
    assert load.read_text() == old

    site.write(f"Include enabled/*.load\nWSGIScriptAlias / {script} wrong=1\n", load="ErrorLog /dev/null")
    assert "Nothing was changed" in site.run("--apply", code=1)
    assert load.read_text() == old
    # The check has its own ErrorLog; httpd itself does not start with this one.
    site.write(f"Include enabled/*.load\nWSGIScriptAlias / {script}\n")
    assert "is as it was" in site.run("--apply", code=2)
    assert load.read_text() == old


def test_variables_are_read_and_not_run(tmp_path):
    text = f"""# comment
unset HOME
if [ "$X" != "" ] ; then
\tSUFFIX="-a"
else
\tSUFFIX=
fi
export RUN_DIR=/var/run/apache2$SUFFIX
export USER_NAME=www-data
PLAIN='$quoted'
export MADE=$(touch {tmp_path}/it-ran)
DEFAULT=${{NOWHERE:-/srv}}
NUL=a\0b
"""
    found = variables(text, {"MADE": "before"})
    assert found == {"MADE": "before", "SUFFIX": "", "RUN_DIR": "/var/run/apache2", "USER_NAME": "www-data",
                     "PLAIN": "$quoted", "DEFAULT": "/srv"}
    assert list(tmp_path.iterdir()) == []


def test_lines_as_httpd_reads_them():
    lines = logical_lines("A \\\n  b\n# c \\\nstill c\n\n  <D e>\r\n")
    assert [(line.first, line.last, line.text) for line in lines] == [
        (1, 2, "A   b"), (3, 4, "# c still c"), (5, 5, ""), (6, 6, "<D e>")]
    assert list(words('a "b c" \'d "e\' "f \\" g" h')) == ["a", "b c", 'd "e', 'f " g', "h"]
    assert options("""shop a=1 b="2 3" C='4'""") == {"a": "1", "b": "2 3", "c": "4"}
    assert without_option('W shop a=1 b="2 3" c=4', "b") == "W shop a=1 c=4"


def test_a_line_that_is_moved_keeps_its_surroundings(tmp_path):
    text = "a\r\n\tLoadModule wsgi_module \\\r\n   old.so\r\nb\r\n"
    assert moved(text, 2, tmp_path) == (f"a\r\n\t# LoadModule wsgi_module    old.so\r\n"
                                        f'\tLoadModule wsgi_module "{tmp_path}"\r\nb\r\n')
