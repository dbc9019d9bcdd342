"""What several routes take and give: parameters with their limits, and shapes of answers.

Every text has a greatest length and no NUL, which PostgreSQL can't keep: what is wrong is answered with 422 before
any function sees it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from seamark.registry.stages import STAGES
from seamark.serving.dependencies import Body, get_workspace
from seamark.storage.workspace import Workspace

_NO_NUL = r"^[^\x00]*$"
_ID = r"^[A-Za-z0-9][A-Za-z0-9._@:+-]*$"

OpenWorkspace = Annotated[Workspace, Depends(get_workspace)]
"""The workspace that the server serves."""

StageName = Literal["dev", "uat", "prod"]

Id = Annotated[str, Path(max_length=128, pattern=_ID)]
"""An id, a number or a name in a path."""

StagePath = Annotated[
    str,
    Path(max_length=16, pattern="^[a-z]+$", json_schema_extra={"enum": list(STAGES)}, description="A stage."),
]
"""A stage in a path; one that there is not is answered with 404."""

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many, the newest first.")]

QueryText = Annotated[str, Query(max_length=300, pattern=_NO_NUL)]
"""A short text in the query."""

Number = Annotated[str, StringConstraints(max_length=40, pattern=r"^\d{1,9}\.\d{1,9}\.\d{1,9}$")]
"""The number of a version."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_NUL)]
Line = Annotated[str, StringConstraints(max_length=300, pattern=_NO_NUL)]
Reason = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_NUL)]
"""Why somebody asks for something, in their own words."""


class StrictBody(Body):
    """A JSON body whose values must have the type that is documented: no "5" for 5."""

    model_config = ConfigDict(extra="forbid", strict=True)


class WhyBody(StrictBody):
    """Nothing but the reason, which may be left out."""

    reason: Reason = ""


class Answer(BaseModel):
    """A shape of answers, filled from the record's attributes."""

    model_config = ConfigDict(from_attributes=True)


Facts = dict[str, Any]
"""Free facts, such as metrics."""

Time = datetime
