"""Containers that Python's library cannot open, by the bytes with which they begin."""

from brine.pickle_tools.containers.part import Part

_STARTS = {
    b"7z\xbc\xaf\x27\x1c": "an archive of 7-Zip", b"Rar!\x1a\x07": "an archive of RAR",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard", b"\x04\x22\x4d\x18": "compressed by LZ4",
    b"\x02\x21\x4c\x18": "compressed by LZ4", b"\x1f\x9d": "compressed by compress",
    b"\x1f\xa0": "compressed by compress", b"LZIP": "compressed by lzip", b"\x89LZO": "compressed by lzop",
    b"\xff\x06\x00\x00sNaPpY": "compressed by Snappy", b"\x89HDF\r\n\x1a\n": "a file of HDF5",
    b"MSCF": "a cabinet file", b"ZF0x": "compressed by joblib as it did before version 0.10",
    b"!<arch>\n": "an archive of ar", b"0707": "an archive of cpio",
}


def unopened(part: Part) -> str | None:
    """What it is, if that is something in which a pickle may be and which cannot be opened."""
    return next((name for start, name in _STARTS.items() if part.head.startswith(start)), None)
