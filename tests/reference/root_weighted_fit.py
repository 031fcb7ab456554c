"""ROOT's weighted fit of pulses, as a program of its own: it needs a Python that has ROOT and NumPy, and nothing of this project.

usage: python root_weighted_fit.py INPUT.npz OUTPUT.npz

INPUT: ``time_ns`` (samples,), ``height_v`` (n, samples) positive pulses, ``noise_v``, ``start`` (n, starts, 4): area, onset, rise and fall time.
OUTPUT: of the best start ``values`` (n, 4), ``errors`` (n, 4), ``chi2`` (n,); ``seconds`` of processor time for all starts.
"""

import sys
import time
import warnings

import numpy as np

FUNCTION = """
double one_pulse(double *x, double *p) {
    double u = x[0] - p[1];
    return u <= 0 ? 0.0 : p[0] * (std::exp(-u / p[3]) - std::exp(-u / p[2])) / (p[3] - p[2]);
}
"""


def main(given: str, wanted: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel says that it is an alpha version
        import ROOT
    ROOT.gErrorIgnoreLevel = ROOT.kFatal
    ROOT.gInterpreter.Declare(FUNCTION)
    data = np.load(given)
    t, heights, starts = np.ascontiguousarray(data["time_ns"]), data["height_v"], data["start"]
    n, samples = heights.shape
    function = ROOT.TF1("pulse", ROOT.one_pulse, float(t[0]), float(t[-1]), 4)
    noise, nothing = np.full(samples, float(data["noise_v"])), np.zeros(samples)
    values, errors, chi2 = np.full((n, 4), np.nan), np.full((n, 4), np.nan), np.full(n, np.inf)
    began = time.process_time()
    for row in range(n):
        graph = ROOT.TGraphErrors(samples, t, np.ascontiguousarray(heights[row]), nothing, noise)
        for start in starts[row]:
            for k in range(4):
                function.SetParameter(k, float(start[k]))
            graph.Fit(function, "QN")
            if function.GetChisquare() < chi2[row]:
                chi2[row] = function.GetChisquare()
                values[row] = [function.GetParameter(k) for k in range(4)]
                errors[row] = [function.GetParError(k) for k in range(4)]
    np.savez(wanted, values=values, errors=errors, chi2=chi2, seconds=time.process_time() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
