"""Units and reference values: every conversion is a named constant, every convention has its source.

Energies are in GeV, lengths in m (areas in m^2 where tabulated), times in s, solid angles in sr, angles in rad, fluxes in GeV^-1 cm^-2 s^-1 sr^-1.
"""

from __future__ import annotations

import math

M2_TO_CM2 = 1.0e4
PEV_TO_GEV = 1.0e6
DAY_S = 86400.0
FULL_SKY_SR = 4.0 * math.pi

# The published convention of the diffuse flux (IceCube, Phys. Rev. D 104, 022002, section VI): at 100 TeV, in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1.
# The release's astro_norm is the sum over six species; one species gets a sixth, one flavour (nu + nubar) a third.
PIVOT_GEV = 1.0e5
FLUX_UNIT_PER_GEV_CM2_S_SR = 1.0e-18
N_SPECIES = 6
N_FLAVOURS = 3

# Livetime of the HESE 7.5-year sample (2635.51 days), from the release's own fit scripts (github icecube/HESE-7-year-data-release).
HESE_LIVETIME_S = 227708167.68

ELEMENTARY_CHARGE_C = 1.602176634e-19  # exact since the 2019 revision of the SI
C_TO_PC = 1.0e12
ELEMENTARY_CHARGE_PC = ELEMENTARY_CHARGE_C * C_TO_PC
