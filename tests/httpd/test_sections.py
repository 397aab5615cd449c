"""Which sections of a configuration hold for a script: what `brine migrate` and `brine doctor` think of it is what httpd does."""

import os

import pytest

from brine.configuration.asking import Asker
from brine.configuration.folders import look
from brine.configuration.reading import read
from brine.configuration.shadow import Shadow
from brine.configuration.sites import Sites
from brine.installation import find_brine, find_httpd

pytestmark = pytest.mark.modes("embedded")
CONFIG = """
WSGIApplicationGroup main
WSGIScriptAlias /none {dir}/none.wsgi
# The later of two holds, whichever is the longer.
<Location /later/inner>
    WSGIApplicationGroup inner
</Location>
<Location /later>
    WSGIApplicationGroup outer
</Location>
WSGIScriptAlias /later/inner {dir}/scripts/where.wsgi
<LocationMatch "^/match(ed)?/">
    WSGIApplicationGroup by-match
</LocationMatch>
WSGIScriptAlias /matched {dir}/scripts/where.wsgi
<Location ~ "^/tilde$">
    WSGIApplicationGroup by-tilde
</Location>
WSGIScriptAlias /tilde {dir}/scripts/where.wsgi
<Location /pattern>
    WSGIApplicationGroup of-a-pattern
</Location>
WSGIScriptAliasMatch "^/pattern(/.*)?$" {dir}/scripts/where.wsgi
# Patterns hold after all plain folders, files after these, locations last.
<DirectoryMatch "/scripts/deep">
    WSGIApplicationGroup by-directory-match
</DirectoryMatch>
<Directory {dir}/scripts/deep/deeper/still>
    WSGIApplicationGroup long
</Directory>
<Directory {dir}/scripts>
    WSGIApplicationGroup short
</Directory>
WSGIScriptAlias /deep {dir}/scripts/deep/deeper/still/app.wsgi
WSGIScriptAlias /short {dir}/scripts/app.wsgi
<Directory {dir}/scripts/plain/longer>
    WSGIApplicationGroup longer
</Directory>
<Directory {dir}/scripts/plain>
    WSGIApplicationGroup shorter
</Directory>
WSGIScriptAlias /plain {dir}/scripts/plain/longer/app.wsgi
<Directory ~ "/scripts/til.e/">
    WSGIApplicationGroup by-directory-tilde
</Directory>
WSGIScriptAlias /tilded {dir}/scripts/tilde/app.wsgi
<FilesMatch "\\.fun$">
    WSGIApplicationGroup by-files-match
</FilesMatch>
<Files ~ "^fil.\\.gam$">
    WSGIApplicationGroup by-files-tilde
</Files>
WSGIScriptAlias /fun {dir}/scripts/deep/a.fun
WSGIScriptAlias /game {dir}/scripts/file.gam
# Scripts that a handler names.
Alias /handled {dir}/scripts/handled/one.wsgi
<Location /handled>
    SetHandler wsgi-script
    Options +ExecCGI
    WSGIApplicationGroup of-a-location
</Location>
Alias /shelf {dir}/scripts/shelf
<LocationMatch "^/shelf/">
    SetHandler wsgi-script
    Options +ExecCGI
    WSGIApplicationGroup of-the-shelf
</LocationMatch>
<Location /kept/two.wsgi>
    SetHandler wsgi-script
    Options +ExecCGI
    WSGIApplicationGroup of-the-documents
</Location>
<Directory {dir}>
    Require all granted
</Directory>
"""
WHERE = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["mod_wsgi.application_group"].encode()]
"""
HANDLED = {"/handled": "scripts/handled/one.wsgi", "/shelf/two.wsgi": "scripts/shelf/two.wsgi",
           "/kept/two.wsgi": "htdocs/kept/two.wsgi"}
URLS = {"/none": "main", "/later/inner": "outer", "/matched": "by-match", "/tilde": "by-tilde", "/pattern": "of-a-pattern",
        "/deep": "by-directory-match", "/short": "short", "/plain": "longer", "/tilded": "by-directory-tilde",
        "/fun": "by-files-match", "/game": "by-files-tilde", "/handled": "of-a-location", "/shelf/two.wsgi": "of-the-shelf",
        "/kept/two.wsgi": "of-the-documents"}
FILES = ["none.wsgi", "scripts/where.wsgi", "scripts/deep/deeper/still/app.wsgi", "scripts/app.wsgi", "scripts/plain/longer/app.wsgi",
         "scripts/tilde/app.wsgi", "scripts/deep/a.fun", "scripts/file.gam", *HANDLED.values()]


def sites_of(server, build, tmp_path):
    """What the commands read of a server's configuration."""
    asker = Asker(find_httpd(), find_brine(str(build.module.parent), None), dict(os.environ), [])
    configuration = server.folder / "httpd.conf"
    reading = read(asker, Shadow(tmp_path.resolve(), str(configuration)), configuration)
    found = look(reading.tree, reading.server_root)
    return Sites(found.tree, reading.user, reading.group, reading.server_root, found.scripts)


def url_of(script):
    """Where a test asks for a script."""
    return next((url for url, file in HANDLED.items() if script.path.endswith(file)), script.url)


def test_what_is_thought_is_what_httpd_does(start_httpd, request, tmp_path):
    server = start_httpd(CONFIG, files=dict.fromkeys(FILES, WHERE))
    thought = {url_of(script): script.application_group
               for script in sites_of(server, request.config.build, tmp_path).scripts}
    asked = {url: server.get(f"{url}/" if url == "/matched" else url).text for url in URLS}
    assert asked == URLS
    assert thought == URLS
