"""Columns of lists of records (the hits of events) whose fields are read apart and without copying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import awkward as ak
import numpy as np

from readers.events import LazyColumn, checked_load
from readers.files import reading


class LazyLists(LazyColumn):
    """A column of lists of records whose fields are read apart: a field that is not touched is not read, and none is copied.

    ``offsets(start, stop)`` gives the ``stop - start + 1`` positions at which the lists begin and end in the flat ``fields``;
    ``fields[name](first, last)`` gives these values, a NumPy array of the type ``dtypes[name]``.
    """

    def __init__(
        self,
        name: str,
        offsets: Callable[[int, int], np.ndarray],
        fields: Mapping[str, Callable[[int, int], np.ndarray]],
        dtypes: Mapping[str, np.dtype],
        *,
        meaning: str = "",
    ) -> None:
        self.offsets, self.fields, self.dtypes = offsets, dict(fields), dict(dtypes)
        super().__init__(name, self._form(None), self._all, meaning=meaning)

    def renamed(self, name: str) -> LazyLists:
        """The same column under another name."""
        return LazyLists(name, self.offsets, self.fields, self.dtypes, meaning=self.column.meaning)

    def guarded(self, check: Callable[[], None]) -> LazyLists:
        """The same column, which calls ``check`` before each load."""
        fields = {name: checked_load(check, load) for name, load in self.fields.items()}
        return LazyLists(self.column.name, checked_load(check, self.offsets), fields, self.dtypes, meaning=self.column.meaning)

    def buffers(self, path: str, start: int, stop: int, key: str) -> tuple[ak.forms.Form, dict[str, Callable[[], Any]]]:
        """The form with form keys and its buffers as callables, one load for each field."""
        where = f"column {self.column.name!r}, entries {start} to {stop}"

        def offsets() -> np.ndarray:
            with reading(path, where):
                positions = self.offsets(start, stop)
                return np.asarray(positions - positions[0], dtype=np.int64)

        def values(name: str) -> np.ndarray:
            with reading(path, f"{where}, field {name!r}"):
                positions = self.offsets(start, stop)
                return self.fields[name](int(positions[0]), int(positions[-1]))

        sources: dict[str, Callable[[], Any]] = {f"{key}-offsets": offsets}
        return self._form(key), sources | {f"{key}.{name}-data": partial(values, name) for name in self.fields}

    def _form(self, key: str | None) -> ak.forms.Form:
        primitives = {name: ak.forms.NumpyForm(dtype.name, form_key=key and f"{key}.{name}") for name, dtype in self.dtypes.items()}
        record = ak.forms.RecordForm(list(primitives.values()), list(primitives), form_key=key and f"{key}.record")
        return ak.forms.ListOffsetForm("i64", record, form_key=key)

    def _all(self, start: int, stop: int) -> Any:
        positions = np.asarray(self.offsets(start, stop), dtype=np.int64)
        contents = [ak.contents.NumpyArray(load(int(positions[0]), int(positions[-1]))) for load in self.fields.values()]
        record = ak.contents.RecordArray(contents, list(self.fields), length=int(positions[-1] - positions[0]))
        return ak.contents.ListOffsetArray(ak.index.Index64(positions - positions[0]), record)
