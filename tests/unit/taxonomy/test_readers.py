from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seamark.errors import TaxonomyError, UsageError
from seamark.taxonomy import NoUsableRowError, RowIssue, read_taxonomy
from seamark.taxonomy.report import make_issue, write_report

ESCO_HEADER = [
    "conceptType", "conceptUri", "skillType", "reuseLevel", "preferredLabel", "altLabels",
    "hiddenLabels", "status", "definition", "description",
]  # fmt: skip
UNIQUE = ["skill_title", "skill_description", "skill_type", "Emerging Skills"]
MAPPING = [
    "sector_title", "skill_11k_title", "proficiency_level", "tsc_code", "skill_type", "Emerging Skills",
    "skill_2k_title",
]  # fmt: skip
KEY = ["TSC Code", "Sector", "TSC_CCS Category", "TSC_CCS Title", "TSC_CCS Description", "TSC_CCS Type"]


def esco_row(uri: str, title: str, **cells: str) -> list[str]:
    row = dict.fromkeys(ESCO_HEADER, "") | {"conceptType": "KnowledgeSkillCompetence", "status": "released"}
    row |= {"conceptUri": uri, "preferredLabel": title, "skillType": "knowledge"} | cells
    return list(row.values())


def reasons(issues: tuple[RowIssue, ...]) -> list[tuple[int, str, str]]:
    return [(issue.row, issue.column, issue.reason) for issue in issues]


# ESCO


def test_esco_skills_alone_are_enough(write_text: Callable[..., Path]) -> None:
    row = esco_row("u1", "use Python", altLabels="Python\nUse python\npy | snake", hiddenLabels="pyton")
    result = read_taxonomy(write_text("any_name.csv", [ESCO_HEADER, row]))
    skill = result.taxonomy["u1"]
    assert result.report.format == "esco"
    assert (skill.title, skill.type, skill.status) == ("use Python", "knowledge", "active")
    assert skill.alternative_titles == ("Python", "py", "snake", "pyton")


def test_esco_definition_stands_in_for_a_description(write_text: Callable[..., Path]) -> None:
    rows = [
        esco_row("u1", "A", definition="Defined."),
        esco_row("u2", "B", definition="D", description="Described."),
    ]
    taxonomy = read_taxonomy(write_text("s.csv", [ESCO_HEADER, *rows])).taxonomy
    assert [skill.description for skill in taxonomy] == ["Defined.", "Described."]


def test_esco_skills_not_released_are_retired(write_text: Callable[..., Path]) -> None:
    rows = [esco_row("u1", "A", status="obsolete"), esco_row("u2", "B", reuseLevel="transversal")]
    taxonomy = read_taxonomy(write_text("s.csv", [ESCO_HEADER, *rows])).taxonomy
    assert [skill.status for skill in taxonomy] == ["retired", "active"]
    assert taxonomy["u2"].tags == ("transversal",)


def test_esco_bad_rows_are_rejected_with_the_spreadsheets_row_numbers(
    write_text: Callable[..., Path],
) -> None:
    rows = [
        esco_row("u1", "A", altLabels="one\ntwo\nthree"),
        [""] * len(ESCO_HEADER),
        esco_row("u1", "Again"),
        esco_row("u3", ""),
        esco_row("", "No URI"),
        esco_row("g1", "A group", conceptType="SkillGroup"),
        esco_row("u4", "lost \ufffd title"),
        esco_row("u5", " B ", skillType=""),
    ]
    report = read_taxonomy(write_text("s.csv", [ESCO_HEADER, *rows])).report
    assert reasons(report.rejected) == [
        (4, "conceptUri", "the same URI as an earlier row"),
        (5, "preferredLabel", "the cell is empty"),
        (6, "conceptUri", "the cell is empty"),
        (7, "conceptType", "is no skill but another kind of concept"),
        (8, "preferredLabel", "the title has unreadable characters"),
    ]
    assert reasons(report.repaired) == [
        (9, "preferredLabel", "white space removed"),
        (9, "skillType", "no skill type: kept without one"),
    ]
    assert (report.rows_read, report.skills) == (7, 2)


