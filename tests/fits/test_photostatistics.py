"""Photostatistics: closed forms, the golden point of the specification, and toys for bias and pull width."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from configs.errors import InputError
from fits.joint_photostatistics import joint_photostatistics
from fits.light_levels import variance_mean_line, without_instability
from fits.photostatistics import photostatistics
from fits.sample_moments import ChargeMoments
from physics.constants import ELEMENTARY_CHARGE_PC

DELTA, Q1 = 0.4, 0.32


def charges(random: np.random.Generator, light: float, q1: float, n: int, noise: float = 0.1) -> np.ndarray:
    """``n`` triggers: the sum of N gamma charges of relative width delta is a gamma variate of shape N / delta^2."""
    count = random.poisson(light, n)
    return random.gamma(count / DELTA**2 + 1e-300, q1 * DELTA**2) + random.normal(0.0, noise, n)


def pedestal(random: np.random.Generator, n: int = 500, noise: float = 0.1) -> ChargeMoments:
    return ChargeMoments.from_charges(random.normal(0.0, noise, n))


def exact(m: float, v: float, n: int = 500) -> ChargeMoments:
    return ChargeMoments(n, m, v, 0.0, 3.0 * v**2)


class TestMoments:
    def test_sums_give_what_the_charges_give(self) -> None:
        q = np.random.default_rng(1).gamma(6.0, 1.6, 2000)
        from_sums = ChargeMoments.from_sums([np.sum((q / 9.0) ** k) for k in range(5)], 9.0)
        direct = ChargeMoments.from_charges(q)
        for name in ("n", "mean_pc", "variance_pc2", "mu3_pc3", "mu4_pc4"):
            assert getattr(from_sums, name) == pytest.approx(getattr(direct, name), rel=1e-11)

    def test_shift_loses_no_digit_of_a_narrow_distribution(self) -> None:
        """Charges 1 and 1 + 2^-12 in equal numbers: sums are exact in double precision and so are all moments."""
        step = 2.0**-12
        one, other = Fraction(1), Fraction(1 + step)
        found = ChargeMoments.from_sums([float(50 * (one**k + other**k)) for k in range(5)], 1.0)
        assert found.variance_pc2 == pytest.approx((step / 2) ** 2 * 100 / 99, rel=1e-14)
        assert found.mu3_pc3 == 0.0
        assert found.mu4_pc4 == pytest.approx((step / 2) ** 4, rel=1e-14)

    @pytest.mark.parametrize(
        ("sums", "q_ref", "message"),
        [
            ([1, 1, 1, 1, 1], 1.0, "at least 2 triggers, found 1"),
            ([2, 2, 2, 2], 1.0, "5 finite sums"),
            ([2, 2, 2, 2, math.nan], 1.0, "5 finite sums"),
            ([2, 2, 2, 2, 2], 0.0, "reference charge 0.0 pC"),
        ],
    )
    def test_refuses(self, sums: list[float], q_ref: float, message: str) -> None:
        with pytest.raises(InputError, match=message):
            ChargeMoments.from_sums(sums, q_ref)

    def test_covariance_of_mean_and_variance(self) -> None:
        """Samples of 8 exponential charges: exact moments 1, 1, 2, 9, against the scatter of 200,000 samples."""
        samples = np.random.default_rng(2).exponential(1.0, (200_000, 8))
        scatter = np.cov(samples.mean(axis=1), samples.var(axis=1, ddof=1))
        assert ChargeMoments(8, 1.0, 1.0, 2.0, 9.0).covariance == pytest.approx(scatter, rel=0.02)


class TestOneLevel:
    def test_golden_point(self) -> None:
        found = photostatistics(exact(9.6, 3.60), exact(0.0, 0.02), 0.4, 0.1)
        assert found.lambda_pe == pytest.approx(29.861899, rel=1e-6)
        assert found.q1_pc == pytest.approx(0.321480, rel=1e-6)
        assert found.gain == pytest.approx(2.006520e6, rel=1e-6)
        assert found.gain_model_error / found.gain == pytest.approx(0.08 / 1.16, rel=1e-12)
        assert math.isnan(found.nu)
        assert "not measurable" in found.nu_reason

    def test_error_is_that_of_the_specification(self) -> None:
        """[Var(s^2) + Var(s_ped^2)]/v^2 + s^2/(n m^2) - 2 mu3/(n m v); the pedestal's mean adds s_ped^2/(n_ped m^2)."""
        led, off = ChargeMoments(500, 9.6, 3.6, 1.1, 42.0), ChargeMoments(200, 0.0, 0.02, 0.0, 0.0012)
        m, v = 9.6, 3.58
        var = (42.0 - 3.6**2 * 497 / 499) / 500 + (0.0012 - 0.02**2 * 197 / 199) / 200
        relative = var / v**2 + 3.6 / (500 * m**2) - 2 * 1.1 / (500 * m * v) + 0.02 / (200 * m**2)
        found = photostatistics(led, off)
        assert (found.gain_error / found.gain) ** 2 == pytest.approx(relative, rel=1e-12)

    def test_toys_bias_and_pull(self) -> None:
        random = np.random.default_rng(3)
        toys = [photostatistics(ChargeMoments.from_charges(charges(random, 30, Q1, 500)), pedestal(random), DELTA, 0.0) for _ in range(2000)]
        truth = Q1 / ELEMENTARY_CHARGE_PC
        gain, error = (np.array([getattr(toy, name) for toy in toys]) for name in ("gain", "gain_error"))
        assert gain.std() / truth == pytest.approx(0.064, abs=0.003)
        assert gain.mean() / truth == pytest.approx(1.0, abs=0.005)
        assert ((gain - truth) / error).std() == pytest.approx(1.03, abs=0.05)
        light = np.array([toy.lambda_pe for toy in toys])
        light_error = np.array([toy.lambda_error for toy in toys])
        assert light_error.mean() == pytest.approx(light.std(), rel=0.05)

    def test_pedestal_moves_nothing(self) -> None:
        led = charges(np.random.default_rng(4), 30, Q1, 500)
        off = np.random.default_rng(5).normal(0.0, 0.1, 300)
        plain, shifted = (photostatistics(ChargeMoments.from_charges(led + c), ChargeMoments.from_charges(off + c)) for c in (0.0, 0.7))
        assert shifted.gain == pytest.approx(plain.gain, rel=1e-12)
        assert shifted.gain_error == pytest.approx(plain.gain_error, rel=1e-9)

    @pytest.mark.parametrize(
        ("m", "v", "reason"),
        [(9.6, 0.02, "variance below pedestal"), (9.6, 0.01, "variance below pedestal"), (-0.1, 3.0, "mean charge below pedestal")],
    )
    def test_nothing_above_the_pedestal_is_an_invalid_result(self, m: float, v: float, reason: str) -> None:
        found = photostatistics(exact(m, v), exact(0.0, 0.02))
        assert not found.valid
        assert reason in found.reason
        assert math.isnan(found.gain)

    def test_tiny_sample_is_invalid(self) -> None:
        assert "needs 4" in photostatistics(exact(9.6, 3.6, 3), exact(0.0, 0.02)).reason

    @pytest.mark.parametrize("delta", [0.0, -0.4, math.nan])
    def test_refuses_delta(self, delta: float) -> None:
        with pytest.raises(InputError, match=r"delta = .* is not > 0"):
            photostatistics(exact(9.6, 3.6), exact(0.0, 0.02), delta)

    def test_refuses_missing_pedestal(self) -> None:
        with pytest.raises(InputError, match="no pedestal: take a run with the LED off"):
            photostatistics(exact(9.6, 3.6), None)

    def test_refuses_negative_error_of_delta(self) -> None:
        with pytest.raises(InputError, match="error of delta"):
            photostatistics(exact(9.6, 3.6), exact(0.0, 0.02), 0.4, -0.1)

    def test_noise_pedestal_is_gaussian(self) -> None:
        assert ChargeMoments.noise(0.02, 101).covariance[1, 1] == pytest.approx(2 * 0.02**2 / 100, rel=1e-12)


