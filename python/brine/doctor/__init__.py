"""`brine doctor`: why a site does not work, or soon will not, found without starting anything.

What is to be known is gathered first (`gathering`): the configuration by httpd, paths by a process that is their user
(`brine.walking`), scripts by a Python that is their group's (`loading`), limits and memory by the system (`machine`),
restrictions by the files of a systemd unit (`unit`). Each file of `checks` is a pure function over that (`state`).
"""
