"""Run on a Ray cluster: actors on its machines process shards, and this process stores the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from alframe.errors import ClusterError
from alframe.kit.devices import choose_device
from alframe.kit.parameters import require_at_least, require_parameter
from alframe_ray.actors import ActorPool, ActorSize

Shard = TypeVar("Shard")
Result = TypeVar("Result")


class RayCluster:
    """Process shards in actors of a Ray cluster. If an actor or a machine is lost, others process its shards again.

    `address`: the address of the cluster; None: ``ray.init`` finds a cluster, or starts one on this machine.
    `actors`: a number, or auto (as many as possible while one CPU stays free). `cpus_per_actor`, `gpus_per_actor`: the
    numbers that each actor reserves. `workers`: the number of processes that decode images for each actor.
    `shards_per_task`: the number of shards that an actor gets at once. `attempts`: the largest number of times that a
    shard is begun, if the process that works on it ends. After that, the run ends with an error.
    """

    def __init__(
        self,
        address: str | None = None,
        actors: int | str = "auto",
        cpus_per_actor: float = 1,
        gpus_per_actor: float = 0,
        workers: int = 0,
        shards_per_task: int = 1,
        attempts: int = 4,
        batch_size: int = 32,
    ) -> None:
        part = "compute 'ray'"
        valid = actors == "auto" or (isinstance(actors, int) and actors >= 1)
        require_parameter(part, valid, "auto, or a number of at least 1", actors=actors)
        require_parameter(part, cpus_per_actor > 0, "a number above 0", cpus_per_actor=cpus_per_actor)
        require_at_least(part, 0, gpus_per_actor=gpus_per_actor, workers=workers)
        require_at_least(part, 1, shards_per_task=shards_per_task, attempts=attempts, batch_size=batch_size)
        self.address, self.batch_size = address, batch_size
        self._size, self._workers = ActorSize(actors, cpus_per_actor, gpus_per_actor), workers
        self._shards_per_task, self._attempts = shards_per_task, attempts
        self._pool: ActorPool | None = None

    def device(self) -> str:
        """Return "cuda" if actors have GPUs, else "cpu". Raises BadParams if this machine does not have it."""
        remedy = "The network is tried here before actors get it: run the command on a machine with a GPU of CUDA."
        return choose_device(
            "cuda" if self._size.gpus else "cpu", f"compute.gpus_per_actor={self._size.gpus:g}", remedy
        )

    def worker_count(self) -> int:
        """Return the number of processes that decode images for each actor."""
        return self._workers

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over groups of shards in actors, and yield the results in the shards' order.

        Raises what `function` raises, and ClusterError if the cluster cannot be used.
        """
        if shards:
            size = self._shards_per_task
            groups = [shards[start : start + size] for start in range(0, len(shards), size)]
            yield from self._connect().map_groups(function, groups, self._attempts)

    def _connect(self) -> ActorPool:
        """Return the actors of this process's connection to the cluster; connect if there is none."""
        import ray

        if not ray.is_initialized():
            self._pool = None
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody without being asked
            try:
                ray.init(address=self.address, logging_level="warning")
            except (ConnectionError, OSError, ValueError, RuntimeError) as error:
                raise ClusterError(
                    f"compute.address={self.address}: there is no Ray cluster to connect to ({error}). Start one by "
                    f"`ray start --head`, give the address that it prints, or set compute.address=null."
                ) from error
        if self._pool is None:
            self._pool = ActorPool(self._size)
        return self._pool
