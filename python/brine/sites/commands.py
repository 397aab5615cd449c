"""The commands that operate a site by its name, as the command line has them."""

import argparse
from typing import Any

from brine.option_types import Range

TEXTS = {
    "start": ("start a site that `brine config -o` has written",
              "Start a site, and wait until its application is loaded; by systemd where that has its unit."),
    "stop": ("end it", "End a site; by systemd where that has its unit."),
    "restart": ("end it, and start it anew",
                "End a site and start it anew. In between it does not answer; reload has no such pause."),
    "reload": ("take its new code, without a pause",
               "Take a site's new code: new processes load it beside those that serve, and take over when they are "
               "ready. Where it does not load, the old ones go on, and the command fails. Of an httpd of its own, a "
               "changed configuration is taken, too."),
    "logs": ("show its log", "Show the end of a site's error log."),
    "run": ("run its httpd in the foreground, as its systemd unit does",
            "Run a site's httpd in the foreground, and tell systemd when its application is loaded."),
    "sites": ("list the sites", "List the sites: name, URL, state, configuration."),
}


def add_parsers(commands: "argparse._SubParsersAction[Any]") -> None:
    """All of them."""
    for name, (summary, description) in TEXTS.items():
        command = commands.add_parser(name, help=summary, description=description)
        if name == "sites":
            continue
        command.add_argument("site", metavar="NAME", help="the site, as --name of `brine config` has called it")
        if name == "reload":
            command.add_argument("--timeout", type=Range(1, 86400), default=300, metavar="SECONDS",
                                 help="how long the new processes may take (default 300)")
        if name == "logs":
            command.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
            command.add_argument("-n", "--lines", type=Range(0, 10**6), default=50, metavar="N",
                                 help="so many lines of what is there (default 50)")
