"""Where the tests of this folder find the package; BRINE_BUILD names the build directory (default: build/)."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BRINE_BUILD") or REPOSITORY / "build").resolve()
