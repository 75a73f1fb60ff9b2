"""What campaigns import, for the server that their processes are forked from."""

# ruff: noqa: F401 - they are imported for what that loads

import hydra.compose
import hydra.core.plugins
import matplotlib.backends.backend_svg
import pandas
import scipy.stats
import sklearn.metrics
import torch._dynamo

import alframe.app.api
import alframe.report.page
import alframe.tasks.run
from alframe.builtins import REGISTRIES
from alframe.compat import import_faiss, import_timm

CHOSEN = {
    "backbone": ["timm"],
    "compute": ["local"],
    "exporter": ["predictions", "model"],
    "head": ["linear"],
    "label_source": ["simulated", "timelapse"],
    "loss": ["triplet"],
    "pool": ["folder"],
    "sampler": ["uherding_bursts", "kmeans"],
    "stopping": ["budget"],
    "tracker": ["console", "jsonl"],
}

hydra.core.plugins.Plugins.instance()
import_faiss()
import_timm()
for kind, names in CHOSEN.items():
    for name in names:
        REGISTRIES[kind].get(name).load()
