"""The httpd configuration that serves one site: text made from a checked Site, nothing else."""

from collections.abc import Iterator
from pathlib import Path

from brine.installation import Brine, Httpd
from brine.quoting import quoted, quoted_pattern
from brine.refusal import Refusal
from brine.server_user import ServerUser
from brine.site import Site, Static

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

# The daemon process group that runs the script.
_GROUP = "site"

# So many more connections than the script has threads may be in the middle of being read or written.
_SPARE_CONNECTIONS = 256

# Of a body, httpd takes so much before it asks for a thread of the script: all that it accepts where nobody has
# set LimitRequestBody.
_BUFFERED_BODY = "1G"


def _modules(site: Site, httpd: Httpd, brine: Brine) -> Iterator[str]:
    names = [f"mpm_{site.mpm}", "unixd", "authz_core"]
    if httpd.has("reqtimeout"):
        names.append("reqtimeout")
    if site.statics:
        names += ["alias", "mime", "dir"]
    for identifier, file in httpd.load_lines(*names):
        yield f"LoadModule {identifier} {quoted(file)}"
    yield f"LoadModule wsgi_module {quoted(brine.module)}"


def _processes(site: Site, httpd: Httpd) -> Iterator[str]:
    """httpd's own: they read requests and write responses, at their clients' pace, and run no Python. How many
    requests the script serves at once is the daemon group's matter."""
    served = site.processes * site.threads
    connections = served + _SPARE_CONNECTIONS
    if site.mpm == "prefork":
        yield f"StartServers {served + 1}"
        yield f"ServerLimit {connections}"
        yield "MinSpareServers 2"
        yield f"MaxSpareServers {served + 8}"
    else:
        # Slots of which one is in use: the others are for processes that still finish their requests
        # after a graceful restart. (`brine serve` makes none.)
        yield "StartServers 1"
        yield "ServerLimit 4"
        yield f"ThreadLimit {connections}"
        yield f"ThreadsPerChild {connections}"
        yield "MinSpareThreads 1"
        yield f"MaxSpareThreads {connections}"
    yield f"MaxRequestWorkers {connections}"
    yield "MaxConnectionsPerChild 0"
    if httpd.has("reqtimeout"):
        yield "# A client that has not sent its request by then makes room for others."
        yield "RequestReadTimeout header=10-30,MinRate=500 body=20,MinRate=500"


def _group(site: Site) -> str:
    """Processes with N threads each, or N times as many of one thread (prefork)."""
    size = f"threads={site.threads}"
    if site.mpm == "prefork":
        size = f"processes={site.processes * site.threads} threads=1"
    elif site.processes > 1:
        size += f" processes={site.processes}"
    if site.project:
        size += f" home={quoted(site.project)}"
    if site.request_seconds is not None:
        size += f" request-timeout={site.request_seconds}s"
    # An edit of the script must not wait for responses that have no end, as streams of events have none.
    patience = " graceful-timeout=1s" if site.reload else ""
    return f"WSGIDaemonProcess {_GROUP} {size}{patience}"


def _identity(site: Site, user: ServerUser | None) -> Iterator[str]:
    yield f"Listen {site.netloc}"
    yield f"ServerName {quoted(site.server_name)}"
    yield 'ServerRoot "/"'
    yield 'PidFile "${BRINE_STATE}/httpd.pid"'
    if user:
        yield f"User {quoted(user.name)}"
        yield f"Group {quoted(user.group)}"


def _logging(log_format: str | None) -> Iterator[str]:
    yield 'ErrorLog "${BRINE_STATE}/error.log"'
    if log_format:
        yield f"ErrorLogFormat {quoted(log_format)}"
    yield "LogLevel warn wsgi_module:info"


def _script(site: Site) -> Iterator[str]:
    if site.python:
        yield f"WSGIPython {site.python.version}"
        if site.python.home:
            yield f"WSGIPythonHome {quoted(site.python.home)}"
    folders = [str(folder) for folder in (site.import_root, *site.paths)]
    for folder in folders:
        if ":" in folder:
            raise Refusal(f"The folder {folder} has a colon in its name, so it cannot be on Python's module path.")
    yield f"WSGIPythonPath {quoted(':'.join(folders))}"
    yield "# httpd's own processes run no Python."
    yield "WSGIRestrictEmbedded On"
    yield "WSGILogging On"
    yield _group(site)
    if site.body_limit is not None:
        yield f"LimitRequestBody {site.body_limit}"
    yield "# A client that sends a body slowly holds no thread of the script."
    yield f"WSGIRequestBuffering {_BUFFERED_BODY}"
    if site.reload:
        yield "WSGIReloadFailure Fail"
        yield "# Bytecode files know a source by its second and size: too coarse for one that is being edited."
        yield "WSGIDontWriteBytecode On"
    yield "# Both groups are named, so the script is loaded when the process starts."
    yield (f"WSGIScriptAlias {quoted(site.mount)} {quoted(site.script)} "
           f"process-group={_GROUP} application-group=%{{GLOBAL}}")
    yield f"<Directory {quoted_pattern(site.script.parent)}>"
    yield f"    <Files {quoted_pattern(site.script.name)}>"
    yield "        Require all granted"
    yield "    </Files>"
    yield "</Directory>"


def _statics(statics: tuple[Static, ...]) -> Iterator[str]:
    if _TYPES_FILE.exists():
        yield f"TypesConfig {quoted(_TYPES_FILE)}"
    else:
        yield "TypesConfig /dev/null"
        yield from (f"AddType {name} {endings}" for name, endings in _TYPES.items())
    yield "DirectoryIndex index.html"
    for static in statics:
        yield f"Alias {quoted(static.url)} {quoted(static.folder)}"
        yield f"<Directory {quoted_pattern(static.folder)}>"
        yield "    Require all granted"
        yield "</Directory>"


def render(site: Site, httpd: Httpd, brine: Brine, state: Path, user: ServerUser | None,
           log_format: str | None = None) -> str:
    """The whole configuration. `state` is the folder of its pid file and log; `log_format` an
    ErrorLogFormat, None for httpd's own."""
    parts = [
        ("The pid file and the error log are kept here.",
         [f"Define BRINE_STATE {quoted(state)}"]),
        ("Modules", _modules(site, httpd, brine)),
        ("The server", _identity(site, user)),
        ("Logs", _logging(log_format)),
        ("Processes and threads", _processes(site, httpd)),
        ("Nothing is served but what is named below.",
         ["<Directory />", "    Options FollowSymLinks", "    AllowOverride None",
          "    Require all denied", "</Directory>"]),
    ]
    if site.statics:
        parts.append(("Files that httpd serves itself; an alias that comes first wins", _statics(site.statics)))
    parts.append(("The WSGI script", _script(site)))
    return "\n".join("".join([f"# {title}\n", *(f"{line}\n" for line in lines)]) for title, lines in parts)
