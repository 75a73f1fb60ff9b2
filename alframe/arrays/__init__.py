"""alframe for whoever has only arrays: choose, run a loop of one's own, simulate. `alframe` itself offers the names."""
