"""Whether a head can compute what a sampler needs."""

from __future__ import annotations

from alframe.builtins import REGISTRIES
from alframe.contracts import Head, HiddenActivations, Sampler
from alframe.errors import AlframeError, UnmetNeed
from alframe.types import Need


def require_needs(sampler: Sampler, name: str, head: Head, head_name: str) -> None:
    """Raise UnmetNeed, before any image is read, if the head cannot compute what the sampler needs.

    The message names the heads that can.
    """
    if Need.PROB_SAMPLES in sampler.needs and not head.stochastic:
        needed, lack, attribute = "samples of the probabilities", "gives only one answer", "stochastic"
    elif Need.HIDDEN_ACTIVATIONS in sampler.needs and not isinstance(head, HiddenActivations):
        needed, lack, attribute = "the outputs of hidden layers", "has none", "hidden_activations"
    else:
        return
    heads = head_names_with(attribute)
    example = "laplace" if "laplace" in heads else (heads or ["mlp"])[0]  # the cheapest that gives samples
    raise UnmetNeed(
        f"sampler={name} needs {needed}, but head={head_name} {lack}. Suitable heads: "
        f"{', '.join(heads) or 'none installed'}. For example: sampler={name} head={example}."
    )


def head_names_with(attribute: str) -> list[str]:
    """Return the names of the heads that have a true attribute of the given name."""
    names = []
    for name, entries in REGISTRIES["head"].parts().items():
        try:
            if entries[0].declares(attribute):
                names.append(name)
        except AlframeError:  # a broken plugin cannot be recommended
            continue
    return sorted(names)
