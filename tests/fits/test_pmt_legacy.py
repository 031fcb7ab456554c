"""Mean charges of the reference analysis: read, not unpickled; fitted, with errors only where they are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import run_fit
from configs.errors import InputError
from configs.pmt_gain import Fits, GainCurve
from fits.pmt_legacy import legacy_results
from readers.legacy_charges import LegacyCharge, read_legacy_charges
from records.results import load_results

HV_V = (700.0, 900.0, 1100.0, 1300.0)


def table(path: Path, n: str = "400", sign: float = -1.0) -> Path:
    """As pandas writes it: with an index; charges of the reference are negative."""
    rows = [f"{row},{sign * 2.0 * (hv / 1000.0) ** 5.5!r},{0.5 * (hv / 1000.0) ** 5.5!r},{hv},PMT_1,{n}" for row, hv in enumerate(HV_V)]
    path.write_text("\n".join([",mean_charge,std_dev_charge,hv,pmt,n", *rows]) + "\n")
    return path


def test_charges_lose_their_sign_and_standard_deviations_are_spreads(tmp_path: Path) -> None:
    charges = read_legacy_charges(table(tmp_path / "legacy.csv"))
    assert charges[1].mean_pc == pytest.approx(2.0 * 0.9**5.5)
    assert charges == read_legacy_charges(table(tmp_path / "positive.csv", sign=1.0))
    result = legacy_results(charges, Fits())["PMT_1"]
    charge = result.points[1].charge
    assert charge is not None
    assert charge.spread_pc == pytest.approx(0.5 * 0.9**5.5)
    assert charge.mean_error_pc == pytest.approx(charge.spread_pc / 20.0)  # not the spread, 20 times more
    assert result.curve.exponent == pytest.approx(5.5)
    assert result.curve.error[1] == pytest.approx(math.hypot(charge.mean_error_pc, 0.01 * charge.mean_pc))
    assert result.curve.quantity == "charge_pc"
    assert "no absolute gain: mean charges alone" in result.curve.nominal[0].reason


def test_without_the_number_of_waveforms_the_error_is_unknown(tmp_path: Path) -> None:
    result = legacy_results(read_legacy_charges(table(tmp_path / "legacy.csv", n="")), Fits())["PMT_1"]
    charge = result.points[0].charge
    assert charge is not None
    assert math.isnan(charge.mean_error_pc)
    assert result.curve.error[0] == pytest.approx(0.01 * charge.mean_pc)
    assert result.notes[0] == "4 of 4 points: error of the mean unknown (n is not given); they weigh by the uncorrelated 1.0% alone"


def test_order_of_the_rows_changes_nothing() -> None:
    charges = [LegacyCharge("B", hv, hv / 100.0, 1.0, 100) for hv in HV_V] + [LegacyCharge("A", hv, hv / 50.0, 1.0, 100) for hv in HV_V]
    ours, turned = (
        legacy_results(charges, Fits(gain_curve=GainCurve(pivot_v=1000.0))),
        legacy_results(charges[::-1], Fits(gain_curve=GainCurve(pivot_v=1000.0))),
    )
    assert list(ours) == ["B", "A"]
    assert list(turned) == ["A", "B"]
    assert ours["A"].curve == turned["A"].curve


def test_pickle_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "charges.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(InputError, match="pickles are not read.*to_csv.*--import-legacy-csv"):
        read_legacy_charges(tmp_path / "charges.pkl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mean_chrge,std_dev_charge,hv,pmt\n", "no column 'mean_charge'.*mean_chrge"),
        ("mean_charge,std_dev_charge,hv,pmt\n", "no rows"),
        ("mean_charge,std_dev_charge,hv,pmt\n1,x,700,A\n", "line 2: std_dev_charge is 'x', expected a number"),
        ("mean_charge,std_dev_charge,hv,pmt\n1,1,-700,A\n", "line 2: hv is -700 V"),
        ("mean_charge,std_dev_charge,hv,pmt\n1,1,700,\n", "line 2: pmt is empty"),
        ("mean_charge,std_dev_charge,hv,pmt\n1,1,700,A\n2,1,700,A\n", "A at 700 V is given twice"),
        ("mean_charge,std_dev_charge,hv,pmt,n\n1,1,700,A,1\n", "line 2: n is 1; a mean with an error needs a whole number from 2 on"),
        ("mean_charge,std_dev_charge,hv,pmt,n\n1,1,700,A,500.5\n", "line 2: n is 500.5; .* a whole number"),
        ("mean_charge,std_dev_charge,hv,pmt\nnan,1,700,A\n", "line 2: mean_charge is 'nan'"),
    ],
)
def test_bad_tables_are_refused_by_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_legacy_charges(tmp_path / "bad.csv")


def test_door(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path / "legacy.csv")
    (tmp_path / "mine.yaml").write_text("name: mine\nanalysis: pmt_gain\ndatasets: {a: {files: x.trc, metadata: {pmt: PMT_1, hv_v: 700}}}\n")
    assert run_fit.main(["mine.yaml", "--import-legacy-csv", str(path)]) == 0
    assert "5.500" in capsys.readouterr().out
    results = load_results(tmp_path / "outputs" / "mine" / "legacy" / "results.json")
    assert results["PMT_1"].curve.exponent == pytest.approx(5.5)
    assert (tmp_path / "outputs" / "mine" / "legacy" / "tables" / "PMT_1.csv").is_file()
    (tmp_path / "other.yaml").write_text("name: other\nanalysis: iwcd\n")
    assert run_fit.main(["other.yaml", "--import-legacy-csv", str(path)]) == 1
    assert "--import-legacy-csv is for analysis 'pmt_gain'" in capsys.readouterr().err
