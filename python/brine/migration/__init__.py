"""`brine migrate`: what a configuration for mod_wsgi will do differently in Brine, found before it is changed.

The configuration is read by `brine.configuration`.
"""
