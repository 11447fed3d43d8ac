"""One run of a reference Dag by ``dag.test()``, in a process of its own because Airflow knows one database a process.

Usage: ``run_reference_dag.py DAG_ID CONF.json``, with Airflow's settings in the environment. The last line of output is
the state of the run and what its tasks returned.
"""

from __future__ import annotations

import json
import sys

from airflow.configuration import conf
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

from airflow_mlops_provider.bundles import PackagedDagBundle


def main() -> None:
    bundle = PackagedDagBundle(name="mlops")
    bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name="mlops")
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)
    run = bag.dags[sys.argv[1]].test(run_conf=json.loads(sys.argv[2]))
    tasks = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id) for ti in run.get_task_instances()}
    database = conf.get("database", "sql_alchemy_conn").partition(":")[0]
    print(f"\n{json.dumps({'state': str(run.state.value), 'tasks': tasks, 'database': database})}")


if __name__ == "__main__":
    main()
