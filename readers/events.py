"""Events as awkward records whose columns load on first touch, with the data set's metadata attached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import awkward as ak

from configs.errors import nearest
from readers.files import reading
from readers.source import Column, SourceError

RECORD = "Event"


class EventArray(ak.Array):
    """An array of events. ``events.metadata`` is the dictionary of the data set, as in coffea."""

    @property
    def metadata(self) -> dict[str, Any]:
        """Name, kind, file, entry range and the configured metadata of the data set (livetime_s ...); empty when none was attached."""
        return dict(self.attrs.get("metadata", {}))

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if name.startswith("_") or name in self.fields:
                raise
            raise AttributeError(f"events have no column {name!r}{nearest(name, self.fields)}") from error


BEHAVIOR: dict[Any, Any] = {("*", RECORD): EventArray}


class LazyColumn:
    """A column that can be read in any entry range.

    ``form`` is the awkward form of its content; ``load(start, stop)`` returns these entries as a NumPy array or an awkward layout
    of that form (it need not be packed), or raises ``SourceError`` or ``ReadError``.
    """

    def __init__(self, name: str, form: ak.forms.Form, load: Callable[[int, int], Any], *, unit: str = "", meaning: str = "") -> None:
        self.column = Column(name, str(form.type), unit, meaning)
        self.form = form
        self.load = load

    def renamed(self, name: str) -> LazyColumn:
        """The same column under another name."""
        return LazyColumn(name, self.form, self.load, unit=self.column.unit, meaning=self.column.meaning)

    def guarded(self, check: Callable[[], None]) -> LazyColumn:
        """The same column, which calls ``check`` before each load."""
        return LazyColumn(self.column.name, self.form, checked_load(check, self.load), unit=self.column.unit, meaning=self.column.meaning)

    def buffers(self, path: str, start: int, stop: int, key: str) -> tuple[ak.forms.Form, dict[str, Callable[[], Any]]]:
        """The form of entries ``start`` to ``stop`` with form keys that begin with ``key``, and its buffers as callables, which share one load."""
        keys = f"{key}-{{id}}"
        form = self.form.length_zero_array().form_with_key(keys)
        load = _once(partial(_buffers, path, self, start, stop, keys))
        return form, {name: partial(_one_buffer, load, name) for name in form.expected_from_buffers(recursive=True)}


def lazy_events(path: str, columns: Mapping[str, LazyColumn], start: int, stop: int) -> ak.Array:
    """Entries ``start`` to ``stop`` of ``columns`` as records named ``Event``; ``path`` is for the messages.

    Nothing is read here: each buffer is a callable (``ak.from_buffers``), and touching one buffer of a column loads that column (of
    ``lazy_lists.LazyLists``: that field) of this entry range, once. Whatever goes wrong in a load is raised as ``SourceError`` or ``ReadError``.
    """
    contents: list[ak.forms.Form] = []
    container: dict[str, Callable[[], Any]] = {}
    for number, column in enumerate(columns.values()):
        form, sources = column.buffers(path, start, stop, str(number))
        container |= sources
        contents.append(form)
    record = ak.forms.RecordForm(contents, list(columns), parameters={"__record__": RECORD}, form_key="events")
    return ak.from_buffers(record, stop - start, container, behavior=BEHAVIOR)


def with_metadata(events: ak.Array, metadata: Mapping[str, Any]) -> ak.Array:
    """The same events (columns stay unread) for which ``events.metadata`` returns ``metadata`` as a dictionary.

    Selections (``events[mask]``) keep it. Works for any array of records.

    >>> with_metadata(ak.Array([{"energy_gev": 1e5}]), {"livetime_s": 10.0}).metadata
    {'livetime_s': 10.0}
    """
    named = events if isinstance(events, EventArray) else ak.with_name(events, RECORD)
    behavior = {**(events.behavior or {}), **BEHAVIOR}
    return ak.Array(named.layout, behavior=behavior, attrs={**events.attrs, "metadata": dict(metadata)})


def check_range(path: str, start: int, stop: int, length: int) -> None:
    """Refuse an entry range outside ``0 <= start <= stop <= length`` with ``SourceError``."""
    if not 0 <= start <= stop <= length:
        raise SourceError(f"{path}: entries {start} to {stop} asked for, but it holds {length}; need 0 <= start <= stop <= {length}")


def _once(function: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Call ``function`` at the first call only. The buffers of one column share one load; awkward keeps what it took."""
    kept: list[dict[str, Any]] = []

    def call() -> dict[str, Any]:
        if not kept:
            kept.append(function())
        return kept[0]

    return call


def checked_load(check: Callable[[], None], load: Callable[[int, int], Any]) -> Callable[[int, int], Any]:
    """``load`` with ``check`` called before it."""

    def checked(start: int, stop: int) -> Any:
        check()
        return load(start, stop)

    return checked


def _one_buffer(load: Callable[[], dict[str, Any]], key: str) -> Any:
    return load()[key]


def _buffers(path: str, column: LazyColumn, start: int, stop: int, keys: str) -> dict[str, Any]:
    """The buffers of one loaded column, packed, under the keys that ``keys`` makes of their place in the form."""
    with reading(path, f"column {column.column.name!r}, entries {start} to {stop}"):
        loaded = ak.to_packed(ak.Array(column.load(start, stop)), highlevel=False)
        if len(loaded) != stop - start or not loaded.form.is_equal_to(column.form, form_key=False):
            raise SourceError(
                f"{path}: column {column.column.name!r}: entries {start} to {stop} gave {len(loaded)} of type {loaded.form.type}, not "
                f"{stop - start} of type {column.form.type}; the file was changed while it was open, or it is damaged: write it again"
            )
        _, _, container = ak.to_buffers(loaded, form_key=keys)
        return dict(container)
