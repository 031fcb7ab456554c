"""Several samples with one flux: closed forms, the fit of a whole from its parts, priors once, gradients, and what cannot be joined."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
from generated_case import generated
from scipy.stats import gamma
from surrogate_case import PUBLISHED, counting_experiment, likelihood, surrogate_response, toy_counts

from configs.diffuse import ParameterOptions, Prior
from configs.diffuse_studies import Posterior
from configs.errors import InputError
from fits.feldman_cousins import feldman_cousins
from fits.goodness import saturated, saturated_by_projection
from fits.joint_likelihood import JointLikelihood, join
from fits.joint_model import JointModel
from fits.joint_result import one_flux, projections
from fits.limits import limit
from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.parameters import ATMOSPHERIC_PRIOR, configure
from fits.priors import Gaussian
from fits.profiles import profile
from fits.response import Response
from fits.sampling import posterior
from fits.scans import scan, scan_general, scan_linear
from fits.toys import ToyStudy, generator, run_toys, summarise, throw
from physics.segmented_spectrum import Segmented
from physics.spectra import LogParabola, PowerLaw

TRUTH = list(PUBLISHED.values())
SHARED = ["atmos_norm"]


def part(response: Response, kept: np.ndarray) -> Response:
    """Some bins of a response."""
    moments = {key: array[:, kept] for key, array in response.moments.items()}
    return dataclasses.replace(response, bins=tuple(itertools.compress(response.bins, kept)), moments=moments)


def halves(counts: np.ndarray) -> dict[str, NegativeLogLikelihood]:
    """The surrogate's bins as two samples, tracks and the rest."""
    tracks = np.array([one.channel == "track" for one in surrogate_response().bins])
    found = {}
    for name, kept in (("tracks", tracks), ("cascades", ~tracks)):
        model = Model(part(surrogate_response(), kept), PowerLaw())
        found[name] = NegativeLogLikelihood(model, counts[kept], parameters=configure(model.parameters, {}, {"atmos_norm": ATMOSPHERIC_PRIOR}))
    return found


def mixed() -> JointLikelihood:
    """A generated sample with the effective likelihood and the release's parameters, the surrogate with Poisson, cosmic-ray tilt in common."""
    response = generated(5_000).response
    starting, other = (OfficialModel(one, PowerLaw(), detector=False) for one in (response, surrogate_response()))
    known = np.random.default_rng(8).poisson(starting.expected([one.start for one in starting.parameters]))
    members = {
        "starting": NegativeLogLikelihood(starting, known, "say", empty_bins="skip"),
        "other": NegativeLogLikelihood(other, toy_counts(3)),
    }
    return join(members, ["cr_delta_gamma"])


def test_two_halves_of_one_sample_are_the_whole() -> None:
    counts = toy_counts(1)
    whole, joint = likelihood(counts), join(halves(counts), SHARED)
    assert joint.names == whole.names
    for theta in (TRUTH, [3.0, 2.2, 1.7]):
        assert joint.value(theta) == pytest.approx(whole.value(theta), rel=1e-13)
        assert joint.parts(theta) == pytest.approx(whole.parts(theta), rel=1e-13)
        np.testing.assert_allclose(joint.value_and_gradient(theta)[1], whole.value_and_gradient(theta)[1], rtol=1e-10, atol=1e-9)
    ours, theirs = (minimise(one, minos=one.names) for one in (joint, whole))
    np.testing.assert_allclose(ours.theta, theirs.theta, rtol=1e-7)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=1e-4)
    for name in whole.names:
        assert ours.minos[name] == pytest.approx(theirs.minos[name], rel=1e-5)


