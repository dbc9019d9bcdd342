"""The parts of a champion-contender page: the reasons, the measures, the slices, the documents that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from seamark.building.champion._plot import Scale, draw_axis, draw_interval
from seamark.building.champion.decision import Comparison, Decision, SliceComparison
from seamark.building.champion.measures import AVERAGES, LOWER_IS_BETTER
from seamark.building.champion.page_parts import escape
from seamark.building.champion.scoring import DocumentScore, ScoredSkill, Scores
from seamark.building.champion.wording import count, show, show_signed

MOST_MOVED = 5
"""Documents shown that gained most, and as many that lost most."""

_NOISE = 1e-9


def render_reasons(decision: Decision) -> str:
    """Why it won or lost, then what to keep in mind."""
    reasons = "".join(
        f'<li class="first">{escape(text)}</li>' if i == 0 else f"<li>{escape(text)}</li>"
        for i, text in enumerate(decision.reasons)
    )
    notes = "".join(f'<li class="note">{escape(text)}</li>' for text in decision.notes)
    return f'<section><h2>Why</h2><ul class="sheet why">{reasons}{notes}</ul></section>'


def render_measures(decision: Decision) -> str:
    """The table of all measures with the forest plot."""
    scale = Scale(decision.comparisons)
    rows = "".join(_render_measure(made, scale, decision) for made in decision.comparisons)
    paired = decision.champion_version is not None
    lead = (
        f"{count(decision.n, 'document')}, the same for both. The line is the middle 95% of the difference over "
        f"{decision.rule['resamples']:,} resamples of the documents; the dashed mark is what is tolerated."
        if paired
        else f"{count(decision.n, 'document')}. Without a champion there is nothing to compare with."
    )
    return (
        f'<section><h2>Measures</h2><p class="lead">{escape(lead)}</p><div class="sheet"><table>'
        f"<thead>{_render_head('measure', scale if paired else None)}</thead>"
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def render_slices(decision: Decision) -> str:
    """The primary metric by sector, document kind and skill type; empty without a slice."""
    if not decision.slices:
        return ""
    scale = Scale(part.comparison for part in decision.slices)
    rows = "".join(
        f'<tr class="group"><th colspan="7">by {escape(dimension)}</th></tr>'
        + "".join(_render_slice(part, scale) for part in parts)
        for dimension, parts in groupby(decision.slices, key=lambda part: part.dimension)
    )
    least = decision.rule["slice_min_documents"]
    lead = (
        f"{decision.primary.name} on some of the documents. A slice of {least} documents or more may not fall by more "
        f"than {decision.rule['slice_tolerance']:g}; a smaller one is shown, and decides nothing."
    )
    return (
        f'<section><h2>Slices</h2><p class="lead">{escape(lead)}</p><div class="sheet"><table>'
        f"<thead>{_render_head('slice', scale)}</thead><tbody>{rows}</tbody></table></div></section>"
    )


def render_documents(decision: Decision, champion: Scores | None, contender: Scores) -> str:
    """The documents that gained and lost most, with what both predicted; without a champion the worst ones."""
    field = AVERAGES.get(decision.primary.name, "jaccard")
    skills = {**(champion.skills if champion else {}), **contender.skills}
    if champion is None:
        return _render_worst(contender, field, skills)
    before = {document.document_id: document for document in champion.documents}
    moved = [(before[document.document_id], document) for document in contender.documents]

    def move(pair: tuple[DocumentScore, DocumentScore]) -> float:
        return (getattr(pair[1], field) or 0.0) - (getattr(pair[0], field) or 0.0)

    ordered = sorted(moved, key=lambda pair: (move(pair), pair[1].document_id))
    lost = [pair for pair in ordered[:MOST_MOVED] if move(pair) < -_NOISE]
    gained = [pair for pair in ordered[::-1][:MOST_MOVED] if move(pair) > _NOISE]
    counts = _count_moves(map(move, moved))
    return _render_cases("Gained most", counts, gained, field, skills) + _render_cases(
        "Lost most", counts, lost, field, skills
    )


# ---- tables


def _render_head(first: str, scale: Scale | None) -> str:
    plot = draw_axis(scale) if scale else ""
    return (
        f'<tr><th>{first}</th><th class="n">champion</th><th class="n">contender</th><th class="n">difference</th>'
        f'<th class="n">95% interval</th><th class="plot">{plot}</th><th>asked</th></tr>'
    )


def _render_measure(made: Comparison, scale: Scale, decision: Decision) -> str:
    note = " <small>lower is better</small>" if made.name in LOWER_IS_BETTER else ""
    is_primary = made is decision.primary
    kind = "main" if is_primary else ""
    least = float(decision.rule["min_gain"])
    rule = (f"rises by more than {least:g}" if least else "rises") if is_primary else None
    return _render_row(f"{escape(made.name)}{note}", made, scale, kind=kind, rule=rule)


def _render_slice(part: SliceComparison, scale: Scale) -> str:
    title = f"{escape(part.value)} <small>{count(part.documents, 'document')}</small>"
    return _render_row(title, part.comparison, scale, kind="" if part.judged else "faint")


def _render_row(title: str, made: Comparison, scale: Scale, *, kind: str, rule: str | None = None) -> str:
    interval = (
        f"{show_signed(made.name, made.interval.low)} … {show_signed(made.name, made.interval.high)}"
        if made.interval
        else "–"
    )
    tone = "" if not made.gain or abs(made.gain) < _NOISE else "up" if made.gain > 0 else "down"
    return (
        f'<tr class="{kind}"><th scope="row">{title}</th><td class="n">{show(made.name, made.champion)}</td>'
        f'<td class="n">{show(made.name, made.contender)}</td>'
        f'<td class="n {tone}">{show_signed(made.name, made.difference)}</td><td class="n">{interval}</td>'
        f'<td class="plot">{draw_interval(made, scale)}</td><td>{_render_asked(made, rule)}</td></tr>'
    )


def _render_asked(made: Comparison, rule: str | None) -> str:
    if rule is None and made.tolerance is None:
        return ""
    if made.champion is None:
        return '<span class="mark-off">not asked</span>'
    asked = rule or f"worsens by {show(made.name, made.tolerance)} at most"
    mark = (
        '<span class="mark-ok">holds</span>' if made.passed else '<span class="mark-no">does not hold</span>'
    )
    return f"{mark} <small>{escape(asked)}</small>"


# ---- documents

_KEY = (
    '<p class="key"><span class="chip hit">right</span><span class="chip wrong">wrong</span>'
    '<span class="chip missed">skill</span></p>'
)


def _count_moves(moves: Iterable[float]) -> str:
    found = list(moves)
    better, worse = sum(move > _NOISE for move in found), sum(move < -_NOISE for move in found)
    return (
        f"Of {count(len(found), 'document')}, {better:,} got better, {worse:,} worse, "
        f"{len(found) - better - worse:,} stayed as they were."
    )


def _render_cases(
    title: str,
    lead: str,
    pairs: Sequence[tuple[DocumentScore, DocumentScore]],
    field: str,
    skills: Mapping[str, ScoredSkill],
) -> str:
    if not pairs:
        return ""
    cases = "".join(
        _render_case(
            other,
            f"{field.replace('_', ' ')} {getattr(one, field) or 0.0:.2f} → {getattr(other, field) or 0.0:.2f}",
            (("champion", one), ("contender", other)),
            skills,
        )
        for one, other in pairs
    )
    return (
        f'<section><h2>{title}</h2><p class="lead">{escape(lead)}</p>{_KEY}'
        f'<div class="sheet">{cases}</div></section>'
    )


def _render_worst(contender: Scores, field: str, skills: Mapping[str, ScoredSkill]) -> str:
    ordered = sorted(
        contender.documents, key=lambda document: (getattr(document, field) or 0.0, document.document_id)
    )
    cases = "".join(
        _render_case(
            document,
            f"{field.replace('_', ' ')} {getattr(document, field) or 0.0:.2f}",
            (("predicted", document),),
            skills,
        )
        for document in ordered[:MOST_MOVED]
    )
    return f'<section><h2>Went worst</h2>{_KEY}<div class="sheet">{cases}</div></section>'


def _render_case(
    document: DocumentScore,
    move: str,
    sides: Sequence[tuple[str, DocumentScore]],
    skills: Mapping[str, ScoredSkill],
) -> str:
    def name(skill_id: str) -> str:
        return escape(skills[skill_id].title if skill_id in skills else skill_id)

    facts = " · ".join(filter(None, (document.kind, document.sector)))
    gold = "".join(f'<span class="chip">{name(skill_id)}</span>' for skill_id in document.gold)
    rows = f"<dt>calls for</dt><dd>{gold or 'no skill'}</dd>" + "".join(
        f"<dt>{escape(role)}</dt><dd>{_render_prediction(side, name)}</dd>" for role, side in sides
    )
    return (
        f'<article class="case"><header><h3>{escape(document.document_id)}<small>{escape(facts)}</small></h3>'
        f'<span class="move">{escape(move)}</span></header><blockquote>{escape(document.excerpt)}</blockquote>'
        f"<dl>{rows}</dl></article>"
    )


def _render_prediction(document: DocumentScore, name: Callable[[str], str]) -> str:
    ordered = sorted(document.predicted.items(), key=lambda item: (-item[1], item[0]))
    chips = [
        f'<span class="chip {"hit" if skill_id in document.gold else "wrong"}"{_explain(document, skill_id)}>'
        f"{name(skill_id)} <i>{confidence:.2f}</i></span>"
        for skill_id, confidence in ordered
    ]
    chips += [
        f'<span class="chip missed"{_explain(document, skill_id)}>{name(skill_id)}</span>'
        for skill_id in document.gold
        if skill_id not in document.predicted
    ]
    return "".join(chips) or "nothing"


def _explain(document: DocumentScore, skill_id: str) -> str:
    if skill_id in document.unknown:
        return ' title="not in this model\'s taxonomy"'
    return ' title="a reviewer rejected it"' if skill_id in document.rejected else ""
