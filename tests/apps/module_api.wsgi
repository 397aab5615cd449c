"""What `import mod_wsgi` gives, seen while loading and during a request.

Branches: version, process_group, application_group, maximum_processes, threads_per_process,
FileWrapper; sys.argv; sys.version; the same object in environ.
"""

import json
import sys

import apache
import mod_wsgi

AT_LOAD = [mod_wsgi.process_group, mod_wsgi.application_group]


def application(environ, start_response):
    facts = {
        "version": list(mod_wsgi.version),
        "process_group": mod_wsgi.process_group,
        "application_group": mod_wsgi.application_group,
        "at_load": AT_LOAD,
        "maximum_processes": mod_wsgi.maximum_processes,
        "threads_per_process": mod_wsgi.threads_per_process,
        "apache": {name: getattr(apache, name)
                   for name in ("version", "maximum_processes", "threads_per_process", "description", "mpm_name",
                                "build_date")},
        "wrapper": mod_wsgi.FileWrapper is environ["wsgi.file_wrapper"],
        "argv": sys.argv,
        "python": "%d.%d" % sys.version_info[:2] + sys.abiflags,
        "name": __name__,
        "file": __file__,
        "in_modules": __name__ in sys.modules,
    }
    start_response("200 OK", [])
    return [json.dumps(facts).encode()]
