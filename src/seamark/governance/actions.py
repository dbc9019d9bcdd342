"""The one table of what can be done, and by whom.

From it come the checks, the page docs/reference/roles.md and the tests that try every pair of function and
role on the command line and over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass

from seamark.governance.actors import ROLES

_EVERYBODY = ROLES
_BUILDERS = ("data-scientist", "administrator")
_DELIVERERS = ("data-scientist", "approver", "administrator")
_APPROVERS = ("approver", "administrator")
_READERS = ("reviewer", "data-scientist", "approver", "administrator")
_ADMINISTRATORS = ("administrator",)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    Attributes:
        name: as the audit trail names it.
        roles: who may.
        meaning: what it does.
        cli: its command; empty: it has none.
        http: its method and path; empty: it has none.
        scope: what a token needs for it (:data:`seamark.governance.actors.SCOPES`).
        system: whether Seamark does it by itself as well.
    """

    name: str
    roles: tuple[str, ...]
    meaning: str
    cli: str = ""
    http: str = ""
    scope: str = "write"
    system: bool = False


ACTIONS: tuple[Action, ...] = (
    Action(
        "predict",
        _EVERYBODY,
        "Extract skills, search them, describe the version.",
        "",
        "POST /v1/extract",
        "predict",
    ),
    Action(
        "batch.submit", _EVERYBODY, "Have a file of texts extracted.", "", "POST /v1/batch-jobs", "predict"
    ),
    Action(
        "taxonomy.import",
        _BUILDERS,
        "Import a taxonomy release.",
        "seamark taxonomy import",
        "POST /v1/taxonomies",
        system=True,
    ),
    Action(
        "taxonomy.use",
        _BUILDERS,
        "Make another taxonomy the live one.",
        "seamark taxonomy use",
        "POST /v1/taxonomies/live",
    ),
    Action(
        "examples.import",
        _BUILDERS,
        "Import labelled examples.",
        "seamark examples import",
        "POST /v1/examples",
    ),
    Action(
        "trigger.fire",
        _BUILDERS,
        "Start a pipeline run.",
        "seamark trigger",
        "POST /v1/triggers",
        system=True,
    ),
    Action(
        "run.cancel", _BUILDERS, "Cancel a pipeline run.", "seamark runs cancel", "POST /v1/runs/{id}/cancel"
    ),
    Action("run.retry", _BUILDERS, "Retry a pipeline run.", "seamark runs retry", "POST /v1/runs/{id}/retry"),
    Action("version.register", (), "Register a version and put it on DEV.", system=True),
    Action(
        "promotion.request",
        _DELIVERERS,
        "Ask for a version on a stage.",
        "seamark promote",
        "POST /v1/promotions",
    ),
    Action(
        "promotion.approve",
        _APPROVERS,
        "Approve a promotion; on PROD not one's own.",
        "seamark approve",
        "POST /v1/promotions/{id}/approve",
    ),
    Action(
        "promotion.reject",
        _APPROVERS,
        "Reject a promotion.",
        "seamark reject",
        "POST /v1/promotions/{id}/reject",
    ),
    Action(
        "promotion.withdraw",
        _DELIVERERS,
        "Withdraw one's own promotion; administrators any.",
        "seamark withdraw",
        "POST /v1/promotions/{id}/withdraw",
    ),
    Action("promotion.live", (), "Note that a server answers with the version.", system=True),
    Action("promotion.fail", (), "Put back the version before, for the new one does not work.", system=True),
    Action(
        "stage.rollback",
        _APPROVERS,
        "Put a stage's previous version back.",
        "seamark rollback",
        "POST /v1/stages/{stage}/rollback",
    ),
    Action(
        "stage.set",
        _APPROVERS,
        "Change how a stage is served.",
        "seamark stages set",
        "PATCH /v1/stages/{stage}/settings",
    ),
    Action(
        "shadow.start",
        _DELIVERERS,
        "Let a version see a share of a stage's requests.",
        "seamark shadow start",
        "PUT /v1/stages/{stage}/shadow",
    ),
    Action(
        "shadow.stop", _DELIVERERS, "End a shadow.", "seamark shadow stop", "DELETE /v1/stages/{stage}/shadow"
    ),
    Action(
        "canary.stop", _DELIVERERS, "End a canary.", "seamark canary stop", "DELETE /v1/stages/{stage}/canary"
    ),
    Action(
        "capture.read", _READERS, "Read captured texts.", "seamark capture list", "GET /v1/captures", "read"
    ),
    Action(
        "capture.delete",
        _ADMINISTRATORS,
        "Delete a captured prediction for good.",
        "seamark capture delete",
        "DELETE /v1/captures/{request_id}",
    ),
    Action(
        "capture.archive",
        _ADMINISTRATORS,
        "Archive old captures, and remove those past their time.",
        "seamark capture archive",
        "POST /v1/captures/archive",
        system=True,
    ),
    Action(
        "people.read",
        _ADMINISTRATORS,
        "See who has an account.",
        "seamark people list",
        "GET /v1/people",
        "read",
    ),
    Action("people.add", _ADMINISTRATORS, "Add a person.", "seamark people add", "POST /v1/people"),
    Action(
        "people.change",
        _ADMINISTRATORS,
        "Change a person's roles, or bar them.",
        "seamark people change",
        "PATCH /v1/people/{name}",
    ),
    Action(
        "people.password",
        _EVERYBODY,
        "Set one's own password; administrators anybody's.",
        "seamark people password",
        "PUT /v1/people/{name}/password",
    ),
    Action(
        "token.create",
        _EVERYBODY,
        "Make a token for oneself; administrators for anybody, but none with the scope write.",
        "seamark token create",
        "POST /v1/tokens",
    ),
    Action(
        "token.revoke",
        _EVERYBODY,
        "Revoke one's own token; administrators anybody's.",
        "seamark token revoke",
        "DELETE /v1/tokens/{id}",
    ),
    Action(
        "audit.read",
        _EVERYBODY,
        "Read and verify the audit trail.",
        "seamark audit list",
        "GET /v1/audit",
        "read",
    ),
    Action(
        "read", _EVERYBODY, "Look at versions, stages, promotions, runs.", "", "GET /v1/promotions", "read"
    ),
)

_BY_NAME = {action.name: action for action in ACTIONS}


def get_action(name: str) -> Action:
    """The action of this name; a name that is none is a mistake in the code.

    Raises:
        KeyError: there is no such action.
    """
    return _BY_NAME[name]
