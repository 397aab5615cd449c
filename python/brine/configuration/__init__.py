"""A configuration of httpd's, as httpd reads it, for the commands that look at one.

The configuration is read by httpd itself (`reading`), from a copy whose directives of mod_wsgi do nothing; what
httpd and mod_brine.so refuse is found by trying the copy until nothing is refused any more (`trial`). So there is
no second parser, and no list of directives that could differ from the module's.
"""
