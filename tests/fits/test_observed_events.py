"""The table of events with identities: rows beside their bins, the likelihood equation, what does not belong together."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from surrogate_case import likelihood, surrogate_response

from configs.errors import InputError
from fits.event_table import event_table
from fits.minimise import minimise
from fits.model import Model
from fits.observed_events import observed_events, own_order
from physics.binning import binning, flat_index
from physics.spectra import PowerLaw
from records.event_tables import save_event_tables
from records.results import decode_result, encode_result
from records.summary import rows
from records.tables import Table

ACCOUNT = {"datasets": {"data": {"kind": "data"}, "mc": {"kind": "mc"}}}


def thrown(seed: int = 4) -> Table:
    """Events in random bins of the surrogate, spread within them, in the processor's columns."""
    random = np.random.default_rng(seed)
    channels = binning("surrogate")
    names = random.choice(list(channels), 50, p=[0.7, 0.25, 0.05])
    place = [(random.integers(12), random.integers(channels[name].shape[1])) for name in names]
    edges = [(np.array(channels[name].energy_edges_gev), np.array(channels[name].third_edges)) for name in names]
    share = random.uniform(size=(2, 50))
    energy = [energies[e] * (energies[e + 1] / energies[e]) ** u for (energies, _), (e, _), u in zip(edges, place, share[0], strict=True)]
    coszen = [angles[t] + u * (angles[t + 1] - angles[t]) for (_, angles), (_, t), u in zip(edges, place, share[1], strict=True)]
    return Table(
        {
            "file": np.where(np.arange(50) < 30, "a/events.json", "b/events.json"), "entry": np.arange(50) * 2, "channel": names,
            "energy_gev": np.array(energy), "coszen": np.array(coszen), "length_m": np.where(names == "dcascade", 20.0, np.nan),
            "bin": np.array([flat_index(channels, name, *at) for name, at in zip(names, place, strict=True)]).astype(np.int64),
        }
    )  # fmt: skip


def counts_of(table: Table) -> np.ndarray:
    return np.bincount(own_order("surrogate")[table["bin"]], minlength=441)


def observed(table: Table) -> Table:
    found = observed_events({"data": {"events": table}}, ACCOUNT, "surrogate", counts_of(table))
    assert found is not None
    return found


@pytest.mark.parametrize("choice", ["official", "surrogate", "bootcamp"])
def test_both_orders_hold_every_bin_once(choice: str) -> None:
    order = own_order(choice)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(order)))


def test_every_event_lies_in_the_bin_of_the_response_that_its_row_names() -> None:
    bins = surrogate_response().bins
    table = observed(thrown())
    for row, channel, energy_gev, coszen in zip(*(table[name] for name in ("row", "channel", "energy_gev", "coszen")), strict=True):
        one = bins[row]
        assert one.channel == channel
        assert one.energy_gev[0] <= energy_gev < one.energy_gev[1]
        assert one.third[0] <= coszen < one.third[1]


def test_signalness_adds_up_to_the_fitted_astrophysical_events() -> None:
    """The likelihood equation of astro_norm: sum over events of mu_astro / mu equals the sum of mu_astro over all bins, at a free minimum."""
    table = observed(thrown())
    nll = likelihood(counts_of(table).astype(float))
    minimum = minimise(nll)
    assert minimum.valid
    found = event_table(nll.model, minimum.theta, nll.counts, table)
    assert found.expected_signal == pytest.approx(nll.model.components(minimum.theta)["astro"].sum(), rel=1e-4)
    np.testing.assert_allclose(np.sum(list(found.shares.values()), axis=0), 1.0, rtol=1e-12)
    assert found.shares["astro"] == found.signalness


def test_rows_follow_the_input_and_agree_with_those_by_bin() -> None:
    model = Model(surrogate_response(), PowerLaw())
    table = observed(thrown())
    theta = [6.0, 2.8, 1.0]
    known, by_bin = event_table(model, theta, counts_of(table), table), event_table(model, theta, counts_of(table))
    assert known.identified
    assert not by_bin.identified
    assert known.entry == list(range(0, 100, 2))
    assert known.file[0] == "a/events.json"
    assert sorted(known.signalness) == pytest.approx(sorted(by_bin.signalness))
    low, high = np.array(known.energy_low_gev), np.array(known.energy_high_gev)
    assert ((low <= known.deposited_gev) & (known.deposited_gev < high)).all()
    again = decode_result(encode_result(known), "")
    assert (again.entry, again.energy_gev, again.shares) == (known.entry, known.energy_gev, dict(known.shares))
    assert math.isnan(again.length_m[known.channel.index("track")])


def test_events_of_other_histograms_are_refused() -> None:
    table = thrown()
    with pytest.raises(
        InputError, match=r"the table of events \(50 rows\) does not hold the events that the histograms count \(49\); run run_process"
    ):
        observed_events({"data": {"events": table}}, ACCOUNT, "surrogate", counts_of(table.select(np.arange(49))))


def test_without_a_table_there_are_no_identities() -> None:
    assert observed_events({}, ACCOUNT, "surrogate", np.zeros(441)) is None
    assert observed_events({"data": {"events": thrown()}}, {"datasets": {"mc": {"kind": "mc"}}}, "surrogate", np.zeros(441)) is None


def test_files_and_terminal_name_each_event(tmp_path) -> None:
    table = observed(thrown())
    found = event_table(Model(surrogate_response(), PowerLaw()), [6.0, 2.8, 1.0], counts_of(table), table)
    save_event_tables(tmp_path, {"main.events": found})
    read = list(csv.DictReader((tmp_path / "main.events.csv").read_text().splitlines()))
    assert [int(row["entry"]) for row in read] == found.entry
    assert [float(row["deposited energy [GeV]"]) for row in read] == found.energy_gev
    assert [math.cos(math.radians(float(row["zenith [deg]"]))) for row in read] == pytest.approx(found.coszen)
    assert float(read[0]["share of atmo"]) == pytest.approx(1.0 - found.signalness[0])
    assert "entry & topology & deposited energy [TeV] & zenith [deg]" in (tmp_path / "main.events.tex").read_text()
    highest = int(np.argmax(found.energy_gev))
    assert rows(found)[1][0].startswith(f"{found.file[highest]} entry {found.entry[highest]}: {found.channel[highest]}, ")