class TestLightLevels:
    @staticmethod
    def levels(random: np.random.Generator, nu: float, n: int = 4000) -> list[ChargeMoments]:
        made = []
        for light in (5.0, 15.0, 40.0, 90.0):
            flicker = light * np.clip(random.normal(1.0, nu, n), 0.0, None)
            made.append(
                ChargeMoments.from_charges(random.gamma(random.poisson(flicker) / DELTA**2 + 1e-300, Q1 * DELTA**2) + random.normal(0, 0.1, n))
            )
        return made

    def test_exact_levels_give_exact_line(self) -> None:
        slope, nu = 0.37, 0.03
        exact_levels = [exact(m, slope * m + nu**2 * m**2 + 0.02) for m in (2.0, 5.0, 9.0)]
        found = variance_mean_line(exact_levels, exact(0.0, 0.02))
        assert found.slope_pc == pytest.approx(slope, rel=1e-10)
        assert found.nu == pytest.approx(nu, rel=1e-8)
        assert found.chi2 == pytest.approx(0.0, abs=1e-12)
        corrected = without_instability(exact_levels[2], exact(0.0, 0.02), found)
        assert corrected.gain == pytest.approx(found.gain, rel=1e-10)
        assert photostatistics(exact_levels[2], exact(0.0, 0.02)).gain > 1.02 * found.gain

    def test_toys_find_the_flicker(self) -> None:
        random, truth, nu = np.random.default_rng(6), Q1 * (1 + DELTA**2), 0.05
        toys = [variance_mean_line(self.levels(random, nu), pedestal(random, 2000), DELTA, 0.0) for _ in range(200)]
        slope_pull = np.array([(toy.slope_pc - truth) / toy.slope_error_pc for toy in toys])
        nu_pull = np.array([(toy.nu_squared - nu**2) / toy.nu_squared_error for toy in toys])
        for pull in (slope_pull, nu_pull):
            assert pull.mean() == pytest.approx(0.0, abs=0.3)
            assert pull.std() == pytest.approx(1.0, abs=0.15)
        p_values = np.array([toy.p_value for toy in toys])
        assert np.mean(p_values < 0.05) < 0.12
        assert np.mean(p_values) == pytest.approx(0.5, abs=0.1)

    def test_steady_light_may_give_negative_square(self) -> None:
        found = [variance_mean_line(self.levels(np.random.default_rng(seed), 0.0, 500), exact(0.0, 0.01, 5000)) for seed in range(20)]
        negative = [one for one in found if one.nu_squared < 0]
        assert 4 <= len(negative) <= 16
        assert all(math.isnan(one.nu) and "negative" in one.nu_reason for one in negative)

    def test_two_levels_are_not_enough(self) -> None:
        found = variance_mean_line([exact(5.0, 2.0), exact(9.0, 3.6), exact(9.0, 0.01)], exact(0.0, 0.02))
        assert not found.valid
        assert found.reason.startswith("2 usable light levels")
        assert "not measurable" in found.nu_reason


