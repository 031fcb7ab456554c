"""``keys: {type: {sub: [name_to_save, name_in_hdf5_file]}}`` -> saved name and name in the file, for one data set."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from configs.errors import InputError

NEAREST = 3
Keys = Mapping[str, Mapping[str, Sequence[str]]]


def columns_for(keys: Keys, kind: str, level: int | None) -> dict[str, str]:
    """Saved name -> name in the file, for a data set of this kind and level: the entry ``<kind>_l<level>``, else ``<kind>``.

    Raises ``InputError`` for a missing entry, for entries that are no pair, and for a name that is saved twice.
    """
    chosen = next((name for name in (f"{kind}_l{level}", kind) if name in keys), None)
    if chosen is None:
        raise InputError(f"keys: no entry {kind}_l{level} or {kind}; {three_nearest(kind, keys)}")
    found: dict[str, str] = {}
    for sub, pair in keys[chosen].items():
        if isinstance(pair, str) or len(pair) != 2:
            raise InputError(f"keys.{chosen}.{sub}: {pair!r} is not [name_to_save, name_in_hdf5_file]")
        saved, stored = pair
        if saved in found:
            raise InputError(f"keys.{chosen}.{sub}: {saved!r} is saved twice (also from {found[saved]!r}); give it another name")
        found[saved] = stored
    return found


def three_nearest(name: str, known: Iterable[str]) -> str:
    """The three names most like ``name``, capitals aside.

    >>> three_nearest("energie", ["energy", "zenith", "Length", "ENERGIES"])
    'nearest: ENERGIES, energy, zenith'
    """
    folded = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), folded, n=NEAREST, cutoff=0.0)
    return f"nearest: {', '.join(folded[one] for one in close)}" if close else "there is none"
