#!/bin/sh
# Makes a Python environment, or adds to one, and then touches MADE: environment.sh PYTHON FOLDER REQUIREMENTS MADE
# An empty PYTHON adds to the environment that stands there; otherwise it is made from nothing.
set -eu
python=$1 folder=$2 requirements=$3 made=$4

# Two makes at once would clear away each other's work: the second waits, and takes what the first one made.
lock=$folder.lock begun=$(mktemp) waited=
trap 'rm -f "$begun"' EXIT
trap 'exit 130' HUP INT TERM
until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/holder" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
        rm -rf "$lock" # its holder was killed
        continue
    fi
    [ -n "$waited" ] || echo "Waiting for another make to finish $folder ($lock) ..." >&2
    waited=yes
    sleep 1
done
trap 'rm -rf "$begun" "$lock"' EXIT
echo $$ >"$lock/holder"
if [ -n "$waited" ] && [ "$made" -nt "$begun" ]; then exit 0; fi

fits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "$python" ]; then
    for each in "$python" python3.13 python3.12 python3.11; do
        if fits "$each"; then found=$each && break; fi
    done
    if [ -z "${found:-}" ]; then
        echo "Python 3.11 or newer is needed, and $python is not; install it or name it: make PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "Making $folder (once; a minute or two) ..." >&2
    if ! "$found" -m venv --clear "$folder" >/dev/null 2>&1; then
        echo "$found cannot make environments; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
fi

# Compiling at first import costs less than compiling everything now.
if ! "$folder/bin/python" -m pip install --disable-pip-version-check -qq --no-compile -r "$requirements" >&2; then
    echo "Installing $requirements into $folder failed; the lines above say why. Run the same command again." >&2
    exit 1
fi
touch "$made"
