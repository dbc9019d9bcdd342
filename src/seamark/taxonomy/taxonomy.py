"""The taxonomy: the set of recognised skills."""

from __future__ import annotations

import bisect
import difflib
import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seamark.errors import TaxonomyError, UsageError
from seamark.taxonomy._records import hash_skills
from seamark.taxonomy._text import normalise_title
from seamark.taxonomy.skill import Skill

__all__ = ["STARTER", "Taxonomy", "normalise_title"]

STARTER = "starter"
_STARTER_FILE = Path(__file__).parent / "starter" / "skills.csv"
_WORD = re.compile(r"[\w+#]+")


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A set of skills with a name.

    Two taxonomies are equal when their names, versions and contents are. Lookups build their
    index on first use.

    Attributes:
        name: such as ``esco`` or ``starter``.
        skills: in the order of their source; every skill_id once.
        version: the release's number, empty outside a release.

    Raises:
        TaxonomyError: a skill_id or a title is empty, or a skill_id stands twice.

    >>> taxonomy = Taxonomy("mine", (Skill("1", "Data Design"),))
    >>> taxonomy.find_title("data  design")[0].skill_id
    '1'
    """

    name: str
    skills: tuple[Skill, ...]
    version: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "skills", tuple(self.skills))
        if len(self._by_id) != len(self.skills):
            raise TaxonomyError(
                f"the taxonomy '{self.name}' has skill_id {self._find_duplicate()!r} twice",
                expected="every skill_id once",
            )
        for skill in self.skills:
            if not skill.skill_id or not skill.title:
                raise TaxonomyError(f"a skill of '{self.name}' has no skill_id or no title: {skill!r:.200}")

    @classmethod
    def load(cls, source: str | Path, *, home: Path | None = None) -> Taxonomy:
        """The taxonomy that ``source`` names.

        Args:
            source: ``starter``; the name of an imported taxonomy (its latest release), or
                ``name@X.Y.Z`` for one release; or a file or folder, whose format is recognised.
                A bare name that is both is taken as the imported one; write ``./name`` for the file.
            home: where imported taxonomies live; default: the settings' home.

        Raises:
            UsageError: neither a file nor an imported taxonomy has that name.
            TaxonomyError: the file can't be read, or has no usable row.
        """
        from seamark.taxonomy._loading import load_taxonomy

        return load_taxonomy(source, home=home)

    @classmethod
    def starter(cls) -> Taxonomy:
        """The taxonomy that ships with Seamark; read once."""
        return _read_starter()

    def __len__(self) -> int:
        return len(self.skills)

    def __iter__(self) -> Iterator[Skill]:
        return iter(self.skills)

    def __contains__(self, skill_id: object) -> bool:
        return skill_id in self._by_id

    def __getitem__(self, skill_id: str) -> Skill:
        """The skill with this id.

        Raises:
            UsageError: there is none; the message lists close ones.
        """
        if (skill := self._by_id.get(skill_id)) is not None:
            return skill
        close = self._find_close(skill_id)
        raise UsageError(
            f"the taxonomy '{self.name}' has no skill {skill_id!r}",
            hint="one of " + ", ".join(close) if close else "search it by title",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Taxonomy):
            return NotImplemented
        return (self.name, self.version, self.digest) == (other.name, other.version, other.digest)

    def __hash__(self) -> int:
        return hash((self.name, self.version, self.digest))

    def __repr__(self) -> str:
        version = f"@{self.version}" if self.version else ""
        return f"<Taxonomy {self.name}{version}: {len(self.skills)} skills>"

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 in hex of the content: independent of the order, the name and the version."""
        return hash_skills(self.skills)

    @functools.cached_property
    def active(self) -> tuple[Skill, ...]:
        """The skills that may be predicted, in the order of ``skills``."""
        return tuple(skill for skill in self.skills if skill.status == "active")

    def get(self, skill_id: str) -> Skill | None:
        """The skill with this id, or None."""
        return self._by_id.get(skill_id)

    def find_title(self, label: str) -> tuple[Skill, ...]:
        """Every skill of that name, those of that title before those of that alternative title.

        Case and white space do not count; retired skills are found too.
        """
        key = normalise_title(label)
        titled, others = self._by_title.get(key, ()), self._by_alternative.get(key, ())
        return tuple(titled) + tuple(skill for skill in others if skill not in titled)

    def search(self, query: str, limit: int = 20) -> tuple[Skill, ...]:
        """The skills whose title or alternative title shares words with ``query``, the best first.

        A word of the query also meets longer words that begin with it. More of the query's words
        come first, then names with fewer words besides, titles before alternative titles.
        """
        words = set(_WORD.findall(normalise_title(query)))
        if not words or limit < 1:
            return ()
        hits: dict[int, int] = defaultdict(int)
        for word in words:
            for name in self._words.find(word):
                hits[name] += 1
        return self._pick_best(hits, limit)

    def _pick_best(self, hits: Mapping[int, int], limit: int) -> tuple[Skill, ...]:
        best: dict[int, tuple[int, int, bool]] = {}
        for name, shared in hits.items():
            row, is_alternative, length = self._words.names[name]
            rank = (-shared, length, is_alternative)
            best[row] = min(best.get(row, rank), rank)
        rows = sorted(best, key=lambda row: (best[row], self.skills[row].title))
        return tuple(self.skills[row] for row in rows[:limit])

    @functools.cached_property
    def _by_id(self) -> dict[str, Skill]:
        return {skill.skill_id: skill for skill in self.skills}

    @functools.cached_property
    def _by_title(self) -> dict[str, list[Skill]]:
        index: dict[str, list[Skill]] = defaultdict(list)
        for skill in self.skills:
            index[normalise_title(skill.title)].append(skill)
        return dict(index)

    @functools.cached_property
    def _by_alternative(self) -> dict[str, list[Skill]]:
        index: dict[str, list[Skill]] = defaultdict(list)
        for skill in self.skills:
            for key in {normalise_title(title) for title in skill.alternative_titles}:
                index[key].append(skill)
        return dict(index)

    @functools.cached_property
    def _words(self) -> _WordIndex:
        return _WordIndex(self.skills)

    def _find_duplicate(self) -> str:
        seen: set[str] = set()
        for skill in self.skills:
            if skill.skill_id in seen:
                return skill.skill_id
            seen.add(skill.skill_id)
        return ""

    def _find_close(self, skill_id: str) -> list[str]:
        by_title = [skill.skill_id for skill in self.find_title(skill_id)]
        by_id = difflib.get_close_matches(skill_id, self._by_id, n=3, cutoff=0.7)
        words = " ".join(_WORD.findall(skill_id))
        return by_title or by_id or [skill.skill_id for skill in self.search(words, 3)]


class _WordIndex:
    """Which names hold a word, for words given by their beginning."""

    def __init__(self, skills: tuple[Skill, ...]) -> None:
        self.names: list[tuple[int, bool, int]] = []  # (row, is an alternative title, words)
        places: dict[str, list[int]] = defaultdict(list)
        for row, skill in enumerate(skills):
            for position, name in enumerate((skill.title, *skill.alternative_titles)):
                words = set(_WORD.findall(normalise_title(name)))
                for word in words:
                    places[word].append(len(self.names))
                self.names.append((row, position > 0, len(words)))
        self._places = dict(places)
        self._vocabulary = sorted(places)

    def find(self, beginning: str) -> set[int]:
        """The names with a word that begins so."""
        first = bisect.bisect_left(self._vocabulary, beginning)
        names: set[int] = set()
        for word in self._vocabulary[first:]:
            if not word.startswith(beginning):
                break
            names.update(self._places[word])
        return names


@functools.cache
def _read_starter() -> Taxonomy:
    from seamark.taxonomy.readers.plain import read_trusted_csv

    return Taxonomy(STARTER, read_trusted_csv(_STARTER_FILE))
