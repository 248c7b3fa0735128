"""Workers on a Ray cluster, supervised by actors."""
