"""Build the site: `python docs/build_site.py` writes build/site, and fails on a broken link.

The pages are those of the repository: its README is the start page, `docs/` the others. Their
links lead to files as they lie in the repository; what is no page (a program, a plugin, a folder)
becomes a page with its text, so the site needs no other place. Options and public names come from
the code (`reference.py`).
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from reference import public_names, settings

ROOT = Path(__file__).resolve().parent.parent
STAGED = ROOT / "build" / "docs"
NAMES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples/index.md",
}
"""Pages that do not lie in docs/, and what they are on the site."""
GENERATED = {"reference/options.md": settings, "reference/api.md": public_names}
"""Pages that end with what the code says."""
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
FILE = re.compile(r"^(`{3,}\w+) (\S+)$", re.MULTILINE)
"""A block of code that names a file, as the pages write it."""
FENCE = re.compile(r"^(`{3,}).*?^\1`*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def main() -> int:
    """Stage all pages, and build the site from them; the exit code is that of the build."""
    shutil.rmtree(STAGED, ignore_errors=True)
    linked = stage()
    while linked:  # folders link to further files
        linked = {file for path in sorted(linked) for file in show(path)}
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)  # colours
    print(said.partition("Traceback")[0].strip())
    return done.returncode


def stage() -> set[str]:
    """Copy the pages and pictures; return the linked files and folders that are no pages."""
    found = [path for kind in ("md", "ipynb") for path in ROOT.glob(f"docs/**/*.{kind}")]
    pages = [*NAMES, *sorted(str(path.relative_to(ROOT)) for path in found)]
    others: set[str] = set()
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        text = notebook(text) if page.endswith(".ipynb") else text
        place = on_site(page)
        links = {target for _, target in links_of(text, page)}
        others |= {link for link in links if on_site(link).startswith("source/")}
        text = rewritten(text, page)
        if place in GENERATED:
            text += "\n" + GENERATED[place]()
        write(place, text)
    for kind in ("css", "js", "png", "svg"):
        for picture in ROOT.glob(f"docs/**/*.{kind}"):
            target = STAGED / on_site(str(picture.relative_to(ROOT)))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)
    return others


def notebook(text: str) -> str:
    """A notebook as Markdown: its cells in order, without what they put out."""
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    shown = [f"```python\n{source}\n```" if kind == "code" else source for kind, source in cells]
    return "\n\n".join(shown) + "\n"


def on_site(path: str) -> str:
    """Where a file of the repository is on the site, both with slashes and from the root."""
    if path in NAMES:
        return NAMES[path]
    if path.startswith("docs/") and path.endswith(".ipynb"):
        return path.removeprefix("docs/").removesuffix(".ipynb") + ".md"
    if path.startswith("docs/") and path.endswith((".css", ".js", ".md", ".png", ".svg")):
        return path.removeprefix("docs/")
    return f"source/{path}/index.md" if (ROOT / path).is_dir() else f"source/{path}.md"


def links_of(text: str, page: str) -> Iterator[tuple[re.Match[str], str]]:
    """Each link of a page into the repository, and the file or folder that it leads to."""
    code = [match.span() for match in FENCE.finditer(text)]
    for match in LINK.finditer(text):
        target = match[0].partition("#")[0]
        shown = any(start <= match.start() < end for start, end in code)
        if target and "://" not in target and not target.startswith("mailto:") and not shown:
            yield match, posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def rewritten(text: str, page: str) -> str:
    """The text of a page with links as they must be on the site."""
    parts, done = list[str](), 0
    folder = posixpath.dirname(on_site(page)) or "."
    for match, target in links_of(text, page):
        _, mark, anchor = match[0].partition("#")
        link = posixpath.relpath(on_site(target), folder)
        parts += [text[done : match.start()], link, mark, anchor]
        done = match.end()
    return FILE.sub(r'\1 title="\2"', "".join([*parts, text[done:]]))


def show(path: str) -> list[str]:
    """Write the page of a file or a folder; return the files of a folder."""
    file = ROOT / path
    if not file.is_dir():
        if not (STAGED / on_site(path)).exists():
            text = file.read_text(encoding="utf-8")
            kind = {"py": "python"}.get(file.suffix[1:], "text")
            write(on_site(path), f"# {path}\n\n``````{kind}\n{text}``````\n")
        return []
    files = sorted(each for each in file.iterdir() if each.suffix in (".py", ".md", ".yaml"))
    rows = [
        f"- [{each.name}]({on_site(f'{path}/{each.name}').rpartition('/')[2]}) {summary(each)}"
        for each in files
        if each.name != "README.md"
    ]
    write(on_site(path), f"# {path}/\n\n" + "\n".join(rows) + "\n")
    return [f"{path}/{each.name}" for each in files if each.name != "README.md"]


def summary(file: Path) -> str:
    """The first line of a module's docstring."""
    if file.suffix != ".py":
        return ""
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[
        0
    ]


def write(place: str, text: str) -> None:
    target = STAGED / place
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
