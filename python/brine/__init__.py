"""Brine's Python side: the `brine` command, which runs httpd with a configuration of its own, and the
pickle guard's API, `brine.pickle`.

mod_brine.so and its engines need nothing of this package; a server works without it.
"""

from pkgutil import extend_path

# In a build tree the extension module `brine._guard` lies in a folder of its own.
__path__ = extend_path(__path__, __name__)
