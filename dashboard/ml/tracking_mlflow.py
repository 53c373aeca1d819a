"""A run in MLflow: parameters are the recipe, metrics the curves. Nothing but the named server or store is reached."""

import os

# Read when MLflow is imported. It reports its use to its makers otherwise, and waits four minutes for a lost server.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")  # seconds

from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param  # noqa: E402

from dashboard.core.settings import settings  # noqa: E402
from dashboard.ml.tracking import Point, parameters  # noqa: E402
from dashboard.runs import status  # noqa: E402
from dashboard.runs.run import Run  # noqa: E402

OWN_ID = "thaw.run"  # the tag that holds a run's id here
AT_ONCE = 1000  # metrics; MLflow refuses more in one request
LONGEST = 5000  # characters of a parameter or tag; MLflow refuses 6000
STATUS: dict[str, str] = {status.FINISHED: "FINISHED", status.STOPPED: "FINISHED", status.FAILED: "FAILED"}


class MLflow:
    """Writes to an MLflow server or database. A later attempt goes on in the same MLflow run.

    What MLflow has it keeps for ever. So no step is written twice, for one that was computed again after a resume is as
    it was before; and where a resumed run is stopped before it gets as far again, MLflow still has the steps beyond. A
    field of the recipe that was changed since the run began is a tag, `thaw.<field>`.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.client = MlflowClient(tracking_uri=settings().mlflow_tracking_uri)
        self.written: dict[str, set[int]] = {}  # steps that MLflow has, by metric
        experiment = self._experiment(settings().mlflow_experiment)
        known = self.client.search_runs([experiment], f"tags.`{OWN_ID}` = '{run.id}'", max_results=1)
        if known:
            self.id, self.recipe = known[0].info.run_id, known[0].data.params
            self.client.update_run(self.id, status="RUNNING")
            for name in known[0].data.metrics:
                self.written[name] = {metric.step for metric in self.client.get_metric_history(self.id, name)}
            return
        self.id = self.client.create_run(experiment, tags={OWN_ID: run.id}, run_name=run.id).info.run_id
        self.recipe = _recipe(run)
        self.client.log_batch(self.id, params=[Param(*pair) for pair in self.recipe.items()], synchronous=True)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self.client.create_experiment(name))

    def write(self, points: list[Point]) -> None:
        fresh = [point for point in points if point.step not in self.written.get(point.name, ())]
        metrics = [Metric(point.name, point.value, int(point.time * 1000), point.step) for point in fresh]
        for start in range(0, len(metrics), AT_ONCE):
            self.client.log_batch(self.id, metrics=metrics[start : start + AT_ONCE], synchronous=True)

    def close(self, ended: str) -> None:
        for name, value in _recipe(Run(self.run.path)).items():  # read anew: a lever may have been pulled
            if value != self.recipe.get(name):
                self.client.set_tag(self.id, f"thaw.{name}", value, synchronous=True)
        if ended == status.PAUSED:
            self.client.update_run(self.id, status="SCHEDULED")
        else:
            self.client.set_terminated(self.id, STATUS.get(ended, "FAILED"))


def _recipe(run: Run) -> dict[str, str]:
    return {name: str(value)[:LONGEST] for name, value in parameters(run).items()}
