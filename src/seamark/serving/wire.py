"""Bodies of requests and answers for predictions, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from seamark.extraction.text import MAX_CHARACTERS
from seamark.serving.dependencies import Body
from seamark.serving.questions import Question

_LONGEST_ID = 512
_LONGEST_SECTOR = 200
_MOST_TEXTS = 1024

Kind = Literal["posting", "course", "other"]
Text = Annotated[str, Field(max_length=MAX_CHARACTERS, description="The text; the stage limits its length.")]


class ExtractOne(Body):
    """One text."""

    text: Text
    id: str = Field("", max_length=_LONGEST_ID, description="Your own id of the text; it is captured.")
    kind: Kind | None = Field(None, description="What it is.")
    sector: str = Field("", max_length=_LONGEST_SECTOR, description="The sector that it is of.")

    def to_question(self) -> Question:
        """The text with what its sender says of it."""
        return Question(self.text, self.id, self.kind or "", self.sector)


def _tag_text(value: Any) -> str:
    return "text" if isinstance(value, str) else "document"


def _tag_request(value: Any) -> str:
    return "several" if isinstance(value, dict) and "texts" in value else "one"


class ExtractMany(Body):
    """Several texts; the stage limits their number."""

    texts: list[
        Annotated[
            Annotated[Text, Tag("text")] | Annotated[ExtractOne, Tag("document")],
            Discriminator(_tag_text),
        ]
    ] = Field(min_length=1, max_length=_MOST_TEXTS)


ExtractRequest = Annotated[
    Annotated[ExtractOne, Tag("one")] | Annotated[ExtractMany, Tag("several")],
    Discriminator(_tag_request),
]
"""One text or several."""


def list_questions(body: ExtractOne | ExtractMany) -> list[Question]:
    """The request's texts."""
    if isinstance(body, ExtractOne):
        return [body.to_question()]
    return [Question(one) if isinstance(one, str) else one.to_question() for one in body.texts]


class Evidence(BaseModel):
    """A span that supports a skill."""

    start: int
    end: int
    text: str
    label: Literal["skill", "knowledge"]
    score: float


class Skill(BaseModel):
    """One predicted skill."""

    model_config = ConfigDict(json_schema_extra={"description": "One predicted skill."})

    skill_id: str
    skillTitle: str  # noqa: N815 (the wire format's name, as all below)
    skillType: str  # noqa: N815
    proficiencyLevel: str  # noqa: N815
    confidenceScore: float  # noqa: N815
    skillTags: list[str]  # noqa: N815
    phrase: str
    skillOccurrence: int  # noqa: N815
    evidence: list[Evidence]


class PredictionAnswer(BaseModel):
    """A prediction in the wire format."""

    modelVersion: str  # noqa: N815
    timestamp: str
    requestId: str  # noqa: N815
    original_input: str
    skillExtractOutput: list[Skill]  # noqa: N815


class PredictionsAnswer(BaseModel):
    """Predictions in the order of the texts."""

    predictions: list[PredictionAnswer]


ExtractAnswer = PredictionAnswer | PredictionsAnswer
"""What one text or several are answered."""
