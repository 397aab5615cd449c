"""`brine status` and `brine top`: what a running server says of itself (SetHandler brine-status), in a terminal.

`source` asks the server, `frame` makes text of what it says, which is a pure function, and `screen` shows it again and
again.
"""
