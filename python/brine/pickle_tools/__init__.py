"""The commands `brine pickle scan` and `brine pickle lint`.

`command` reads the command line. `lint` says what of a script can get into a pickle: `reader` turns its
syntax tree into a flow of values (`flow`, `scopes`, `operations`), and `users` knows what pickles. `result`,
`rules`, `formats` and `sarif` show what was found.
"""
