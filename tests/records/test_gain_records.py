"""Results of the gain analysis come back from their file as they were, with what is not known."""

from __future__ import annotations

import math
from pathlib import Path

from configs.pmt_gain import GainCurve
from fits.gain_curve import Ordinate, gain_curve, predicted
from records.gain import Charge, GainEstimate, GainPoint, GainResult, LatePulses, Pedestal, PowerLaw, Timing
from records.performance import Rate
from records.results import load_results, save_results

NAN = float("nan")


def curve(quantity: str = "gain") -> PowerLaw:
    hv_v = [700.0, 800.0, 900.0, 1000.0]
    return gain_curve(Ordinate([f"P.{hv:.0f}V" for hv in hv_v], hv_v, [(hv / 1e3) ** 6 for hv in hv_v], [0.01] * 4, quantity), GainCurve())


def point() -> GainPoint:
    charge = Charge(200, 3.2, 0.05, 0.7, 0.1)
    estimate = GainEstimate(True, "", 2e6, 1e5, 1.4e5, NAN, 30.0, 1.5, 0.32, 0.016, 0.4)
    timing = Timing(200, 27.1, 0.02, 0.3, 27.1, 0.02, NAN, NAN, 0.7, False, "too few triggers")
    late = LatePulses(Rate(0.0, 0.0, 0.005, 0, 200), 0, NAN, NAN, "record ends 22 ns after the pulse")
    return GainPoint(
        name="P.700V", hv_v=700.0, light="bright", n_read=200, n_expected=200, n_saturated=0, efficiency={"baseline": Rate(1.0, 0.99, 1.0, 200, 200)},
        valid=True, reason="", pedestal=Pedestal("pre", 200, 0.01, 0.002, 0.03), charge=charge, selected=None, syst_uncorrelated_pc=0.032,
        syst_scale_pc=0.064, gains={"photostatistics": estimate}, timing=timing, late=late, flags=["noisy"],
    )  # fmt: skip


def test_result_comes_back_from_its_file(tmp_path: Path) -> None:
    result = GainResult("P", True, "", [point()], None, curve(), curve("charge_pc"), ["a note"])
    save_results(tmp_path / "results.json", "pmt_gain", "test", {"P": result})
    back = load_results(tmp_path / "results.json")["P"]
    assert isinstance(back, GainResult)
    assert back.curve == result.curve
    assert back.points[0].charge == result.points[0].charge
    assert back.points[0].late is not None
    assert math.isnan(back.points[0].late.afterpulses_per_photoelectron)  # null in the file, not 0
    assert back.points[0].efficiency["baseline"].total == 200
    assert [one.reason for one in back.relative.nominal] == ["no absolute gain: only the mean charge is known"] * 3
    assert 'afterpulses_per_photoelectron": null' in (tmp_path / "results.json").read_text()
    assert predicted(back.curve, 800.0)[0] == predicted(result.curve, 800.0)[0]
