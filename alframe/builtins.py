"""The names of alframe's own parts, as text. A part is imported when it is first used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from alframe.registry import Registry

# kind -> (entry-point group, {name: "module:attribute"})
BUILTIN_PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "backbone": (
        "alframe.backbones",
        {
            "timm": "alframe.backbones.timm:Timm",
            "efficientnet_lite": "alframe.backbones.efficientnet_lite:EfficientNetLite",
        },
    ),
    "loss": (
        "alframe.losses",
        {
            "softmax": "alframe.losses.softmax:Softmax",
            "triplet": "alframe.losses.triplet:Triplet",
            "contrastive": "alframe.losses.contrastive:Contrastive",
        },
    ),
    "head": (
        "alframe.heads",
        {
            "auto": "alframe.heads.auto:Auto",
            "linear": "alframe.heads.linear:Linear",
            "transductive": "alframe.heads.transductive:Transductive",
            "prototype": "alframe.heads.prototype:Prototype",
            "knn": "alframe.heads.knn:Knn",
            "mlp": "alframe.heads.mlp:Mlp",
            "laplace": "alframe.heads.laplace:Laplace",
            "ensemble": "alframe.heads.ensemble:Ensemble",
            "calibrated": "alframe.heads.calibrated:Calibrated",
        },
    ),
    "sampler": (
        "alframe.samplers",
        {
            "random": "alframe.samplers.random:Random",
            "margin": "alframe.samplers.uncertainty:Margin",
            "entropy": "alframe.samplers.uncertainty:Entropy",
            "least_confidence": "alframe.samplers.uncertainty:LeastConfidence",
            "kcenter": "alframe.samplers.kcenter:KCenter",
            "bald": "alframe.samplers.bald:Bald",
            "graph_density": "alframe.samplers.graph_density:GraphDensity",
            "informative_diverse": "alframe.samplers.informative_diverse:InformativeDiverse",
            "margin_cluster_mean": "alframe.samplers.margin_cluster_mean:MarginClusterMean",
            "outliers_mean": "alframe.samplers.outliers:OutliersMeanActivation",
            "outliers_max": "alframe.samplers.outliers:OutliersMaxActivation",
            "outliers_least_confidence": "alframe.samplers.outliers:LeastConfidenceThenOutliers",
            "outliers_entropy": "alframe.samplers.outliers:EntropyThenOutliers",
            "hierarchical": "alframe.samplers.hierarchical:Hierarchical",
            "typiclust": "alframe.samplers.typiclust:TypiClust",
            "probcover": "alframe.samplers.probcover:ProbCover",
            "maxherding": "alframe.samplers.herding:MaxHerding",
            "uherding": "alframe.samplers.herding:UHerding",
            "uherding_bursts": "alframe.samplers.herding:UHerdingBursts",
            "ratio": "alframe.samplers.uncertainty:Ratio",
            "margin_mc": "alframe.samplers.uncertainty:MarginMC",
            "ratio_mc": "alframe.samplers.uncertainty:RatioMC",
            "entropy_mc": "alframe.samplers.uncertainty:EntropyMC",
            "least_confidence_mc": "alframe.samplers.uncertainty:LeastConfidenceMC",
            "variation_ratios": "alframe.samplers.variation_ratios:VariationRatios",
            "power_bald": "alframe.samplers.power_bald:PowerBald",
            "mixture": "alframe.samplers.mixture:Mixture",
            "over_shards": "alframe.samplers.over_shards:OverShards",
            "bandit": "alframe.samplers.bandit:Bandit",
            "refine": "alframe.samplers.refine:Refine",
            "batch_bald": "alframe.samplers.batch_bald:BatchBald",
            "badge": "alframe.samplers.badge:Badge",
            "active_search": "alframe.samplers.active_search:ActiveSearch",
            "active_transfer": "alframe.samplers.active_transfer:ActiveTransfer",
            "discriminative": "alframe.samplers.discriminative:Discriminative",
            "cluster_margin": "alframe.samplers.cluster_margin:ClusterMargin",
            "drop_query": "alframe.samplers.drop_query:DropQuery",
            "galaxy": "alframe.samplers.galaxy:Galaxy",
            "adaptive": "alframe.samplers.adaptive:Adaptive",
            "kmeans": "alframe.samplers.kmeans:KMeans",
        },
    ),
    "pool": (
        "alframe.pools",
        {
            "folder": "alframe.pools.folder:Folder",
            "csv": "alframe.pools.csv:Csv",
            "coco": "alframe.pools.coco:Coco",
            "camtrap_dp": "alframe.pools.camtrap_dp:CamtrapDp",
            "timelapse": "alframe.pools.timelapse:Timelapse",
            "arrays": "alframe.pools.arrays:Arrays",
            "digits": "alframe.pools.digits:Digits",
            "camera_trap_scenes": "alframe.pools.camera_trap_scenes.pool:CameraTrapScenes",
        },
    ),
    "label_source": (
        "alframe.label_sources",
        {
            "simulated": "alframe.label_sources.simulated:Simulated",
            "web": "alframe.label_sources.web.source:Web",
            "csv": "alframe.label_sources.csv.source:Csv",
            "folder": "alframe.label_sources.folder.source:Folder",
            "timelapse": "alframe.label_sources.timelapse.source:Timelapse",
            "timelapse_set": "alframe.label_sources.timelapse.set_source:TimelapseSet",
        },
    ),
    "exporter": (
        "alframe.exporters",
        {
            "predictions": "alframe.exporters.predictions:PredictionTable",
            "model": "alframe.exporters.model:ModelFolder",
            "recognition_json": "alframe.exporters.recognition_json:RecognitionJson",
            "timelapse_csv": "alframe.exporters.timelapse_csv.exporter:TimelapseCsv",
            "camtrap_dp": "alframe.exporters.camtrap_dp.exporter:CamtrapDp",
            "folders": "alframe.exporters.folders:Folders",
        },
    ),
    "tracker": (
        "alframe.trackers",
        {"console": "alframe.trackers.console:Console", "jsonl": "alframe.trackers.jsonl:Jsonl"},
    ),
    "stopping": (
        "alframe.stopping",
        {
            "budget": "alframe.stopping.budget:Budget",
            "target": "alframe.stopping.target:Target",
            "target_accuracy": "alframe.stopping.target_accuracy:TargetAccuracy",
            "no_gain": "alframe.stopping.no_gain:NoGain",
        },
    ),
    "compute": ("alframe.compute", {"local": "alframe.compute.local:Local"}),
    "task": (
        "alframe.tasks",
        {
            "run": "alframe.tasks.run:Run",
            "label": "alframe.tasks.label:Label",
            "withdraw": "alframe.tasks.label:Withdraw",
            "recheck_labels": "alframe.tasks.recheck_labels:RecheckLabels",
            "status": "alframe.tasks.status:Status",
            "predict": "alframe.tasks.predict:Predict",
            "export": "alframe.tasks.export:Export",
            "report": "alframe.tasks.report:Report",
            "compare": "alframe.tasks.compare:Compare",
            "new_plugin": "alframe.tasks.new_plugin:NewPlugin",
        },
    ),
}


# Old names that projects, ledgers, exported models and scripts may still hold. They are answered with a warning.
RENAMED: Mapping[str, Mapping[str, str]] = {}  # kind -> {old name: new name}
# kind -> {new name of the part: {old parameter: new parameter}}
RENAMED_PARAMETERS: Mapping[str, Mapping[str, Mapping[str, str]]] = {}

# Names that were built in and are now in a plugin, which the answer to them names: kind -> {name: distribution}.
MOVED: Mapping[str, Mapping[str, str]] = {
    "loss": {"metric": "alframe-metric-learning"},
    "sampler": {"clusters": "alframe-hdbscan", "glosh": "alframe-hdbscan"},
}


def alframe_version() -> str:
    """Return the installed version, or "0+source" in a bare clone."""
    try:
        return version("alframe")
    except PackageNotFoundError:
        return "0+source"


REGISTRIES: dict[str, Registry] = {
    kind: Registry(
        *(kind, group, names, alframe_version()),
        renamed=RENAMED.get(kind, {}),
        renamed_parameters=RENAMED_PARAMETERS.get(kind, {}),
        moved=MOVED.get(kind, {}),
    )
    for kind, (group, names) in BUILTIN_PARTS.items()
}
KINDS = tuple(REGISTRIES)


def current_name(kind: str, name: str) -> str:
    """Return the present name of the part `name`. If `name` is an old name, give a warning."""
    return REGISTRIES[kind].current_name(name) if kind in REGISTRIES else name
