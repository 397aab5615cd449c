"""Brine's Python side: the `brine` command, which runs httpd with a configuration of its own.

Nothing here is needed by mod_brine.so or its engines; a server works without this package.
"""
