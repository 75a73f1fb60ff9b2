"""A KIND for alframe, chosen with KIND=mypart."""
