"""Classifiers of scikit-learn on hit features, trained and judged by cross-validation."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, TooFewEvents, nearest
from fits.classifier.roc import auc
from records.performance import Importance

REPEATS = 5  # shuffles of a feature in each fold
C, ITERATIONS, RATE, LEAVES = 1.0, 150, 0.06, 12


@dataclass(frozen=True)
class Sample:
    """Features (n, features) of two classes, ``is_signal`` (n,), and the group of each event that folds keep together (None: single events)."""

    names: tuple[str, ...]
    features: NDArray[np.float64]
    is_signal: NDArray[np.bool_]
    groups: NDArray | None = None


@dataclass(frozen=True)
class CrossValidated:
    """Out-of-fold probability of signal (n,), AUC of each fold, and what each feature is worth."""

    probability: NDArray[np.float64]
    fold_auc: list[float]
    importance: list[Importance]


def sklearn(module: str) -> Any:
    """A module of scikit-learn, imported when asked for. Raises InputError naming the extra where it is not installed."""
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError:
        raise InputError('a discriminant needs scikit-learn, which is not installed; pip install "dynode[learn]"') from None


def build(model: str, seed: int) -> Any:
    """An untrained classifier: ``logistic`` (standardised features) or ``gbdt`` (histogram gradient boosting)."""
    if model == "logistic":
        logistic = sklearn("linear_model").LogisticRegression(C=C, max_iter=1000)
        return sklearn("pipeline").make_pipeline(sklearn("preprocessing").StandardScaler(), logistic)
    if model == "gbdt":
        return sklearn("ensemble").HistGradientBoostingClassifier(
            max_iter=ITERATIONS, learning_rate=RATE, max_leaf_nodes=LEAVES, early_stopping=False, random_state=seed
        )
    raise InputError(f"unknown model {model!r}{nearest(model, ('logistic', 'gbdt'))}")


def folds_of(sample: Sample, folds: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(training, test) rows of each fold with both classes in each; groups are never divided. Raises TooFewEvents for too few events."""
    fewest = int(min(sample.is_signal.sum(), (~sample.is_signal).sum()))
    if fewest < folds:
        raise TooFewEvents(f"{folds} folds need at least {folds} events of each class, there are {fewest}; loosen the preselection or lower folds")
    selection = sklearn("model_selection")
    maker = selection.StratifiedKFold if sample.groups is None else selection.StratifiedGroupKFold
    return list(maker(folds, shuffle=True, random_state=seed).split(sample.features, sample.is_signal, sample.groups))


def cross_validate(sample: Sample, model: str, folds: int, seed: int) -> CrossValidated:
    """Train on all folds but one and judge on that one, for each fold; probabilities are for equal priors.

    The result depends on the sample and the seed only.
    """
    probability = np.full(len(sample.is_signal), np.nan)
    fold_auc, drops = [], []
    for number, (train, test) in enumerate(folds_of(sample, folds, seed)):
        trained = build(model, seed).fit(sample.features[train], sample.is_signal[train])
        probability[test] = equal_priors(trained.predict_proba(sample.features[test])[:, 1], sample.is_signal[train])
        fold_auc.append(_auc(probability[test], sample.is_signal[test]))
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
        drops.append(_drops(trained, sample.features[test], sample.is_signal[test], fold_auc[-1], random))
    return CrossValidated(probability, fold_auc, _importance(sample.names, np.concatenate(drops)))


def equal_priors(probability: NDArray[np.float64], is_signal: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Probability for classes equally frequent, from one learned on a training sample that was not: its logit less the log of the ratio.

    >>> equal_priors(np.array([0.75]), np.array([True, True, True, False])).tolist()
    [0.5]
    """
    odds_of_classes = is_signal.sum() / (~is_signal).sum()
    signal = probability / odds_of_classes
    return signal / (signal + 1.0 - probability)


def _auc(score: NDArray, is_signal: NDArray[np.bool_]) -> float:
    return auc(score[is_signal], score[~is_signal]).value


def _drops(trained: Any, features: NDArray, is_signal: NDArray[np.bool_], reference: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Fall of the AUC on unseen events when one feature is shuffled: (repeats, features) (L. Breiman, Mach. Learn. 45 (2001) 5)."""
    drops = np.empty((REPEATS, features.shape[1]))
    for column in range(features.shape[1]):
        shuffled = np.tile(features, (REPEATS, 1))
        shuffled[:, column] = np.concatenate([random.permutation(features[:, column]) for _ in range(REPEATS)])
        scores = trained.predict_proba(shuffled)[:, 1].reshape(REPEATS, -1)
        drops[:, column] = [reference - _auc(score, is_signal) for score in scores]
    return drops


def _importance(names: tuple[str, ...], drops: NDArray[np.float64]) -> list[Importance]:
    """Mean over folds and shuffles; the error is that of the mean over folds. Largest first."""
    by_fold = drops.reshape(-1, REPEATS, len(names)).mean(axis=1)
    error = by_fold.std(axis=0, ddof=1) / np.sqrt(len(by_fold))
    found = [Importance(name, float(mean), float(sigma)) for name, mean, sigma in zip(names, by_fold.mean(axis=0), error, strict=True)]
    return sorted(found, key=lambda one: -one.auc_drop)
