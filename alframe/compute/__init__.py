"""Where work over the whole pool runs."""
