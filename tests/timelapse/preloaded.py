"""What a campaign imports, for the server that its processes are forked from."""

import hydra.compose
import hydra.core.plugins
import scipy.stats  # noqa: F401
import torch._dynamo  # noqa: F401

import alframe.app.api
import alframe.backbones.timm
import alframe.compute.local
import alframe.heads.linear
import alframe.label_sources.timelapse.source
import alframe.losses.triplet
import alframe.tasks.run  # noqa: F401
from alframe.compat import import_timm

hydra.core.plugins.Plugins.instance()
import_timm()
