"""Published numbers: read with their units, named after their paper, refused when they are something else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from configs.errors import InputError
from plotting.published import read_segments, source_name

GOOD = {
    "Source": "a paper",
    "Emin [GeV]": {"0": 4.2e4, "1": 8.83e4},
    "Emax [GeV]": {"0": 8.83e4, "1": 1.86e5},
    "FluxNorm [GeV.cm^-2.s.sr]": {"0": 7e-9, "1": 2.13e-8},
    "ErrorMinus [GeV.cm^-2.s.sr]": {"0": 7e-9, "1": 4.8e-9},
    "ErrorPlus [GeV.cm^-2.s.sr]": {"0": 1.17e-8, "1": 5.4e-9},
}


def written(tmp_path, content) -> str:
    path = tmp_path / "segments.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_segments_have_touching_edges_and_ends_of_intervals(tmp_path) -> None:
    found = read_segments(written(tmp_path, GOOD), "Published")
    np.testing.assert_array_equal(found.edges_gev, [4.2e4, 8.83e4, 1.86e5])
    np.testing.assert_allclose(found.low, [0.0, 1.65e-8])
    np.testing.assert_allclose(found.high, [1.87e-8, 2.67e-8])


@pytest.mark.parametrize(
    "content", ["{", "[1, 2]", json.dumps({**GOOD, "Emin [GeV]": 3}), json.dumps({k: v for k, v in GOOD.items() if "Plus" not in k})]
)
def test_something_else_is_refused(tmp_path, content: str) -> None:
    with pytest.raises(InputError, match="not a published spectrum; expected JSON with Emin, Emax, FluxNorm, ErrorMinus and ErrorPlus"):
        read_segments(written(tmp_path, content), "")


def test_segments_with_a_gap_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match=r"the segments do not touch: Emin \[42000"):
        read_segments(written(tmp_path, {**GOOD, "Emax [GeV]": {"0": 8e4, "1": 1.86e5}}), "")


def test_a_missing_file_says_what_to_do(tmp_path) -> None:
    with pytest.raises(InputError, match=r"cannot read the published segments \(No such file.*remove plots.compare_spectrum"):
        read_segments(tmp_path / "absent.json", "")


def test_catalogued_files_are_named_after_their_paper() -> None:
    for name in ("hese/astro_scan_data.txt", "hese/icecube_segmentedfit_hese.json", "hese/icecube_spl_hese_contour1sigma.json"):
        assert source_name(name) == "Phys. Rev. D 104, 022002 (2021)"


@pytest.mark.public_data
def test_the_published_segments_average_to_the_published_power_law(public_data) -> None:
    found = read_segments(public_data / "hese" / "icecube_segmentedfit_hese.json", "")
    assert len(found.flux) == 7
    centre = np.sqrt(found.edges_gev[1:] * found.edges_gev[:-1])
    power_law = 6.37e-18 / 3 * (centre / 1e5) ** -2.87 * centre**2  # six species -> one flavour: the factor 1/3
    width = np.where(power_law > found.flux, found.high - found.flux, found.flux - found.low)[:6]
    assert (np.abs(power_law - found.flux)[:6] < 2.5 * width).all()
