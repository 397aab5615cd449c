"""A site as a virtual host of Debian's apache2: the text of a file for sites-available."""

from collections.abc import Iterator

from brine.config import alias_lines, group_options, module_path, script_lines, status_lines, tls_lines
from brine.installation import version
from brine.quoting import quoted, quoted_option
from brine.refusal import Refusal
from brine.site import Site

_USUAL_PORTS = (80, 443)


def _group(site: Site) -> Iterator[str]:
    options = group_options(site)
    if site.python:
        options.append(f"python={site.python.version}")
        if site.python.home:
            options.append(quoted_option("python-home", site.python.home))
    options.append(quoted_option("python-path", module_path(site)))
    yield f"WSGIDaemonProcess {site.group} \\"
    yield from (f"    {option} \\" for option in options[:-1])
    yield f"    {options[-1]}"


def _logs(site: Site) -> Iterator[str]:
    yield f"ErrorLog ${{APACHE_LOG_DIR}}/{site.name}-error.log"
    access = quoted(site.access_log) if site.access_log else f"${{APACHE_LOG_DIR}}/{site.name}-access.log"
    yield f"CustomLog {access} combined"
    yield f"LogLevel warn wsgi:{site.log_level}"


def _name(site: Site) -> Iterator[str]:
    if site.public_name:
        yield f"ServerName {site.public_name}"
    else:
        yield "# Without a name of its own it answers for all names that no other virtual host has."
        yield f"#ServerName {site.name}.example.org"


def _sections(site: Site) -> Iterator[tuple[str, Iterator[str]]]:
    yield "", _name(site)
    if site.tls or site.http2:
        yield "", tls_lines(site)
    yield "What the application prints and logs comes into this error log.", _logs(site)
    if site.statics:
        yield "Files that httpd serves itself; an alias that comes first wins.", alias_lines(site.statics)
    yield "The processes that run the application.", _group(site)
    yield (f"New code is taken when `brine reload {site.name}` says that it is complete, not when a file changes.",
           iter(["WSGIScriptReloading Off"]))
    yield "A client that sends a body slowly holds no thread of the application.", iter(["WSGIRequestBuffering 1G"])
    if site.body_limit is not None:
        yield "", iter([f"LimitRequestBody {site.body_limit}"])
    yield ("Both groups are named, so the script is loaded when a process starts, and not by the first visitor.",
           (line for application in site.applications for line in script_lines(application, site)))
    if site.status:
        yield "What the server says of itself to this machine, and to anybody whether it is ready.", status_lines()
    if site.includes:
        yield "Further configuration.", (f"Include {quoted(file)}" for file in site.includes)


def apache_modules(site: Site) -> list[str]:
    """Those that a2enmod has to enable for it, beside what Debian enables by itself."""
    return ["brine", *(["ssl"] if site.tls else []), *(["http2"] if site.http2 else [])]


def check(site: Site) -> None:
    """Refuses what cannot be said of one virtual host."""
    if site.mpm != "event":
        raise Refusal("--mpm is about all of an httpd: leave it out for a virtual host, or say --kind httpd.")


def text(site: Site) -> str:
    """The whole file."""
    places = " ".join("*:%d" % site.port if host in ("0.0.0.0", "::") else netloc
                      for host, netloc in zip(site.hosts, site.netlocs))
    lines = [f"# The site {site.name}, written by brine {version()}: a virtual host of Debian's apache2.",
             "# Edit it as you like.",
             "#",
             f"#   a2enmod {' '.join(apache_modules(site))} && a2ensite {site.name}, then systemctl restart apache2",
             f"#   brine reload {site.name}      takes new code, without a pause",
             "#   systemctl reload apache2     takes a changed file",
             f"#   brine logs {site.name} -f     shows the log",
             ""]
    if site.port not in _USUAL_PORTS:
        lines += ["# ports.conf has 80 and 443 alone.", *dict.fromkeys(
            f"Listen {site.port}" if host in ("0.0.0.0", "::") else f"Listen {netloc}"
            for host, netloc in zip(site.hosts, site.netlocs)), ""]
    lines.append(f"<VirtualHost {places}>")
    for number, (comment, body) in enumerate(_sections(site)):
        lines += [""] * (number > 0) + [f"    # {comment}"] * bool(comment) + [f"    {line}" for line in body]
    lines.append("</VirtualHost>")
    return "\n".join(lines) + "\n"
