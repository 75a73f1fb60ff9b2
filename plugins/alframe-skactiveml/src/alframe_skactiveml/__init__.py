"""scikit-activeml and alframe, both ways: its strategies as `sampler=skactiveml`, alframe's samplers as strategies."""

from alframe_skactiveml.strategy import AlframeQueryStrategy as AlframeQueryStrategy
