#!/bin/sh
# What a first-time user would type: a collection, an ingest, two queries, contact sheets.
set -eu
BIN=${BIN:-.venv/bin}
DEMO=${DEMO:-demo}
export ARTSIM_HOME="$DEMO/galleries"

run() {
    printf '\n$ artsim'
    for argument; do
        case $argument in
            *' '*) printf ' "%s"' "$argument" ;;
            *) printf ' %s' "$argument" ;;
        esac
    done
    printf '\n'
    "$BIN/artsim" "$@"
}

mkdir -p "$DEMO"
run sample "$DEMO/pictures"
run ingest "$DEMO/pictures"
run query "$DEMO/pictures/images/013-haystacks-evening.jpg" -k 8 --sheet "$DEMO/haystacks.png"
run query "$DEMO/pictures/images/001-margriet-claes-in-a-ruff.jpg" --faces \
    --not "artist=Aldert van der Hoeve" --rerank ssim -k 8 \
    --sheet "$DEMO/faces.png" --sheet "$DEMO/faces.html"
printf '\nLook at the contact sheets: %s\n' "$DEMO/haystacks.png, $DEMO/faces.png, $DEMO/faces.html"
