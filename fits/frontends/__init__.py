"""The same likelihood in other programs' language: zfit and pyhf, imported only when asked for."""
