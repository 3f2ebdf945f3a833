"""Protocols by name: how a data set is cut, what a request may know, and how all that is said in words."""

from collections.abc import Callable
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from penchant.core.catalogue import Catalogue
from penchant.core.config import Config
from penchant.core.errors import did_you_mean
from penchant.data import Dataset
from penchant.data.split import Split
from penchant.data.times import in_words

PROTOCOLS = Catalogue(
    "protocol",
    {
        "leave-one-out": "penchant.data.split:leave_one_out",
        "temporal": "penchant.data.split:temporal",
        "ratio": "penchant.data.split:ratio",
    },
)

GIVEN = "given"  # the test is a file of its own

_CUTS = {
    "leave-one-out": "Each user's last event is to be predicted from everything they did before; the one before it is the validation.",
    "temporal": "One moment cuts everybody: what happened from then on is to be predicted from what the same user did before.",
    "ratio": "The last share of each user's events is to be predicted from what they did before.",
    GIVEN: "The events of a separate test file are to be predicted from those of the training file.",
}


class Protocol(Config):
    """How models are judged. The same for every model of a report."""

    name: str = "leave-one-out"
    at: int = Field(default=10, ge=1, le=1_000)  # places of the list that count
    time_known: bool = False  # a request knows its own time, as a live one does
    exclude_seen: bool = True  # what somebody already met is not recommended again
    refit: bool = False  # train again on training and validation together before the test
    test: float | None = Field(default=None, gt=0, lt=1)  # share of events; None = the split's own default
    validation: float | None = Field(default=None, ge=0, lt=1)
    seed: int = Field(default=0, ge=0)

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name != GIVEN and name not in PROTOCOLS:
            raise ValueError(f"no such protocol{did_you_mean(name, PROTOCOLS)}")
        return name

    @field_validator("test", "validation")
    @classmethod
    def _fits_its_split(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and info.data.get("name") == "leave-one-out":
            raise ValueError("leave-one-out takes no shares: test and validation are one event a user each")
        return share

    def split(self, dataset: Dataset) -> Split:
        """The data set in three. Raises DataError where it cannot be cut like this."""
        shares = {name: share for name, share in (("test", self.test), ("validation", self.validation)) if share is not None}
        cut: Callable[..., Split] = PROTOCOLS.load(self.name)
        return cut(dataset, **shares)

    def words(self, split: Split) -> list[str]:
        """What was done, one sentence an idea."""
        sentences = [_CUTS[self.name]]
        if "test_from" in split.facts:
            moment, cold = in_words(split.facts["test_from"]), split.facts["cold_users"]
            sentences.append(f"The cut is at {moment} (UTC); {cold:,} users have no event before it and are judged with an empty history.")
        if self.refit:
            sentences.append("Models are tuned on the validation, then trained again on everything before the test, validation included.")
        else:
            sentences.append(
                "Every model learns from the training part alone; the validation only says when training may stop. "
                "At the test a history holds the validation events too."
            )
        if self.name in ("leave-one-out", "ratio"):
            sentences.append(
                "Cuts differ from user to user, so a model may have learned from events of others that are later than a request."
            )
        sentences.append(f"Every item of the catalogue competes for {self.at} places; equal scores go by item code.")
        if self.exclude_seen:
            sentences.append("What somebody already met is left out of their list; wanting it again counts as a miss.")
        else:
            sentences.append("What somebody already met may be recommended again.")
        when = "its own time" if self.time_known else "the time of the last event before it, not its own"
        return [*sentences, f"A request knows {when}."]

    def as_json(self, split: Split) -> dict[str, Any]:
        """For a report. `Any`: JSON."""
        return {**self.model_dump(), **split.facts, "words": self.words(split)}
