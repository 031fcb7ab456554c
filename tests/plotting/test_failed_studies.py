"""Every study of ``diffuse`` that can fail after the fit: none ends the stage, none vanishes, each says why (by failures provoked in each)."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import diffuse_case
import pytest
from rich.console import Console

import fits.diffuse
import fits.diffuse_studies
import fits.flavour
import fits.model_comparison
import fits.segmented_flux
import run_fit
from configs.errors import InputError
from configs.schema import DiffuseConfig
from fits.feldman_cousins import feldman_cousins
from fits.impacts import impacts
from fits.limits import limit
from fits.minimise import Minimum, minimise
from fits.profiles import profile
from fits.toys import ToyStudy
from plotting.diffuse import plan
from records.diffuse_studies import ModelComparison
from records.failed_fit import FailedFit
from records.results import decode_result, encode_result, failures
from records.summary import results_table

Patch = Callable[[pytest.MonkeyPatch], None]


def configured(wanted: dict[str, Any]) -> DiffuseConfig:
    return DiffuseConfig.model_validate({**diffuse_case.config().model_dump(exclude={"fits"}), "fits": wanted})


def fitted(wanted: dict[str, Any]) -> dict[str, Any]:
    return fits.diffuse.fit_all(configured(wanted), diffuse_case.hists(), diffuse_case.account())


def never(nll: Any, **options: Any) -> Minimum:
    """A fit that does not converge."""
    options.pop("minos", None)
    return dataclasses.replace(minimise(nll, **{**options, "hesse": False}), valid=False, reason="migrad did not converge")


def refuse(*_: Any, **__: Any) -> None:
    raise InputError("nothing converged")


def divide(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("by nothing")


def replaced(module: Any, name: str, new: Any) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(module, name, new)


def comparison_without(name: str) -> Patch:
    known = fits.model_comparison.compare

    def compare(null: Any, alternative: Any, **options: Any) -> Any:
        if name in alternative.names:
            raise InputError("start outside the bounds")
        return known(null, alternative, **options)

    return replaced(fits.model_comparison, "compare", compare)


TOYS_LOST = replaced(fits.diffuse.hypothesis, "ComparisonStudy", partial(fits.diffuse.hypothesis.ComparisonStudy, fit=never))
PROVOKED: dict[str, tuple[dict[str, Any], str, Patch, str]] = {
    "chains that are too short": (
        {"posterior": {"walkers": 8, "burn": 0, "steps": 20, "max_extend": 1}}, "posterior", lambda _: None,
        r"fits\.main\.posterior: the chains have not converged: .*Raise fits\.main\.posterior\.steps",
    ),
    "impacts": (
        {"impacts": True}, "impacts", replaced(fits.diffuse_studies, "impacts", partial(impacts, fit=never)),
        "no fit with atmos_norm down, atmos_norm up held",
    ),
    "events": ({"events": True}, "events", replaced(fits.diffuse_studies, "event_table", divide), "ZeroDivisionError: by nothing"),
    "an exposure": (
        {"asimov_livetimes": [2]}, "exposures",
        replaced(fits.diffuse_studies, "exposure", partial(fits.diffuse_studies.exposure, fit=never)), "livetime x 2: migrad did not converge",
    ),
    "the fit in segments": ({"segments": {}}, "segments", replaced(fits.segmented_flux, "minimise", never), "migrad did not converge"),
    "all compositions": (
        {"flavour_scan": 0.25}, "flavour", replaced(fits.flavour, "minimise", never), "flavour_scan: the fit converged for no composition",
    ),
    "all toys": ({"toys": {"n": 3}}, "toys", replaced(fits.diffuse, "ToyStudy", partial(ToyStudy, fit=never)), "none of 3 toys was fitted"),
    "all toys' goodness": ({"toys": {"n": 3}}, "gof", replaced(fits.diffuse, "ToyStudy", partial(ToyStudy, fit=never)), "no p-value: none of 3 toys"),
    "a scan": ({"scan": {}}, "scan", replaced(fits.diffuse, "scan", refuse), "nothing converged"),
    "a profile": (
        {"profiles": [{"parameter": "astro_gamma", "grid": [2.2, 3.4, 4]}]}, "profile.astro_gamma",
        replaced(fits.diffuse, "profile", partial(profile, fit=never)), "of 4 fits with astro_gamma held, 0 converged",
    ),
    "a limit": (
        {"upper_limits": [{"parameter": "atmos_norm"}]}, "limit.atmos_norm", replaced(fits.diffuse, "limit", partial(limit, fit=never)),
        "a fit with the parameter held did not converge",
    ),
    "Feldman-Cousins": (
        {"feldman_cousins": {"parameter": "astro_gamma", "grid": [2.4, 2.8, 3.2], "toys": 1}}, "feldman_cousins",
        replaced(fits.diffuse, "feldman_cousins", partial(feldman_cousins, fit=never)), "of 3 fits with astro_gamma held, 0 converged",
    ),
    "the toys of a test": ({"test": {"alternative": "cutoff", "toys": 2}}, "test", TOYS_LOST, "none of 2 toys has a test statistic"),
    "one model": (
        {"model_comparison": {"models": ["log_parabola", "cutoff"], "toys": 0}}, "models", comparison_without("beta"),
        "log_parabola: start outside the bounds",
    ),
    "the Asimov set": ({"asimov": True}, "asimov", replaced(fits.diffuse._Fit, "_asimov", divide), "ZeroDivisionError: by nothing"),
}  # fmt: skip


@pytest.mark.parametrize("which", PROVOKED)
def test_a_study_that_fails_is_a_result_that_says_so(which: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options, name, patch, reason = PROVOKED[which]
    patch(monkeypatch)
    results = fitted({"main": options, "other": {"axes": ["energy"]}})
    assert (results["main"].valid, results["other"].valid) == (True, True)
    found = failures(results)
    assert f"main.{name}" in found
    assert not any(key.startswith("other") for key in found)
    assert re.search(reason, found[f"main.{name}"])
    read = {key: decode_result(encode_result(result), key) for key, result in results.items()}
    assert failures(read) == found
    assert run_fit.say_failures(results) == 3
    assert f"fit main.{name} failed: " in capsys.readouterr().err
    assert re.search("FAILED|INVALID|no limit", shown({f"main.{name}": results[f"main.{name}"]}))


def shown(results: dict[str, Any]) -> str:
    text = io.StringIO()
    Console(file=text, width=1000).print(results_table(results))
    return text.getvalue()


def test_the_models_that_can_be_compared_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison_without("beta")(monkeypatch)
    found = fitted({"main": {"model_comparison": {"models": ["log_parabola", "cutoff"], "toys": 0}}})["main.models"]
    assert isinstance(found, ModelComparison)
    assert {name: one.valid for name, one in found.models.items()} == {"power_law": True, "log_parabola": False, "cutoff": True}


def test_what_is_not_there_says_why_on_the_list_of_figures() -> None:
    wanted = {"main": {"toys": {"n": 3}, "scan": {}, "posterior": {"walkers": 8, "burn": 0, "steps": 20, "max_extend": 1}}}
    results = fitted(wanted)
    results["main.scan"] = FailedFit(False, "nothing converged", "scan")
    found = plan(configured(wanted), diffuse_case.hists(), diffuse_case.account(), results)
    assert found.skipped["main.scan"] == "it failed: nothing converged"
    assert found.skipped["main.posterior"].startswith("it failed: fits.main.posterior: the chains have not converged")
    assert not {"contour", "posterior"} & {*found.figures, *found.skipped}
    assert "toys" in found.figures
    lost = dataclasses.replace(results["main.toys"], n_valid=0, failures={"migrad did not converge": 3})
    assert skipped(wanted, results | {"main.toys": lost})["main.toys"] == "it failed: none of 3 toys was fitted (migrad did not converge)"
    invalid = dataclasses.replace(results["main"], valid=False)
    assert skipped(wanted, {"main": invalid})["contour"] == "the fit main did not converge"


def skipped(wanted: dict[str, Any], results: dict[str, Any]) -> Mapping[str, str]:
    return plan(configured(wanted), diffuse_case.hists(), diffuse_case.account(), results).skipped