def test_questions_of_the_halves_have_the_answers_of_the_whole() -> None:
    counts = toy_counts(2)
    likelihoods = [likelihood(counts), join(halves(counts), SHARED)]
    answers = []
    for nll in likelihoods:
        minimum = minimise(nll)
        grid = profile(nll, minimum, "astro_gamma", (2.4, 3.4, 5))
        plane = scan(nll, minimum, "astro_gamma", "astro_norm", (2.4, 3.4, 4), (3.0, 9.0, 4))
        upper = limit(nll, minimum, "atmos_norm", 0.9, expected_toys=0, seed=1)
        answers.append([*grid.delta_nll, *np.ravel(plane.delta_nll), upper.observed, saturated(nll.counts, nll.model.expected(minimum.theta))])
    np.testing.assert_allclose(answers[1], answers[0], rtol=1e-5, atol=1e-6)


def test_a_norm_that_is_shared_is_profiled_at_all_points_at_once_as_by_fits() -> None:
    joint = join(halves(toy_counts(2)), SHARED)
    minimum = minimise(joint)
    x, y = np.linspace(2.5, 3.2, 3), np.linspace(4.0, 8.0, 3)
    fast, _ = scan_linear(joint, "astro_gamma", "astro_norm", x, y)
    np.testing.assert_allclose(fast, scan_general(joint, minimum, "astro_gamma", "astro_norm", x, y)[0], atol=1e-6)


def test_a_shared_prior_counts_once_and_a_prior_of_each_sample_for_each() -> None:
    members = halves(toy_counts(1))
    once, each = join(members, SHARED), join(members)
    assert once.names == ("astro_norm", "astro_gamma", "atmos_norm")
    assert each.names == ("astro_norm", "astro_gamma", "atmos_norm[tracks]", "atmos_norm[cascades]")
    quadratic, constant = ATMOSPHERIC_PRIOR.quadratic(1.4), ATMOSPHERIC_PRIOR.constant
    assert once.parts([*TRUTH[:2], 1.4])[1:] == pytest.approx((quadratic, constant))
    assert each.parts([*TRUTH[:2], 1.4, 1.4])[1:] == pytest.approx((2 * quadratic, 2 * constant))
    assert each.parts([*TRUTH[:2], 1.4, 1.4])[0] == pytest.approx(once.parts([*TRUTH[:2], 1.4])[0])


def test_toys_throw_a_shared_prior_once() -> None:
    members = halves(toy_counts(1))
    once = throw(join(members, SHARED), PUBLISHED, generator(1, "toys", 0))
    assert list(once.priors) == ["atmos_norm"]
    assert once.priors["atmos_norm"].centre != 1.0
    each = join(members)
    truth = dict(zip(each.names, [*TRUTH, 1.0], strict=True))
    thrown = throw(each, truth, generator(1, "toys", 0))
    assert thrown.priors["atmos_norm[tracks]"].centre != thrown.priors["atmos_norm[cascades]"].centre
    assert thrown.counts.shape == (441,)
    np.testing.assert_array_equal(np.concatenate([one.counts for one in thrown.members.values()]), thrown.counts)
    assert all(one.priors["atmos_norm"].centre == 1.0 for one in thrown.members.values())  # which take no part


def test_gradients_of_samples_with_different_likelihoods() -> None:
    joint = mixed()
    assert joint.likelihood == "say, poisson"
    assert joint.names[:3] == ("astro_norm", "astro_gamma", "cr_delta_gamma")
    theta = np.array([one.start for one in joint.parameters]) * 1.1
    gradient = joint.value_and_gradient(theta)[1]
    mu, slopes = joint.model.mu_and_gradient(theta)
    np.testing.assert_allclose(mu, joint.model.expected(theta))
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = 1e-5
        central = (joint.value(theta + step) - joint.value(theta - step)) / 2e-5
        assert gradient[i] == pytest.approx(central, rel=1e-5, abs=1e-5), joint.names[i]
        central_mu = (joint.model.expected(theta + step) - joint.model.expected(theta - step)) / 2e-5
        np.testing.assert_allclose(slopes[i], central_mu, rtol=1e-5, atol=1e-8)
    assert minimise(joint).valid


