"""httpd's private configuration for one server."""

import os
import pwd
import re

from .deadline import SCALE

MODULE_FOLDER = "/usr/lib/apache2/modules"
MODULES = ("authn_core", "authn_file", "authz_core", "authz_host", "authz_user", "auth_basic",
           "alias", "dir", "env", "headers", "mime", "setenvif", "filter", "deflate", "actions",
           "rewrite", "include", "status")
MPM = {
    "event": "StartServers 1\nServerLimit 4\nThreadsPerChild 16\nMaxRequestWorkers 16\n"
             "MinSpareThreads 1\nMaxSpareThreads 16\nAsyncRequestWorkerFactor 4",
    "worker": "StartServers 1\nServerLimit 4\nThreadsPerChild 16\nMaxRequestWorkers 16\n"
              "MinSpareThreads 1\nMaxSpareThreads 16",
    "prefork": "StartServers 3\nServerLimit 12\nMaxRequestWorkers 12\nMinSpareServers 1\n"
               "MaxSpareServers 12",
}
MODE = {  # what a mode adds to every server's configuration
    "embedded": "",
    "daemon": "WSGIDaemonProcess group threads=8 {daemon}\nWSGIProcessGroup group\n"
              "WSGIRestrictEmbedded On",
    "groups": "WSGIRestrictEmbedded On",  # the test defines its own groups
}


def httpd_user():
    """The user that httpd's children run as."""
    return "www-data" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def render(folder, port, build, variant, text, modules=(), daemon=""):
    """The whole configuration; `daemon` are further options of the group, where there is one.

    In `text` and `daemon`, {apps}, {dir}, {htdocs}, {port}, {group} (the application group) and
    {process_group} are filled in.
    """
    loads = [f"LoadModule mpm_{variant.mpm}_module {MODULE_FOLDER}/mod_mpm_{variant.mpm}.so"]
    loads += [f"LoadModule {name}_module {MODULE_FOLDER}/mod_{name}.so"
              for name in (*MODULES, *modules)]
    loads.append(f"LoadModule wsgi_module {build.module}")
    parts = {"{loads}": "\n".join(loads), "{identity}": _identity(),
             "{timeout}": str(int(10 * SCALE)), "{mpm_name}": variant.mpm, "{mpm}": MPM[variant.mpm],
             "{python}": _python(build, variant), "{mode}": MODE[variant.mode], "{daemon}": daemon,
             "{text}": text}
    whole = BASE
    for name, part in parts.items():
        whole = whole.replace(name, part)
    return fill(whole, folder, port, variant)


def patient(text):
    """The configuration with a group's connect-timeout made as long as the tests wait, where a test gives none."""
    return re.sub(r"^\s*WSGIDaemonProcess (?!.*(?:connect-timeout|\\\n)).*$", rf"\g<0> connect-timeout={15 * SCALE:g}s", text,
                  flags=re.MULTILINE)


def fill(text, folder, port, variant):
    """Replaces the names of places in a test's piece of configuration."""
    places = {"{apps}": folder.parent / "apps", "{dir}": folder, "{htdocs}": folder / "htdocs",
              "{port}": port, "{group}": variant.group,
              "{process_group}": "group" if variant.mode == "daemon" else "%{GLOBAL}"}
    for name, place in places.items():
        text = text.replace(name, str(place))
    return text


def _identity():
    return "User www-data\nGroup www-data" if os.geteuid() == 0 else ""


def _python(build, variant):
    if variant.python == build.default_python:
        return ""
    return f"WSGIPython {variant.python}"


BASE = """\
ServerRoot {dir}
ServerName localhost
PidFile {dir}/httpd.pid
ErrorLog {dir}/error.log
Listen 127.0.0.1:{port}
{loads}
LogLevel warn wsgi:info mpm_{mpm_name}:notice
{identity}
{mpm}
DefaultRuntimeDir {dir}
TypesConfig {dir}/mime.types
DocumentRoot {htdocs}
Timeout {timeout}
KeepAliveTimeout 5
MaxKeepAliveRequests 0
<Directory />
  AllowOverride None
  Require all granted
</Directory>
WSGIApplicationGroup {group}
{python}
{mode}
{text}
"""
