"""The code that travels with a run: a module's folder, as ``mlwright apply`` takes it, or the source of a function."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from mlwright.errors import DefinitionError
from mlwright.source import source_of
from mlwright.steps import Step

#: As the server's own limit.
LIMIT_MIB = 512
#: Left out where there is no git to say what is ignored.
_NEVER = {".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", ".mlwright", "mlwright-data"}


@dataclass
class Snapshot:
    """A folder's files as one tar: the same files give the same digest."""

    content: bytes
    digest: str
    git_commit: Optional[str] = None
    git_diff: bytes = b""

    def to_json(self) -> Dict[str, Any]:
        data: Dict[str, Any] = {"digest": self.digest}
        if self.git_commit:
            data["git_commit"] = self.git_commit
        if self.git_diff:
            data["git_diff_digest"] = digest_of(self.git_diff)
        return data


@dataclass(frozen=True)
class Origin:
    """Where a function is found: in a module below a folder, or in an installed package (``folder`` is ``None``)."""

    module: str
    function: str
    folder: Optional[Path]


def origin_of(step: Step) -> Optional[Origin]:
    """``None`` if the function stands in no module that could be imported: then its source travels."""
    function = step.function
    if "<locals>" in function.__qualname__ or "<lambda>" in function.__qualname__:
        return None
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    name = function.__module__
    if name == "__main__":
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.name and spec.name != "__main__":
            name = spec.name[: -len(".__main__")] if spec.name.endswith(".__main__") else spec.name
        elif file:
            name = Path(file).stem
    if not file or not os.path.isfile(file):
        return None
    path = Path(file).resolve()
    if any(path.is_relative_to(Path(sysconfig.get_path(kind)).resolve()) for kind in ("purelib", "platlib", "stdlib")):
        return Origin(name, function.__qualname__, None)
    folder = path.parent
    # A package's own folder is not on the search path; the one that holds the outermost package is.
    for _ in range(name.count(".") + (1 if path.name == "__init__.py" else 0)):
        folder = folder.parent
    return Origin(name, function.__qualname__, folder)


def attach(works: List[Tuple[Step, Dict[str, Any]]]) -> List[Snapshot]:
    """Writes into each work's ``spec`` where its function is.

    Returns the snapshots that must be sent, the first one first.
    """
    origins = [(origin_of(step), step, spec) for step, spec in works]
    folders = sorted(
        {origin.folder for origin, _, _ in origins if origin and origin.folder}, key=lambda f: len(f.parts)
    )
    # A folder inside of another one travels with it.
    roots = [f for f in folders if not any(f != other and f.is_relative_to(other) for other in folders)]
    snapshots = {root: snapshot(root) for root in roots}
    for origin, step, spec in origins:
        if origin is None:
            spec["source"] = source_of(step)
            spec["function"] = step.function.__name__
            continue
        spec["module"], spec["function"] = origin.module, origin.function
        if origin.folder is not None:
            folder = origin.folder
            root = next(root for root in roots if folder.is_relative_to(root))
            here = [folder, *(f for f in _search_path() if f.is_relative_to(root) and f != folder)]
            paths = [f.relative_to(root).as_posix() for f in here]
            spec["code"] = {"digest": snapshots[root].digest, "paths": list(dict.fromkeys(paths))}
    return list(snapshots.values())


def _search_path() -> List[Path]:
    return [Path(entry or ".").resolve() for entry in sys.path if os.path.isdir(entry or ".")]


def snapshot(folder: Path) -> Snapshot:
    """Every file that git tracks or would track; the whole tree where there is no git."""
    listed = _git(folder, "ls-files", "-coz", "--exclude-standard", "--deduplicate")
    names: List[str] = []
    if listed is None:
        _walk(folder, "", names)
    else:
        for raw in listed.split(b"\0"):
            path = folder / os.fsdecode(raw)
            if raw and path.is_dir() and not path.is_symlink():
                _walk(folder, os.fsdecode(raw), names)
            elif raw and os.path.lexists(path):
                names.append(os.fsdecode(raw))
    content = _pack(folder, names)
    commit = None if listed is None else _git(folder, "rev-parse", "--verify", "-q", "HEAD")
    diff = (_git(folder, "diff", "HEAD", "--binary", "--no-ext-diff", "--", ".") or b"") if commit else b""
    return Snapshot(content, digest_of(content), commit.decode().strip() if commit else None, diff)


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _git(folder: Path, *arguments: str) -> Optional[bytes]:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _walk(root: Path, below: str, names: List[str]) -> None:
    for entry in os.scandir(root / below):
        if entry.name in _NEVER:
            continue
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            _walk(root, name, names)
        elif entry.is_symlink() or entry.is_file():
            names.append(name)


def _pack(folder: Path, names: List[str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(set(names), key=os.fsencode):
            path = folder / name
            entry = tarfile.TarInfo(name)
            if path.is_symlink():
                target = os.readlink(path)
                if _leaves(name, target):
                    continue
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
                tar.addfile(entry)
            elif path.is_file():
                entry.size = path.stat().st_size
                entry.mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
                if out.tell() + entry.size > LIMIT_MIB << 20:
                    raise DefinitionError(
                        f"the code in {folder} is larger than {LIMIT_MIB} MiB",
                        "leave data and models out, with .gitignore",
                    )
                with open(path, "rb") as file:
                    tar.addfile(entry, file)
    return out.getvalue()


def _leaves(name: str, target: str) -> bool:
    """Whether a link leads out of the folder."""
    if os.path.isabs(target):
        return True
    return os.path.normpath(os.path.join(os.path.dirname(name), target)).startswith("..")
