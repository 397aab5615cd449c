"""Writes manual pages and completions below a folder, as they lie below /usr/share: `python -m brine.manual FOLDER`."""

import sys
from pathlib import Path

from brine.cli import whole_parser
from brine.installation import version
from brine.manual import bash, fish, zsh
from brine.manual.commands import described
from brine.manual.pages import page


def files() -> dict[str, str]:
    """Path below the folder, and text."""
    command = described(whole_parser())
    pages = {f"man/man1/{each.name}.1": page(each, version()) for each in command.walk()}
    return pages | {"bash-completion/completions/brine": bash.completion(command),
                    "zsh/site-functions/_brine": zsh.completion(command),
                    "fish/vendor_completions.d/brine.fish": fish.completion(command)}


def write(folder: Path) -> None:
    """All of them."""
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
