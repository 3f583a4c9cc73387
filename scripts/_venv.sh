# Sourced by the scripts beside it. Gives them the project's own environment in .venv:
#
#   need_venv        samovar itself and what it needs to run
#   need_venv dev    the same, and the tools of pyproject's `dev` group
#
# Both install only when pyproject.toml or the interpreter changed since the last time (a stamp file remembers), so that
# the second run costs next to nothing. Needs python3 (3.11 or later) and nothing else.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints the newest interpreter here that can run Samovar and make a venv; explains what is missing where there is none.
find_python() {
    local candidate version without_venv=""
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        # A pyenv shim exists for versions that aren't selected, too: only running it tells.
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2]) if sys.version_info >= (3, 11) else sys.exit(1)' 2>/dev/null) || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        without_venv=${without_venv:-$version}
    done
    if [ -n "$without_venv" ]; then
        fail "Python $without_venv is here, but it cannot make virtual environments (its venv module is packaged apart)." \
            "On Debian and Ubuntu:  sudo apt-get install python$without_venv-venv"
    fi
    fail "Samovar needs Python 3.11 or later, and none was found (looked for: ${PYTHON:-python3.14 … python3.11, python3})." \
        "Debian 12 or later, Ubuntu 24.04 or later:  sudo apt-get install python3 python3-venv" \
        "Elsewhere: install one from your distribution, pyenv or uv, and name it with PYTHON=/path/to/python3"
}

# The packages of one dependency group. pip reads groups by itself only since 25.1, and distributions carry older ones.
group() {
    "$venv/bin/python" - "$root/pyproject.toml" "$1" <<'PYTHON'
import sys
import tomllib

with open(sys.argv[1], "rb") as file:
    print("\n".join(tomllib.load(file)["dependency-groups"][sys.argv[2]]))
PYTHON
}

need_venv() {
    local group=${1:-} python want stamp=$venv/.installed${1:+-$1} extra=()
    if ! "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_python) || exit 1
        echo "Making .venv with $("$python" --version) ..." >&2
        rm -rf "$venv"
        "$python" -m venv "$venv" || fail "$python could not make $venv (its message is above)."
    fi
    # The path is part of it: an editable install points into the folder, which may have been moved.
    want=$(cat "$root/pyproject.toml" <("$venv/bin/python" --version) <(echo "$root") | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then
        compile_sources
        return
    fi
    [ -n "$group" ] && mapfile -t extra < <(group "$group")
    echo "Installing Samovar${group:+ and its $group tools} into .venv ..." >&2
    "$venv/bin/python" -m pip install --quiet --editable "$root" "${extra[@]}" ||
        fail "" "The installation failed (pip's message is above). It needs a package index: PyPI, or a mirror named in pip's configuration."
    echo "$want" | tee "$stamp" >"$venv/.installed"
    compile_sources
}

# As an installation has them: where PYTHONDONTWRITEBYTECODE is set, each start of a server would compile every module,
# which is two thirds of it. What is compiled already isn't again.
compile_sources() {
    "$venv/bin/python" -m compileall -q "$root/src" >/dev/null || true
}