def test_esco_groups_come_nearest_first_and_circles_end(write_text: Callable[..., Path]) -> None:
    skills = [esco_row("u1", "use Python"), esco_row("u2", "use languages")]
    write_text("e/skills_en.csv", [ESCO_HEADER, *skills])
    relations = [("u1", "u2"), ("u1", "g1"), ("u2", "g1"), ("g1", "g0"), ("g0", "u1"), ("u2", "unknown")]
    header = ["conceptType", "conceptUri", "broaderType", "broaderUri"]
    path = write_text("e/rel.csv", [header, *(["", low, "", high] for low, high in relations)])
    write_text(
        "e/h.csv", [["Level 0 URI", "Level 0 preferred term", "Level 1 URI", "Level 1 preferred term"],
                    ["g0", "skills", "", ""], ["g0", "skills", "g1", "programming"]]
    )  # fmt: skip
    result = read_taxonomy(path.parent)
    assert result.taxonomy["u1"].broader == ("use languages", "programming", "skills")
    assert result.report.files == ("skills_en.csv", "h.csv", "rel.csv")


def test_esco_picks_the_right_files_among_others(write_text: Callable[..., Path]) -> None:
    write_text("e/skills_de.csv", [ESCO_HEADER, esco_row("u1", "Python nutzen")])
    write_text("e/skills_en.csv", [ESCO_HEADER, esco_row("u1", "use Python")])
    write_text("e/digital_en.csv", [[*ESCO_HEADER, "broaderConceptPT"], [*esco_row("u1", "other"), "x"]])
    write_text("e/occupations_en.csv", "conceptUri,iscoGroup,preferredLabel,code\no1,1,boss,1\n")
    path = write_text("e/notes.bin", b"\0\1")
    result = read_taxonomy(path.parent)
    assert result.taxonomy["u1"].title == "use Python"
    assert "skills_de.csv" in result.report.ignored
    assert "notes.bin" in result.report.ignored


def test_esco_in_another_language_alone_is_read(write_text: Callable[..., Path]) -> None:
    write_text("e/skills_de.csv", [ESCO_HEADER, esco_row("u1", "Spaß haben")])
    group = ["conceptUri", "preferredLabel", "code"]
    write_text("e/groups_de.csv", [group, ["g1", "Gruppe", "S1"]])
    write_text("e/groups_fr.csv", [group, ["g1", "groupe", "S1"]])
    path = write_text("e/rel.csv", [["conceptUri", "broaderUri"], ["u1", "g1"]])
    assert read_taxonomy(path.parent).taxonomy["u1"].broader == ("Gruppe",)


def test_esco_with_two_tables_of_skills_asks_for_one(write_text: Callable[..., Path]) -> None:
    write_text("e/a.csv", [ESCO_HEADER, esco_row("u1", "A")])
    path = write_text("e/b.csv", [ESCO_HEADER, esco_row("u1", "A")])
    with pytest.raises(TaxonomyError, match=r"a\.csv, b\.csv"):
        read_taxonomy(path.parent)


# SkillsFuture


def write_bundle(folder: Path, write_xlsx: Callable[..., Path], write_text: Callable[..., Path]) -> Path:
    folder.mkdir(exist_ok=True)
    unique = [
        UNIQUE,
        ["Data Design", "Designs data.", "tsc", "True"],
        ["Teamwork", "Works.", "CCS", False],
        [" data  design", "Twice.", "tsc", "False"],
        [None, "No title.", "tsc", "False"],
        ["FaÃ§ade Design", "", "", True],
    ]
    write_xlsx(folder / "skills.xlsx", {"Legend": [["Field", "Description"]], "List": unique})
    mapping = [
        MAPPING,
        ["Banking", "Data Modelling", 4, "BNK-1", "tsc", "True", "Data Design"],
        ["Retail", "Data Design", 3, "RET-1", "tsc", "True", "Data Design"],
        ["Retail", "Team Work", "Basic", "RET-2", "ccs", "False", "Teamwork"],
        ["Retail", "Team Work", "Advanced", "RET-3", "ccs", "False", "Teamwork"],
        ["Retail", "Gone", "1", "RET-9", "tsc", "False", "Unknown Skill"],
    ]
    write_xlsx(folder / "mapping.xlsx", {"Map": mapping})
    key = [
        KEY,
        ["BNK-1", "Banking", "Data", "Data Modelling", "x", "tsc"],
        ["RET-1", "Retail", "Architecture", "Data Design", "x", ""],
        ["RET-7", "Retail", "Data", "Data Design", "x", "tsc"],
        ["RET-8", "Retail", "Data", "Nobody's", "x", "tsc"],
    ]
    write_text("bundle/key.csv", key)
    return folder


