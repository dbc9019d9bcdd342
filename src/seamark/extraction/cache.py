"""A bounded memory of what was worked out before; safe to use from several threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """Keeps the ``size`` most recently used values.

    Args:
        size: how many; 0 keeps none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def recall(self, keys: Iterable[K]) -> dict[K, V]:
        """What is known of ``keys``."""
        found = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    found[key] = self._values[key]
                    self._values.move_to_end(key)
        return found

    def keep(self, values: Mapping[K, V]) -> None:
        """Remember ``values``, and forget what was not used for longest."""
        with self._lock:
            self._values.update(values)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
