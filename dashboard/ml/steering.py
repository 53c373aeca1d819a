"""Pulling the levers: what was planned for a step, and what people ask while the run trains."""

import keras

from dashboard.core import steering
from dashboard.core.steering import Steer
from dashboard.ml.callbacks import Logs, Schedule
from dashboard.ml.standing import Standing
from dashboard.runs.run import Run
from dashboard.runs.steering import Plan


class Steering(keras.callbacks.Callback):
    """Pulls what is due before every batch; comes before `Schedule`, whose rates it may scale."""

    def __init__(self, run: Run, standing: Standing, plan: Plan, schedule: Schedule) -> None:
        super().__init__()
        self.run, self.standing, self.plan, self.schedule = run, standing, plan, schedule

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        for steer in self.plan.due(self.standing.step):
            if steer.lever == steering.LEARNING_RATE:
                # The schedule goes on from there: what it would have is multiplied from now on.
                self.standing.rate_scale = float(steer.value or 0) / self.schedule.scheduled(batch)
            pull(self.run, self.standing, steer)


def pull(run: Run, standing: Standing, steer: Steer) -> None:
    """Do what a lever does apart from the learning rate, and say so."""
    value = int(steer.value or 0)
    if steer.lever == steering.PATIENCE:
        standing.patience = value
    elif steer.lever == steering.THAW:
        standing.thaw_asked = True
    elif steer.lever == steering.LAST_EPOCH:
        standing.end_asked = True
    elif steer.lever == steering.MORE_EPOCHS:
        standing.more_epochs += value
    # Of the epoch that follows: where that is repeated after a kill, this is said again.
    run.say("mark", mark=steering.ASKED + steer.lever, epoch=standing.epoch + 1, step=standing.step, text=steer.words)


def go_on(run: Run, standing: Standing, plan: Plan) -> bool:
    """Whether a phase that is over gets more epochs, by plan or by wish; then it is not over."""
    due = plan.due(standing.step, steering.MORE_EPOCHS)
    if due:
        standing.phase_done, standing.end_asked, standing.wait = False, False, 0
    for steer in due:
        pull(run, standing, steer)
    return bool(due)
