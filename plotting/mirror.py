"""The "mirror" question on one panel: recall of one class against that of another in cells of the tank."""

from __future__ import annotations

import textwrap

import numpy as np

from plotting.canvas import NO_CAPTION, Caption, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.rates import FEW, rate_numbers
from plotting.style import BLACK, GREY, OURS, Component, Style
from plotting.symbols import MINUS
from records.performance import LikelihoodRatio, Mirror

LETTERS = 150  # of one line of the verdict
FOOT_IN = 2.0


def mirror(result: Mirror, looks: tuple[Component, Component], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """One point per cell with both intervals; the dashed line is "response ignores the class" (recalls add up to one). On the right, where
    Pearson's r of the cells lies among permutations within each class; the three tests and the verdict in words.
    """
    first, second = result.recall
    with style.context():
        sheet = page(style, caption, columns=2, width_in=14.4, height_in=FOOT_IN + 6.0, bottom_in=FOOT_IN, gap_in=1.35)
        axes, permuted = sheet.panels
        axes.plot([0.0, 1.0], [1.0, 0.0], color=GREY, linestyle="--", label="Response ignores the class", gid="sum is one")
        for one, other, counts in zip(first, second, zip(*result.events, strict=True), strict=True):
            if min(counts) == 0:
                continue
            x_error, y_error = ([[rate.value - rate.low], [rate.high - rate.value]] for rate in (one, other))
            axes.errorbar([one.value], [other.value], xerr=x_error, yerr=y_error, fmt="o", color=OURS, elinewidth=1.4, markersize=7,
                          markerfacecolor="white" if min(counts) < FEW else OURS, gid="cell")  # fmt: skip
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.0)
        axes.set_xlabel(f"Recall of {looks[0].label}")
        axes.set_ylabel(f"Recall of {looks[1].label}")
        axes.legend(loc="lower left")
        shares = np.linspace(0.0, 1.0, len(result.permuted_r))
        permuted.plot(result.permuted_r, shares, color=OURS, label="Permutations", gid="permutations")
        permuted.axvline(
            result.pearson_r, color=BLACK, linewidth=2.4, label=f"Observed r = {result.pearson_r:.2f}".replace("-", MINUS), gid="observed"
        )
        permuted.set_xlim(-1.0, 1.0)
        permuted.set_ylim(0.0, 1.0)
        permuted.set_xlabel("Pearson r of the two recalls over cells")
        permuted.set_ylabel("Share of permutations below")
        place_legend(permuted, [], text=(f"p = {result.pearson_p:.3g} ({result.permutations} permutations)",), loc="upper left")
        words = [*textwrap.wrap(f"Verdict: {result.sentence}", LETTERS), "Likelihood ratios: " + "; ".join(_tests(result))]
        height = sheet.figure.get_size_inches()[1]
        foot = height - FOOT_IN - 6.0  # lines of the caption
        sheet.figure.text(0.05, (foot + FOOT_IN - 0.95) / height, "\n".join(words), fontsize=13, va="top", gid="verdict")
    numbers = {
        "classes": list(result.classes), "r_edges_cm": result.r_edges_cm, "y_edges_cm": result.y_edges_cm, "events": result.events,
        "recall": [[rate_numbers(one) for one in rates] for rates in result.recall], "pearson_r": result.pearson_r, "pearson_p": result.pearson_p,
        "permuted_r": result.permuted_r, "verdict": result.verdict, "sentence": result.sentence,
    }  # fmt: skip
    return DrawnFigure(sheet.figure, numbers)


def _tests(result: Mirror) -> tuple[str, ...]:
    tests = {"class information": result.class_information, "cells": result.cell_response, "class × cell": result.interaction}
    return tuple(_words(name, test) for name, test in tests.items())


def _words(name: str, test: LikelihoodRatio) -> str:
    return f"{name}: p = {test.p:.2g} (Holm {test.p_holm:.2g})"
