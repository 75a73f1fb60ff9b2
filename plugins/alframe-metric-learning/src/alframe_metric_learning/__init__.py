"""Losses of pytorch-metric-learning for alframe, as `loss=metric`."""
