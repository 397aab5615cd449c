"""The httpd configuration that serves one site: text made from a checked Site, nothing else."""

import math
from collections.abc import Iterator
from pathlib import Path

from brine import access_record
from brine.application import Application
from brine.configuration.sites import seconds
from brine.installation import Brine, Httpd
from brine.quoting import quoted, quoted_option, quoted_pattern
from brine.refusal import Refusal
from brine.server_user import ServerUser
from brine.site import STATUS_URLS, Site, Static
from brine.sites.folders import Folders

# For machines without a mime.types file: what a web page is made of.
_TYPES = {
    "text/html": ".html .htm", "text/css": ".css", "text/javascript": ".js .mjs", "text/plain": ".txt .md",
    "application/json": ".json .map", "application/xml": ".xml", "application/wasm": ".wasm",
    "application/pdf": ".pdf", "application/manifest+json": ".webmanifest", "image/svg+xml": ".svg .svgz",
    "image/png": ".png", "image/jpeg": ".jpg .jpeg", "image/gif": ".gif", "image/webp": ".webp",
    "image/avif": ".avif", "image/x-icon": ".ico", "font/woff": ".woff", "font/woff2": ".woff2",
    "video/mp4": ".mp4", "video/webm": ".webm", "audio/mpeg": ".mp3",
}
_TYPES_FILE = Path("/etc/mime.types")

_COMBINED = '%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"'

# So many more connections than the script has threads may be in the middle of being read or written.
_SPARE_CONNECTIONS = 256

# One is in use; the others are for processes that still finish their requests after a graceful restart.
_SLOTS = 4

# Of a body, httpd takes so much before it asks for a thread of the script: all that it accepts where nobody has
# set LimitRequestBody.
_BUFFERED_BODY = "1G"


def _modules(site: Site, httpd: Httpd, brine: Brine) -> Iterator[str]:
    names = [f"mpm_{site.mpm}", "unixd", "authz_core"]
    if httpd.has("reqtimeout"):
        names.append("reqtimeout")
    if site.statics:
        names += ["alias", "mime", "dir"]
    if site.tls:
        names += ["socache_shmcb", "ssl"]
    if site.http2:
        names.append("http2")
    if site.status:
        names.append("authz_host")
    if site.shows_requests or site.access_log or site.in_production:
        names.append("log_config")
    for identifier, file in httpd.load_lines(*names):
        yield f"LoadModule {identifier} {quoted(file)}"
    yield f"LoadModule wsgi_module {quoted(brine.module)}"


def _processes(site: Site, httpd: Httpd) -> Iterator[str]:
    """httpd's own: they read requests and write responses, at their clients' pace, and run no Python. How many
    requests the script serves at once is the daemon group's matter."""
    served = site.processes * site.threads
    connections = served + _SPARE_CONNECTIONS
    if site.embedded and site.mpm != "prefork":
        yield "# As many threads as run the script: a slow client holds one of them."
        yield f"StartServers {site.processes}"
        yield f"ServerLimit {_SLOTS * site.processes}"
        yield f"ThreadLimit {site.threads}"
        yield f"ThreadsPerChild {site.threads}"
        yield f"MinSpareThreads {served}"
        yield f"MaxSpareThreads {served}"
        connections = served
    elif site.mpm == "prefork":
        yield f"StartServers {served + 1}"
        yield f"ServerLimit {connections}"
        yield "MinSpareServers 2"
        yield f"MaxSpareServers {served + 8}"
    else:
        yield "StartServers 1"
        yield f"ServerLimit {_SLOTS}"
        yield f"ThreadLimit {connections}"
        yield f"ThreadsPerChild {connections}"
        yield "MinSpareThreads 1"
        yield f"MaxSpareThreads {connections}"
    yield f"MaxRequestWorkers {connections}"
    yield "MaxConnectionsPerChild 0"
    if httpd.has("reqtimeout"):
        yield "# A client that has not sent its request by then makes room for others."
        yield "RequestReadTimeout header=10-30,MinRate=500 body=20,MinRate=500"