def test_skillsfuture_bundle_is_read_whole(
    tmp_path: Path, write_xlsx: Callable[..., Path], write_text: Callable[..., Path]
) -> None:
    result = read_taxonomy(write_bundle(tmp_path / "bundle", write_xlsx, write_text))
    skill = result.taxonomy["data-design"]
    assert skill.tags == ("Emerging TSC",)
    assert skill.alternative_titles == ("Data Modelling",)
    assert skill.codes == ("BNK-1", "RET-1", "RET-7")
    assert skill.sectors == ("Banking", "Retail")
    assert skill.proficiency_levels == ("3", "4")
    assert skill.broader == ("Data", "Architecture")
    team = result.taxonomy["teamwork"]
    assert (team.type, team.proficiency_levels, team.tags) == ("ccs", ("Basic", "Advanced"), ())


def test_skillsfuture_reports_each_bad_row_with_file_and_row(
    tmp_path: Path, write_xlsx: Callable[..., Path], write_text: Callable[..., Path]
) -> None:
    report = read_taxonomy(write_bundle(tmp_path / "bundle", write_xlsx, write_text)).report
    assert report.files == ("skills.xlsx[List]", "mapping.xlsx[Map]", "key.csv")
    assert [(issue.file, issue.row, issue.column) for issue in report.rejected] == [
        ("skills.xlsx[List]", 4, "skill_title"),
        ("skills.xlsx[List]", 5, "skill_title"),
        ("mapping.xlsx[Map]", 6, "skill_2k_title"),
        ("key.csv", 5, "TSC Code"),
    ]
    found = {(issue.row, issue.reason) for issue in report.repaired if issue.file == "skills.xlsx[List]"}
    assert (6, "wrongly decoded characters repaired") in found
    assert (6, "no skill type: kept without one") in found


def test_skillsfuture_workbook_alone_is_enough(tmp_path: Path, write_xlsx: Callable[..., Path]) -> None:
    path = write_xlsx(tmp_path / "w.xlsx", {"S": [UNIQUE, ["Façade Design", "x", "tsc", "True"]]})
    (skill,) = read_taxonomy(path).taxonomy
    assert (skill.title, skill.tags, skill.codes) == ("Façade Design", ("Emerging TSC",), ())


def test_skillsfuture_key_without_mapping_goes_by_title(
    tmp_path: Path, write_xlsx: Callable[..., Path], write_text: Callable[..., Path]
) -> None:
    folder = write_bundle(tmp_path / "bundle", write_xlsx, write_text)
    (folder / "mapping.xlsx").unlink()
    assert read_taxonomy(folder).taxonomy["data-design"].codes == ("RET-1", "RET-7")


def test_a_workbook_with_blank_rows_above_keeps_its_row_numbers(
    tmp_path: Path, write_xlsx: Callable[..., Path]
) -> None:
    rows: list[list[Any]] = [["title", "status"], ["A", ""], [None, None], ["B", "odd"]]
    report = read_taxonomy(write_xlsx(tmp_path / "w.xlsx", {"S": rows})).report
    assert reasons(report.rejected) == [(4, "status", "the status is neither active nor retired")]


# O*NET

RATED = ["O*NET-SOC Code", "Element ID", "Element Name", "Scale ID", "Data Value"]


