"""Actors that work on groups of shards, and the process that hands these out and takes up those of lost actors.

Ray is not asked to restart anything: which shard is where is known here alone. An actor that cannot be reached is
given up, and its shards go to others.
"""

from __future__ import annotations

import heapq
import logging
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from alframe.errors import ClusterError
from alframe.kit.libraries import import_torchvision
from alframe.kit.progress import Bar

Shard = TypeVar("Shard")
Result = TypeVar("Result")

FREE_CPUS = 1  # of the cluster: Ray's own work waits for ever where actors take every CPU
GROUPS_AHEAD = 4  # for each actor: how far it may be ahead of the group whose results are taken next
REPORT_SECONDS = 60.0  # without any answer, after which this is said

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActorSize:
    """How many actors there are, "auto" for as many as fit, and what each of them reserves."""

    actors: int | str
    cpus: float
    gpus: float

    def count(self) -> int:
        """Return how many actors the cluster has room for now. Raises ClusterError if it has none."""
        resources = ray.cluster_resources()
        room = int((resources.get("CPU", 0) - FREE_CPUS) // self.cpus)
        if self.gpus:
            room = min(room, int(resources.get("GPU", 0) // self.gpus))
        if room < 1:
            raise ClusterError(
                f"The Ray cluster has {resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs. An actor "
                f"takes {self.cpus:g} and {self.gpus:g}, and one CPU must stay free. Add a machine (`ray start "
                f"--address=...`), start Ray with more CPUs (`ray start --num-cpus=2`; they need not exist), or lower "
                f"compute.cpus_per_actor or compute.gpus_per_actor."
            )
        return room if self.actors == "auto" else min(room, int(self.actors))


class ShardWorker:
    """What runs on a machine of the cluster; it keeps the last function, and with it the network on its device."""

    def __init__(self) -> None:
        import_torchvision()  # a network that arrives may need it, and it does not import everywhere by itself
        self._key = ""
        self._function: Callable[[Sequence[Any]], Iterator[Any]] | None = None

    def ping(self) -> None:
        """Do nothing: who gets an answer knows that this actor is there."""

    def run(self, key: str, reference: Sequence[Any], shards: Sequence[Any]) -> list[Any]:
        """Return the results of `shards`; `reference` holds where the function of this `key` is."""
        if key != self._key:
            self._function = None  # before the next one needs the memory
            try:
                self._key, self._function = key, ray.get(reference[0])
            except RayError as error:
                reason = str(error).strip().splitlines()
                raise ClusterError(
                    f"{platform.node()}, a machine of the Ray cluster, cannot load the work: {reason[0]} Install the "
                    f"packages there that are installed here, in the same versions."
                ) from error
        assert self._function is not None
        return list(self._function(shards))


class ActorPool:
    """The actors of one connection to a cluster; they stay for the next call, until this process ends."""

    def __init__(self, size: ActorSize) -> None:
        self._size = size
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, int | None]] = {}  # answer -> actor, its group; None: it is asked to answer

    def map_groups(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], groups: Sequence[Sequence[Shard]], attempts: int
    ) -> Iterator[Result]:
        """Yield the results of all groups, in order. Raises what `function` raises, and ClusterError."""
        key = ray.put(function)
        waiting, failures = list(range(len(groups))), Counter[int]()
        finished: dict[int, list[Result]] = {}
        taken = 0
        self._ask_idle()
        try:
            with Bar("Shards on the cluster", total=sum(map(len, groups)), unit="shard") as bar:
                while taken < len(groups):
                    self._hire(len(groups) - taken)
                    self._hand_out(key, groups, waiting, taken)
                    for number, results in self._next_answers():
                        if results is not None:
                            finished[number] = results
                            bar.advance(len(groups[number]))
                            continue
                        failures[number] += 1
                        if failures[number] >= attempts:
                            raise ClusterError(_describe_loss(groups[number], attempts))
                        heapq.heappush(waiting, number)
                    while taken in finished:
                        yield from finished.pop(taken)
                        taken += 1
        finally:
            for actor, group in list(self._running.values()):
                if group is not None:  # nobody wants its results any more
                    self._dismiss(actor)

    def _hire(self, groups: int) -> None:
        """Add actors as far as there is room, for machines may have joined, and as there are groups for them."""
        wanted = min(self._size.count(), groups) - len(self._idle) - len(self._running)
        for _ in range(wanted):
            options = {"num_cpus": self._size.cpus, "num_gpus": self._size.gpus, "max_restarts": 0}
            self._ask(ray.remote(ShardWorker).options(**options).remote())

    def _ask(self, actor: Any) -> None:
        self._running[actor.ping.remote()] = actor, None

    def _ask_idle(self) -> None:
        """Ask idle actors whether they are still there."""
        while self._idle:
            self._ask(self._idle.pop())

    def _hand_out(self, key: Any, groups: Sequence[Sequence[Any]], waiting: list[int], taken: int) -> None:
        """Give the first of the waiting groups to idle actors, none that is too far ahead."""
        limit = taken + GROUPS_AHEAD * (len(self._idle) + len(self._running))
        while self._idle and waiting and waiting[0] < limit:
            actor, number = self._idle.pop(), heapq.heappop(waiting)
            self._running[actor.run.remote(key.hex(), [key], groups[number])] = actor, number

    def _next_answers(self) -> Iterator[tuple[int, list[Any] | None]]:
        """Wait for an answer; yield the number of each group that is done, with its results, or None if it is lost."""
        ready, _ = ray.wait(list(self._running), timeout=REPORT_SECONDS)
        if not ready:
            busy = sum(number is not None for _, number in self._running.values())
            log.info("Ray: %d actors work, and %d have not started yet.", busy, len(self._running) - busy)
        for answer in ready:
            actor, number = self._running.pop(answer)
            try:
                results = ray.get(answer)
            except RayTaskError as error:
                self._idle.append(actor)
                raise error.cause from error
            except RayError as error:  # the actor, its machine or its answer is lost
                log.warning("An actor of the cluster is lost (%s); others do its work.", type(error).__name__)
                self._dismiss(actor)
                self._ask_idle()
                results = None
            else:
                self._idle.append(actor)
            if number is not None:
                yield number, results

    def _dismiss(self, actor: Any) -> None:
        self._running = {answer: task for answer, task in self._running.items() if task[0] is not actor}
        ray.kill(actor)


def _describe_loss(shards: Sequence[Any], attempts: int) -> str:
    first = shards[0][0] if isinstance(shards[0], Sequence) and shards[0] else shards[0]
    return (
        f"The process that works on a shard ended {attempts} times. The shard begins with "
        f"{getattr(first, 'id', first)}. Perhaps there was too little memory: the logs of Ray say it. Lower "
        f"compute.batch_size, or raise compute.cpus_per_actor so that fewer share a machine. If machines come and go, "
        f"raise compute.attempts."
    )