def _number_of_processes(site: Site, times: int) -> str:
    least = site.processes if site.least_processes is None else site.least_processes
    return f"processes={site.processes * times}" if least == site.processes else \
        f"processes={least * times}-{site.processes * times}"


def group_options(site: Site) -> list[str]:
    """Of WSGIDaemonProcess: processes with N threads each, or N times as many of one thread (prefork)."""
    options = [f"threads={site.threads}"]
    if site.mpm == "prefork":
        options = [_number_of_processes(site, site.threads), "threads=1"]
    elif site.processes > 1:
        options.append(_number_of_processes(site, 1))
    if site.home:
        options.append(quoted_option("home", site.home))
    if site.in_production:
        options.append("display-name=%{GROUP}")
    limits = dict(site.limits)
    if site.reload:
        # An edit of the script must not wait for responses that have no end, as streams of events have none.
        limits.setdefault("graceful-timeout", "1s")
    return options + [f"{name}={value}" for name, value in limits.items()]


def drain_seconds(site: Site) -> int:
    """How long requests in progress keep httpd from its end: as long as they keep a daemon process, and whole seconds,
    of which 0 would mean to httpd that there is no such limit."""
    return max(1, math.ceil(seconds(dict(site.limits).get("shutdown-timeout", "5s"))))


def module_path(site: Site) -> str:
    """The folders of Python's module path, as directives take them."""
    for folder in map(str, site.module_path):
        if ":" in folder:
            raise Refusal(f"The folder {folder} has a colon in its name, so it cannot be on Python's module path.")
    return ":".join(map(str, site.module_path))


def tls_lines(site: Site) -> Iterator[str]:
    """Which protocols and certificate its listeners have."""
    if site.http2:
        yield f"Protocols {'h2' if site.tls else 'h2c'} http/1.1"
    if site.tls:
        yield "SSLEngine on"
        yield f"SSLCertificateFile {quoted(site.tls.certificate)}"
        yield f"SSLCertificateKeyFile {quoted(site.tls.key)}"


def _identity(site: Site, user: ServerUser | None) -> Iterator[str]:
    yield from (f"Listen {netloc}" for netloc in site.netlocs)
    yield f"ServerName {quoted(site.server_name)}"
    yield 'ServerRoot "/"'
    yield 'PidFile "${BRINE_RUN}/httpd.pid"'
    yield f"GracefulShutdownTimeout {drain_seconds(site)}"
    if user:
        yield f"User {quoted(user.name)}"
        yield f"Group {quoted(user.group)}"
    yield from tls_lines(site)
    if site.tls:
        yield "SSLProtocol -all +TLSv1.2 +TLSv1.3"
        yield 'SSLSessionCache "shmcb:${BRINE_RUN}/ssl_sessions(512000)"'


def _logging(site: Site, log_format: str | None) -> Iterator[str]:
    yield 'ErrorLog "${BRINE_LOGS}/error.log"'
    if log_format:
        yield f"ErrorLogFormat {quoted(log_format)}"
    # A certificate that was made for the purpose need not be looked at.
    tls = " ssl_module:error" if site.makes_certificate else ""
    yield f"LogLevel warn{tls} wsgi_module:{site.log_level}"
    if site.access_log:
        yield f'CustomLog {quoted(site.access_log)} "{_COMBINED}"'
    elif site.in_production:
        yield f'CustomLog "${{BRINE_LOGS}}/access.log" "{_COMBINED}"'
    if site.shows_requests:
        yield f'CustomLog "${{BRINE_LOGS}}/requests.log" {quoted(access_record.FORMAT)}'


def _python(site: Site) -> Iterator[str]:
    if site.python:
        yield f"WSGIPython {site.python.version}"
        if site.python.home:
            yield f"WSGIPythonHome {quoted(site.python.home)}"
    yield f"WSGIPythonPath {quoted(module_path(site))}"
    yield "WSGILogging On"


