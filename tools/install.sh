#!/bin/sh
# install.sh VENV WHAT: makes the virtual environment VENV if needed and installs WHAT (a pip requirement) into it.
set -eu
venv=$1
what=$2
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "nightshift needs Python 3.11 or newer: make PYTHON=python3.12 install" >&2
    exit 2
}
# uv installs four times faster than pip, but unlike pip leaves compiling to the first import, and every worker process
# would compile anew where it may not write into the environment. Where only pip's own settings reach a package index,
# pip does the work.
[ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet uv -c constraints.txt
install() { VIRTUAL_ENV="$venv" "$venv/bin/uv" pip install --quiet --compile-bytecode "$@" || "$venv/bin/python" -m pip install --quiet "$@"; }
install -c constraints.txt -e "$what"
# opencv-python needs the system's libGL and libxcb; a bare machine has neither, and the headless build is the same code.
"$venv/bin/python" -c 'import cv2' 2>/dev/null || {
    version=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("opencv-python"))')
    "$venv/bin/python" -m pip uninstall --quiet --yes opencv-python
    install "opencv-python-headless==$version"
}
"$venv/bin/python" -c 'import cv2, torch, torchvision, ray, duckdb, av'
