"""Jobs that work on shards: submitted by submitit, watched, and replaced when they end without their results."""

from __future__ import annotations

import getpass
import json
import logging
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import submitit

from alframe.errors import ClusterError
from alframe.kit.files import write_json
from alframe_submitit.shard_files import WORK, ShardFiles, work_on

ARRAY_SIZE = 1000  # jobs of one array; Slurm's own default allows 1001
SQUEUE_SECONDS = 10.0  # between two questions to Slurm
SLOW_DRIVE_SECONDS = 30.0  # that network drives may hide a new file
SUBMITTED = "submitted.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobSize:
    """Where jobs run, how many at once, and what each of them reserves."""

    cluster: str
    jobs: int
    cpus: int
    gpus: int
    memory_gb: float
    minutes: int
    partition: str | None
    options: Mapping[str, Any]

    @property
    def slowness(self) -> float:
        """The seconds that a file of a job which has ended may take to be seen here."""
        return SLOW_DRIVE_SECONDS if self.cluster == "slurm" else 0.0

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of submitit's executor."""
        out: dict[str, Any] = {"cpus_per_task": self.cpus, "timeout_min": self.minutes, "mem_gb": self.memory_gb}
        if self.gpus:
            out["gpus_per_node"] = self.gpus
        if self.cluster == "slurm":
            setup = [f"export OMP_NUM_THREADS={self.cpus}"]
            out |= {"slurm_array_parallelism": self.jobs, "slurm_setup": setup, "name": "alframe"}
            out |= {"slurm_additional_parameters": dict(self.options)} if self.options else {}
            out |= {"slurm_partition": self.partition} if self.partition else {}
        return out


@dataclass(slots=True)
class Job:
    """A job by its id, and the numbers of its shards; `process` is that of a local one."""

    id: str
    numbers: Sequence[int]
    process: Any = None
    ended_at: float = 0.0  # of the clock that `time.monotonic` reads; 0: it has not ended


