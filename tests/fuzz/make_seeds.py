#!/usr/bin/python3
"""Writes the fuzzer's first corpus into a folder: pickles of all protocols, and streams that pickle never writes.

    tests/fuzz/make_seeds.py FOLDER
"""

import collections
import datetime
import decimal
import fractions
import pickle
import struct
import sys
import uuid
from pathlib import Path

VALUES = {
    "none": None,
    "numbers": [0, 1, -1, 255, 256, 65536, -70000, 1 << 31, 1 << 70, 1 << 3000, 0.0, 1.5, 2j, True, False],
    "texts": ["", "a", "a" * 300, "é", "\u4e93", "\x93", "back\\slash", "line\nbreak", "os", "Page[int, str]"],
    "bytes": [b"", b"a", b"\x93" * 300, bytearray(b"abc")],
    "containers": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, 2], {}, {1: 2, 3: 4}, {5, 6}, frozenset({7})),
    "instances": [fractions.Fraction(1, 3), decimal.Decimal("1.5"), datetime.datetime(2024, 1, 2), uuid.UUID(int=7)],
    "classes": [int, dict, len, collections.OrderedDict, collections.Counter.fromkeys, datetime.timezone.utc],
    "memo": [[f"name{i}" for i in range(300)] * 2, fractions.Fraction],
}

# As pickle does not write them: each is a place where readers could differ.
ODD = {
    "inst": b"(S'a'\nicollections\nOrderedDict\n.",
    "obj": b"(ccollections\nOrderedDict\no.",
    "extensions": b"(\x82\x01\x83\x01\x02\x84\x01\x02\x03\x04t.",
    "persistent": b"Pid\n0K\x01Q.",
    "python2": b"\x80\x02]q\x01(U\x02osq\x02T\x03\x00\x00\x00abcq\x03h\x02e.",
    "escapes": b"V\\u006fs\nS'sy\\x73tem'\n\x93.",
    "dup": b"\x8c\x02os\x8c\x06system20\x93.",
    "marks": b"((\x8c\x02os\x8c\x06system(N1\x930N.",
    "sparse": b"\x8c\x02osp100000\n\x8c\x06systemr\xff\xff\xff\x00\x94g100000\nj\xff\xff\xff\x00\x93.",
    "numbers": b"\x8c\x01ap+1\ng 1\n.",
    "buffers": b"\x80\x05\x97\x98\x96\x03\x00\x00\x00\x00\x00\x00\x00abc\x86.",
    "lengths": b"B\xff\xff\xff\xff",
    "negative": b"\x8e" + b"\xff" * 8,
    "frame_short": b"\x80\x04\x95" + struct.pack("<Q", 2) + b"M\x00\x01.",
    "frame_long": b"\x80\x04\x95" + struct.pack("<Q", 99) + b"N.",
    "frame_nested": b"\x80\x04\x95" + struct.pack("<Q", 12) + b"\x95" + struct.pack("<Q", 2) + b"N0N.",
    "two": pickle.dumps([len], 4) + pickle.dumps([len], 2) + pickle.dumps("x", 0),
}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in VALUES.items():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            (folder / f"{name}-{protocol}").write_bytes(pickle.dumps(value, protocol))
    for name, stream in ODD.items():
        (folder / f"odd-{name}").write_bytes(stream)


if __name__ == "__main__":
    main()
