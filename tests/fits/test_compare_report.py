"""The report beside a publication: every number in closed form, nothing missing in silence."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from compare_case import BEST, PUBLISHED, SIGMA, fit_result, results, scan_result, segments_result

from configs.diffuse import Fit
from configs.errors import InputError
from configs.schema import load_config
from data_info.published_fit import read_published_fit
from fits.compare_report import not_comparable, published_intervals, report
from fits.intervals import ONE_SIGMA, TWO_SIGMA, delta_nll_level
from records.comparison import PARTS, ComparedQuantity, ComparisonReport
from records.failed_fit import FailedFit
from records.results import Parameter, load_results, save_results

HESE = read_published_fit("hese75")
ONE, TWO = delta_nll_level(ONE_SIGMA, 2), delta_nll_level(TWO_SIGMA, 2)


COMPARED = {"scan": {"compare": "scan.txt"}, "segments": {"compare": "segments.json"}}


@functools.cache
def usual() -> dict[str, Any]:
    """Results that no test changes."""
    return results()


def made(reference=HESE, options: dict[str, Any] | None = None, **changes: Any) -> ComparisonReport:
    found = report({"main": Fit.model_validate(COMPARED if options is None else options)}, {**usual(), **changes}, reference)
    assert found is not None
    return found


def rows(found: ComparisonReport) -> dict[tuple[str, str], ComparedQuantity]:
    return {(row.part, row.quantity): row for row in found.rows}


def test_parameters_stand_beside_the_published_ones_with_sided_differences() -> None:
    found = rows(made())
    norm, gamma = found["parameters", "astro_norm"], found["parameters", "astro_gamma"]
    assert (norm.ours, norm.ours_minus, norm.ours_plus, norm.unit) == (6.0, 1.3, 1.5, "1e-18 / (GeV cm2 s sr)")
    assert (norm.published, norm.published_minus, norm.published_plus) == (6.37, 1.62, 1.46)
    assert norm.difference == pytest.approx((6.0 - 6.37) / math.hypot(1.5, 1.62))  # MINOS upwards, published downwards
    assert gamma.difference == pytest.approx((2.9 - 2.87) / math.hypot(0.2, 0.2))  # Hessian downwards, published upwards


def test_nuisance_parameters_stand_beside_the_published_best_fit_without_errors_of_it() -> None:
    found = rows(made())
    dom = found["best fit", "epsilon_dom"]
    assert (dom.ours, dom.ours_minus, dom.published) == (0.955, 0.053, 0.95192328)
    assert math.isnan(dom.published_minus)
    assert math.isnan(dom.difference)
    assert {quantity for part, quantity in found if part == "best fit"} == {"epsilon_dom"}  # atmos_norm is none of the eleven


def test_scans_in_closed_form() -> None:
    """Two circles in units of the errors, half an error apart in the norm."""
    shift = 0.5
    found = rows(made(**{"main.scan": scan_result((BEST[0], BEST[1] + shift * SIGMA[1]))}))
    least = found["scan", "minimum in astro_norm"]
    assert (least.ours, least.published) == (BEST[1], pytest.approx(BEST[1] + shift * SIGMA[1], abs=1e-4))
    for share, level in (("68 %", ONE), ("95 %", TWO)):
        half, area = math.sqrt(2 * level), 2 * math.pi * level * SIGMA[0] * SIGMA[1]
        gamma, norm = found["scan", f"{share} region, least astro_gamma"], found["scan", f"{share} region, greatest astro_norm"]
        assert gamma.ours == pytest.approx(BEST[0] - half * SIGMA[0], abs=1e-3)
        assert norm.published == pytest.approx(BEST[1] + (shift + half) * SIGMA[1], abs=1e-2)
        assert found["scan", f"{share} region, area"].ours == pytest.approx(area, rel=3e-3)
        assert found["scan", f"{share} region, area / published area"].ours == pytest.approx(1.0, abs=5e-3)
    assert found["scan", "rms difference of Delta -ln L, where published < 5"].ours == pytest.approx(
        math.sqrt(shift**4 / 4 + 2.5 * shift**2), rel=0.02
    )


def test_points_of_the_published_contour_on_both_surfaces() -> None:
    same = rows(made())
    for word in ("least", "mean", "greatest"):
        row = same["contour", f"Delta -ln L at its 19 points, {word}"]
        assert (row.ours, row.published) == (pytest.approx(ONE, abs=2e-3), pytest.approx(ONE, abs=2e-3))
    assert same["contour", "Delta -ln L on a 68 % contour of two parameters"].published == pytest.approx(1.14787446)
    shift = 0.5
    moved = rows(made(**{"main.scan": scan_result((BEST[0], BEST[1] + shift * SIGMA[1]))}))
    assert moved["contour", "Delta -ln L at its 19 points, mean"].ours == pytest.approx(ONE + 0.5 * shift**2, abs=2e-3)
    assert moved["contour", "Delta -ln L at its 19 points, greatest"].ours == pytest.approx(0.5 * (math.sqrt(2 * ONE) + shift) ** 2, abs=0.03)
    assert moved["contour", "Delta -ln L at its 19 points, mean"].published == pytest.approx(ONE, abs=2e-3)


def test_segments_in_1e_8_with_differences_of_the_facing_errors() -> None:
    found = rows(made())
    first, second = found["segments", "E^2 Phi, 42 to 88.3 TeV"], found["segments", "E^2 Phi, 88.3 to 186 TeV"]
    assert (first.ours, first.ours_minus, first.ours_plus, first.published) == pytest.approx((2.0, 0.4, 0.3, 3.0))
    assert first.difference == pytest.approx(-2.0)
    assert second.difference == pytest.approx(-0.6)
    assert first.unit == "1e-8 GeV / (cm2 s sr)"


def test_goodness_is_ours_alone_and_that_is_said() -> None:
    found = made()
    row = rows(found)["goodness", "p-value, all"]
    assert row.ours == pytest.approx(3 / 5)  # two of four toys are as bad, and the data themselves
    assert math.isnan(row.published)
    assert "goodness: no published p-value stands in the table of published numbers" in found.left_out


def test_the_likelihood_stands_beside_the_published_one_only_where_it_is_the_same_quantity() -> None:
    assert ("likelihood", "-ln L at the minimum") not in rows(made())
    assert any("122.959 is beside none" in one for one in made().left_out)
    parameters = {name: Parameter(value, 0.1) for name, value in HESE.best_fit.items()}
    official = {"main": fit_result(parameters=parameters, likelihood="say", nll=122.97)}
    row = rows(made(**official))["likelihood", "-ln L at the minimum"]
    assert (row.ours, row.published) == (122.97, HESE.nll)
    assert ("likelihood", "-ln L at the minimum") not in rows(made(main=fit_result(parameters=parameters)))  # Poisson


def test_rows_come_by_part() -> None:
    order = [PARTS.index(row.part) for row in made().rows]
    assert order == sorted(order)
    assert {row.part for row in made().rows} == set(PARTS) - {"likelihood"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"main": fit_result(valid=False, reason="edm above its goal")}, "main: the fit did not converge (edm above its goal)"),
        ({"main.scan": scan_result(not_compared=["hese/astro_scan_data.txt: no\nnetwork"])}, "main.scan: hese/astro_scan_data.txt: no network"),
        ({"main.segments": segments_result(published=[], not_compared="no file")}, "main.segments: no file"),
        ({"main.scan": FailedFit(False, "no point converged", "scan")}, "main.scan: it failed (no point converged)"),
        ({"main.gof": FailedFit(False, "too few valid toys", "toys")}, "main.gof: it failed (too few valid toys)"),
        ({"main.segments": segments_result(valid=False, reason="no minimum")}, "main.segments: no minimum"),
        (
            {"main.scan": scan_result(x_name="astro_norm", y_name="astro_gamma")},
            "main.scan: the published contour, which is in astro_gamma and astro_norm",
        ),
        ({"main.scan": scan_result((3.8, 6.0))}, "main.scan: the published contour, which leaves our grid; widen x_grid, y_grid"),
        ({"main.scan": scan_result((3.8, 6.0))}, "main.scan: size of the 68 % region, as the published one reaches the edge of its grid"),
    ],
)
def test_what_cannot_be_compared_is_said(changes: dict[str, Any], said: str) -> None:
    assert any(said in one for one in made(**changes).left_out)


def test_a_scan_alone_without_an_external_one_leaves_no_row() -> None:
    scan = scan_result(comparison={}, external=None)
    assert not any(row.part in ("scan", "contour") for row in made(**{"main.scan": scan}).rows)


OTHER_MODELS: list[tuple[dict[str, Any], str]] = [
    ({"model": {"astro": "log_parabola"}}, "its spectrum is log_parabola and the published one a power law"),
    ({"model": {"pivot_gev": 2.0e5}}, "its norm is that at 200000 GeV and the published one that at 100000 GeV"),
    ({"model": {"flavour": [0.2, 0.4, 0.4]}}, "its composition by flavour is not 1 : 1 : 1"),
    ({"data": "asimov"}, "it fits the Asimov set and not the events"),
]


@pytest.mark.parametrize(("options", "why"), OTHER_MODELS)
def test_parameters_that_mean_something_else_are_not_compared(options: dict[str, Any], why: str) -> None:
    """A norm at another energy is another quantity, whatever its name."""
    fit = Fit.model_validate(options)
    assert why in not_comparable(fit)
    assert published_intervals(fit, ["astro_norm", "astro_gamma"], HESE) == {}
    found = made(options=options, main=fit_result(published={}))
    assert any(why in one for one in found.left_out)
    assert not any(row.part in ("parameters", "best fit", "likelihood") for row in found.rows)


def test_numbers_of_one_s_own_come_before_those_of_the_publication() -> None:
    own = {"astro_gamma": (2.5, 0.1, 0.1)}
    assert published_intervals(Fit.model_validate({"published": own}), ["astro_gamma", "astro_norm"], HESE) == own
    assert published_intervals(Fit(), ["astro_gamma", "astro_norm", "atmos_norm"], HESE) == PUBLISHED
    assert published_intervals(Fit(), ["astro_gamma"], None) == {}


def test_nothing_published_leaves_no_report() -> None:
    alone = {"main": fit_result(published={}), "main.scan": scan_result(comparison={}, external=None), "main.gof": usual()["main.gof"]}
    assert report({"main": Fit()}, alone, None) is None
    own = report({"main": Fit()}, {**alone, "main": fit_result()}, None)  # the user's own numbers: a report without the release's best fit
    assert own is not None
    assert {row.part for row in own.rows} == {"parameters", "goodness"}
    assert own.source == ""
    invalid = {"main": fit_result(published={}, valid=False, reason="edm above its goal")}
    assert report({"main": Fit()}, invalid, None) is None
    asked = report({"main": Fit.model_validate(COMPARED)}, invalid, None)
    assert asked is not None
    assert asked.left_out == ["main: the fit did not converge (edm above its goal)"]


def test_the_report_survives_the_file(tmp_path) -> None:
    found = made()
    save_results(tmp_path / "results.json", "diffuse", "case", {"compare": found})
    again = load_results(tmp_path / "results.json")["compare"]
    assert again.left_out == found.left_out
    for one, other in zip(again.rows, found.rows, strict=True):
        np.testing.assert_equal(vars(one), vars(other))


def test_the_name_of_the_report_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "taken.yaml"
    content = {
        "name": "case",
        "analysis": "diffuse",
        "datasets": {"mc": {"kind": "mc", "format": "surrogate"}},
        "processor": {"binning": "surrogate"},
    }
    path.write_text(yaml.safe_dump({**content, "fits": {"compare": {}}}))
    with pytest.raises(InputError, match=r"fits\.compare: this is the name of the report beside published results; give the fit another one"):
        load_config(path)
