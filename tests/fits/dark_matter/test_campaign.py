from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from dark_matter_campaign import FEW, shared

from configs.errors import InputError
from fits.dark_matter import campaign, trials
from fits.dark_matter.campaign import Campaigner, combinations
from records.dark_matter import CombinationResult
from records.trials import load_trials


def run(folder: Path, execute: object = None, **options: object) -> dict[str, CombinationResult]:
    one = Campaigner(shared(**options), folder, execute)  # type: ignore[arg-type]
    return one.run(one.cases())


def test_order_is_the_configuration_s() -> None:
    assert combinations(shared(channels={"Nu": [50, 30], "b": [100]}).options) == [("Nu", 50), ("Nu", 30), ("b", 100)]


def test_golden_19_any_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits from one thread and from four, in results and in trials."""
    monkeypatch.setattr(trials, "BLOCK", 70)
    alone = run(tmp_path / "alone")
    with ThreadPoolExecutor(4) as pool:
        together = run(tmp_path / "together", pool.map)
    assert alone == together
    for name in alone:
        ours, theirs = (load_trials(tmp_path / folder / f"{name}.h5")[0] for folder in ("alone", "together"))
        assert ours.keys() == theirs.keys()
        for group, one in ours.items():
            assert (one.n_hat == theirs[group].n_hat).all()
            assert (one.ts == theirs[group].ts).all()


def test_a_stopped_campaign_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its second combination; the first is not done again, and the outcome is that of an undisturbed run."""
    whole = run(tmp_path / "whole")
    evaluate, done = campaign.evaluate, []

    def stopping(case, common, bank):
        if done:
            raise KeyboardInterrupt("stopped by hand")
        done.append(case.name)
        return evaluate(case, common, bank)

    monkeypatch.setattr(campaign, "evaluate", stopping)
    with pytest.raises(KeyboardInterrupt, match="stopped by hand"):
        run(tmp_path / "stopped")
    assert sorted(path.name for path in (tmp_path / "stopped").iterdir()) == [f"{done[0]}.h5"]
    again = []
    monkeypatch.setattr(campaign, "evaluate", lambda case, common, bank: again.append(case.name) or evaluate(case, common, bank))
    assert run(tmp_path / "stopped") == whole
    assert again == [name for name in whole if name != done[0]]


def test_more_trials_are_added_to_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path)
    before, _ = load_trials(tmp_path / "Nu_50.h5")
    drawn = []
    draw = trials._piece
    monkeypatch.setattr(trials, "_piece", lambda *work: drawn.append(work[-1]) or draw(*work))
    more = run(tmp_path, trials={**FEW, "background": 900}, channels={"Nu": [50]})
    after, _ = load_trials(tmp_path / "Nu_50.h5")
    assert (600, 900) in drawn
    assert len(after["bkg/Nu/50"].ts) == 900
    np.testing.assert_array_equal(after["bkg/Nu/50"].ts[:600], before["bkg/Nu/50"].ts)
    fresh = run(tmp_path / "fresh", trials={**FEW, "background": 900}, channels={"Nu": [50]})
    assert fresh["Nu_50"].sensitivity == more["Nu_50"].sensitivity
    assert fresh["Nu_50"].limit == more["Nu_50"].limit


def test_trials_of_another_seed_or_sky_are_not_taken(tmp_path: Path) -> None:
    first, second = run(tmp_path, channels={"Nu": [50]}), run(tmp_path, channels={"Nu": [50]}, seed=2)
    assert first["Nu_50"].config_hash != second["Nu_50"].config_hash
    assert second == run(tmp_path / "fresh", channels={"Nu": [50]}, seed=2)
    third = run(tmp_path, channels={"Nu": [50]}, likelihood={"ratio_bins": 48, "max_info_loss": 0.02})
    assert third["Nu_50"].config_hash not in (first["Nu_50"].config_hash, second["Nu_50"].config_hash)


def test_all_is_refused_before_the_first_trial(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="W at 80 GeV: channel W"):
        run(tmp_path / "none", channels={"Nu": [50], "W": [80]})
    assert not (tmp_path / "none").exists()


def test_progress_counts_combinations(tmp_path: Path) -> None:
    one = Campaigner(shared(), tmp_path)
    seen: list[tuple[int, int]] = []
    one.run(one.cases(), lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_global_p_value_on_skies_in_common(tmp_path: Path) -> None:
    """The smallest of several p-values is less of a surprise; it is not asked for while data are blind."""
    options = {"blind": False, "trials": {**FEW, "scrambled_skies": 200}}
    found = run(tmp_path / "open", **options)
    best = min((one.observation for one in found.values()), key=lambda one: one.p)
    assert best.p - 3.0 * best.p_global_error <= best.p_global <= min(1.0, 2.0 * best.p) + 3.0 * best.p_global_error
    again = run(tmp_path / "again", **options)
    assert [one.observation.p_global for one in again.values()] == [one.observation.p_global for one in found.values()]
    assert run(tmp_path / "blind", trials={**FEW, "scrambled_skies": 200})["Nu_50"].observation is None
