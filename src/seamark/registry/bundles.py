"""Bundles in the object store: brought there, published under a version's number, fetched, verified.

A bundle's manifest is the last of its objects to appear and the first to go, so that where there is a manifest,
the bundle is whole. Every object is create-once: doing a step again after a crash finds what is there already
and goes on; something else in its place is an error, never overwritten.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seamark.errors import StorageError, UsageError, WeightsError
from seamark.extraction.bundle import (
    MANIFEST,
    Damage,
    check_bundle,
    digest_file,
    digest_manifest,
    dump_json,
    open_bundle,
    parse_manifest,
    read_bundle,
    verify_bundle,
)
from seamark.storage.objects import Store

if TYPE_CHECKING:
    from seamark.extraction.extractor import Extractor
    from seamark.storage.workspace import Workspace

VERSIONS = "finetuned_models/mlops/versions"
CANDIDATES = "finetuned_models/mlops/candidates"

_AT_ONCE = 4  # transfers
_LAST_DIGITS = 16  # of digests in messages

OnProgress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


def locate_version(number: str) -> str:
    """The place of a version's bundle in the store, with a slash at its end."""
    return f"{VERSIONS}/{number}/"


def locate_candidate(experiment_id: str) -> str:
    """The place of a candidate's bundle in the store, with a slash at its end."""
    return f"{CANDIDATES}/{experiment_id}/"


# ---- to the store


def upload_bundle(store: Store, folder: Path, prefix: str, *, on_progress: OnProgress | None = None) -> str:
    """Bring the bundle in ``folder`` to ``prefix``; the SHA-256 of its manifest.

    Objects that are there already with the same content stay.

    Args:
        store: where to.
        folder: the bundle's; it is verified first.
        prefix: its place in the store, as :func:`locate_candidate` names it.
        on_progress: told how many bytes of how many are there.

    Raises:
        WeightsError: the bundle is damaged.
        StorageError: something else is in its place, or the store is full or unreachable.
    """
    bundle, prefix = check_bundle(folder), _close(prefix)
    content = (folder / MANIFEST).read_bytes()

    def bring(name: str, entry: Mapping[str, Any]) -> None:
        if not store.upload_file(folder / name, prefix + name, create=True):
            _check_same(store, prefix + name, entry)

    _do_all(bring, bundle.manifest["files"], on_progress)
    return _put_manifest(store, prefix, content)


def publish_bundle(store: Store, candidate_prefix: str, number: str, manifest: Mapping[str, Any]) -> str:
    """Copy a candidate's objects to the place of version ``number``; the SHA-256 of the version's manifest.

    The number is put into the manifest; all other files stay as they are.

    Args:
        store: the store.
        candidate_prefix: the candidate's place.
        number: X.Y.Z.
        manifest: the candidate's.

    Raises:
        StorageError: the number's place holds something else, a candidate's object is gone, or the store is
            full or unreachable.
    """
    source, prefix = _close(candidate_prefix), locate_version(number)
    content = dump_json({**manifest, "version": number})
    if store.exists(prefix + MANIFEST):  # then it is whole, and the candidate may be gone already
        return _put_manifest(store, prefix, content)

    def copy(name: str, entry: Mapping[str, Any]) -> None:
        if not store.copy(source + name, prefix + name, create=True):
            _check_same(store, prefix + name, entry)

    _do_all(copy, manifest["files"], None)
    return _put_manifest(store, prefix, content)


def delete_prefix(store: Store, prefix: str) -> None:
    """Remove every object under ``prefix``, a manifest first: what is left is then no bundle."""
    prefix = _close(prefix)
    store.delete(prefix + MANIFEST)
    for key in store.list(prefix):
        store.delete(key)