def test_the_order_of_samples_does_not_matter() -> None:
    members = halves(toy_counts(4))
    one, other = join(members), join(dict(reversed(members.items())))
    assert sorted(one.names) == sorted(other.names)
    found, same = minimise(one), minimise(other)
    assert found.nll == pytest.approx(same.nll, rel=1e-12)
    for name in one.names:
        assert found.values[name] == pytest.approx(same.values[name], rel=1e-6)
        assert found.errors[name] == pytest.approx(same.errors[name], rel=1e-4)


def test_three_samples_and_processes_of_a_pool() -> None:
    first, second, third = (counting_experiment(count, 0.0) for count in (3, 8, 4))
    joint = pickle.loads(pickle.dumps(join({"a": first, "b": second, "c": third})))
    found = minimise(joint, minos=["astro_norm"])
    assert found.values["astro_norm"] == pytest.approx(5.0, rel=1e-4)  # the mean of counts
    assert found.errors["astro_norm"] == pytest.approx(math.sqrt(5.0 / 3.0), rel=1e-4)
    assert joint.model.response.bins[1].label.startswith("b: cascade")


def test_whether_samples_agree_on_the_flux_in_closed_form() -> None:
    """Counts 3 and 9 against their mean: 2 sum k ln(k / mean)."""
    joint = join({"a": counting_experiment(3, 0.0), "b": counting_experiment(9, 0.0)})
    ts, degrees, reason = one_flux(joint, minimise(joint))
    assert ts == pytest.approx(2 * (3 * math.log(3 / 6) + 9 * math.log(9 / 6)), rel=1e-4)
    assert (degrees, reason) == (1, "")


def test_the_test_of_one_flux_is_that_of_samples_alone_unless_a_prior_is_shared() -> None:
    members = halves(toy_counts(5))
    joint = join(members)
    minimum = minimise(joint)
    ts, degrees, _ = one_flux(joint, minimum)
    alone = sum(minimise(one).nll for one in members.values())
    assert ts == pytest.approx(2 * (minimum.nll - alone), abs=1e-5)
    assert degrees == 2
    shared = join(members, SHARED)
    ts, degrees, _ = one_flux(shared, minimise(shared))
    assert degrees == 2
    assert ts >= 0.0
    tied = join(members, options={"astro_gamma": ParameterOptions(prior=Prior(gaussian=(2.9, 0.1)))})
    assert "the prior of astro_gamma ties" in one_flux(tied, minimise(tied))[2]
    known = join(members, options={name: ParameterOptions(fixed=True) for name in ("astro_norm", "astro_gamma")})
    assert one_flux(known, minimise(known))[1:] == (0, "no parameter of the flux is free")


def test_goodness_of_fit_of_the_sum_and_of_each_sample() -> None:
    members = halves(toy_counts(1))
    joint = join(members)
    mu = joint.model.expected([*TRUTH, 1.0])
    found = saturated_by_projection(joint.counts, mu, projections(joint.model))
    assert list(found) == ["all", "tracks", "cascades"]
    assert found["tracks"] + found["cascades"] == pytest.approx(found["all"])
    assert found["tracks"] == pytest.approx(saturated(members["tracks"].counts, members["tracks"].model.expected(TRUTH)))


def test_components_are_those_of_the_samples() -> None:
    joint = mixed()
    theta = [one.start for one in joint.parameters]
    parts = joint.model.components(theta)
    assert {"astro", "conventional", "atmo"} <= set(parts)
    np.testing.assert_allclose(np.sum(list(parts.values()), axis=0), joint.model.expected(theta), atol=1e-12)
    assert not parts["atmo"][joint.model.slices["starting"]].any()
    assert joint.model.reachable.shape == (joint.model.n_bins,)
    assert joint.model.check_fold(theta) < 1e-3


