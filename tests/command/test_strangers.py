"""`brine migrate` reads the configurations that Debian's packages ship. They are downloaded: BRINE_TEST_STRANGERS=1 asks for it."""

import json
import os
import re
import subprocess

import pytest

from brine.installation import find_httpd

pytestmark = pytest.mark.skipif("BRINE_TEST_STRANGERS" not in os.environ, reason="downloads packages")

MODULES = ("mpm_event", "authz_core", "authz_host", "access_compat", "alias", "rewrite", "mime", "dir", "env")
SHIPPED = [
    ("graphite-web", "usr/share/graphite-web/apache2-graphite.conf", 2, 1),
    ("pywps-wsgi", "etc/apache2/conf-available/pywps-wsgi.conf", 1, 0),
    ("x2gobroker-wsgi", "etc/x2go/x2gobroker-wsgi.apache.conf", 1, 1),
    ("openstack-dashboard-apache", "etc/apache2/sites-available/openstack-dashboard.conf", 1, 1),
    ("bepasty", "usr/share/doc/bepasty/examples/apache_bepasty.conf.example", 1, 1),
    ("linkchecker-web", "etc/apache2/conf-available/linkchecker-web.conf", 1, 0),
    ("loggerhead", "usr/share/doc/loggerhead/examples/apache-loggerhead.conf", 1, 1),
    ("autoradio", "usr/share/autoradio/doc/apache_modwsgi_example.conf", 1, 1),
    ("wims-lti", "etc/apache2/sites-available/wims-lti-django.conf-dist", 2, 1),
]
MISTAKES = {"wims-lti": "'wims-lti'"}
"""What is wrong in the configuration itself: a WSGIProcessGroup that names a group which is called wimslti."""


@pytest.mark.parametrize("package, shipped, scripts, groups", SHIPPED, ids=[row[0] for row in SHIPPED])
def test_its_configuration_is_read_to_the_end(brine, folder, package, shipped, scripts, groups):
    """Users and scripts that the installation of the package would make are not here; nothing else is refused."""
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True)
    [archive] = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", archive, folder / "unpacked"], check=True)
    loads = [f"LoadModule {name} {file}" for name, file in find_httpd().load_lines(*MODULES)]
    user = ["User www-data", "Group www-data"] if os.geteuid() == 0 else []
    text = (folder / "unpacked" / shipped).read_text()
    text = re.sub(r"^(User|Group) \w+$", "", re.sub(r" (user|group)=\S+", "", text), flags=re.MULTILINE)
    (folder / "httpd.conf").write_text("\n".join([
        f"ServerRoot {folder}", *loads, *user, "Listen 127.0.0.1:1", "TypesConfig /dev/null",
        "LoadModule wsgi_module /usr/lib/apache2/modules/mod_wsgi.so", text]))
    done = subprocess.run([brine, "migrate", "--json", folder / "httpd.conf"], capture_output=True, text=True,
                          env={**os.environ, "APACHE_LOG_DIR": str(folder)})
    report = json.loads(done.stdout)
    assert (report["complete"], report["scripts"], report["groups"]) == (True, scripts, groups)
    errors = [each["message"] for each in report["findings"] if each["severity"] == "error"]
    assert bool(errors) == (package in MISTAKES) and all(MISTAKES[package] in message for message in errors)
    assert {each["id"] for each in report["findings"] if each["severity"] == "warning"} <= {"script-missing"}
