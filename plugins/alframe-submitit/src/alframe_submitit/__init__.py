"""The compute `submitit` for alframe."""
