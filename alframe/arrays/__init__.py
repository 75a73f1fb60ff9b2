"""alframe for users who have only arrays: choose rows, write a loop, simulate. `alframe` exports the names."""
