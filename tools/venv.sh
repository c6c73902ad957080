#!/bin/sh
# Make the virtual environment named by the first argument with a Python of 3.11 to 3.13.
# Debian's python3 comes without venv: as root it is installed, else the command to do so is named.
set -eu
venv=$1

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if fits "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

can_make_one() { python=$(find_python) && "$python" -c 'import ensurepip, venv' 2>/dev/null; }

agreed() {
    [ -t 0 ] && [ -t 1 ] || return 0
    printf 'Run this? [Y/n] '
    read -r answer
    case $answer in [nN]*) return 1 ;; esac
}

if ! can_make_one; then
    # Named after the Python at hand: Debian's other minor versions have packages of their own.
    packages="python3 python3-venv"
    python=$(find_python) && packages="$packages $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    install="apt-get update && apt-get install -y --no-install-recommends $packages"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "A Python of 3.11 to 3.13 with venv is needed. On Debian and Ubuntu: sudo sh -c '$install'" >&2
        echo "Elsewhere install one and name it: make setup PYTHON=/path/to/python3.13" >&2
        exit 1
    fi
    echo "\$ $install"
    agreed || { echo "Then a Python of 3.11 to 3.13 with venv is still missing." >&2; exit 1; }
    DEBIAN_FRONTEND=noninteractive sh -c "$install"
    can_make_one || { echo "This system's Python is not one of 3.11 to 3.13: make setup PYTHON=…" >&2; exit 1; }
fi

# An environment of another Python, or one whose Python is gone, is made anew.
if [ -x "$venv/bin/python" ] && fits "$venv/bin/python"; then exit 0; fi
echo "$ $python -m venv --clear $venv"
"$python" -m venv --clear "$venv"
