"""Completion for bash; nothing of the package bash-completion is needed."""

import shlex

from brine.manual.commands import Command, Option

_HEAD = """\
# Completion of brine for bash, made from the command's own options.
_brine() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path=brine words="" kind="" index
    # bash takes --option=value apart at the sign.
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $before == "=" ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "$path ${COMP_WORDS[index]}" in
            COMMANDS) path="$path ${COMP_WORDS[index]}" ;;
        esac
    done
    case "$path $before" in
"""
_MIDDLE = """\
        *)
            case "$path" in
"""
_TAIL = """\
            esac
            if [[ $current == -* ]]; then kind=""; fi ;;
    esac
    COMPREPLY=()
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
    if [[ -n $kind ]]; then
        local paths
        mapfile -t paths < <(compgen -A "$kind" -- "$current")
        COMPREPLY+=("${paths[@]}")
        compopt -o filenames 2> /dev/null
    fi
}
complete -F _brine brine
"""


def completion(command: Command) -> str:
    """The script."""
    below = [each for each in command.walk() if len(each.words) > 1]
    lines = [_HEAD.replace("COMMANDS", " | ".join(_quoted(each) for each in below))]
    for each in command.walk():
        lines += [_value(each, option) for option in each.options if option.values]
    lines.append(_MIDDLE)
    lines += [_command(each) for each in command.walk()]
    return "".join(lines) + _TAIL


def _quoted(command: Command, flag: str = "") -> str:
    return '"' + " ".join([*command.words, flag]).strip() + '"'


def _kind(option: Option) -> str:
    return "directory" if option.takes_folders else "file" if option.takes_files else ""


def _set(words: list[str], kind: str) -> str:
    return f"words={shlex.quote(' '.join(words))} kind={kind}" if words or kind else ":"


def _value(command: Command, option: Option) -> str:
    patterns = " | ".join(_quoted(command, flag) for flag in option.flags)
    return f"        {patterns}) {_set(list(option.choices), _kind(option))} ;;\n"


def _command(command: Command) -> str:
    words = [*(each.words[-1] for each in command.commands), *(flag for each in command.options for flag in each.flags),
             *(choice for each in command.arguments for choice in each.choices)]
    kind = next((found for each in command.arguments if (found := _kind(each))), "")
    return f"                {_quoted(command)}) {_set(words, kind)} ;;\n"
