"""Settings of this installation, from the environment (`THAW_...`), read once."""

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Where things are kept and how patient the processes are."""

    model_config = SettingsConfigDict(env_prefix="THAW_", frozen=True, extra="ignore")

    workspace: Path = Field(ROOT / "workspace", description="folder of datasets, runs, caches and the database")
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite inside the workspace when empty")
    keras_home: Path = Field(
        Path.home() / ".keras", validation_alias="KERAS_HOME", description="Keras' own folder of downloaded weights"
    )
    weights_url: str = Field(
        "https://storage.googleapis.com", description="where Keras' pretrained weights are downloaded from"
    )
    features_gigabytes: float = Field(
        10.0, ge=0, description="disk that kept features may take; those not used for longest go first"
    )
    politeness: int = Field(
        10, ge=0, le=19, description="how far a run steps back for everything else, as of `nice`: pages come first"
    )
    supervisor_idle: float = Field(600.0, gt=0, description="seconds without work after which the supervisor leaves")
    keep_ready: bool = Field(
        True, description="have a training process ready while nothing trains: runs begin at once, for 350 MB of memory"
    )
    stop_grace: float = Field(
        10.0, gt=0, description="seconds a run that shall stop may compute nothing before it is killed"
    )

    folders: str = Field(
        "", description="folders of this machine that may be imported from, one or several; none when empty"
    )
    links: bool = Field(False, description="whether an archive may be fetched from an https address of the internet")

    tensorboard: str = Field(
        "", description="folder for TensorBoard's files; 1 for `tensorboard` in the workspace, none when empty or 0"
    )
    mlflow_tracking_uri: str = Field(
        "", description="MLflow's server or database, which gets every run; none when empty"
    )
    mlflow_experiment: str = Field("Thaw", min_length=1, description="MLflow's experiment that runs are kept under")

    serve_token: str = Field(
        "", repr=False, description="what clients of `serve` show to be let in; made up when needed and empty"
    )

    @property
    def absolute_workspace(self) -> Path:
        return self.workspace.expanduser().resolve()

    @property
    def folder_roots(self) -> tuple[Path, ...]:
        """What `folders` names, separated as in `PATH`; links among them are followed here, once."""
        return tuple(Path(name).expanduser().resolve() for name in self.folders.split(os.pathsep) if name.strip())

    @property
    def tensorboard_folder(self) -> Path:
        """What the setting means; a relative folder lies inside the workspace."""
        name = "tensorboard" if self.tensorboard == "1" else self.tensorboard
        return self.absolute_workspace / Path(name).expanduser()

    @property
    def url(self) -> str:
        return self.database_url or f"sqlite:///{self.absolute_workspace / 'thaw.sqlite'}"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Tests change the environment and call `settings.cache_clear()`."""
    return Settings()


def workspace(*parts: str) -> Path:
    """A path inside the workspace; its parent folders exist afterwards."""
    path = settings().absolute_workspace.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
