"""A batch on a Ray cluster of two nodes while one of them is taken away; in a process of its own, see its test.

Two workers share the GPU of the node that goes; GPUs are in Ray's books alone. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import ray
from ray.cluster_utils import Cluster

from pipelines.farm.crews import hire_from
from pipelines.farm.folder import TABLE
from pipelines.farm.orders import ClipMade
from pipelines.farm.run import render_batch
from schemas.config import RayConfig
from tests.pipelines.farm_processes import drive
from tests.pipelines.small_farm import SmallFarm, digests, jobs_of

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
JOBS, FRAMES = 8, 90


def main(root: Path) -> None:
    """Render here, then on the cluster."""
    farm = SmallFarm.at(root)
    here = replace(farm.batch(root / "here", 1, "warp"), jobs=jobs_of(farm.ids, JOBS, FRAMES))
    drive(here)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=2, num_gpus=1)
    cluster.wait_for_nodes()
    there, seen = replace(here, out=root / "there"), {"workers": 0, "gpus_free": 2.0}

    def told(tally: Any, event: Any) -> None:
        seen["workers"] = max(seen["workers"], tally.workers)
        if isinstance(event, ClipMade) and len(cluster.list_all_nodes()) == 2 and tally.workers >= 2:
            seen["gpus_free"] = ray.available_resources().get("GPU", 0.0)
            cluster.remove_node(second, allow_graceful=False)

    config = RayConfig(address=cluster.address, gpus_per_worker=0.5)
    tally = render_batch(there, hire_from("ray", None, config), told)
    rows = pq.read_table(there.out / TABLE).to_pylist()
    result = {"done": tally.done, "failed": tally.failed, "rows": len(rows), "nodes": len(cluster.list_all_nodes())}
    print(json.dumps(result | seen | {"equal": digests(there.out) == digests(here.out)}))
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
