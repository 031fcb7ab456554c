"""Tables of photomultiplier runs: the real one, the three forms, and everything that is refused with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from configs.errors import InputError
from data_info.catalogue import series_of
from data_info.pmt_point import Point
from data_info.pmt_runs import RUNS, Runs, read_runs

BASE = "https://s3.cloud.infn.it/v1/AUTH_2ebf769785574195bde2ff418deac08a/cygno-analysis/GIN_PMT"
SMALL: dict[str, Any] = {"pmts": {"PMT_1": {"dir": "tube", "hv": [700, 750.5], "n": [2, 3], "cut_mv": [-6.0, -9.0]}}}


@pytest.fixture(scope="module")
def real() -> Runs:
    return read_runs(RUNS)


def table(folder: Path, **changes: Any) -> Runs:
    return read_runs(written(folder, **changes))


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "runs.yaml"
    path.write_text(yaml.safe_dump({**SMALL, **changes}))
    return path


def tube(**changes: Any) -> dict[str, Any]:
    return {"PMT_1": {**SMALL["pmts"]["PMT_1"], **changes}}


def test_real_table_has_the_points_of_the_measurement(real: Runs) -> None:
    """Numbers of specification 2.4: 69 points, 30,528 waveforms (9760 + 9335 + 9508 + 1925)."""
    counts = {pmt: sum(point.n_files or 0 for point in real.points if point.pmt == pmt) for pmt in real.pmts}
    assert counts == {"PMT_1": 9760, "PMT_2": 9335, "PMT_3": 9508, "PMT_4": 1925}
    assert len(real.points) == 69
    assert sum(len(point.files) for point in real.points) == 30_528


@pytest.mark.parametrize(
    ("pmt", "exponent", "error", "at_1000_v_mv"),
    [("PMT_1", 5.53, 0.05, 46.23), ("PMT_2", 5.34, 0.05, 14.93), ("PMT_3", 5.52, 0.05, 53.70), ("PMT_4", 4.92, 0.13, 12.26)],
)
def test_thresholds_follow_the_power_law_of_the_measurement(pmt: str, exponent: float, error: float, at_1000_v_mv: float, real: Runs) -> None:
    """A least-squares line through ln|cut| against ln HV gives the exponents and thresholds at 1000 V of specification 2.4."""
    points = [point for point in real.points if point.pmt == pmt]
    x, y = np.log([point.hv_v / 1000 for point in points]), np.log([-(point.cut_v or 0.0) * 1e3 for point in points])
    (slope, level), covariance = np.polyfit(x, y, 1, cov=True)
    assert slope == pytest.approx(exponent, abs=0.005)
    assert np.exp(level) == pytest.approx(at_1000_v_mv, abs=0.005)
    assert np.sqrt(covariance[0, 0]) == pytest.approx(error, abs=0.01)


def test_real_files_have_the_published_addresses(real: Runs) -> None:
    point = real.points[-1]
    assert (point.name, point.cut_v, point.noisy) == ("PMT_4.1400V", pytest.approx(-62.9065e-3), True)
    assert point.files[0] == f"{BASE}/PMT_3_881_2/1400/Autosave/C1--n16deg--00000.trc"
    assert point.files[-1] == f"{BASE}/PMT_3_881_2/1400/Autosave/C1--n16deg--00195.trc"
    assert point.folder == "PMT_3_881_2/1400"
    assert point.q_ref_pc == pytest.approx(212.4 * 62.9065e-3)


def test_text_form_of_the_reference_gives_the_same_points(real: Runs, tmp_path: Path) -> None:
    """``dir_url pmt hv n``, tabs between, as the reference repository keeps it; thresholds are not in it."""
    lines = [f"{BASE}/{point.folder}/Autosave/\t{point.pmt[-1]}\t{point.hv_v:g}\t{point.n_files}" for point in real.points]
    (tmp_path / "directories.txt").write_text("\n".join(lines) + "\n")
    read = read_runs(tmp_path / "directories.txt").points
    assert [(one.name, one.files, one.folder) for one in read] == [(one.name, one.files, one.folder) for one in real.points]
    assert {one.cut_v for one in read} == {None}


def test_csv_form_gives_the_same_points(real: Runs, tmp_path: Path) -> None:
    rows = [f"{p.pmt},{p.hv_v},{BASE}/{p.folder}/Autosave,{p.n_files},{p.cut_v},{p.noisy},{p.q_ref_pc}" for p in real.points]
    (tmp_path / "runs.csv").write_text("\n".join(["# a comment", "pmt,hv_v,url_or_dir,n_files,cut_v,noisy,q_ref_pc", *rows]))
    assert read_runs(tmp_path / "runs.csv").points == real.points


def test_csv_of_folders_and_sequence_files(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(
        "pmt,hv_v,url_or_dir,source,light,n_files\nA,900,led,,,\nA,900,dark/run.trc,off,,\nA,900,low_*.trc,led,low,4\nA,900,https://a.org/x/run.trc,off,low,1\n"
    )
    led, off, low, web = read_runs(tmp_path / "runs.csv").points
    assert (led.name, led.files, led.n_files) == ("A.900V", (str(tmp_path / "led/*.trc"),), None)
    assert (off.name, off.files) == ("A.900V.off", (str(tmp_path / "dark/run.trc"),))
    assert (low.name, low.files, low.n_files) == ("A.900V.low", (str(tmp_path / "low_*.trc"),), 4)
    assert (web.name, web.files) == ("A.900V.low.off", ("https://a.org/x/run.trc",))


def test_yaml_with_relative_base_lies_beside_its_files(tmp_path: Path) -> None:
    (first, second) = table(tmp_path).points
    assert first.files == tuple(str(tmp_path / f"tube/700/C1--n16deg--0000{i}.trc") for i in range(2))
    assert (second.name, second.n_files, second.cut_v, second.noisy) == ("PMT_1.750.5V", 3, -9e-3, False)


def test_points_with_files_of_their_own(tmp_path: Path) -> None:
    """A bare ``off`` is false in YAML 1.1, and means off here."""
    (tmp_path / "runs.yaml").write_text(
        "points:\n- {pmt: A, hv: 1400, files: low_*.trc, light: low}\n- {pmt: A, hv: 1400, files: [o1.trc, o2.trc], n: 2, source: off, light: low}\n"
    )
    low, off = read_runs(tmp_path / "runs.yaml").points
    assert (low.name, off.name) == ("A.1400V.low", "A.1400V.low.off")
    assert off.files == (str(tmp_path / "o1.trc"), str(tmp_path / "o2.trc"))
    assert off.metadata == {
        "pmt": "A", "hv_v": 1400.0, "source": "off", "light": "low", "level": "", "cut_v": None, "noisy": False, "q_ref_pc": None
    }  # fmt: skip


def test_labels_come_from_the_table_whatever_the_order_of_folders(tmp_path: Path) -> None:
    """The reference analysis took labels from the sorted order of folders."""

    def named(order: list[str]) -> dict[str, Point]:
        return {point.name: point for point in table(tmp_path, pmts={name: {**SMALL["pmts"]["PMT_1"], "dir": f"of_{name}"} for name in order}).points}

    assert named(["B", "A", "C"]) == named(["C", "B", "A"])
    assert "/of_B/" in named(["C", "B", "A"])["B.700V"].files[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pmts": tube(hv=[700, 0])}, r"runs\.yaml:\d+: pmts\.PMT_1\.hv\.1: 0 V is not possible; give the magnitude of the voltage, above 0"),
        ({"pmts": tube(hv=[700, -750])}, r"pmts\.PMT_1\.hv\.1: -750 V is not possible"),
        ({"pmts": tube(hv=[700, float("nan")])}, r"pmts\.PMT_1\.hv\.1: Input should be a finite number"),
        ({"pmts": tube(hv=[700, 700])}, r"PMT_1\.700V is given twice; a tube has one point for each voltage"),
        ({"pmts": tube(n=[2])}, r"pmts\.PMT_1\.n: 1 numbers for 2 voltages in hv; give one for each"),
        ({"pmts": tube(cut_mv=[-1.0])}, r"pmts\.PMT_1\.cut_mv: 1 numbers for 2 voltages"),
        (
            {"pmts": tube(cut_mv=[-1.0, 2.0])},
            r"pmts\.PMT_1\.cut_mv\.1: 0\.002 V is not possible; it is a threshold on the minimum of negative pulses",
        ),
        ({"pmts": tube(q_ref_pc=[1.0, -2.0])}, r"pmts\.PMT_1\.q_ref_pc\.1: -2 pC is not possible"),
        ({"pmts": tube(n=[2, 0])}, r"pmts\.PMT_1\.n\.1: Input should be greater than 0 \(given: 0\)"),
        ({"pmts": tube(n=[2, 10**9])}, r"pmts\.PMT_1\.n\.1: Input should be less than or equal to 1000000 \(given: 1000000000\)"),
        ({"pmts": tube(hvs=[700])}, r"pmts\.PMT_1\.hvs: unknown key; did you mean 'hv'\?"),
        ({"pmts": {"PMT_1": {"dir": "x", "hv": [700]}}}, r"pmts\.PMT_1\.n: this key is required"),
        ({"patern": "x"}, r"patern: unknown key; did you mean 'pattern'\?"),
        ({"pattern": "{bas}/{i}.trc"}, r"pattern: unknown field \{bas\}; did you mean 'base'\?"),
        ({"pattern": "{base}/{i:q}.trc"}, r"pattern: .*expected e\.g\."),
        ({"pattern": "{base}/{dir"}, r"pattern: .*expected e\.g\."),
        (
            {"points": [{"pmt": "A", "hv": 700, "files": "a.trc", "source": "laser"}]},
            r"points\.0\.source: Input should be 'led' or 'off' \(given: 'laser'\)",
        ),
        ({"points": [{"pmt": "A", "hv": 700, "file": "a.trc"}]}, r"points\.0\.file: unknown key; did you mean 'files'\?"),
        ({"points": [{"pmt": "PMT_1", "hv": 700, "files": "a.trc"}]}, r"PMT_1\.700V is given twice"),
        ({"points": [{"pmt": "A", "hv": 700, "files": "cuts.pkl"}]}, r"points\.0\.files: cuts\.pkl: pickles are not read.*import-legacy-csv"),
        ({"pmts": {"a/b": SMALL["pmts"]["PMT_1"]}}, r"'a/b' is not a name of a tube"),
        ({"pmts": {}}, "the table of runs has no point"),
        ({"schema": 2}, r"schema: .*\(given: 2\)"),
    ],
)
def test_wrong_tables_are_refused_with_the_key(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        table(tmp_path, **changes)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.txt", "https://a.org/x/ 1 700\n", r"r\.txt:1: 3 values, expected 4: url_or_dir pmt hv_v n_files"),
        ("r.txt", "# list\n\nhttps://a.org/x/ 1 high 12\n", r"r\.txt:3: hv_v: 'high' is not a number"),
        ("r.txt", "https://a.org/x/ 1 -700 12\n", r"r\.txt:1: hv_v: -700 V is not possible"),
        ("r.txt", "https://a.org/x/ 1 700 some\n", r"r\.txt:1: n_files: 'some' is not a number of files"),
        ("r.txt", "https://a.org/x/ 1 700 1000000000\n", r"'1000000000' is not a number of files; give a whole number from 1 to 1000000"),
        ("r.txt", "https://a.org/x/ 1 700 \u00b2\n", r"r\.txt:1: n_files: '\u00b2' is not a number of files"),
        ("r.txt", "https://a.org/x/ 1 700 9\nhttps://a.org/y/ 1 700 9\n", r"r\.txt: PMT_1\.700V is given twice"),
        ("r.csv", "pmt,hv,url_or_dir\n", r"r\.csv: unknown column 'hv'; did you mean 'hv_v'\?"),
        ("r.csv", "pmt,hv_v,n_files\n", r"r\.csv: no column 'url_or_dir'; the first line must name the columns"),
        ("r.csv", "pmt,hv_v,url_or_dir\nA,700,https://a.org/x\n", r"r\.csv:2: n_files is needed: a web server does not tell how many files"),
        ("r.csv", "pmt,hv_v,url_or_dir,noisy\nA,700,x,perhaps\n", r"r\.csv:2: noisy: 'perhaps' is not possible"),
        ("r.csv", "pmt,hv_v,url_or_dir\n", r"r\.csv: the table of runs has no point"),
        ("r.csv", "pmt,hv_v,url_or_dir\nA,700,frame.pickle\n", r"frame\.pickle: pickles are not read"),
    ],
)
def test_wrong_lines_are_refused_with_their_number(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_runs(tmp_path / name)


def test_pickled_table_is_refused_unopened(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"pmt_cuts\.pkl: pickles are not read, as they can run any code; the thresholds .* are in data_info/pmt_runs\.yaml"
    ):
        read_runs(tmp_path / "pmt_cuts.pkl")


def test_unreadable_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: not a readable table of runs"):
        read_runs(tmp_path / "none.csv")


def test_catalogue_knows_where_the_real_runs_come_from(real: Runs) -> None:
    series = series_of(real.points[0].files[0])
    assert series is not None
    assert series.files == sum(point.n_files or 0 for point in real.points)
    assert (RUNS.parent / series.runs) == RUNS
    assert series_of("https://example.org/GIN_PMT/PMT_1_2/700/Autosave/C1--n16deg--00000.trc") is None
