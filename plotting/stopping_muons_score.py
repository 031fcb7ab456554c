"""How good the selection is: purity and efficiency of the stopping score, its ROC curve, and how many muons the selected events hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plotting.canvas import Array, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import end_below, place_legend
from plotting.roc import area
from plotting.stopping_muons_view import Found, RunView
from plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from records.stopping_muons import Multiplicity, ScorePerformance

SCORE_FLAG = "reconstructions.evaluate_score_distribution"
MULTIPLICITY_FLAG = "reconstructions.plot_multiplicity"
ABOVE_ONE = 1.03
AT_LEAST = "\N{GREATER-THAN OR EQUAL TO}"
SHOWN_CUTS = 4  # of the distributions of the multiplicity


def purity_efficiency(view: RunView) -> Found:
    """Purity and efficiency over the cut."""
    return _of_score(view, "purity_efficiency", _purity_efficiency)


def roc(view: RunView) -> Found:
    """Efficiency over the share of other muons that is kept."""
    return _of_score(view, "roc", _roc)


def multiplicity(view: RunView) -> Found:
    """How many muons selected events hold: the distribution for some cuts, and the shares over the cut."""
    names = {"multiplicity": _multiplicity, "multiplicity_cut": _multiplicity_cut}
    if not isinstance(view.results.get("multiplicity"), Multiplicity):
        return dict.fromkeys(names, view.missing("multiplicity", MULTIPLICITY_FLAG))
    return {name: partial(draw, view, view.results["multiplicity"]) for name, draw in names.items()}


def _of_score(view: RunView, name: str, draw: Callable[[RunView, ScorePerformance], DrawnFigure]) -> Found:
    found = view.results.get("score")
    return {name: partial(draw, view, found) if isinstance(found, ScorePerformance) else view.missing("score", SCORE_FLAG)}


def _purity_efficiency(view: RunView, found: ScorePerformance) -> DrawnFigure:
    cut = np.array(found.cut)
    curves = {
        "Purity": (np.array(found.purity), np.array(found.purity_error), BLUE, "-"),
        "Efficiency": (np.array(found.efficiency), np.array(found.efficiency_error), VERMILLION, "--"),
    }
    product = curves["Purity"][0] * curves["Efficiency"][0]
    used = view.config.analysis_cuts.cuts.get("stopping_score")
    with view.style.context():
        sheet = page(view.style, view.caption(of="mc"))
        axes = sheet.panels[0]
        for name, (values, errors, colour, line) in curves.items():
            axes.plot(cut, values, line, color=colour, label=name, gid=name)
            axes.fill_between(cut, values - errors, values + errors, color=colour, alpha=0.25, linewidth=0.0, gid=f"band {name}")
        axes.plot(cut, product, ":", color=BLACK, label=r"Purity $\times$ efficiency", gid="product")
        apply_scale(axes, Scale("Cut on the stopping score", limits=(0.0, 1.0)), Scale("Fraction", limits=(0.0, ABOVE_ONE)))
        words = f"Largest product: {found.suggested_cut:.2f}"
        lines = [axes.axvline(found.suggested_cut, color=GREY, linestyle="-.", linewidth=1.6, label=words, gid="suggested")]
        if isinstance(used, float):
            lines.append(axes.axvline(used, color=BLACK, linewidth=1.4, label=f"Cut of the analysis: {used:g}", gid="used"))
        legend = place_legend(axes, [(np.array([0.0, 1.0]), np.array([1.0]))], loc="upper left", columns=2, fontsize=13)
        for upright in lines:
            end_below(axes, upright, legend)
        axes.set_yticks(np.linspace(0.0, 1.0, 6))
    return DrawnFigure(sheet.figure, {
        "cut": cut, "purity": found.purity, "purity_error": found.purity_error, "efficiency": found.efficiency,
        "efficiency_error": found.efficiency_error, "product": product, "suggested_cut": found.suggested_cut, "used_cut": used,
    })  # fmt: skip


def _roc(view: RunView, found: ScorePerformance) -> DrawnFigure:
    kept, efficiency = np.array(found.false_positive_rate), np.array(found.efficiency)
    positive = kept[kept > 0.0]
    lowest = 0.5 * float(positive.min(initial=1.0))
    suggested = int(np.argmin(np.abs(np.array(found.cut) - found.suggested_cut)))
    with view.style.context():
        sheet = page(view.style, view.caption(of="mc"))
        axes = sheet.panels[0]
        rows = kept > 0.0
        axes.plot(kept[rows], efficiency[rows], color=BLUE, label=f"AUC {area(found.auc, found.auc_error)}", gid="roc")
        errors = np.array(found.efficiency_error)
        axes.fill_between(kept[rows], (efficiency - errors)[rows], (efficiency + errors)[rows], color=BLUE, alpha=0.25, linewidth=0.0, gid="band")
        chance = np.geomspace(lowest, 1.0, 200)
        axes.plot(chance, chance, ":", color=GREY, linewidth=1.6, label="No discrimination", gid="diagonal")
        if kept[suggested] > 0.0:
            words = f"Score {AT_LEAST} {found.suggested_cut:.2f}"
            star: dict[str, Any] = {"color": VERMILLION, "markersize": 17, "markeredgecolor": "white"}
            axes.plot(kept[suggested], efficiency[suggested], "*", label=words, gid="suggested", **star)
        apply_scale(axes, Scale("Share of other muons that is kept", True, (lowest, 1.0)), Scale("Efficiency", limits=(0.0, ABOVE_ONE)))
        place_legend(axes, [], loc="upper left")
    numbers = {"false_positive_rate": kept, "efficiency": efficiency, "efficiency_error": errors, "cut": found.cut}
    return DrawnFigure(sheet.figure, {**numbers, "auc": found.auc, "auc_error": found.auc_error, "suggested_cut": found.suggested_cut})


def _shown_cuts(cuts: Array, used: object) -> NDArray[np.int_]:
    """Rows of cuts from the first to the last, with that of the analysis in place of the nearest one between them.

    >>> _shown_cuts(np.array([0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]), 0.7).tolist()
    [0, 2, 3, 6]
    """
    rows = np.unique(np.linspace(0, len(cuts) - 1, SHOWN_CUTS).round().astype(int))
    found = np.flatnonzero(np.isclose(cuts, used)) if isinstance(used, float) else np.array([], int)
    if found.size and found[0] not in rows:
        between = rows[-2:0:-1]  # of two that are as near the harder cut gives way
        between[np.argmin(np.abs(between - found[0]))] = found[0]
    return np.sort(rows)


def _multiplicity(view: RunView, found: Multiplicity) -> DrawnFigure:
    cuts, share, error = np.array(found.cut), np.array(found.share), np.array(found.share_error)
    rows = _shown_cuts(cuts, view.config.analysis_cuts.cuts.get("stopping_score"))
    edges = np.arange(share.shape[1] + 1) + 0.5
    with view.style.context():
        sheet = page(view.style, view.caption(of="mc"))
        axes = sheet.panels[0]
        for row, colour, line in zip(rows, (BLACK, BLUE, GREEN, VERMILLION), (":", "-.", "--", "-"), strict=False):
            label = f"Score {AT_LEAST} {cuts[row]:g}" if cuts[row] > 0.0 else "No cut"
            axes.stairs(share[row], edges, color=colour, linestyle=line, linewidth=2.2, baseline=None, label=label, gid=f"cut {cuts[row]:g}")
            axes.stairs((share + error)[row], edges, baseline=(share - error)[row], fill=True, color=colour, alpha=0.2, linewidth=0.0)
        least = float(share[rows][share[rows] > 0.0].min(initial=1.0))
        last = share.shape[1]
        apply_scale(
            axes, Scale("Muons that enter the volume", limits=(0.5, last + 0.5)), Scale("Fraction of events", True, (max(0.5 * least, 1e-5), 2.0))
        )
        axes.minorticks_off()
        axes.set_xticks(np.arange(1, last + 1), [*map(str, range(1, last)), f"{last}+"])
        place_legend(axes, [(edges, share[rows].max(axis=0))])
    numbers = {"muons": list(range(1, last + 1)), "cut": cuts[rows], "share": share[rows], "share_error": error[rows]}
    return DrawnFigure(sheet.figure, numbers)


def _multiplicity_cut(view: RunView, found: Multiplicity) -> DrawnFigure:
    cuts, share, error = np.array(found.cut), np.array(found.share), np.array(found.share_error)
    shown = {"1 muon": 0, "2 muons": 1, "3 muons": 2}
    with view.style.context():
        sheet = page(view.style, view.caption(of="mc"))
        axes = sheet.panels[0]
        for (name, row), colour, marker in zip(shown.items(), (BLUE, ORANGE, PURPLE), "o^s", strict=True):
            axes.errorbar(cuts, share[:, row], yerr=error[:, row], fmt=f"{marker}-", color=colour, markersize=8, label=name, gid=name)
        apply_scale(axes, Scale("Cut on the stopping score", limits=(-0.02, 1.0)), Scale("Fraction of events", limits=(0.0, ABOVE_ONE)))
        tops = [(np.append(cuts, 1.0), share[:, row]) for row in shown.values()]
        place_legend(axes, tops, loc="upper left")
        axes.set_yticks(np.linspace(0.0, 1.0, 6))
    return DrawnFigure(sheet.figure, {"cut": cuts, "share": {name: share[:, row] for name, row in shown.items()},
                                      "share_error": {name: error[:, row] for name, row in shown.items()}})  # fmt: skip
