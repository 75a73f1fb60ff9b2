"""Every error that alframe raises on purpose: what happened, where, and what to do next."""

from __future__ import annotations


class AlframeError(Exception):
    """The base: its message is meant for the user and needs no traceback."""


class UnknownComponent(AlframeError):
    """A name that no part of this kind has."""


class DuplicateComponent(AlframeError):
    """Two distributions register the same name."""


class BrokenPlugin(AlframeError):
    """A registered part cannot be imported."""


class BadParams(AlframeError):
    """A part was given a parameter it does not take, or a setting has a value that cannot be."""


class UnmetNeed(AlframeError):
    """A sampler needs something that the chosen parts cannot give, or reads what it did not declare."""


class BadSelection(AlframeError):
    """A sampler broke its contract: too few, repeated or foreign ids."""


class BadOutput(AlframeError):
    """A backbone or a head gives numbers that break its contract: not finite, or no probabilities."""


class PoolError(AlframeError):
    """The images cannot be found or read."""


class FormatError(AlframeError):
    """A file of another program is not what it should be, or cannot be had; names the file, the row and the remedy."""


class LabelError(AlframeError):
    """Labels cannot be read, asked for or understood."""


class WeightsError(AlframeError):
    """Model weights are missing, out of reach or do not fit."""


class EngineError(AlframeError):
    """An inference engine is not there, cannot run the network, or gives other features than it."""


class StoreError(AlframeError):
    """The project folder cannot be used: locked, from a newer version, or damaged."""
