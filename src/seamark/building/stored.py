"""A ``model.safetensors`` that an engine can read in place: float32, tensors at aligned offsets.

The safetensors library packs tensors right behind its header, which may end at any multiple of 8 bytes. Here
the header is padded with blanks, as the format allows, so that the first tensor, and with the sizes of real models
every other one, begins at a multiple of :data:`~seamark.extraction.merging.ALIGNMENT`.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from seamark.building.graph import Stored
from seamark.extraction.merging import ALIGNMENT
from seamark.extraction.shipped import read_tensors

_LENGTH = struct.Struct("<Q")
_INDEX_TENSORS = "position_ids"
"""The end of names of tensors that count 0, 1, 2, …: older models store them, nobody reads them."""


def rewrite_tensors(source: Path, target: Path) -> Stored:
    """Where the tensors of ``source`` lie in ``target``, after copying them there as float32.

    The same tensors give the same bytes, whatever their order in ``source``.

    Raises:
        WeightsError: ``source`` is missing, truncated or damaged.
    """
    kept = {name: value for name, value in read_tensors(source).items() if not name.endswith(_INDEX_TENSORS)}
    # the largest first: what ends at an odd place then stands behind what must not
    ordered = dict(sorted(kept.items(), key=lambda item: (-item[1].nbytes, item[0])))
    header = _make_header(ordered)
    with target.open("wb") as file:
        file.write(_LENGTH.pack(len(header)) + header)
        for tensor in ordered.values():
            file.write(np.ascontiguousarray(tensor, dtype="<f4").tobytes())
    return _place(ordered, _LENGTH.size + len(header))


def _make_header(tensors: dict[str, Any]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors.items():
        entries[name] = {
            "dtype": "F32",
            "shape": list(tensor.shape),
            "data_offsets": [end, end + tensor.nbytes],
        }
        end += tensor.nbytes
    plain = json.dumps(entries, separators=(",", ":")).encode()
    return plain + b" " * (-(len(plain) + _LENGTH.size) % ALIGNMENT)


def _place(tensors: dict[str, Any], start: int) -> Stored:
    places = {}
    for name, tensor in tensors.items():
        places[name] = (start, tuple(tensor.shape))
        start += tensor.nbytes
    return Stored(places)
