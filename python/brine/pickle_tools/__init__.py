"""The commands `brine pickle scan` and `brine pickle lint`.

`command` reads the command line. `lint` says what of a script can get into a pickle: `reader` turns its
syntax tree into a flow of values (`flow`, `scopes`, `operations`), and `users` knows what pickles. `files`
finds what to scan, `scanning` says what is in one file, and `containers` opens what holds several. `result`,
`rules`, `formats` and `sarif` show what was found.
"""
