#!/bin/sh
# What a first-time user would type: a collection, an ingest, three queries, contact sheets.
set -eu
BIN=${BIN:-.venv/bin}
DEMO=${DEMO:-demo}
COUNT=${COUNT:-114}
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
run sample "$DEMO/pictures" --count "$COUNT"
run ingest "$DEMO/pictures"
IMAGES="$DEMO/pictures/images"
# The motif: the other picture of the cypresses.
run query "$IMAGES/van-gogh-wheat-field-cypresses-met-436535.jpg" -k 8 --sheet "$DEMO/cypresses.png"
# The pendant: the portrait painted beside this one.
run query --id met-437386 --rerank ssim --rerank-weight 0.1 -k 8 --sheet "$DEMO/pendants.png"
# The sitter: Cézanne's uncle again, by his face alone.
run query "$IMAGES/cezanne-antoine-dominique-sauveur-aubert-artist-met-435869.jpg" --faces -k 8 \
    --sheet "$DEMO/faces.png" --sheet "$DEMO/faces.html"
printf '\nLook at the contact sheets: %s\n' \
    "$DEMO/cypresses.png, $DEMO/pendants.png, $DEMO/faces.png, $DEMO/faces.html"
# On a terminal the page follows, and stays until Ctrl-C.
if [ -t 1 ]; then
    run serve
fi
