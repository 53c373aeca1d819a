"""A run in TensorBoard: one folder a run, its curves under Scalars and its recipe under HParams."""

import time

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from dashboard.core.settings import settings
from dashboard.ml.tracking import Point, parameters
from dashboard.runs import status
from dashboard.runs.run import Run

FILES = "events.out.tfevents.*"
STATUS: dict[str, int] = {  # what is not among them goes on some time
    status.FINISHED: api_pb2.STATUS_SUCCESS,
    status.STOPPED: api_pb2.STATUS_SUCCESS,
    status.FAILED: api_pb2.STATUS_FAILURE,
}


class TensorBoard:
    """Writes event files. An attempt writes all that the run has said so far, in the place of the earlier one's file:
    TensorBoard can be told to forget, but not that something was lost with a killed process.
    """

    def __init__(self, run: Run) -> None:
        folder = settings().tensorboard_folder / run.id
        for old in folder.glob(FILES):
            old.unlink()
        self.writer = EventFileWriter(str(folder))
        # A TensorBoard that is open right now forgets what it has read of the earlier file.
        self.writer.add_event(Event(wall_time=time.time(), step=0, session_log=SessionLog(status=SessionLog.START)))
        self._add(0, time.time(), summary_v2.hparams_pb(parameters(run), trial_id=run.id))

    def _add(self, step: int, when: float, summary: Summary) -> None:
        self.writer.add_event(Event(wall_time=when, step=step, summary=summary))

    def write(self, points: list[Point]) -> None:
        for point in points:
            value = Summary.Value(tag=point.name, simple_value=point.value)
            self._add(point.step, point.time, Summary(value=[value]))
        self.writer.flush()

    def close(self, ended: str) -> None:
        if ended in STATUS:
            self._end(STATUS[ended])
        self.writer.close()

    def _end(self, how: int) -> None:
        now = time.time()
        ended = plugin_data_pb2.SessionEndInfo(status=how, end_time_secs=now)
        about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=ended))
        value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
        self._add(0, now, Summary(value=[value]))