def test_toys_cover() -> None:
    """Pulls and 68 % intervals of thrown samples, prior centres thrown with them: within three binomial errors."""
    members = {name: likelihood(axes=["energy"]) for name in ("first", "second")}
    joint = join(members, SHARED)
    n = 100
    study = ToyStudy(joint, PUBLISHED, 7, minos=("astro_gamma", "atmos_norm"))
    found = summarise(study, run_toys(study, n))
    assert found.n_valid == n
    for name in study.minos:
        assert found.coverage_68[name] == pytest.approx(0.6827, abs=3 * math.sqrt(0.6827 * 0.3173 / n))
        assert found.pull_mean[name] == pytest.approx(0.0, abs=3 / math.sqrt(n))
        assert found.pull_width[name] == pytest.approx(1.0, abs=3 / math.sqrt(2 * n))


def test_an_interval_of_feldman_and_cousins() -> None:
    joint = join({"a": counting_experiment(4, 0.0), "b": counting_experiment(6, 0.0)})
    found = feldman_cousins(joint, minimise(joint), "astro_norm", [2.5, 3.0, 3.6, 5.0, 6.6, 7.4, 8.2], toys=50, cl=[0.6827], seed=2)
    low, high = found.interval["0.6827"]
    assert (2 * low, 2 * high) == pytest.approx((6.8, 13.8), abs=1.0)  # that of 10 events (PRD 57 (1998) 3873, table II)


def test_the_posterior_of_two_counts_is_a_gamma_distribution() -> None:
    """Flat prior, counts 4 and 6 with one mean: shape 11, scale 1/2."""
    joint = join({"a": counting_experiment(4, 0.0), "b": counting_experiment(6, 0.0)})
    found = posterior(joint, minimise(joint), Posterior(walkers=32, burn=100, steps=400), seed=5)
    known = gamma(11, scale=0.5)
    assert found.mean["astro_norm"] == pytest.approx(known.mean(), abs=0.1)
    assert found.intervals["0.6827"]["astro_norm"] == pytest.approx(known.interval(0.6827), abs=0.15)


def test_parameters_in_common_lie_inside_the_bounds_of_all_and_can_be_changed() -> None:
    first, second = likelihood(), likelihood()
    tighter = configure(second.parameters, {"astro_gamma": ParameterOptions(bounds=(2.0, 3.5))})
    members = {"a": first, "b": NegativeLogLikelihood(second.model, second.counts, parameters=tighter)}
    index = join(members).parameters[1]
    assert (index.lower, index.upper) == (2.0, 3.5)
    changed = join(members, options={"atmos_norm[b]": ParameterOptions(fixed=True, start=1.2), "astro_norm": ParameterOptions(start=5.0)})
    by_name = {one.name: one for one in changed.parameters}
    assert (by_name["atmos_norm[b]"].start, by_name["atmos_norm[b]"].fixed, by_name["atmos_norm[a]"].fixed) == (1.2, True, False)
    assert by_name["atmos_norm[b]"].prior == ATMOSPHERIC_PRIOR
    assert by_name["astro_norm"].start == 5.0


def with_parameters(nll: NegativeLogLikelihood, **options: ParameterOptions) -> NegativeLogLikelihood:
    return NegativeLogLikelihood(nll.model, nll.counts, parameters=configure(nll.parameters, options))


def test_what_a_sample_holds_the_joint_fit_holds_unless_it_says_otherwise() -> None:
    known = {name: with_parameters(likelihood(), astro_gamma=ParameterOptions(start=2.9, fixed=True)) for name in "ab"}
    assert join(known).parameters[1].fixed
    assert join(known, options={"astro_gamma": ParameterOptions(start=2.8)}).parameters[1].fixed
    assert not join(known, options={"astro_gamma": ParameterOptions(fixed=False)}).parameters[1].fixed


def test_other_priors_of_a_common_parameter_are_refused_unless_settled() -> None:
    members = {"a": likelihood(), "b": likelihood(prior=False)}
    message = (
        r"atmos_norm is common to all samples, but its prior is gaussian\(1, 0\.4\) in a and none in b; state it once, as parameters\.atmos_norm"
    )
    with pytest.raises(InputError, match=message):
        join(members, SHARED)
    settled = join(members, SHARED, {"atmos_norm": ParameterOptions(prior=Prior(gaussian=(1.0, 0.2)))})
    assert settled.priors == {"atmos_norm": Gaussian(1.0, 0.2)}
    assert list(join(members).priors) == ["atmos_norm[a]"]
    held = {"a": likelihood(), "b": with_parameters(likelihood(), astro_gamma=ParameterOptions(start=2.9, fixed=True))}
    with pytest.raises(InputError, match=r"astro_gamma is common to all samples, but it is free in a and fixed at 2\.9 in b"):
        join(held)


