#!/usr/bin/env bash
# Reads our exports with FiftyOne and Label Studio, which the project does not depend on: they get an environment of their
# own, in $VENV/exports, with the project's packages behind theirs. What does not install is skipped, and named.
set -euo pipefail

PACKAGES=(fiftyone==1.22.1 label-studio-sdk==2.0.19)
own="$VENV/exports"
project="$(cd "$VENV" && pwd)"
"$VENV/bin/python" -m venv "$own"
site="$("$own/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
rm -f "$site/zz-project.pth" # else pip would count the project's packages in
for package in "${PACKAGES[@]}"; do
    if "$own/bin/pip" install --quiet --disable-pip-version-check "$package"; then
        echo "$package is installed in ${own#"$project"/}"
    else
        echo "$package does not install here: its test is skipped"
    fi
done
"$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$site/zz-project.pth"
export FIFTYONE_DO_NOT_TRACK=true PYTHONPATH="$PWD"
"$own/bin/python" -m pytest -q -rs tests/orchestrator/outputs/formats/test_fifty_one.py \
    tests/orchestrator/outputs/formats/test_label_studio.py
