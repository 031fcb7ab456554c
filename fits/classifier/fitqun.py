"""Fits of fiTQun as the outputs of a classifier: the same performance analysis beside a network, on the same events.

Probabilities are made so that the logarithm of their ratio is fiTQun's discriminant: nll_mu - nll_e for e/mu, nll_pi0 - nll_e + f m_pi0 for e/pi0.
There is no fit of a photon: gamma has the probability of e-, so that this pair is not told apart. They are no calibrated probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from configs.errors import InputError
from fits.classifier.event_table import class_codes
from readers.classifier_outputs import ClassifierOutputs
from readers.fitqun import FitqunFits, simulated_name

FITTED_AS = {"gamma": "e-", "e-": "e-", "mu-": "mu-", "pi0": "pi0"}
WIDEST = 600.0  # of the logarithms of probabilities, which are far above the smallest number then


def fitqun_outputs(
    fits: FitqunFits, events: Mapping[str, ArrayLike], labels: Mapping[int, str], classes: Sequence[str], pi0_mass_factor: float = 0.0
) -> tuple[ClassifierOutputs, list[str]]:
    """Outputs whose indices are rows of the event table, joined by (file, entry), and notes on what was left out.

    ``events`` (n,): root_file, event_id, label (code of the file). ``pi0_mass_factor`` is f, per MeV. Events without a fit, and of classes that are
    not asked for, are left out and counted. -ln L are divided by one number where they differ by more than 600, which leaves their order. Raises
    InputError where keys are not unique, no event has a fit, or a class has no hypothesis.
    """
    if unknown := [name for name in classes if name not in FITTED_AS]:
        raise InputError(f"classes: fiTQun has no hypothesis for {unknown[0]!r}; it has {', '.join(FITTED_AS)}")
    place = {key: row for row, key in enumerate(_keys(fits.source, fits.entry, "fiTQun's files"))}
    files = [simulated_name(str(name)) for name in np.asarray(events["root_file"])]
    found = np.array([place.get(key, -1) for key in _keys(files, events["event_id"], "the event table")], np.int64)
    code = class_codes(events["label"], labels, classes)
    logs = np.stack([-_nll(fits, FITTED_AS[name], pi0_mass_factor) for name in classes], axis=1)
    whole = np.append(np.isfinite(logs).all(axis=1), False)  # the last for events without a fit, whose number is -1
    fitted = whole[found]
    if not fitted.any():
        example = f"{fits.source[0]}, entry {fits.entry[0]}" if len(fits) else "none"
        raise InputError(f"no event has a fit: files of the events are {', '.join(sorted(set(files))[:3])}, of the fits {example}; give fits of them")
    kept = np.flatnonzero(fitted & (code >= 0))
    rows = logs[found[kept]]
    rows = rows / max(1.0, float(np.ptp(rows, axis=1).max(initial=0.0)) / WIDEST)
    predictions = np.where(rows.argmax(axis=1) == _index(classes, "gamma"), _index(classes, "e-", "gamma"), rows.argmax(axis=1))
    notes = [f"{int((~fitted).sum())} of {len(found)} events have no fit of fiTQun and are left out"] if not fitted.all() else []
    notes.append("scores are likelihoods of fiTQun: gamma is fitted as e-, and probabilities are not calibrated")
    return ClassifierOutputs(", ".join(map(str, fits.paths)), kept, code[kept], predictions, softmax(rows, axis=1)), notes


def _nll(fits: FitqunFits, name: str, pi0_mass_factor: float) -> NDArray[np.float64]:
    return fits.nll[name] + (pi0_mass_factor * fits.pi0_mass_mev if name == "pi0" else 0.0)


def _index(classes: Sequence[str], name: str, otherwise: str = "") -> int:
    return list(classes).index(name) if name in classes else list(classes).index(otherwise) if otherwise in classes else -1


def _keys(files: Sequence[str] | NDArray[np.str_], entries: ArrayLike, where: str) -> list[tuple[str, int]]:
    keys = [(str(file), int(entry)) for file, entry in zip(files, np.asarray(entries), strict=True)]
    if len(set(keys)) < len(keys):
        seen: set[tuple[str, int]] = set()
        file, entry = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f"{where}: entry {entry} of {file} stands there more than once; file and entry must name one event")
    return keys