class TestJoint:
    HV = tuple(700 + 40 * i for i in range(18))

    def toy(self, random: np.random.Generator, light: float = 30.0) -> dict[str, tuple[ChargeMoments, ChargeMoments | None]]:
        made: dict[str, tuple[ChargeMoments, ChargeMoments | None]] = {}
        for hv in self.HV:
            q1 = Q1 * (hv / 1000) ** 5.5
            made[f"{hv}V"] = ChargeMoments.from_charges(charges(random, light, q1, 500, 0.1 * q1)), pedestal(random, 500, 0.1 * q1)
        return made

    def test_exact_points_give_exact_light(self) -> None:
        q1 = {"a": 0.1, "b": 0.4, "c": 1.7}
        points = {name: (exact(20 * q, 20 * q * q * 1.16 + 0.01), exact(0.0, 0.01)) for name, q in q1.items()}
        found = joint_photostatistics(points)
        assert found.lambda_pe == pytest.approx(20.0, rel=1e-9)
        assert {name: point.q1_pc for name, point in found.points.items()} == pytest.approx(q1, rel=1e-9)
        assert found.chi2 == pytest.approx(0.0, abs=1e-12)
        assert found.degrees_of_freedom == 2

    def test_toys_light_error_and_constancy(self) -> None:
        random = np.random.default_rng(7)
        toys = [joint_photostatistics(self.toy(random), DELTA, 0.0) for _ in range(150)]
        light, error = (np.array([getattr(toy, name) for toy in toys]) for name in ("lambda_pe", "lambda_error"))
        assert light.std() / 30 == pytest.approx(0.015, abs=0.003)  # 6.3 % / sqrt(18)
        assert light.mean() / 30 == pytest.approx(1.0, abs=0.005)
        assert ((light - 30) / error).std() == pytest.approx(1.0, abs=0.15)
        assert np.mean([toy.chi2 for toy in toys]) == pytest.approx(17, abs=2.0)
        gain = np.array([toy.points["1020V"].gain for toy in toys]) / (Q1 * 1.02**5.5 / ELEMENTARY_CHARGE_PC)
        gain_error = np.mean([toy.points["1020V"].gain_error / toy.points["1020V"].gain for toy in toys])
        assert gain.std() == pytest.approx(gain_error, rel=0.2)
        assert gain_error < 0.025

    @pytest.mark.parametrize("nu", [0.0, 0.1])
    def test_errors_of_a_point_at_the_common_light(self, nu: float) -> None:
        """What a voltage does not share with the others has unit pulls; a flicker that is known is taken off and widens the mean charges too."""
        random, pulls, light = np.random.default_rng(12), [], []
        voltages = self.HV[::3]
        for _ in range(60):
            points = {}
            for hv in voltages:
                q1 = Q1 * (hv / 1000) ** 5.5
                n_pe = random.poisson(30.0 * np.clip(random.normal(1.0, nu, 400), 0.0, None))
                q = random.gamma(n_pe / DELTA**2 + 1e-300, q1 * DELTA**2) + random.normal(0, 0.05 * q1, 400)
                points[f"{hv}V"] = (ChargeMoments.from_charges(q), ChargeMoments.noise((0.05 * q1) ** 2, 400))
            found = joint_photostatistics(points, DELTA, 0.0, nu**2)
            light.append((found.lambda_pe - 30.0) / found.lambda_error)
            away = np.array([math.log(found.points[f"{hv}V"].q1_pc / (Q1 * (hv / 1000) ** 5.5)) for hv in voltages])
            error = np.array([one.gain_uncorrelated_error / one.gain for one in found.points.values()])
            pulls += list((away - away.mean()) / (error * math.sqrt(1.0 - 1.0 / len(voltages))))
        assert np.mean(light) == pytest.approx(0.0, abs=0.4)
        assert np.std(light) == pytest.approx(1.0, abs=0.25)
        assert np.std(pulls) == pytest.approx(1.0, abs=0.1)

    def test_one_point_of_other_light_fails_the_constancy(self) -> None:
        points = self.toy(np.random.default_rng(8))
        assert joint_photostatistics(points).p_value > 0.01
        brighter = self.toy(np.random.default_rng(9), 60.0)
        found = joint_photostatistics(points | {"1020V": brighter["1020V"]})
        assert found.p_value < 1e-6
        assert max(found.points, key=lambda name: abs(found.points[name].pull)) == "1020V"

    def test_delta_moves_all_gains_alike(self) -> None:
        points = self.toy(np.random.default_rng(10))
        low, high = joint_photostatistics(points, 0.35), joint_photostatistics(points, 0.45)
        ratios = [low.points[name].gain / high.points[name].gain for name in points]
        assert ratios == pytest.approx([(1 + 0.45**2) / (1 + 0.35**2)] * 18, rel=5e-3)
        assert low.common_model_error == pytest.approx(2 * 0.35 * 0.1 / (1 + 0.35**2), rel=1e-12)

    def test_excludes_by_name(self) -> None:
        points = self.toy(np.random.default_rng(11)) | {"700V": (exact(1.0, 0.01), exact(0.0, 0.02))}
        found = joint_photostatistics(points)
        assert found.valid
        assert list(found.excluded) == ["700V"]
        assert found.degrees_of_freedom == 16

    def test_one_usable_point_is_no_joint_fit(self) -> None:
        found = joint_photostatistics({"a": (exact(9.6, 3.6), exact(0.0, 0.02)), "b": (exact(9.6, 0.01), exact(0.0, 0.02))})
        assert not found.valid
        assert "b: variance below pedestal" in found.reason
