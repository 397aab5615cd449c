"""`brine migrate`: what a configuration for mod_wsgi will do differently in Brine, found before it is changed.

The configuration is read by httpd itself (`reading`), from a copy whose directives of mod_wsgi do nothing; what
httpd and mod_brine.so refuse is found by trying the copy until nothing is refused any more (`trial`). So there is
no second parser, and no list of directives that could differ from the module's.
"""
