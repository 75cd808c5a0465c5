#!/bin/sh
# install.sh VENV WHAT: makes the virtual environment VENV if needed, and installs Nightshift from this folder into it.
# WHAT: "run" for what a site needs, "cluster" for what Ray clusters need besides, "test" for what tests and documentation
# need besides. Every downloaded file must have a hash of constraints.txt.
set -eu
venv=$1
what=$2
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "nightshift needs Python 3.11 or newer: make PYTHON=python3.12 install" >&2
    exit 2
}
# opencv-python needs the system's libGL and libxcb; a bare machine has neither, and the headless build is the same code.
# The two overwrite each other's files, so where the headless build is installed the other is left out.
if "$venv/bin/python" -c 'from importlib.metadata import version; version("opencv-python-headless")' 2>/dev/null; then
    left_out=opencv-python
fi
# Write what constraints.txt has under the given headings, or for one package, as a list to install.
under() {
    awk -v wanted=" $* " -v left_out="${left_out-}==" '
        /^# ---/ { on = index(wanted, " " $3 " "); next }
        /^[^ ]/ { out = index($0, left_out) == 1 }
        on && !out' constraints.txt > "$venv/pins.txt"
}
only() { awk -v name="$1==" '/^[^ ]/ { on = index($0, name) == 1 } on' constraints.txt > "$venv/pins.txt"; }
# uv installs four times faster than pip, but unlike pip leaves compiling to the first import, and every worker process
# would compile anew where it may not write into the environment. Where only pip's own settings reach a package index,
# pip does the work.
[ -x "$venv/bin/uv" ] || { only uv; "$venv/bin/python" -m pip install --quiet --require-hashes -r "$venv/pins.txt"; }
install() { VIRTUAL_ENV="$venv" "$venv/bin/uv" pip install --quiet --compile-bytecode "$@" || "$venv/bin/python" -m pip install --quiet "$@"; }
case $what in test) under run cluster test ;; cluster) under run cluster ;; *) under run ;; esac
# opencv-python needs the system's libGL and libxcb; a bare machine has neither, and the headless build is the same code.
install --require-hashes -r "$venv/pins.txt"
"$venv/bin/python" -c 'import cv2' 2>/dev/null || {
    "$venv/bin/python" -m pip uninstall --quiet --yes opencv-python
    only opencv-python-headless
    install --require-hashes --no-deps -r "$venv/pins.txt"
}
# The folder itself has no hash, and what builds it is installed already.
install --no-deps --no-build-isolation -e .
"$venv/bin/python" -c 'import cv2, torch, torchvision, ray, duckdb, av'
