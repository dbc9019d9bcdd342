"""What the service runs and how it is: versions, stages, health, readiness, metrics, SageMaker's ``/ping``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from seamark.delivery.desired import DesiredContender, read_desired
from seamark.governance.actors import Actor
from seamark.serving.dependencies import make_router, require_action
from seamark.serving.problems import ProblemError, document
from seamark.serving.runtime import Runtime
from seamark.serving.state import Running, StageState
from seamark.serving.watching import SILENT_SECONDS
from seamark.storage.servers import ServerRecord, list_servers

Stage = Literal["dev", "uat", "prod"]
Predictor = Annotated[Actor, Depends(require_action("predict"))]
Reader = Annotated[Actor, Depends(require_action("read"))]

router = make_router(tag="service", prefix="")


class TaxonomyFacts(BaseModel):
    """A taxonomy release."""

    name: str
    number: str
    digest: str
    skills: int


class VersionFacts(BaseModel):
    """A version that a stage runs on this server."""

    version: str
    stage: str
    role: Literal["champion", "canary", "shadow"]
    share: float
    since: datetime
    digest: str
    taxonomy: TaxonomyFacts
    threshold: float
    metrics: dict[str, Any]


class ContenderFacts(BaseModel):
    """A version beside the stage's own."""

    version: str
    share: float
    promotion: str | None


class StageFacts(BaseModel):
    """A stage: what it should run, and what this server runs."""

    stage: str
    version: str | None
    promotion: str | None
    promotion_status: str
    canary: ContenderFacts | None
    shadow: ContenderFacts | None
    settings: dict[str, Any]
    served: bool
    here: dict[str, Any]


class ServerFacts(BaseModel):
    """A server process."""

    id: str
    address: str
    started_at: datetime
    seen_at: datetime
    stages: dict[str, Any]


class StagesAnswer(BaseModel):
    """Every stage, and the servers that were heard of within the last minute."""

    stages: list[StageFacts]
    servers: list[ServerFacts]


class HealthAnswer(BaseModel):
    """The process is there."""

    status: Literal["ok"]


class ReadyAnswer(BaseModel):
    """Whether the server should get requests, and the state behind that."""

    ready: bool
    status: Literal["ready", "degraded", "starting", "stopping", "unavailable"]
    database: Literal["ok", "away"]
    default_stage: str
    stages: dict[str, dict[str, Any]]


@router.get("/v1/version")
def describe_version(request: Request, _actor: Predictor) -> VersionFacts:
    """Describe the version on the server's default stage."""
    return _describe_champion(_get_runtime(request).get_answering(None))


@router.get("/v1/stages/{stage}/version")
def describe_version_on_stage(request: Request, stage: Stage, _actor: Predictor) -> VersionFacts:
    """Describe the version on a stage."""
    return _describe_champion(_get_runtime(request).get_answering(stage))


@router.get("/v1/stages")
def list_stages(request: Request, _actor: Reader) -> StagesAnswer:
    """List the stages: what each should run, its contenders and settings, and what this server runs."""
    runtime = _get_runtime(request)
    desired = read_desired(runtime.workspace)
    since = datetime.now(UTC) - timedelta(seconds=SILENT_SECONDS)
    with runtime.workspace.database.read() as connection:
        servers = list_servers(connection, since=since)
    return StagesAnswer(
        stages=[
            StageFacts(
                stage=name,
                version=wanted.version,
                promotion=wanted.promotion_id,
                promotion_status=wanted.promotion_status,
                canary=_describe_contender(wanted.canary),
                shadow=_describe_contender(wanted.shadow),
                settings=asdict(wanted.settings),
                served=name in runtime.stages,
                here=runtime.get_state(name).describe() if name in runtime.stages else {},
            )
            for name, wanted in desired.items()
        ],
        servers=[_describe_server(server) for server in servers],
    )


open_router = APIRouter(tags=["service"])


@open_router.get("/v1/health")
async def check_health() -> HealthAnswer:
    """Whether the process is there; asks nothing else."""
    return HealthAnswer(status="ok")


@open_router.get("/v1/ready", responses={503: {"model": ReadyAnswer, "description": "Not now."}})
async def check_readiness(request: Request) -> Response:
    """Whether the server should get requests. It should while the database is away: predictions go on."""
    answer = _weigh_readiness(_get_runtime(request))
    return JSONResponse(answer.model_dump(mode="json"), status_code=200 if answer.ready else 503)


@open_router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def read_metrics(request: Request) -> Response:
    """Figures for Prometheus, of this server process."""
    return Response(_get_runtime(request).metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@open_router.get("/ping", responses=document(503), response_class=Response)
async def ping(request: Request) -> Response:
    """As SageMaker asks: whether the default stage can answer."""
    runtime = _get_runtime(request)
    try:
        runtime.get_answering(None)
    except ProblemError as error:
        raise ProblemError("stage-unavailable", error.found) from error
    return Response(status_code=200)


router.include_router(open_router)


def _get_runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _weigh_readiness(runtime: Runtime) -> ReadyAnswer:
    states = [runtime.get_state(name) for name in runtime.stages]
    default = runtime.get_state(None)
    broken = [state for state in states if state.wanted is not None and state.champion is None]
    status: Literal["ready", "degraded", "starting", "stopping", "unavailable"]
    if runtime.stopping:
        status = "stopping"
    elif not runtime.is_settled:
        status = "starting"
    elif default in broken:
        status = "unavailable"
    else:
        troubled = runtime.database_away or any(state.error for state in states)
        status = "degraded" if troubled or broken else "ready"
    return ReadyAnswer(
        ready=status in ("ready", "degraded"),
        status=status,
        database="away" if runtime.database_away else "ok",
        default_stage=runtime.default_stage,
        stages={state.stage: {**state.describe(), "wanted": state.wanted} for state in states},
    )


def _describe_champion(state: StageState) -> VersionFacts:
    assert state.champion is not None
    return _describe_running(state.stage, "champion", state.champion)


def _describe_running(
    stage: str, role: Literal["champion", "canary", "shadow"], running: Running
) -> VersionFacts:
    model = running.view.model
    taxonomy = {name: model.taxonomy.get(name, "") for name in ("name", "number", "digest")}
    return VersionFacts(
        version=model.version,
        stage=stage,
        role=role,
        share=running.share,
        since=running.since,
        digest=model.digest,
        taxonomy=TaxonomyFacts(**taxonomy, skills=int(model.taxonomy.get("skills", 0))),
        threshold=running.view.threshold,
        metrics=dict(model.metrics),
    )


def _describe_contender(contender: DesiredContender | None) -> ContenderFacts | None:
    if contender is None:
        return None
    return ContenderFacts(version=contender.version, share=contender.share, promotion=contender.promotion_id)


def _describe_server(server: ServerRecord) -> ServerFacts:
    return ServerFacts(
        id=server.id,
        address=server.address,
        started_at=server.started_at,
        seen_at=server.seen_at,
        stages=dict(server.stages),
    )
