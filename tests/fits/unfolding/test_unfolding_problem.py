"""What a problem refuses (the message names the bin and the cure), and what it makes of histograms."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from golden_problem import FLUX_FACTOR, G, W, golden

from configs.errors import InputError
from fits.unfolding import NuisanceTemplate, UnfoldingProblem


def changed(place: tuple[int, int] | slice, value: float) -> np.ndarray:
    array = W.copy()
    array[place] = value
    return array


EMPTY_COLUMN = W * np.array([1, 1, 0, 1])
EMPTY_ROWS = W * np.array([1, 1, 1, 0, 0, 0])[:, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"S": W[:5]}, r"S has the shape \(5, 4\), expected \(6, 4\)"),
        ({"g": G[:5]}, r"g has the shape \(5,\), expected \(6,\)"),
        ({"W": W[:3], "S": W[:3], "g": G[:3]}, "3 proxy bins cannot tell 4 truth bins apart"),
        ({"W": W[:, :2], "S": W[:, :2]}, "2 truth bins in range: at least 3"),
        ({"W": changed((2, 1), np.nan)}, r"W: 1 values are negative or not finite, the first is nan at \(2, 1\)"),
        ({"W": changed((0, 0), -3.0)}, r"W: 1 values are negative or not finite, the first is -3.0 at \(0, 0\)"),
        ({"W": EMPTY_COLUMN, "S": EMPTY_COLUMN, "edges": [1, 2, 3, 4, 5]}, r"no simulated event in truth bin 2 \[3, 4\): merge it"),
        ({"W": EMPTY_ROWS, "S": EMPTY_ROWS}, r"only 3 proxy bins hold simulated events \(none in \[3, 4, 5\]\) for 4 truth bins"),
        ({"W": changed(np.s_[5], 0.0), "S": changed(np.s_[5], 0.0)}, r"data in proxy bins without simulation or background: .* 5 \(20\)"),
        ({"g": np.zeros(6)}, "the data are empty"),
        ({"edges": [1, 2, 2, 4, 5]}, "edges must rise"),
        ({"flux_factor": [1, 1, 0, 1]}, "flux_factor must be positive"),
        ({"tau": 0.0}, r"tau = 0.0: expected one positive number or a list of 4.*tau is a variance, smaller = stronger"),
        ({"tau": [0.1, 0.1]}, r"a list of 4.*tau is a variance, smaller = stronger"),
        ({"tau": -1.0}, "smaller = stronger"),
        ({"space": "log_fluxx"}, "did you mean 'log_flux'"),
        ({"mc_stat": "bblite"}, "did you mean 'bb_lite'"),
        ({"compat": "other"}, "compat 'other' does not exist"),
        ({"epsilon": 0.0}, "epsilon = 0.0: a relative error"),
        ({"generated": W.sum(axis=0) - 1}, "generated: fewer events than the response holds"),
        ({"templates": [NuisanceTemplate("a", np.zeros(5), np.zeros(5))]}, r"nuisance 'a': alpha has the shape \(5, 1\), expected \(6, 4\)"),
        ({"templates": [NuisanceTemplate("a", np.zeros(6), np.zeros(6))] * 2}, "nuisances named twice: a"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        UnfoldingProblem(**{"W": W, "S": W, "g": G, **arguments})


def test_unknown_questions_are_named() -> None:
    for ask, message in (
        (lambda: golden().map(solver="newtn"), "did you mean 'newton'"),
        (lambda: golden().profile("bin 7"), "parameter 'bin 7' does not exist"),
        (lambda: golden().profile(4), "truth bin 4 does not exist: there are 4 in range"),
        (lambda: golden().ibu(start="flt"), "did you mean 'flat'"),
        (lambda: golden().ibu(iterations=0), "at least 1"),
        (lambda: golden().tsvd(k=5), "the number of singular values to keep is 1 to 4"),
        (lambda: golden().tsvd(k=3, tau=1.0), "not both"),
        (lambda: golden().tsvd(tau=-1.0), "must be positive"),
        (lambda: golden().coverage(10, mode="responce"), "did you mean 'response'"),
        (lambda: golden().coverage(10, mode="independent"), "needs truth"),
        (lambda: golden().scan([0.1]), "at least 3 positive values of tau"),
        (lambda: golden().scan([0.1, 1, 10]), "needs positive edges"),
        (lambda: golden().sample(prior_f="flt"), "did you mean 'flat'"),
        (lambda: golden().sample(n_used_steps=1), "n_used_steps = 1: at least 10"),
    ):
        with pytest.raises(InputError, match=message):
            ask()


def test_problem_keeps_copies_of_its_arrays() -> None:
    w = W.copy()
    problem = UnfoldingProblem(w, w, G)
    w[0, 0] = 1e9
    assert problem.W[0, 0] == 60
    with pytest.raises(ValueError, match="read-only"):
        problem.W[0, 0] = 0


def test_response_and_its_variance() -> None:
    problem = golden()
    assert problem.A.sum(axis=0) == pytest.approx(np.ones(4))
    # T from the derivative of A_ij = W_ij / sum_i W_ij in every weight
    i, j = 1, 2
    total = W[:, j].sum()
    slope = -W[i, j] / total**2 + (np.arange(6) == i) / total
    assert problem.T[i, j] == pytest.approx(np.sum(slope**2 * 0.2 * W[:, j]))


def test_variance_of_the_response_by_toys() -> None:
    random = np.random.default_rng(2)
    toys = random.poisson(W * 5, (20_000, 6, 4)) / 5.0
    assert (toys / toys.sum(axis=1, keepdims=True)).var(axis=0) == pytest.approx(golden().T, rel=0.08, abs=3e-6)


def filled(n_events: int = 50_000) -> tuple[hist.Hist, hist.Hist]:
    random = np.random.default_rng(0)
    true = random.exponential(2.0, n_events)
    measured = true + random.normal(0, 0.3, n_events)
    response = hist.Hist(hist.axis.Regular(12, 0, 6, name="proxy"), hist.axis.Regular(5, 0.5, 5.5, name="truth"), storage=hist.storage.Weight())
    response.fill(measured, true, weight=np.full(n_events, 0.5))
    data = hist.Hist(hist.axis.Regular(12, 0, 6, name="proxy"), storage=hist.storage.Int64())
    return response, data.fill(measured[: n_events // 10])


def test_histograms_keep_flow_of_the_truth_and_lose_that_of_the_proxy() -> None:
    response, data = filled()
    problem = UnfoldingProblem.from_hists(response, data, tau=1e-2, mc_stat="none")
    assert (problem.m, problem.n, problem.n_inside) == (12, 7, 5)
    assert problem.underflow
    assert problem.overflow
    assert problem.bin_labels[0] == "underflow"
    assert problem.bin_labels[1] == "bin 0 [0.5, 1.5)"
    assert np.all(problem.A.sum(axis=0) < 1.0 + 1e-12)
    assert problem.A.sum(axis=0)[-1] < 0.8  # most events above the last truth edge are measured above the proxy's
    truth = np.asarray(response[sum, :].values()) / 0.5 / 10  # proxy flow not in
    fit = problem.map()
    generated = problem.totals[0][1:-1] / 0.5 / 10
    assert np.all(np.abs(fit.f[1:-1] - generated) < 4 * np.sqrt(np.diag(fit.covariance))[1:-1])
    assert np.all(generated >= truth)


def test_histograms_without_flow() -> None:
    response = hist.Hist(hist.axis.Integer(0, 6, flow=False), hist.axis.Variable([1, 2, 3, 4, 5], flow=False), storage=hist.storage.Weight())
    response.view()["value"], response.view()["variance"] = W, 0.2 * W
    data = hist.Hist(hist.axis.Integer(0, 6, flow=False))
    data.view()[...] = G
    problem = UnfoldingProblem.from_hists(response, data, mc_stat="none", flux_factor=FLUX_FACTOR)
    assert problem.generated is None
    assert problem.map().f == pytest.approx(golden().map().f, rel=1e-5)


def test_histograms_that_do_not_fit_are_refused() -> None:
    response, data = filled(1000)
    with pytest.raises(InputError, match="proxy axes differ: 12 bins in the response, 6 in the data"):
        UnfoldingProblem.from_hists(response, data[:: hist.rebin(2)])
    with pytest.raises(InputError, match=r"expected \(proxy, truth\)"):
        UnfoldingProblem.from_hists(data, data)
    plain = hist.Hist(*response.axes, storage=hist.storage.Double()).fill([1.0], [1.0], weight=[0.5])
    with pytest.raises(InputError, match="no variances"):
        UnfoldingProblem.from_hists(plain, data)


def test_flow_bins_are_not_regularised() -> None:
    """With the strongest prior the bins in range keep the reference's shape; those outside follow the data."""
    response, data = filled()
    problem = UnfoldingProblem.from_hists(response, data, tau=1e-9, mc_stat="none", reference=np.array([9, 3, 3, 3, 3, 3, 1.0]))
    fit = problem.map()
    assert np.ptp(fit.f[1:-1]) / fit.f[1] < 1e-3
    assert fit.f[0] / fit.f[1] != pytest.approx(3.0, rel=0.05)
    assert fit.n_eff == pytest.approx(3.0, abs=1e-3)


def test_condition_number_is_that_of_the_bins_in_range() -> None:
    """A flow bin that fills the same proxy bin as its neighbour alone makes A singular; the bins in range are known as well as before."""
    w = np.array([[8.0, 1.0, 0.0, 0.0], [2.0, 8.0, 0.0, 0.0], [1.0, 1.0, 5.0, 3.0], [0.5, 0.5, 0.0, 0.0]])
    inside = np.linalg.svd((w / w.sum(axis=0))[:, :3], compute_uv=False)
    problem = UnfoldingProblem(w, w, np.full(4, 30.0), overflow=True)
    assert problem.condition_number == pytest.approx(inside[0] / inside[-1], rel=1e-12)
    assert np.linalg.cond(problem.A) > 1e15
