"""Brine's first page: says who serves it, and shows what a WSGI application is given.

Try `brine serve docs/examples/hello.wsgi`, then change something here and reload the page.
"""

import os
import platform
import threading
import time
from datetime import datetime
from html import escape

GREETING = "Hello from Brine"  # <- a good place for your first change

LOADED = time.time()

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dfe4ea; --paper: #fbfcfd;
        --card: #fff; --accent: #0b7285; --wash: #e6f4f6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa5b3; --line: #2c343f; --paper: #12161c; --card: #1a2028;
          --accent: #4cc3d6; --wash: #14303a; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 4rem }
h1 { font-size: 2.6rem; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .5rem }
h2 { font-size: 1.1rem; margin: 2.75rem 0 .75rem }
p { margin: 0 0 1rem } .lead { font-size: 1.15rem; color: var(--soft) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .9rem; margin: 2rem 0 0 }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem }
dt, dd + dd { color: var(--soft); font-size: .8rem; font-weight: 400 }
dd { margin: 0; font-weight: 600; overflow-wrap: anywhere }
.next { background: var(--wash); border-left: .25rem solid var(--accent); border-radius: .3rem;
        padding: 1rem 1.2rem; margin-top: 2rem } .next p { margin: 0 }
code, td { font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace }
.frame { border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; background: var(--card) }
table { width: 100%; border-collapse: collapse; table-layout: fixed }
td { padding: .4rem 1rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
tr:first-child td { border-top: 0 } td:first-child { width: 38%; color: var(--accent) }
"""


def facts(environ):
    """What the cards at the top say: (label, value, detail) each."""
    httpd = ".".join(map(str, environ.get("apache.version", ()))) or environ.get("SERVER_SOFTWARE", "?")
    processes = "several processes" if environ["wsgi.multiprocess"] else "one process"
    threads = "several threads" if environ["wsgi.multithread"] else "one thread"
    interpreter = environ.get("mod_wsgi.application_group") or "main"
    yield "Python", platform.python_version(), f"{platform.python_implementation()}, {interpreter} interpreter"
    yield "Apache httpd", httpd, f"{processes}, {threads}"
    yield "Brine", environ.get("brine.version", "not here"), "runs the one inside the other"
    yield "Process", str(os.getpid()), f"thread {environ.get('mod_wsgi.thread_id', threading.get_ident())}"
    yield "Script loaded", f"{datetime.fromtimestamp(LOADED):%H:%M:%S}", f"{time.time() - LOADED:.1f} seconds ago"
    yield "Script module", __name__[:17] + "\N{HORIZONTAL ELLIPSIS}" * (len(__name__) > 17), "made from the path"


def rows(pairs):
    """Table rows; everything that came from outside is escaped."""
    return "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs)


def page(environ):
    """The whole page as text."""
    cards = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd><dd>{escape(detail)}</dd></div>"
                    for label, value, detail in facts(environ))
    request = sorted((name, value) for name, value in environ.items() if isinstance(value, str))
    interface = sorted((name, repr(value)) for name, value in environ.items() if not isinstance(value, str))
    # Where a copy of this file is served, whoever made the copy may say where the original is.
    source = os.environ.get("BRINE_HELLO_SOURCE") or os.path.abspath(__file__)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(GREETING)}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(GREETING)}</h1>
<p class="lead">A Python function made this page, inside Apache httpd.</p>
<dl>{cards}</dl>
<div class="next"><p>Next: edit <code>{escape(source)}</code> and reload this page. The first request
after a change gets the new code; a mistake leaves this version in service and its traceback in the log.</p></div>
<h2>The request, as the application sees it</h2>
<div class="frame"><table>{rows(request)}</table></div>
<h2>The WSGI interface (PEP 3333)</h2>
<div class="frame"><table>{rows(interface)}</table></div>
</main>
</body>
</html>
"""


def application(environ, start_response):
    """The callable that httpd calls for every request below this script's URL."""
    body = page(environ).encode("utf-8", "replace")
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")])
    return [body]