def test_what_cannot_be_joined_is_refused() -> None:
    members = halves(toy_counts(1))
    for shared, message in (
        (["atmos_nrm"], r"shared: the sample tracks has no nuisance parameter 'atmos_nrm'; did you mean 'atmos_norm'"),
        (["astro_gamma"], r"shared: 'astro_gamma' is a parameter of the flux, which all samples share anyway"),
        (["atmos_norm", "atmos_norm"], "name each parameter once"),
    ):
        with pytest.raises(InputError, match=message):
            join(members, shared)
    with pytest.raises(InputError, match="needs two samples or more"):
        join({"a": members["tracks"]})
    with pytest.raises(InputError, match=r"'atmos_norm' is not a parameter of this model; did you mean 'atmos_norm\["):
        join(members, options={"atmos_norm": ParameterOptions(start=1.0)})
    with pytest.raises(InputError, match=r"counts have shape \(3,\), the samples together have 441 bins"):
        join(members).with_counts([1, 2, 3])
    with pytest.raises(InputError, match=r"prior_means: 'atmos_norm' has no prior; did you mean"):
        join(members).with_counts(np.zeros(441), {"atmos_norm": 1.0})


@dataclasses.dataclass(frozen=True)
class Bent(PowerLaw):
    """A power law with a kink, of the same parameter."""

    def evaluate(self, x, theta):
        shape = super().evaluate(x, theta)
        return dataclasses.replace(shape, l=shape.l - 0.1 * np.maximum(x, 0.0))


def test_spectra_must_be_one() -> None:
    first = Model(surrogate_response(), PowerLaw())
    with pytest.raises(
        InputError, match=r"parameters astro_norm, astro_gamma in a and astro_norm, astro_gamma, beta in b; a joint fit has one spectrum"
    ):
        JointModel({"a": first, "b": Model(surrogate_response(), LogParabola())})
    with pytest.raises(InputError, match=r"pivot_gev: 100000 in a and 50000 in b"):
        JointModel({"a": first, "b": Model(surrogate_response(), PowerLaw(), pivot_gev=5e4)})
    segments = [Model(surrogate_response(), Segmented(edges)) for edges in ((4e4, 2e5, 7e6), (4e4, 4e5, 7e6))]
    assert JointModel({"a": segments[0], "b": segments[0]}).names == ("phi_1", "phi_2", "atmos_norm[a]", "atmos_norm[b]")
    with pytest.raises(InputError, match="equal parameters and different shapes"):
        JointModel(dict(zip("ab", segments, strict=True)))
    with pytest.raises(InputError, match="equal parameters and different shapes"):
        JointModel({"a": first, "b": Model(surrogate_response(), Bent())})


def test_bounds_beyond_a_samples_tables_are_refused() -> None:
    members = mixed().members
    with pytest.raises(InputError, match=r"cr_delta_gamma: bounds -1\.\.1 leave the tabulated range of the tilt"):
        join(members, ["cr_delta_gamma"], {"cr_delta_gamma": ParameterOptions(bounds=(-1.0, 1.0))})


def test_data_that_no_simulation_explains_are_named_with_their_sample() -> None:
    joint = mixed()
    with pytest.warns(UserWarning, match="left out of the fit"):
        lost = NegativeLogLikelihood(joint.members["starting"].model, np.ones(joint.members["starting"].model.n_bins), "say", empty_bins="skip")
    found = join({"starting": lost, "other": joint.members["other"]})
    assert found.n_dropped == lost.n_dropped > 0
    assert found.dropped_bins[0].startswith("starting: ")
