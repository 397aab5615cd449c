"""The number of the boundary changes with the boundary.

mod_brine.so and an engine may be of different builds: `kAbi` in boundary/engine.hpp tells. A hash stands beside it, of
all that a file of src/boundary/ includes, so that nobody can change these files and forget the number.
"""

import hashlib
import re

from layers_test import SRC, closure, sources
from standard_headers import code_of

NUMBER = re.compile(r"kAbi = (\d+);")
HASH = re.compile(r"kAbi's hash: (\w+)")


def boundary_files():
    return sorted(set().union(*(closure(file) for file in sources() if file.startswith("boundary/"))))


def hash_of(texts):
    """Of the code alone: neither comments nor line breaks, nor the number itself, are part of the boundary."""
    code = " ".join(code_of(text) for text in texts)
    return hashlib.sha256(" ".join(NUMBER.sub("", code).split()).encode()).hexdigest()[:16]


def test_the_hash_is_of_what_is_there():
    found = hash_of((SRC / file).read_text() for file in boundary_files())
    noted = HASH.search((SRC / "boundary/engine.hpp").read_text())[1]
    assert noted == found, (
        f"the boundary has changed: raise kAbi in src/boundary/engine.hpp, and note its hash, {found}")


def test_the_hash_is_of_the_code():
    text = "inline constexpr std::uint32_t kAbi = 16;\nstruct A {\n  int a;  // one\n};\n"
    assert hash_of([text]) == hash_of([text.replace("16", "17").replace("// one", "// two").replace("  int", "int")])
    assert hash_of([text]) != hash_of([text.replace("int a", "int b")])