def _places(site: Site) -> Iterator[str]:
    """Where it runs: processes of its own, or httpd's."""
    if not site.embedded:
        yield "# httpd's own processes run no Python."
        yield "WSGIRestrictEmbedded On"
        yield " ".join(["WSGIDaemonProcess", site.group, *group_options(site)])
    if site.body_limit is not None:
        yield f"LimitRequestBody {site.body_limit}"
    if not site.embedded:
        yield "# A client that sends a body slowly holds no thread of the script."
        yield f"WSGIRequestBuffering {_BUFFERED_BODY}"
    if site.in_production:
        yield f"# New code is taken when `brine reload {site.name}` says that it is complete, not when a file changes."
        yield "WSGIScriptReloading Off"
    if site.reload:
        yield "WSGIReloadFailure Fail"
        yield "# Bytecode files know a source by its second and size: too coarse for one that is being edited."
        yield "WSGIDontWriteBytecode On"


def script_lines(application: Application, site: Site) -> Iterator[str]:
    """An application at its URL; its script's folder is closed but for the script."""
    group = "%{GLOBAL}" if site.embedded else site.group
    name = "" if application.callable == "application" else f" callable-object={application.callable}"
    # The main interpreter is for one application; what are several modules of one name shall not meet there.
    interpreter = "%{GLOBAL}" if application is site.application else quoted(application.mount)
    yield (f"WSGIScriptAlias {quoted(application.mount)} {quoted(application.script)} "
           f"process-group={group} application-group={interpreter}{name}")
    yield f"<Directory {quoted_pattern(application.script.parent)}>"
    yield f"    <Files {quoted_pattern(application.script.name)}>"
    yield "        Require all granted"
    yield "    </Files>"
    yield "</Directory>"


def _scripts(site: Site) -> Iterator[str]:
    yield from _python(site)
    yield from _places(site)
    yield "# Both groups are named, so the script is loaded when the process starts."
    for application in site.applications:
        yield from script_lines(application, site)


def status_lines() -> Iterator[str]:
    """The server's page, and its answer to monitors."""
    page, health = STATUS_URLS
    for url, who in ((page, "local"), (health, "all granted")):
        yield f"<Location {url}>"
        yield f"    SetHandler {url.removeprefix('/')}"
        yield f"    Require {who}"
        yield "</Location>"


def _statics(statics: tuple[Static, ...]) -> Iterator[str]:
    if _TYPES_FILE.exists():
        yield f"TypesConfig {quoted(_TYPES_FILE)}"
    else:
        yield "TypesConfig /dev/null"
        yield from (f"AddType {name} {endings}" for name, endings in _TYPES.items())
    yield "DirectoryIndex index.html"
    yield from alias_lines(statics)


def alias_lines(statics: tuple[Static, ...]) -> Iterator[str]:
    """The folders that httpd serves itself."""
    for static in statics:
        yield f"Alias {quoted(static.url)} {quoted(static.folder)}"
        yield f"<Directory {quoted_pattern(static.folder)}>"
        yield "    Require all granted"
        yield "</Directory>"


def render(site: Site, httpd: Httpd, brine: Brine, folders: Folders, user: ServerUser | None,
           log_format: str | None = None) -> str:
    """The whole configuration. `log_format` is an ErrorLogFormat, None for httpd's own."""
    parts = [
        ("The pid file and the error log are kept here.",
         [f"Define BRINE_RUN {quoted(folders.runtime)}", f"Define BRINE_LOGS {quoted(folders.logs)}"]),
        ("Modules", _modules(site, httpd, brine)),
        ("The server", _identity(site, user)),
        ("Logs", _logging(site, log_format)),
        ("Processes and threads", _processes(site, httpd)),
        ("Nothing is served but what is named below.",
         ["<Directory />", "    Options FollowSymLinks", "    AllowOverride None",
          "    Require all denied", "</Directory>"]),
    ]
    if site.statics:
        parts.append(("Files that httpd serves itself; an alias that comes first wins", _statics(site.statics)))
    parts.append(("The WSGI script" if not site.others else "The WSGI scripts", _scripts(site)))
    if site.status:
        parts.append(("What the server says of itself to this machine, and to anybody whether it is ready",
                      status_lines()))
    if site.includes:
        parts.append(("Further configuration", [f"Include {quoted(file)}" for file in site.includes]))
    return "\n".join("".join([f"# {title}\n", *(f"{line}\n" for line in lines)]) for title, lines in parts)