def write_onet(write_text: Callable[..., Path]) -> Path:
    def tab(*rows: tuple[str, ...]) -> str:
        return "".join("\t".join(row) + "\r\n" for row in rows)

    write_text(
        "o/Skills.txt",
        tab(tuple(RATED), *(("11-1011.00", "2.A.1.a", "Reading", scale, "4.1") for scale in ("IM", "LV"))),
    )
    write_text("o/Knowledge.txt", tab(tuple(RATED), ("11-1011.00", "2.C.1.a", "Clerical", "IM", "3")))
    write_text("o/Abilities.txt", tab(tuple(RATED), ("11-1011.00", "1.A.1.a.1", "Listening", "IM", "3")))
    write_text(
        "o/Work Activities.txt", tab(tuple(RATED), ("11-1011.00", "4.A.1.a.1", "Getting Facts", "IM", "3"))
    )
    reference = tab(
        ("Element ID", "Element Name", "Description"),
        ("2", "Worker Requirements", ""),
        ("2.A", "Basic Skills", "Basics."),
        ("2.A.1", "Content", "Background."),
        ("2.A.1.a", "Reading", 'Understanding "written" text.'),
        ("2.A.1.b", "Listening Actively", "Giving attention."),
        ("1.C.1", "Achievement", "A work style."),
    )
    write_text("o/Content Model Reference.txt", reference)
    technology = (
        "O*NET-SOC Code",
        "Example",
        "Commodity Code",
        "Commodity Title",
        "Hot Technology",
        "In Demand",
    )
    write_text(
        "o/Technology Skills.txt",
        tab(
            technology,
            ("11-1011.00", "Python", "43232402", "Development software", "Y", "N"),
            ("15-1252.00", "Python", "43232405", "Object software", "Y", "Y"),
            ("15-1252.00", "", "43232405", "Object software", "Y", "Y"),
        ),
    )
    return write_text(
        "o/Tools Used.txt",
        tab(technology[:4], ("51-1011.00", '1/4" drill', "27111508", "Drills")),
    ).parent


def test_onet_tables_give_each_element_once_with_its_kind(write_text: Callable[..., Path]) -> None:
    taxonomy = read_taxonomy(write_onet(write_text)).taxonomy
    assert {skill.skill_id: skill.type for skill in taxonomy} == {
        "2.A.1.a": "skill",
        "2.C.1.a": "knowledge",
        "1.A.1.a.1": "ability",
        "4.A.1.a.1": "work activity",
        "technology/python": "technology",
        next(s.skill_id for s in taxonomy if s.type == "tool"): "tool",
    }
    reading = taxonomy["2.A.1.a"]
    assert reading.description == 'Understanding "written" text.'
    assert reading.broader == ("Content", "Basic Skills", "Worker Requirements")


def test_onet_technology_is_gathered_over_occupations(write_text: Callable[..., Path]) -> None:
    result = read_taxonomy(write_onet(write_text))
    python = result.taxonomy["technology/python"]
    assert python.codes == ("43232402", "43232405")
    assert python.tags == ("Hot Technology", "In Demand")
    assert [(issue.file, issue.row) for issue in result.report.rejected] == [("Technology Skills.txt", 4)]


def test_onet_quotation_marks_in_tab_separated_text_are_characters(write_text: Callable[..., Path]) -> None:
    taxonomy = read_taxonomy(write_onet(write_text)).taxonomy
    assert taxonomy.find_title('1/4" drill')[0].broader == ("Drills",)


def test_onet_reference_alone_gives_its_lowest_elements(write_text: Callable[..., Path]) -> None:
    folder = write_onet(write_text)
    taxonomy = read_taxonomy(folder / "Content Model Reference.txt").taxonomy
    assert [skill.title for skill in taxonomy] == ["Reading", "Listening Actively"]


def test_onet_as_a_workbook_is_read(tmp_path: Path, write_xlsx: Callable[..., Path]) -> None:
    path = write_xlsx(tmp_path / "x.xlsx", {"Skills": [RATED, ["11", "2.B.1.a", "Coordination", "IM", 3.5]]})
    result = read_taxonomy(path)
    assert (result.report.format, result.taxonomy["2.B.1.a"].title) == ("onet", "Coordination")


# Lightcast


def test_lightcast_api_json_is_read(write_json: Callable[..., Path]) -> None:
    item = {
        "id": "KS1", "name": "Python", "type": {"id": "ST1", "name": "Specialized Skill"},
        "category": {"id": 1, "name": "IT"}, "subcategory": {"id": 2, "name": "Scripting"},
        "description": None, "isSoftware": True, "isLanguage": False, "infoUrl": "https://example.org",
        "tags": [{"key": "wikipediaExtract", "value": "A language."}, {"key": "wikipediaUrl", "value": "u"}],
    }  # fmt: skip
    gone = {"id": "KS2", "name": "Flash", "type": {"name": "Common Skill"}, "removedDescription": "merged"}
    result = read_taxonomy(
        write_json("x.json", {"data": [item, gone, "text", {"id": "KS1", "name": "Twice"}]})
    )
    python, flash = result.taxonomy
    assert (python.type, python.broader, python.tags) == (
        "Specialized Skill",
        ("Scripting", "IT"),
        ("Software",),
    )
    assert python.description == "A language."
    assert flash.status == "retired"
    assert [(issue.row, issue.reason) for issue in result.report.rejected] == [
        (3, "is no object"),
        (4, "the same id as an earlier row, which counts"),
    ]


