"""The errors that alframe raises on purpose: a message says what happened, where, and what to do next."""

from __future__ import annotations


class AlframeError(Exception):
    """Base of all errors below: the message is meant for the user and needs no traceback."""


class UnknownComponent(AlframeError):
    """No part of this kind has this name."""


class DuplicateComponent(AlframeError):
    """Two distributions register the same name."""


class BrokenPlugin(AlframeError):
    """A registered part cannot be imported."""


class BadParams(AlframeError, ValueError):
    """A part, a setting or a function was given a value that is not allowed; a ValueError to other libraries."""


class UnmetNeed(AlframeError):
    """A sampler needs something that the chosen parts cannot give, or reads what it did not declare."""


class BadSelection(AlframeError):
    """A sampler broke its contract: too few, repeated or foreign keys."""


class BadOutput(AlframeError):
    """A part gives what its contract does not allow, such as numbers that are not finite."""


class PoolError(AlframeError):
    """The images cannot be found or read."""


class FormatError(AlframeError):
    """A file of another program is missing or invalid; the message names the file, row and remedy."""


class LabelError(AlframeError):
    """Labels cannot be read, requested or understood."""


class WeightsError(AlframeError):
    """Model weights are missing, cannot be downloaded or do not fit."""


class EngineError(AlframeError):
    """An inference engine is not installed, cannot run the network, or gives other features than it."""


class ClusterError(AlframeError):
    """The place where work runs, such as a cluster, cannot be reached, has no room, or loses the work each time."""


class StoreError(AlframeError):
    """The project folder cannot be used: locked, from a newer version, or damaged."""
