"""The errors of alframe. A message says what happened, where it happened, and what the user must do."""

from __future__ import annotations


class AlframeError(Exception):
    """The base class of all errors below. The message is for the user, and needs no traceback."""


class UnknownComponent(AlframeError):
    """No part of this kind has this name."""


class DuplicateComponent(AlframeError):
    """Two installed Python packages register a part with the same name."""


class BrokenPlugin(AlframeError):
    """A registered part cannot be imported."""


class BadParams(AlframeError, ValueError):
    """A part, a setting or a function was given a value that is not allowed. It is also a ValueError."""


class UnmetNeed(AlframeError):
    """A sampler needs an array that the chosen parts cannot give, or reads a field that it did not declare."""


class BadSelection(AlframeError):
    """A sampler broke its contract: it returned too few keys, repeated keys or unknown keys."""


class BadOutput(AlframeError):
    """A part returns a value that its contract does not allow, for example numbers that are not finite."""


class PoolError(AlframeError):
    """The images cannot be found or read."""


class FormatError(AlframeError):
    """A file of another program is missing or invalid; the message names the file, row and remedy."""


class LabelError(AlframeError):
    """Labels cannot be read, requested or understood."""


class WeightsError(AlframeError):
    """Model weights are missing, cannot be downloaded or do not fit."""


class EngineError(AlframeError):
    """An inference engine is not installed, cannot run the network, or computes wrong features."""


class ClusterError(AlframeError):
    """The cluster cannot be reached, has too few CPUs or GPUs, or a shard makes each process end."""


class StoreError(AlframeError):
    """The project folder cannot be used: locked, from a newer version, or damaged."""
