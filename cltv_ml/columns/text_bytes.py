"""First, last and contained bytes of a column's texts, and the longest length."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cltv_ml.engine import Relation

#: Number of texts read at a time.
_AT_ONCE = 200_000


@dataclass(frozen=True)
class Signs:
    """The bytes of a column's texts, in UTF-8."""

    #: The bytes that texts begin with, end with and contain anywhere.
    first: bytes = b""
    last: bytes = b""
    inside: bytes = b""
    #: Whether a text is empty.
    empty: bool = False
    #: The bytes of the longest text; 0 where there is none.
    longest: int = 0

    @classmethod
    def any(cls) -> Signs:
        """Return the signs of arbitrary texts."""
        every = bytes(range(256))
        return cls(every, every, every, empty=True, longest=sys.maxsize)

    @property
    def wide(self) -> bool:
        """Whether non-ASCII bytes occur."""
        return any(byte > 127 for byte in self.inside)

    def allow(self, text: str) -> bool:
        """Whether a text can be `text`, judged by its bytes.

        >>> signs = Signs(first=b"C", last=b"1", inside=b"1CH", longest=4)
        >>> signs.allow("CH1"), signs.allow("CASH"), signs.allow("CHCH1")
        (True, False, False)
        """
        spelled = text.encode()
        fits = spelled[:1] in self.first and spelled[-1:] in self.last and len(spelled) <= self.longest
        return fits and set(spelled) <= set(self.inside)

    def allow_start(self, start: str) -> bool:
        """Whether a text can begin with `start`, in any case.

        >>> signs = Signs(first=b"Cc", last=b"1", inside=b"1CcoNV", longest=9)
        >>> signs.allow_start("conv"), signs.allow_start("c-")
        (True, False)
        """
        if self.wide:  # some non-ASCII letters are an ASCII letter in lower case
            return True
        inside = set(self.inside.lower())
        return set(start[:1].encode()) <= set(self.first.lower()) and set(start.encode()) <= inside


def signs_of(text: str, table: Relation) -> Signs:
    """Return the bytes of the texts that an SQL expression has in a table.

    Texts are processed in batches, which costs a fraction of testing each in SQL.

    >>> import duckdb
    >>> table = Relation(duckdb.connect(), "(values ('a.1'), (null), ('b.1')) as rows(v)")
    >>> signs_of("v", table)
    Signs(first=b'ab', last=b'1', inside=b'.1ab', empty=False, longest=3)
    """
    signs = Signs()
    for batch in table.con.sql(f"select {text} as v from {table}").to_arrow_reader(_AT_ONCE):
        signs = _widen(signs, batch.column(0))
    return signs


def _widen(signs: Signs, texts: pa.Array) -> Signs:
    """Return `signs` with the bytes of further texts added."""
    lengths = pc.min_max(pc.binary_length(texts)).as_py()
    if lengths["max"] is None:
        return signs
    starts, ends, values = _bytes_of(texts)
    if texts.null_count or not lengths["min"]:
        filled = ends > starts
        starts, ends = starts[filled], ends[filled]
    return Signs(
        _join(signs.first, values[starts]),
        _join(signs.last, values[ends - 1]),
        _join(signs.inside, values),
        empty=signs.empty or lengths["min"] == 0,
        longest=max(signs.longest, lengths["max"]),
    )


def _bytes_of(texts: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return where each text begins and ends in the joined bytes, and these bytes."""
    _, places, data = texts.buffers()
    offsets = np.frombuffer(places, np.int32, len(texts) + 1, texts.offset * 4)
    values = np.frombuffer(data, np.uint8, offsets[-1]) if data else np.empty(0, np.uint8)
    return offsets[:-1], offsets[1:], values


def _join(earlier: bytes, values: npt.NDArray[np.uint8]) -> bytes:
    """Return the earlier bytes and those of further values, each once and sorted."""
    new = values.tobytes().translate(None, earlier)  # removes the known bytes, which are nearly all
    return bytes(sorted({*earlier, *new})) if new else earlier
