"""Where a run keeps what is known of its exports."""

from pathlib import Path

from dashboard.core import certificates
from dashboard.core.certificates import Certificate
from dashboard.core.export_formats import ExportFormat
from dashboard.runs.run import Run


def certificate_path(run: Run, row: ExportFormat) -> Path:
    return run.path / "exports" / f"certificate-{row.name}.json"


def certificate(run: Run, row: ExportFormat) -> Certificate | None:
    """What a fresh process found with an export, unless the run has written its model anew since then."""
    path = certificate_path(run, row)
    if not path.exists() or path.stat().st_mtime < run.model_path.stat().st_mtime:
        return None
    return certificates.read(path)
