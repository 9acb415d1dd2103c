#!/bin/sh
# Print the path of a Python that can run this project, or say in one sentence what is missing and exit 1.
#
#   scripts/find_python.sh          the best one: $PYTHON if set, else 3.13 (the Lambda runtime's), else 3.12, 3.14, 3.11,
#                                   else whatever python3 is, if it is 3.11 or newer
#   scripts/find_python.sh 3.11     that minor version and no other
#
# Version managers put shims on PATH that fail when the version is not selected, so every candidate is run before it is believed.
set -u

places="/usr/local/bin /usr/bin /opt/homebrew/bin"
for directory in "$HOME"/.pyenv/versions/3.*/bin "$HOME"/.local/share/uv/python/cpython-3.*/bin /opt/python/*/bin; do
  [ -d "$directory" ] && places="$places $directory"
done

# True when "$1" runs, is at least 3.11, has ensurepip (Debian ships it apart, in python3-venv) and, if "$2" is given, is that minor version.
usable() {
  "$1" - "${2:-}" <<'PYTHON' >/dev/null 2>&1
import sys, ensurepip, venv
wanted, found = sys.argv[1], "%d.%d" % sys.version_info[:2]
sys.exit(sys.version_info < (3, 11) or (wanted != "" and wanted != found))
PYTHON
}

# Print the first usable interpreter called "$1": on PATH, else in the usual places. "$2" as in usable.
search() {
  on_path=$(command -v "$1" 2>/dev/null)
  for candidate in ${on_path:+"$on_path"} $(for place in $places; do echo "$place/$1"; done); do
    if usable "$candidate" "${2:-}"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      exit 0
    fi
  done
}

if [ $# -gt 0 ]; then
  search "python$1" "$1"
  search python3 "$1"
  echo "No Python $1 with the venv module was found on this machine." >&2
  exit 1
fi

if [ -n "${PYTHON:-}" ]; then
  search "$PYTHON"
  echo "PYTHON=$PYTHON is not a Python 3.11 or newer with the venv module." >&2
  exit 1
fi
for version in 3.13 3.12 3.14 3.11; do
  search "python$version" "$version"
done
search python3
echo "No Python 3.11 or newer with the venv module was found: install one (on Debian: python3 and python3-venv), or name it with PYTHON=/path/to/python3." >&2
exit 1