def test_lightcast_csv_is_read_whatever_the_case_of_its_headings(write_text: Callable[..., Path]) -> None:
    rows = [["ID", "NAME", "TYPE", "CATEGORY", "SUBCATEGORY"], ["KS1", "Python", "Hard", "IT", "Null"]]
    (skill,) = read_taxonomy(write_text("x.csv", rows)).taxonomy
    assert (skill.skill_id, skill.type, skill.broader) == ("KS1", "Hard", ("IT",))


# plain


def test_plain_csv_with_a_title_alone_names_its_skills(write_text: Callable[..., Path]) -> None:
    result = read_taxonomy(write_text("mine.csv", "title\nData Design\n  DATA design\n\nC++\n"))
    assert next(skill.skill_id for skill in result.taxonomy) == "data-design"
    assert len(result.taxonomy) == 2
    assert reasons(result.report.rejected)[0][0] == 3
    assert result.taxonomy.name == "mine"


def test_plain_lists_are_separated_by_bars_and_escaped(write_text: Callable[..., Path]) -> None:
    text = "skill_id;title;alternative_titles;status\n1;A;x | y\\|z| |A|X|back\\\\slash;Retired\n"
    (skill,) = read_taxonomy(write_text("mine.csv", text)).taxonomy
    assert skill.alternative_titles == ("x", "y|z", "back\\slash")
    assert skill.status == "retired"


def test_plain_json_is_read_and_its_bad_entries_reported(write_json: Callable[..., Path]) -> None:
    skills = [{"title": "A", "tags": ["x", 1]}, {"title": "B", "tags": "x"}, {"title": {"en": "C"}}, 7, {}]
    value = {"format": "seamark-taxonomy/1", "name": "mine", "version": "2.0.0", "skills": skills}
    result = read_taxonomy(write_json("f.json", value))
    assert (result.taxonomy.name, result.taxonomy.version) == ("mine", "2.0.0")
    assert result.taxonomy["a"].tags == ("x", "1")
    assert reasons(result.report.rejected) == [
        (2, "tags", "is no list of texts"),
        (3, "title", "is no text"),
        (4, "", "is no object"),
        (5, "title", "the cell is empty"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"format": "seamark-taxonomy/9", "skills": []},
        {"format": "seamark-taxonomy/1", "skills": {}},
        {"a": 1},
        3,
        [],
    ],
)
def test_json_of_another_shape_is_refused(write_json: Callable[..., Path], value: object) -> None:
    with pytest.raises(TaxonomyError):
        read_taxonomy(write_json("f.json", value))


def test_a_label_that_lost_a_character_is_left_out_alone(write_text: Callable[..., Path]) -> None:
    path = write_text("m.csv", "skill_id,title,alternative_titles,description\n1,A,good|b\ufffdz,x\ufffdy\n")
    result = read_taxonomy(path)
    assert result.taxonomy["1"].alternative_titles == ("good",)
    assert result.taxonomy["1"].description == "x y"
    assert {issue.reason for issue in result.report.repaired} == {
        "a label with unreadable characters left out",
        "unreadable characters removed",
    }


# files


def test_a_byte_order_mark_is_removed_and_reported(write_text: Callable[..., Path]) -> None:
    result = read_taxonomy(write_text("m.csv", b"\xef\xbb\xbfskill_id,title\n1,A\n"))
    assert result.taxonomy["1"].title == "A"
    assert reasons(result.report.repaired) == [(1, "skill_id", "byte-order mark removed")]


@pytest.mark.parametrize(
    ("encoding", "reason"), [("cp1252", "not UTF-8: read as Windows-1252"), ("utf-16", "read as UTF-16")]
)
def test_other_encodings_are_read_and_reported(
    write_text: Callable[..., Path], encoding: str, reason: str
) -> None:
    result = read_taxonomy(write_text("m.csv", "skill_id,title\n1,Façade\n".encode(encoding)))
    assert result.taxonomy["1"].title == "Façade"
    assert (0, "", reason) in reasons(result.report.repaired)


