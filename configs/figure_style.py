"""What the figures of every analysis have in common."""

from __future__ import annotations

from typing import Literal

from configs.strict import Strict


class FigureStyle(Strict):
    """Style, the word on every figure, and the formats it is saved in."""

    style: Literal["dynode", "icecube", "hyperk"] = "dynode"
    label: str = ""
    formats: list[Literal["png", "pdf"]] = ["png", "pdf"]
