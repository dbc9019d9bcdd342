"""The parts of a champion-contender page: the reasons, the measures, the slices, the documents that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from seamark.building.champion._plot import Scale, draw_axis, draw_interval
from seamark.building.champion.decision import Comparison, Decision, SliceComparison
from seamark.building.champion.measures import AVERAGES, LOWER_IS_BETTER
from seamark.building.champion.scoring import DocumentScore, ScoredSkill, Scores
from seamark.building.champion.wording import count, show, show_signed
from seamark.building.page_parts import escape, render_tiles

MOST_MOVED = 5
"""Documents shown that gained most, and as many that lost most."""

_NOISE = 1e-9
_FIXED_SPACE = "\u00a0"


def render_gist(decision: Decision) -> str:
    """The figures that decided, large: the primary metric, its change, and how many guards and slices hold."""
    made, guards = decision.primary, decision.guards
    if decision.champion_version is None:
        return render_tiles((show(each.name, each.contender), each.name, "") for each in (made, *guards))
    slices = [part.comparison for part in decision.slices if part.judged]
    values = f"{show(made.name, made.champion)} → {show(made.name, made.contender)}"
    interval = (
        f"95% interval {_show_interval(made).replace(' ', _FIXED_SPACE)}" if made.interval else "difference"
    )
    tiles = [
        (values, f"{made.name}, champion → contender", ""),
        (show_signed(made.name, made.difference), interval, "good" if made.passed else "bad"),
        *(_count_holding(parts, what) for parts, what in ((guards, "guards"), (slices, "slices")) if parts),
    ]
    return render_tiles(tiles, wide=True)


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
    paired = decision.champion_version is not None
    lead = (
        f"{count(decision.n, 'document')}, the same for both. The line is the middle 95% of the difference over "
        f"{decision.rule['resamples']:,} resamples of the documents; the dashed mark is what is tolerated. "
        "“Asked” is what the difference must be."
        if paired
        else f"{count(decision.n, 'document')}. Without a champion there is nothing to compare with."
    )
    table = _render_comparisons(decision) if paired else _render_values(decision)
    width = "" if paired else " narrow"
    return (
        f'<section><h2>Measures</h2><p class="lead">{escape(lead)}</p>'
        f'<div class="sheet{width}">{table}</div></section>'
    )


def render_slices(decision: Decision) -> str:
    """The primary metric by sector, document kind and skill type; empty without a slice."""
    if not decision.slices:
        return ""
    scale = Scale(part.comparison for part in decision.slices)
    rows = "".join(
        _render_group(f"by {dimension}", [_render_slice(part, scale, decision) for part in parts])
        for dimension, parts in groupby(decision.slices, key=lambda part: part.dimension)
    )
    least = decision.rule["slice_min_documents"]
    lead = (
        f"{decision.primary.name} on some of the documents. A slice of {least} documents or more may not fall by more "
        f"than {decision.rule['slice_tolerance']:g}; a smaller one is shown, and decides nothing."
    )
    return (
        f'<section><h2>Slices</h2><p class="lead">{escape(lead)}</p><div class="sheet"><table class="forest">'
        f"<thead>{_render_head('slice', scale)}</thead>{rows}</table></div></section>"
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
    # Once is enough for the counts.
    return _render_cases("Gained most", counts, gained, field, skills) + _render_cases(
        "Lost most", "" if gained else counts, lost, field, skills
    )


# ---- tables


def _render_comparisons(decision: Decision) -> str:
    scale = Scale(decision.comparisons)
    groups = (
        ("primary metric", [decision.primary]),
        ("guards", decision.guards),
        ("not judged", decision.others),
    )
    rows = "".join(
        _render_group(title, [_render_measure(made, scale, decision) for made in comparisons])
        for title, comparisons in groups
        if comparisons
    )
    return f'<table class="forest"><thead>{_render_head("measure", scale)}</thead>{rows}</table>'


def _render_values(decision: Decision) -> str:
    rows = "".join(
        f'<tr{_MAIN if made is decision.primary else ""}><th scope="row">{_render_name(made)}</th>'
        f'<td class="n">{show(made.name, made.contender)}</td></tr>'
        for made in decision.comparisons
    )
    return (
        '<table class="values"><thead><tr><th>measure</th><th class="n">contender</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


_MAIN = ' class="main"'


def _render_head(first: str, scale: Scale) -> str:
    return (
        f'<tr><th>{first}</th><th class="n">champion</th><th class="n">contender</th><th class="n">difference</th>'
        f'<th class="n">95% interval</th><th class="plot">{draw_axis(scale)}</th><th class="n">asked</th><th></th></tr>'
    )


def _render_group(title: str, rows: Sequence[str]) -> str:
    return f'<tbody><tr class="group"><th colspan="8">{escape(title)}</th></tr>{"".join(rows)}</tbody>'


def _render_name(made: Comparison) -> str:
    return escape(made.name) + (" <small>lower is better</small>" if made.name in LOWER_IS_BETTER else "")


def _render_measure(made: Comparison, scale: Scale, decision: Decision) -> str:
    is_primary = made is decision.primary
    asked = _ask_gain(made, float(decision.rule["min_gain"])) if is_primary else _ask_tolerance(made)
    return _render_row(_render_name(made), made, scale, kind="main" if is_primary else "", asked=asked)


def _render_slice(part: SliceComparison, scale: Scale, decision: Decision) -> str:
    title = f"{escape(part.value)} <small>{count(part.documents, 'document')}</small>"
    if part.judged:
        return _render_row(title, part.comparison, scale, asked=_ask_tolerance(part.comparison))
    few = f"under {decision.rule['slice_min_documents']} documents"
    return _render_row(title, part.comparison, scale, kind="faint", why_not=few)


def _render_row(
    title: str, made: Comparison, scale: Scale, *, kind: str = "", asked: str = "", why_not: str = ""
) -> str:
    tone = "" if not made.gain or abs(made.gain) < _NOISE else "up" if made.gain > 0 else "down"
    return (
        f'<tr class="{kind}"><th scope="row">{title}</th>'
        f'<td class="n champion">{show(made.name, made.champion)}</td>'
        f'<td class="n">{show(made.name, made.contender)}</td>'
        f'<td class="n {tone}">{show_signed(made.name, made.difference)}</td>'
        f'<td class="n interval">{_show_interval(made)}</td><td class="plot">{draw_interval(made, scale)}</td>'
        f'<td class="n asked">{escape(asked)}</td><td class="state">{_render_state(made, asked, why_not)}</td></tr>'
    )


def _render_state(made: Comparison, asked: str, why_not: str) -> str:
    if why_not or not asked:
        return f'<span class="mark-off" title="{escape(why_not)}">not judged</span>' if why_not else ""
    if made.difference is None:
        return '<span class="mark-off">not measurable</span>'
    return (
        '<span class="mark-ok">holds</span>' if made.passed else '<span class="mark-no">does not hold</span>'
    )


def _ask_gain(made: Comparison, least: float) -> str:
    """What the primary metric's difference must be."""
    if made.name in LOWER_IS_BETTER:
        return f"< {show_signed(made.name, -least)}" if least else "< 0"
    return f"> {show_signed(made.name, least)}" if least else "> 0"


def _ask_tolerance(made: Comparison) -> str:
    """What a guard's or a slice's difference must be; empty where nothing is asked."""
    if made.tolerance is None:
        return ""
    if made.name in LOWER_IS_BETTER:
        return f"≤ {show_signed(made.name, made.tolerance)}"
    return f"≥ {show_signed(made.name, -made.tolerance)}"


def _show_interval(made: Comparison) -> str:
    if made.interval is None:
        return "–"
    return f"{show_signed(made.name, made.interval.low)} … {show_signed(made.name, made.interval.high)}"


def _count_holding(parts: Sequence[Comparison], what: str) -> tuple[str, str, str]:
    held = sum(made.passed for made in parts)
    return (f"{held} of {len(parts)}", f"{what} hold", "" if held == len(parts) else "bad")


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
    return f'<section><h2>{title}</h2>{_render_lead(lead)}{_KEY}<div class="sheet">{cases}</div></section>'


def _render_lead(text: str) -> str:
    return f'<p class="lead">{escape(text)}</p>' if text else ""


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