def test_a_row_with_too_many_cells_is_rejected_and_one_with_too_few_is_filled(
    write_text: Callable[..., Path],
) -> None:
    report = read_taxonomy(write_text("m.csv", "skill_id,title,type\n1,A,x,y\n2,B\n3,C,z,,\n")).report
    assert reasons(report.rejected) == [(2, "", "4 cells where the headings are 3")]
    assert (report.rows_read, report.skills) == (3, 2)


def test_a_file_cut_off_inside_a_cell_is_refused(write_text: Callable[..., Path]) -> None:
    with pytest.raises(TaxonomyError, match="ends inside a quoted cell"):
        read_taxonomy(write_text("m.csv", 'skill_id,title\n1,A\n2,"B and'))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"skill_id,title\n1,A\n", "not an Excel workbook"),
        ("a.xlsx", b"PK\x03\x04 cut", "damaged Excel workbook"),
        ("a.csv", b"PK\x03\x04\0\0", "zip archive"),
        ("a.csv", b"%PDF-1.7", "a PDF"),
        ("a.csv", b"title\n\0\0\1", "binary data"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\xef\xbb\xbf \n", "is empty"),
        ("a.json", b"{not json", "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.zip", b"PK\x03\x04", "unpack"),
        ("a.csv", b"price,colour\n1,red\n", "price, colour"),
        ("jobs.csv", b"title,salary\nCook,1\n", "title, salary"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    write_text: Callable[..., Path], name: str, content: bytes, message: str
) -> None:
    with pytest.raises(TaxonomyError, match=message):
        read_taxonomy(write_text(name, content))


def test_a_source_without_a_usable_row_carries_its_report(write_text: Callable[..., Path]) -> None:
    with pytest.raises(NoUsableRowError, match="row 2: the cell is empty") as caught:
        read_taxonomy(write_text("m.csv", "title,description\n,x\n"))
    assert caught.value.report.rows_read == 1


def test_headings_alone_are_no_taxonomy(write_text: Callable[..., Path]) -> None:
    with pytest.raises(NoUsableRowError, match="0 read"):
        read_taxonomy(write_text("m.csv", "skill_id,title\n"))


def test_a_missing_file_and_an_unknown_format_are_misuse(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        read_taxonomy(tmp_path / "no.csv")
    with pytest.raises(UsageError, match="skillsfuture"):
        read_taxonomy(tmp_path, format="xml")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="holds no table"):
        read_taxonomy(tmp_path)


def test_a_folder_of_two_formats_needs_the_format_named(write_text: Callable[..., Path]) -> None:
    write_text("f/a.csv", [ESCO_HEADER, esco_row("u1", "A")])
    path = write_text("f/b.csv", "ID,NAME,TYPE\nk,B,x\n")
    with pytest.raises(TaxonomyError, match="esco, lightcast"):
        read_taxonomy(path.parent)
    assert read_taxonomy(path.parent, format="lightcast").taxonomy["k"].title == "B"


def test_a_named_format_reads_what_is_not_recognised_by_itself(write_text: Callable[..., Path]) -> None:
    path = write_text("jobs.csv", "title,salary\nCook,1\n")
    assert read_taxonomy(path, format="plain").taxonomy["cook"].title == "Cook"
    with pytest.raises(TaxonomyError, match="files of the format esco"):
        read_taxonomy(path, format="esco")


# the report


def test_a_long_value_is_cut() -> None:
    assert len(make_issue("f", 1, "c", "repaired", "r", "x" * 500).value) == 200


def test_a_report_is_written_as_csv_and_json(write_text: Callable[..., Path], tmp_path: Path) -> None:
    report = read_taxonomy(write_text("m.csv", 'title,type\nA,x\n"a",y\n')).report
    write_report(report, tmp_path / "r.csv")
    write_report(report, tmp_path / "r.json")
    lines = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "file,row,column,action,reason,value"
    assert len(lines) == 1 + len(report.to_table())
    assert '"rejected": 1' in (tmp_path / "r.json").read_text(encoding="utf-8")
    with pytest.raises(UsageError):
        write_report(report, tmp_path / "r.txt")
