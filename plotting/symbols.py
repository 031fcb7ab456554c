"""How parameters are written on figures: symbol, unit, value with its errors."""

from __future__ import annotations

import math
import re

from records.results import Parameter

FLUX_UNIT = r"10$^{-18}$ GeV$^{-1}$ cm$^{-2}$ s$^{-1}$ sr$^{-1}$"
E2_FLUX_UNIT = r"GeV cm$^{-2}$ s$^{-1}$ sr$^{-1}$"

# name -> symbol, unit
SYMBOLS: dict[str, tuple[str, str]] = {
    "astro_norm": (r"\Phi_\mathrm{astro}", FLUX_UNIT),
    "astro_gamma": (r"\gamma_\mathrm{astro}", ""),
    "atmos_norm": (r"N_\mathrm{atm}", ""),
    "beta": (r"\beta", ""),
    "conv_norm": (r"\Phi_\mathrm{conv}", ""),
    "prompt_norm": (r"\Phi_\mathrm{prompt}", ""),
    "muon_norm": (r"\Phi_\mu", ""),
    "kpi_ratio": (r"R_{K/\pi}", ""),
    "nunubar_ratio": (r"R_{\nu/\bar\nu}", ""),
    "cr_delta_gamma": (r"\Delta\gamma_\mathrm{CR}", ""),
    "epsilon_dom": (r"\epsilon_\mathrm{DOM}", ""),
    "epsilon_head_on": (r"\epsilon_\mathrm{head\,on}", ""),
    "anisotropy_scale": (r"a_s", ""),
    "inverse_cutoff_per_pev": (r"1/E_\mathrm{cut}", "PeV$^{-1}$"),
    "gamma_2": (r"\gamma_2", ""),
    "log10_break_gev": (r"\log_{10}(E_\mathrm{break}/\mathrm{GeV})", ""),
}
E2_UNIT = r"10$^{-8}$ GeV cm$^{-2}$ s$^{-1}$ sr$^{-1}$"  # of the norms phi_1, phi_2, ... of segments
SEGMENT = re.compile(r"phi_(\d+)")
MINUS = "\N{MINUS SIGN}"
DIGITS = 2  # significant digits of the smaller error


def symbol(name: str) -> str:
    """The parameter's symbol for a label, with the sample of a joint fit that it belongs to; an unknown parameter keeps its name.

    >>> symbol("beta"), symbol("phi_12"), symbol("my_parameter"), symbol("beta[tracks]")
    ('$\\\\beta$', '$\\\\phi_{12}$', 'my_parameter', '$\\\\beta$ (tracks)')
    """
    parameter, sample = of_sample(name)
    found, _ = _written(parameter)
    shown = f"${found}$" if found else parameter
    return f"{shown} ({sample})" if sample else shown


def of_sample(name: str) -> tuple[str, str]:
    """The parameter and the sample of a joint fit that it belongs to, if any.

    >>> of_sample("atmos_norm[tracks]"), of_sample("beta")
    (('atmos_norm', 'tracks'), ('beta', ''))
    """
    parameter, bracket, sample = name.partition("[")
    return (parameter, sample.removesuffix("]")) if bracket and name.endswith("]") else (name, "")


def axis_label(name: str) -> str:
    """Symbol and unit for an axis."""
    _, unit = _written(of_sample(name)[0])
    return f"{symbol(name)} [{unit}]" if unit else symbol(name)


def _written(name: str) -> tuple[str, str]:
    """Symbol and unit, empty where there is none."""
    segment = SEGMENT.fullmatch(name)
    return (rf"\phi_{{{segment[1]}}}", E2_UNIT) if segment else SYMBOLS.get(name, ("", ""))


def measured(name: str, parameter: Parameter) -> str:
    """``symbol = value`` with its MINOS errors, else with the error of the Hessian, rounded to two digits of the smaller error.

    >>> measured("x", Parameter(2.8731, 0.196, minos=(-0.187, 0.201)))
    'x = $2.87^{+0.20}_{-0.19}$'
    >>> measured("x", Parameter(1.04, 0.352))
    'x = $1.04 \\\\pm 0.35$'
    >>> measured("x", Parameter(1.0, 0.0, fixed=True))
    'x = 1 (fixed)'
    """
    if parameter.fixed:
        return f"{symbol(name)} = {parameter.value:g} (fixed)"
    errors = parameter.minos if parameter.minos is not None and all(map(math.isfinite, parameter.minos)) else None
    sizes = [abs(error) for error in errors or (parameter.error,) if error]
    smaller = (max if parameter.at_bound else min)(sizes, default=1.0)  # at a bound one side has no length
    if not math.isfinite(smaller) or not 1e-4 < smaller < 1e5:
        return f"{symbol(name)} = {parameter.value:.3g}"
    digits = max(DIGITS - 1 - math.floor(math.log10(smaller)), 0)
    value = f"{parameter.value:.{digits}f}"
    if errors is not None:
        return f"{symbol(name)} = ${value}^{{{errors[1]:+.{digits}f}}}_{{{errors[0]:+.{digits}f}}}$"
    return f"{symbol(name)} = ${value} \\pm {parameter.error:.{digits}f}$"


def with_error(value: float, error: float) -> str:
    """A number and its error, both to the first digit of the error.

    >>> with_error(0.3952, 0.0283), with_error(0.97, 0.0)
    ('0.40 ± 0.03', '0.97 ± 0')
    """
    if not (math.isfinite(error) and error > 0.0):
        return f"{value:.3g} ± {error:g}"
    digits = max(-math.floor(math.log10(error)), 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def two_digits(value: float, error: float) -> str:
    """A number and its error, both to the second digit of the error.

    >>> two_digits(27.583, 1.482), two_digits(1.27e-3, 0.0)
    ('27.6 ± 1.5', '0.00127 ± 0')
    """
    if not (math.isfinite(error) and error > 0.0):
        return f"{value:.3g} ± {error:g}"
    digits = max(1 - math.floor(math.log10(error)), 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"
