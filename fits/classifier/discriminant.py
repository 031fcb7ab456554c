"""Classifiers of our own: event table with hit features -> out-of-fold scores, their performance, and published values beside them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from configs import iwcd
from configs.errors import InputError, TooFewEvents, nearest
from fits.classifier.calibration import calibration
from fits.classifier.models import Sample, cross_validate
from fits.classifier.roc import auc, roc_curve
from records.performance import DiscriminantModel, DiscriminantResult
from records.scores import Scores

SHAPES = (
    *("mean_angle", "rms_angle", "ring_fraction", "inner30", "outer50", "outer70", "beta1", "beta2"),
    *("q_rms_ratio", "maxq_fraction", "charge_per_hit", "tres_rms", "tres_skew"),
)
BLIND = ("nhits", "charge", "charge_per_hit", "maxq_fraction", "q_rms_ratio", "time_rms")
AMOUNTS = ("nhits", "charge", "time_rms")  # of BLIND, what SHAPES lack: with a vertex too, how much light there is helps (pi0 against e-)
KINEMATICS = ("evis", "dwall", "towall")
EDGE = 1e-12  # of a probability before its logit

# AUC of the same pair elsewhere: figures of lbidulka/WatChMaL_ResNet_Analysis (IWCD short tank) and arXiv:2604.13503 (Hyper-K far detector).
PUBLISHED: dict[frozenset[str], dict[str, float]] = {
    frozenset(("e-", "gamma")): {"fiTQun": 0.5418, "4-class ResNet": 0.7184, "2-class ResNet": 0.7390, "Hyper-K ResNet": 0.633},
    frozenset(("e-", "mu-")): {"fiTQun": 0.9770, "4-class ResNet": 0.9996, "Hyper-K ResNet": 0.9999992},
    frozenset(("e-", "pi0")): {"fiTQun": 0.8563, "4-class ResNet": 0.9797, "Hyper-K ResNet": 0.9526},
}
# Range of AUC that a real tank allows; outside of it the sample is the likelier explanation.
SANE: dict[frozenset[str], tuple[float, float]] = {frozenset(("e-", "gamma")): (0.52, 0.75)}


def discriminant(
    columns: Mapping[str, ArrayLike], options: iwcd.Discriminant, *, selected: ArrayLike | None = None, seed: int = 0
) -> tuple[DiscriminantResult, dict[str, Scores]]:
    """Train and judge every model on every pair of classes.

    ``columns``: event table (n,) with ``particle``, ``row``, ``root_file`` (folds keep the events of a file together where both classes have
    enough files) and features. ``selected``: bool (n,), the events that pass ``options.preselection``. Returns the result and, by
    "<signal>-<background>.<model>", the out-of-fold scores with the class order (signal, background). Raises InputError for a pair without
    events and for missing feature columns.
    """
    table = {name: np.asarray(values) for name, values in columns.items()}
    features = feature_names(table, options.use_truth_kinematics)
    keep = np.ones(len(table["particle"]), bool) if selected is None else np.asarray(selected, bool)
    finite = np.isfinite(np.column_stack([table[name].astype(float) for name in features])).all(axis=1)
    notes = [f"{dropped} selected events have features that are not finite and are left out"] if (dropped := int((keep & ~finite).sum())) else []
    unique = len(np.unique(table["row"])) == len(table["row"])
    if not unique:
        notes.append("rows of several files: indices of the scores count the rows of the event table")
    index = table["row"] if unique else np.arange(len(keep))
    models, scores, grouping = [], {}, "root_file"
    for pair in options.pairs:
        chosen = keep & finite & np.isin(table["particle"], pair)
        sample = pair_sample({name: values[chosen] for name, values in table.items()}, pair, features, options.folds)
        grouping = grouping if sample.groups is not None else "event"
        for model in options.models:
            found, probability = judged(sample, pair, model, options.folds, seed)
            models.append(found)
            softmax = np.column_stack([probability, 1.0 - probability])
            scores[f"{pair[0]}-{pair[1]}.{model}"] = Scores(pair, index[chosen].astype(np.int64), np.where(sample.is_signal, 0, 1), softmax)
    result = DiscriminantResult(
        features=list(features),
        folds=options.folds,
        grouped_by=grouping,
        preselection=options.preselection,
        n_selected=int((keep & finite).sum()),
        n_events=len(keep),
        models=models,
        notes=notes,
        seed=seed,
    )
    return result, scores


def feature_names(columns: Mapping[str, NDArray], kinematics: bool = False) -> tuple[str, ...]:
    """The 13 shape features and the amount of light where the table has them, else what needs no vertex; ``kinematics`` adds truth."""
    base = (*SHAPES, *AMOUNTS) if all(name in columns for name in SHAPES) else BLIND
    wanted = base + (KINEMATICS if kinematics else ())
    missing = [name for name in (*wanted, "particle", "row") if name not in columns]
    if missing:
        advice = "; set processor.features and processor.hit_level and run the processor again"
        raise InputError(f"the event table lacks {', '.join(missing)}{nearest(missing[0], columns)}{advice}")
    return wanted


def pair_sample(columns: Mapping[str, NDArray], pair: tuple[str, str], features: tuple[str, ...], folds: int) -> Sample:
    """Features of two classes; grouped by ``root_file`` where each class has at least as many files as folds."""
    is_signal = columns["particle"] == pair[0]
    there = [name for name in pair if np.any(columns["particle"] == name)]
    if len(there) < 2:
        raise TooFewEvents(
            f"a discriminant of {pair[0]} and {pair[1]} needs both classes (found only {', '.join(there) or 'none'}) after the preselection"
        )
    groups = None
    if "root_file" in columns:
        _, groups = np.unique(columns["root_file"], return_inverse=True)
        fewest = min(len(np.unique(groups[is_signal])), len(np.unique(groups[~is_signal])))
        groups = groups if fewest >= folds else None
    return Sample(features, np.column_stack([columns[name].astype(float) for name in features]), is_signal, groups)


def judged(sample: Sample, pair: tuple[str, str], model: str, folds: int, seed: int) -> tuple[DiscriminantModel, NDArray[np.float64]]:
    """One model on one pair: its summary and the out-of-fold probability of signal (n,)."""
    found = cross_validate(sample, model, folds, seed)
    score, is_signal = logit(np.clip(found.probability, EDGE, 1.0 - EDGE)), sample.is_signal
    area = auc(score[is_signal], score[~is_signal])
    best, best_auc = best_feature(sample)
    summary = DiscriminantModel(
        pair=pair,
        model=model,
        n_signal=int(is_signal.sum()),
        n_background=int((~is_signal).sum()),
        auc=area.value,
        auc_error=area.error,
        fold_auc=found.fold_auc,
        importance=found.importance,
        roc=roc_curve(score[is_signal], score[~is_signal], ([pair[0]], pair[1])),
        calibration=calibration(pair[0], found.probability, is_signal),
        best_feature=best,
        best_feature_auc=best_auc,
        published=PUBLISHED.get(frozenset(pair), {}),
        warning=sanity_warning(pair, area.value),
    )
    return summary, found.probability


def best_feature(sample: Sample) -> tuple[str, float]:
    """The single feature that separates best, in either direction, and its AUC."""
    areas = [auc(values[sample.is_signal], values[~sample.is_signal]).value for values in sample.features.T]
    best = int(np.argmax(np.abs(np.array(areas) - 0.5)))
    return sample.names[best], max(areas[best], 1.0 - areas[best])


def sanity_warning(pair: tuple[str, str], area: float) -> str:
    """What is wrong when an AUC lies outside the range that the detector allows; empty where it does not.

    >>> sanity_warning(("e-", "gamma"), 0.571)
    ''
    """
    low, high = SANE.get(frozenset(pair), (0.0, 1.0))
    if low <= area <= high:
        return ""
    cause = (
        "no separation: features or labels are wrong, or too few events"
        if area < low
        else "too good for this tank: a leak (energy, vertex or file order tell the class) or a simulation whose gamma is two independent showers"
    )
    return f"AUC {area:.3f} of {pair[0]} and {pair[1]} lies outside {low}-{high}: {cause}"
