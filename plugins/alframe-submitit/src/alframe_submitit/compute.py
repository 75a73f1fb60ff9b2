"""Run as an array of Slurm jobs. Each job processes some shards, and writes the results into a shared folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from alframe.kit.devices import choose_device
from alframe.kit.parameters import require_at_least, require_one_of
from alframe.kit.progress import Bar
from alframe_submitit.jobs import Jobs, JobSize
from alframe_submitit.shard_files import ShardFiles

Shard = TypeVar("Shard")
Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between looks at the folder


class Submitit:
    """Process shards in jobs of Slurm. Finished results stay in the folder if a job or this process ends.

    `cluster`: slurm, or local for processes of this machine. `folder`: the folder of the jobs' files; all machines see
    it under this path. `jobs`: the number of jobs that run at once. `shards_per_job`: the number of shards that a job
    processes, one after the other. `options`: more options of sbatch. `attempts`: the largest number of times that a
    shard is begun, if its job ends. After that, the run ends with an error.
    """

    def __init__(
        self,
        cluster: str = "slurm",
        folder: str | Path = "jobs",
        jobs: int = 16,
        shards_per_job: int = 20,
        cpus_per_job: int = 1,
        gpus_per_job: int = 0,
        memory_gb: float = 4,
        minutes: int = 240,
        partition: str | None = None,
        options: Mapping[str, Any] = {},
        workers: int = 0,
        attempts: int = 4,
        batch_size: int = 32,
    ) -> None:
        part = "compute 'submitit'"
        require_one_of(part, ("slurm", "local"), cluster=cluster)
        require_at_least(part, 0, gpus_per_job=gpus_per_job, workers=workers)
        require_at_least(part, 1, jobs=jobs, shards_per_job=shards_per_job, cpus_per_job=cpus_per_job)
        require_at_least(part, 1, minutes=minutes, attempts=attempts, batch_size=batch_size)
        self.folder, self.batch_size = Path(folder), batch_size
        self._size = JobSize(cluster, jobs, cpus_per_job, gpus_per_job, memory_gb, minutes, partition, dict(options))
        self._shards_per_job, self._workers, self._attempts = shards_per_job, workers, attempts

    def device(self) -> str:
        """Return "cuda" if jobs have GPUs, else "cpu". Raises BadParams if this machine does not have it."""
        remedy = "The network is tried here before jobs get it: run the command on a GPU, such as by `srun --gpus=1`."
        return choose_device("cuda" if self._size.gpus else "cpu", f"compute.gpus_per_job={self._size.gpus}", remedy)

    def worker_count(self) -> int:
        """Return the number of processes that decode images in each job."""
        return self._workers

    def map_shards(
        self, function: Callable[[Sequence[Shard]], Iterator[Result]], shards: Sequence[Shard]
    ) -> Iterator[Result]:
        """Run `function` over the shards in jobs, and yield the results in order. Finished results are used again.

        Raises what `function` raises, and ClusterError if jobs cannot be submitted or end again and again.
        """
        if not shards:
            return
        files = ShardFiles.create(self.folder.absolute(), function, shards)
        jobs = Jobs(self._size, files, self._attempts)
        try:
            jobs.submit(files.missing(), self._shards_per_job)
            with Bar("Shards in jobs", total=len(shards), unit="shard", forecast=False) as bar:
                for number in range(len(shards)):
                    pause = FIRST_PAUSE
                    while not files.has(number):
                        jobs.replace_lost(number)
                        time.sleep(pause)
                        pause = min(2 * pause, LONGEST_PAUSE)
                    yield files.load(number)
                    files.remove(number)  # it was taken, and so stored
                    bar.advance()
            files.remove_all()
        finally:
            jobs.cancel()
