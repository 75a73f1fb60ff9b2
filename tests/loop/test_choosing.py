"""Which images of a batch are shown without a suggestion."""

from __future__ import annotations

import numpy as np

from alframe.loop.choosing import hide_suggestions


def test_a_sequence_does_not_tell_which_of_its_images_is_audited() -> None:
    """A sampler takes one image of a sequence, the audit any: of two that lie together one is of the audit."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        sequences = rng.integers(-1, 30, 40)
        is_audit = np.zeros(40, bool)
        is_audit[rng.choice(40, 4, replace=False)] = True
        hidden = hide_suggestions(is_audit, sequences, rng)
        assert hidden[is_audit].all() and hidden.sum() >= 8
        for sequence in set(sequences.tolist()) - {-1}:
            assert len(set(hidden[sequences == sequence].tolist())) == 1


def test_without_sequences_as_many_others_are_hidden_as_are_audited() -> None:
    is_audit = np.arange(20) < 3
    hidden = hide_suggestions(is_audit, np.full(20, -1), np.random.default_rng(0))
    assert hidden.sum() == 6 and hidden[is_audit].all()
    none = hide_suggestions(np.zeros(20, bool), np.full(20, 7), np.random.default_rng(0))
    assert not none.any()
    assert hide_suggestions(np.ones(2, bool), np.array([-1, 3]), np.random.default_rng(0)).all()
