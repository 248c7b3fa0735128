"""Workers on a Ray cluster, supervised by actors."""

import os

# Ray prints every death among standard output's lines, and reads this switch but once, when it is imported;
# here a Notice tells the user instead.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
