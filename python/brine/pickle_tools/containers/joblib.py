"""What joblib.dump writes: a pickle between whose opcodes the numbers of arrays stand as they are."""

import io
from collections.abc import Iterator
from typing import Any

_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")


def pieces(data: bytes) -> list[bytes]:
    """The pickles in it, without numbers: its own, and one for each array of objects. Empty if it is otherwise."""
    from brine.pickle._calls import FAULTS  # needs the extension module
    try:
        return list(_pieces(data))
    except FAULTS:
        return []


def _pieces(data: bytes) -> Iterator[bytes]:
    from brine.pickle._calls import Calls, Made, Pairs
    file, own, start = io.BytesIO(data), bytearray(), 0
    for _, target, state in Calls().opcodes(file):
        if not (isinstance(target, Made) and target.callee == _WRAPPER and isinstance(state, Pairs)):
            continue
        own += data[start:file.tell()]
        size = _size(dict(state), data, file.tell())
        start = file.tell() + (size or 0)
        if size is None:  # a pickle of its own
            nested = file.tell()
            for _ in Calls().opcodes(file):
                pass
            start = file.tell()
            yield data[nested:start]
        file.seek(start)
    yield bytes(own + data[start:file.tell()])


def _size(fields: dict[str, Any], data: bytes, at: int) -> int | None:
    """The bytes of an array with those that align it; None for one of objects."""
    from brine.pickle._proofs import array_bytes
    size = array_bytes(fields["shape"], fields["dtype"])
    if size is None:
        return None
    aligned = fields.get("numpy_array_alignment_bytes") is not None
    return size + (1 + data[at] if aligned else 0)