class Jobs:
    """The jobs of one call, those that a killed process has left among them."""

    def __init__(self, size: JobSize, files: ShardFiles, attempts: int) -> None:
        self._size, self._files, self._attempts = size, files, attempts
        self._running: list[Job] = []
        self._waiting: list[Sequence[int]] = []  # groups of shards for which there is no job yet
        self._failures = Counter[int]()
        self._asked_at, self._queued = -SQUEUE_SECONDS, set[str]()

    def submit(self, numbers: Sequence[int], shards_per_job: int) -> None:
        """Submit jobs for these shards, except for those that jobs of an earlier process still work on."""
        self._running = self._find_earlier(numbers)
        taken = {number for job in self._running for number in job.numbers}
        left = [number for number in numbers if number not in taken]
        self._waiting = [left[start : start + shards_per_job] for start in range(0, len(left), shards_per_job)]
        self._submit_waiting()

    def replace_lost(self, taken: int) -> None:
        """Submit the shards of jobs that ended without their results again; the first `taken` are done with.

        Raises ClusterError for a shard whose jobs have ended `attempts` times.
        """
        for job in self._ended():
            missing = [number for number in job.numbers if number >= taken and not self._files.has(number)]
            if missing and time.monotonic() - job.ended_at < self._size.slowness:
                continue
            self._running.remove(job)
            if missing:
                self._failures.update(missing[:1])  # it works on them in order: the others were not begun
                if self._failures[missing[0]] >= self._attempts:
                    raise ClusterError(self._describe_loss(job, missing[0]))
                log.warning("Job %s ended before its work was done; %d shards go to another.", job.id, len(missing))
                self._waiting.append(missing)
        self._submit_waiting()

    def cancel(self) -> None:
        """End the jobs whose results nobody waits for."""
        if self._running and self._size.cluster == "slurm":
            subprocess.run(["scancel", *(job.id for job in self._running)], check=False, capture_output=True)
        for job in self._running:
            if job.process is not None:
                job.process.cancel(check=False)
        self._running = []

    def _submit_waiting(self) -> None:
        """Submit all that waits to Slurm, which keeps to `jobs` by itself; of local jobs only as many as may run."""
        room = ARRAY_SIZE if self._size.cluster == "slurm" else self._size.jobs - len(self._running)
        while self._waiting and room > 0:
            groups, self._waiting = self._waiting[:room], self._waiting[room:]
            work, shards = self._files.folder / WORK, self._files.shards
            parts = [[shards[number] for number in group] for group in groups]
            paths = [[self._files.path(number) for number in group] for group in groups]
            try:
                executor = submitit.AutoExecutor(self._files.folder / "jobs", cluster=self._size.cluster)
                executor.update_parameters(**self._size.parameters())
                submitted = executor.map_array(work_on, [work] * len(groups), parts, paths)
            except (RuntimeError, subprocess.SubprocessError, OSError) as error:  # submitit's own are RuntimeErrors
                raise ClusterError(
                    f"Jobs cannot be submitted: {error} Correct compute.partition or compute.options, run the command "
                    f"where `sbatch` works, or set compute.cluster=local."
                ) from error
            for job, group in zip(submitted, groups, strict=True):
                process = None if self._size.cluster == "slurm" else job
                self._running.append(Job(job.job_id, group, process))
            room -= len(groups) if self._size.cluster == "local" else 0
            self._note_submitted()

    def _note_submitted(self) -> None:
        """Write down which job works on which shards, for a process that takes up where this one was killed."""
        if self._size.cluster == "slurm":
            by_job = {job.id: [self._files.names[number] for number in job.numbers] for job in self._running}
            write_json(self._files.folder / SUBMITTED, by_job)

    def _find_earlier(self, numbers: Sequence[int]) -> list[Job]:
        """Return the jobs of a killed process that are queued or running, with those of `numbers` they work on."""
        file = self._files.folder / SUBMITTED
        if self._size.cluster != "slurm" or not file.exists():
            return []
        by_name = {self._files.names[number]: number for number in numbers}
        queued = self._ask_queue()
        earlier = [
            Job(job_id, [by_name[name] for name in names if name in by_name])
            for job_id, names in json.loads(file.read_text(encoding="utf-8")).items()
            if job_id in queued
        ]
        return [job for job in earlier if job.numbers]

    def _ended(self) -> list[Job]:
        """Return the jobs that are neither queued nor running any more, and note since when."""
        if self._size.cluster == "slurm":
            queued = self._ask_queue()
            ended = [job for job in self._running if job.id not in queued]
        else:
            ended = [job for job in self._running if job.process.done()]
        for job in ended:
            job.ended_at = job.ended_at or time.monotonic()
        return ended

    def _ask_queue(self) -> set[str]:
        """Return the ids of this user's jobs in Slurm's queue; asked at most every SQUEUE_SECONDS.

        `sacct` is not asked, because clusters without accounting do not have it. Where Slurm does not answer, as while
        its controller starts again, all jobs count as queued.
        """
        if time.monotonic() - self._asked_at >= SQUEUE_SECONDS:
            self._asked_at = time.monotonic()
            command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={getpass.getuser()}"]
            try:
                answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
            except FileNotFoundError as error:
                raise ClusterError(
                    "This machine has no `squeue`, so it is not one of a Slurm cluster. Run the command on one, or set "
                    "compute.cluster=local."
                ) from error
            except subprocess.SubprocessError as error:
                log.warning("Slurm does not answer (%s); asked again in a while.", error)
                self._queued |= {job.id for job in self._running}
            else:
                self._queued = set(answer.split())
        return self._queued

    def _describe_loss(self, job: Job, number: int) -> str:
        shard = self._files.shards[number]
        first = shard[0] if isinstance(shard, Sequence) and shard else shard
        return (
            f"The job that works on a shard ended {self._attempts} times, the last time as job {job.id}. The shard "
            f"begins with {getattr(first, 'id', first)}. The job's files in {self._files.folder / 'jobs'} say why. If "
            f"time or memory ran out, raise compute.minutes or compute.memory_gb, or lower compute.shards_per_job."
        )