def _do_all(
    do: Callable[[str, Mapping[str, Any]], None],
    files: Mapping[str, Mapping[str, Any]],
    on_progress: OnProgress | None,
) -> None:
    total, done = sum(int(entry["size"]) for entry in files.values()), 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {name: pool.submit(do, name, entry) for name, entry in files.items()}
        try:
            for name, task in running.items():
                task.result()
                done += int(files[name]["size"])
                if on_progress:
                    on_progress(done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _check_same(store: Store, key: str, entry: Mapping[str, Any]) -> None:
    """Refuse an object that is there already and is another one."""
    found = _digest_object(store, key)
    if found != entry["sha256"]:
        raise StorageError(
            f"{key} in {store.url} is there already with another content (sha256 {found[:_LAST_DIGITS]})",
            expected=str(entry["sha256"])[:_LAST_DIGITS],
            hint="seamark versions verify; objects of versions are never overwritten",
        )


def _put_manifest(store: Store, prefix: str, content: bytes) -> str:
    key, digest = prefix + MANIFEST, hashlib.sha256(content).hexdigest()
    if not store.put(key, content, create=True) and store.get(key) != content:
        raise StorageError(
            f"{key} in {store.url} is there already with another content",
            hint="it is another model; versions are never overwritten",
        )
    return digest


# ---- from the store


def fetch_bundle(workspace: Workspace, number: str, *, manifest_digest: str = "") -> Path:
    """A folder with the bundle of version ``number``: the store's own, or a copy in the workspace's cache.

    A copy is brought once and verified whole before it is in its place.

    Args:
        workspace: whose version.
        number: X.Y.Z.
        manifest_digest: SHA-256 that the manifest should have, in hex; empty takes it as it is.

    Raises:
        UsageError: there is no such version; the message lists those that there are.
        WeightsError: the bundle in the store is damaged.
        StorageError: the cache can't be written, or the store is unreachable.
    """
    return fetch_prefix(workspace, locate_version(number), manifest_digest=manifest_digest)


def fetch_prefix(workspace: Workspace, prefix: str, *, manifest_digest: str = "") -> Path:
    """A folder with the bundle at ``prefix``, as :func:`fetch_bundle` gives it; also a candidate's."""
    store, prefix = workspace.store, _close(prefix)
    if not store.exists(prefix + MANIFEST):
        raise _explain_missing(store, prefix)
    local = store.local_path(prefix + MANIFEST)
    if local is not None:
        _check_manifest(local.parent, manifest_digest)
        return local.parent
    target = workspace.cache / "bundles" / prefix.removeprefix("finetuned_models/mlops/")
    if not _is_cached(store, target, prefix):
        _download(store, prefix, target, manifest_digest)
    _check_manifest(target, manifest_digest)
    return target


def _check_manifest(folder: Path, expected: str) -> None:
    """Refuse a bundle whose manifest is not the one that was registered."""
    if expected and (found := digest_manifest(folder)) != expected:
        raise WeightsError(
            f"the model in {folder} is damaged: its {MANIFEST} has sha256 {str(found)[:_LAST_DIGITS]}",
            expected=expected[:_LAST_DIGITS],
            hint="seamark versions verify",
        )


def open_version(
    workspace: Workspace,
    number: str,
    *,
    manifest_digest: str = "",
    threshold: float | None = None,
    top: int | None = None,
) -> Extractor:
    """An extractor from the bundle of version ``number``, verified whole first.

    Args:
        workspace: whose version.
        number: X.Y.Z.
        manifest_digest: SHA-256 that the manifest should have, in hex; empty takes it as it is.
        threshold: least confidence, 0-1; default: the version's own.
        top: how many skills at most; None or 0 gives all above the threshold.

    Raises:
        UsageError: there is no such version.
        WeightsError: it is damaged.
        StorageError: it can't be fetched.
    """
    folder = fetch_bundle(workspace, number, manifest_digest=manifest_digest)
    return open_bundle(
        folder,
        settings=workspace.settings,
        manifest_digest=manifest_digest,
        threshold=threshold,
        top=top,
    )


def list_published(store: Store) -> list[str]:
    """The numbers of the versions whose bundles are whole in the store, in no order that means anything."""
    keys = (key.removeprefix(f"{VERSIONS}/").split("/") for key in store.list(VERSIONS))
    return [parts[0] for parts in keys if parts[1:] == [MANIFEST]]


def verify_stored(store: Store, prefix: str, manifest_digest: str = "") -> list[Damage]:
    """Every object of the bundle at ``prefix`` that is missing, is there without a reason, or has other bytes.

    Args:
        store: the store.
        prefix: the bundle's place.
        manifest_digest: SHA-256 that its manifest should have, in hex; empty takes it as it is.

    Raises:
        StorageError: the store is unreachable.
    """
    prefix = _close(prefix)
    there = {key.removeprefix(prefix) for key in store.list(prefix)}
    if MANIFEST not in there:
        return [Damage(MANIFEST, "no file", manifest_digest or "a file")]
    content = store.get(prefix + MANIFEST)
    found = hashlib.sha256(content).hexdigest()
    if manifest_digest and found != manifest_digest:
        return [Damage(MANIFEST, found, manifest_digest)]
    try:
        files = parse_manifest(content)["files"]
        return list(_find_damage(store, prefix, files, there))
    except (ValueError, KeyError, TypeError, AttributeError, WeightsError) as error:
        return [Damage(MANIFEST, str(error), "a whole manifest")]


def _find_damage(
    store: Store, prefix: str, files: Mapping[str, Mapping[str, Any]], there: set[str]
) -> Iterator[Damage]:
    for name, entry in files.items():
        if name not in there:
            yield Damage(name, "no file", str(entry["sha256"]))
        elif (found := _digest_object(store, prefix + name)) != entry["sha256"]:
            yield Damage(name, found, str(entry["sha256"]))
    for name in sorted(there - files.keys() - {MANIFEST}):
        yield Damage(name, "a file", "no file: the manifest does not know it")


def _digest_object(store: Store, key: str) -> str:
    local = store.local_path(key)
    if local is not None:
        return digest_file(local)
    with tempfile.TemporaryDirectory(prefix="seamark-") as folder:
        path = Path(folder) / "object"
        store.download_file(key, path)
        return digest_file(path)


def _is_cached(store: Store, target: Path, prefix: str) -> bool:
    """Whether a whole copy is there, of the manifest in the store: a damaged copy is brought anew."""
    if not target.is_dir():
        return False
    wanted = hashlib.sha256(store.get(prefix + MANIFEST)).hexdigest()
    return not verify_bundle(target, manifest_digest=wanted)


def _download(store: Store, prefix: str, target: Path, manifest_digest: str) -> None:
    made = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        store.download_file(prefix + MANIFEST, made / MANIFEST)
        files = read_bundle(made).manifest["files"]
        _do_all(lambda name, _: store.download_file(prefix + name, made / name), files, None)
        check_bundle(made, manifest_digest=manifest_digest)
        _move(made, target)
    except OSError as error:
        raise StorageError(
            f"{target} can't be written ({error.strerror or error})", hint="free some space and try again"
        ) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _move(made: Path, target: Path) -> None:
    """Put the copy in its place, unless another process was first with the same."""
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        if verify_bundle(target, manifest_digest=digest_file(made / MANIFEST)):
            shutil.rmtree(target)
            made.rename(target)


def _close(prefix: str) -> str:
    """The prefix with one slash at its end: ``1.2.0`` must not find what is ``1.2.01``'s."""
    return f"{prefix.rstrip('/')}/"


def _explain_missing(store: Store, prefix: str) -> UsageError:
    if not prefix.startswith(f"{VERSIONS}/"):
        return UsageError(f"there is no model at {prefix} in {store.url}")
    numbers = sorted(list_published(store), key=lambda number: [int(part) for part in number.split(".")])
    number = prefix.removeprefix(f"{VERSIONS}/").rstrip("/")
    return UsageError(
        f"there is no version {number}",
        expected="one of " + ", ".join(numbers) if numbers else "",
        hint="" if numbers else "seamark build makes the first one",
    )
