"""Units and meanings of the columns of the IceCube HESE files, which the files themselves do not carry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What is known about a column; ``whole`` marks class labels, which hold whole numbers only."""

    unit: str
    meaning: str
    whole: bool = False


FLUX = "GeV^-1 cm^-2 s^-1 sr^-1"

# HESE 7.5 year release: Phys. Rev. D 104 (2021) 022002, DOI 10.21234/4EQJ-BB17.
RELEASE: dict[str, Known] = {
    "recoDepositedEnergy": Known("GeV", "reconstructed deposited energy"),
    "recoMorphology": Known("", "reconstructed morphology: 0 cascade, 1 track, 2 double cascade", whole=True),
    "recoZenith": Known("rad", "reconstructed zenith angle (0: from straight above)"),
    "recoLength": Known("m", "reconstructed distance of the two cascades; NaN unless morphology 2"),
    "pionFlux": Known(FLUX, "atmospheric flux from pion decay at the true energy and direction"),
    "kaonFlux": Known(FLUX, "atmospheric flux from kaon decay at the true energy and direction"),
    "promptFlux": Known(FLUX, "atmospheric flux from charm decay at the true energy and direction"),
    "conventionalSelfVetoCorrection": Known("", "fraction of conventional atmospheric neutrinos that pass the veto"),
    "promptSelfVetoCorrection": Known("", "fraction of prompt atmospheric neutrinos that pass the veto"),
    "primaryType": Known("", "PDG code: +-12, +-14, +-16 neutrino; 13 atmospheric muon", whole=True),
    "primaryEnergy": Known("GeV", "true energy of the primary"),
    "primaryZenith": Known("rad", "true zenith angle of the primary"),
    "trueLength": Known("m", "true distance of the two cascades"),
    "interactionType": Known("", "1 charged current, 2 neutral current, 3 Glashow resonance, 0 muon", whole=True),
    "weightOverFluxOverLivetime": Known("GeV sr cm^2", "weight of a neutrino per flux and livetime; 0 for muons"),
    "muonWeightOverLivetime": Known("s^-1", "weight of an atmospheric muon per livetime; 0 for neutrinos"),
}

# The exercise files: weights are expected events in the whole livetime at norm 1 and index 2.5.
EXERCISE: dict[str, Known] = {
    "astroWeight": Known("events", "astrophysical expectation in the whole livetime at norm 1, index 2.5"),
    "atmoWeight": Known("events", "atmospheric expectation in the whole livetime at norm 1"),
    "energy": Known("GeV", "reconstructed deposited energy"),
    "primaryEnergy": Known("GeV", "true energy of the primary"),
    "primaryZenith": Known("rad", "true zenith angle of the primary"),
    "topology": Known("", "reconstructed topology: 0 cascade, 1 track", whole=True),
    "zenith": Known("rad", "reconstructed zenith angle"),
}
UNKNOWN = Known("", "")
