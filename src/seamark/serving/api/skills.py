"""Search in the taxonomy release of the version that a stage runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
from fastapi import Depends, Query, Request
from pydantic import BaseModel

from seamark.governance.actors import Actor
from seamark.serving.dependencies import make_router, require_action
from seamark.serving.models import Model
from seamark.serving.runtime import Runtime

router = make_router(tag="skills")

Stage = Literal["dev", "uat", "prod"]
Predictor = Annotated[Actor, Depends(require_action("predict"))]
Words = Annotated[str, Query(min_length=1, max_length=200, description="Words of a title, or what is meant.")]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]

_AT_ONCE = anyio.CapacityLimiter(2)  # searches by meaning use the processor that predictions need
_WEAKEST = 0.02  # confidence below which a skill is no answer


class FoundSkill(BaseModel):
    """A skill that was found."""

    skill_id: str
    title: str
    type: str
    description: str
    tags: list[str]
    found_by: Literal["words", "meaning"]


class FoundSkills(BaseModel):
    """Skills, the best first: those that share words with the query, then those near to it in meaning."""

    version: str
    taxonomy: str
    skills: list[FoundSkill]


@router.get("/skills")
async def search_skills(request: Request, q: Words, _actor: Predictor, limit: Limit = 20) -> FoundSkills:
    """Search skills in the taxonomy release of the version on the server's default stage."""
    return await _search(request, None, q, limit)


@router.get("/stages/{stage}/skills")
async def search_skills_on_stage(
    request: Request, stage: Stage, q: Words, _actor: Predictor, limit: Limit = 20
) -> FoundSkills:
    """Search skills in the taxonomy release of the version on a stage."""
    return await _search(request, stage, q, limit)


async def _search(request: Request, stage: str | None, query: str, limit: int) -> FoundSkills:
    runtime: Runtime = request.app.state.runtime
    state = runtime.get_answering(stage)
    assert state.champion is not None
    model = state.champion.view.model
    found = await anyio.to_thread.run_sync(find_skills, model, query, limit, limiter=_AT_ONCE)
    taxonomy = model.taxonomy
    return FoundSkills(
        version=model.version,
        taxonomy=f"{taxonomy.get('name')}@{taxonomy.get('number')}",
        skills=[FoundSkill(**one) for one in found],
    )


def find_skills(model: Model, query: str, limit: int) -> list[dict[str, Any]]:
    """Active skills for a query, each once: first those that share words with it, then those near in meaning."""
    extractor = model.extractor
    active = {skill.skill_id: skill for skill in extractor.taxonomy.active}
    by_words = [one.skill_id for one in extractor.taxonomy.search(query, limit) if one.skill_id in active]
    found = dict.fromkeys(by_words, "words")
    if len(found) < limit and query.strip():
        ranked = extractor.rank_phrases([query], depth=limit)[0]
        for skill_id, confidence in ranked:
            if confidence >= _WEAKEST and len(found) < limit:
                found.setdefault(skill_id, "meaning")
    return [
        {
            "skill_id": skill_id,
            "title": active[skill_id].title,
            "type": active[skill_id].type,
            "description": active[skill_id].description,
            "tags": list(active[skill_id].tags),
            "found_by": how,
        }
        for skill_id, how in found.items()
    ]
