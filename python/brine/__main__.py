"""`python -m brine`: the same as the `brine` command."""

import sys

from brine.cli import main

sys.exit(main())
