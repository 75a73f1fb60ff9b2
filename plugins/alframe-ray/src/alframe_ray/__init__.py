"""The compute `ray` for alframe."""
