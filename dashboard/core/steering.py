"""The levers of a run: what may be changed while it trains. A row each; `ml.steering` pulls them."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dashboard.core.errors import RecipeError

LEARNING_RATE = "learning rate"
PATIENCE = "patience"
THAW = "thaw"
LAST_EPOCH = "last epoch"
MORE_EPOCHS = "more epochs"

ASKED = "asked: "  # before a lever's name: the kind of the mark it leaves on the curves


@dataclass(frozen=True)
class Lever:
    """One thing that can be changed.

    `least` and `most` bound its value; None where it has none. `words` tells what happened, with the value as `{}`.
    """

    name: str
    words: str
    least: float | None = None
    most: float | None = None
    whole: bool = True  # its value is a whole number


LEVERS = {
    row.name: row
    for row in (
        Lever(LEARNING_RATE, "Learning rate set to {:g}.", 1e-9, 1.0, whole=False),
        Lever(PATIENCE, "Patience set to {:g} epochs.", 1, 1000),
        Lever(THAW, "Asked to thaw the next block when this epoch ends."),
        Lever(LAST_EPOCH, "Asked to stop when this epoch ends."),
        Lever(MORE_EPOCHS, "{:g} more epochs.", 1, 1000),
    )
}


class Steer(BaseModel):
    """A lever pulled at a step, as a run's recipe keeps it: a run that repeats the recipe pulls it there again."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lever: str
    value: float | None = None
    step: int = Field(0, ge=0, description="mini-batches the run had done")
    id: str = Field("", max_length=64, description="of the wish it came from, so that none is granted twice")

    @field_validator("lever")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LEVERS:
            raise RecipeError("lever-unknown", f"A run can be steered by {', '.join(LEVERS)}; received '{name}'.")
        return name

    @model_validator(mode="after")
    def _in_range(self) -> "Steer":
        row, value = LEVERS[self.lever], self.value
        if row.least is None or row.most is None:
            if value is not None:
                raise RecipeError("steer-value", f"'{row.name}' takes no value; received {value:g}.")
        elif value is None or not row.least <= value <= row.most or (row.whole and value != int(value)):
            kind = "a whole number" if row.whole else "a number"
            raise RecipeError(
                "steer-value", f"'{row.name}' takes {kind} from {row.least:g} to {row.most:g}; received {value}."
            )
        return self

    @property
    def words(self) -> str:
        """What it did, as a sentence."""
        return LEVERS[self.lever].words.format(self.value)
