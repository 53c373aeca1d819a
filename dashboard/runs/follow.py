"""A run seen from a terminal: one line for everything worth a line, and the figures at the end."""

import time
from collections.abc import Iterator
from typing import Any

from dashboard.runs import events, queue, status, supervisor
from dashboard.runs.run import Run


def lines(run: Run, *, poll: float) -> Iterator[str]:
    """What the run says, from its beginning, until it is over; looks every `poll` seconds."""
    reader, shown, said = events.Reader(run.events_path), 0, ""
    while True:
        now = queue.row(run.id)["status"]
        supervisor.look_after()
        seen = reader.read()
        for event in seen[min(shown, len(seen)) :]:
            line = describe(event)
            if line and line != said:
                said = line
                yield line
        shown = len(seen)
        if now not in status.UNDER_WAY:
            return
        time.sleep(poll)


def describe(event: events.Event) -> str | None:
    """One line for an event, or None for those that come too often."""
    if event["kind"] == "phase":
        return f"Phase: {event['phase']}"
    if event["kind"] == "epoch":
        return (
            f"Epoch {event['epoch']}: loss {event['loss']:.4f}, accuracy {event['accuracy']:.3f}, "
            f"validation loss {event['validation_loss']:.4f}, validation accuracy {event['validation_accuracy']:.3f} "
            f"({event['seconds']:.1f} s)"
        )
    if event["kind"] == "mark" and event["mark"] != "best":
        return str(event["text"])
    if event["kind"] == "warning":
        return f"Warning: {event['text']}"
    if event["kind"] == "progress" and event["done"] == event["total"]:
        return f"{event['stage']}: {event['total']} pictures"
    return None


def result(run: Run) -> dict[str, Any]:
    """How the run stands: run, status, accuracies of the whole model (None before the end), epochs, seconds."""
    report = run.report()
    return {
        "run": run.id,
        "status": queue.row(run.id)["status"],
        "validation_accuracy": report.get("validation_accuracy"),
        "test_accuracy": report.get("test_accuracy"),
        "epochs": report.get("epochs", len(run.history())),
        "seconds": report.get("seconds"),
    }
