#!/usr/bin/env bash
# unsaid beside ffmpeg, sox, multimon-ng and spandsp, in one run on one
# machine: CPU seconds for an hour of speech, and the kit's score of each tone
# receiver. Needs what `scripts/setup.sh bench` installs.
#
#   benches/peers.sh            times and scores
#   benches/peers.sh times      times alone
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --release --locked --quiet
cargo build --release --locked --quiet -p unsaid-dsp --example kit
unsaid=$PWD/target/release/unsaid
kit=$PWD/target/release/examples/kit
cc -O2 -o "$work/spandsp" benches/peers/spandsp_dtmf.c -lspandsp

# CPU seconds (user and system) of the best of five.
cpu() {
  local name=$1 best
  shift
  best=$(for _ in 1 2 3 4 5; do
    # A copy must not find its target.
    rm -f "$work/out.wav"
    { /usr/bin/time -f '%U %S %M' "$@" > /dev/null 2> "$work/stderr"; } 2> /dev/null || true
    tail -n 1 "$work/stderr" | awk '{ printf "%.3f %d\n", $1 + $2, $3 }'
  done | sort -n | head -n 1)
  printf '%-44s %8s s %8s KB\n' "$name" $best
}

times() {
  mapfile -t prompts < <(find /usr/share/asterisk/sounds/en_US_f_Allison -name '*.wav' | sort)
  sox "${prompts[@]}" "$work/some.wav"
  sox "$work/some.wav" "$work/hour.wav" repeat 20 trim 0 3600
  sox "$work/hour.wav" -r 22050 -t raw -e signed -b 16 "$work/hour.raw"
  echo '[{"start":100.5,"end":103},{"start":900,"end":904},{"start":3000.25,"end":3001}]' > "$work/spans.json"
  local mute="volume=enable='between(t,100.5,103)+between(t,900,904)+between(t,3000.25,3001)':volume=0"
  echo "== an hour of speech, WAV 16 bits 8 kHz: CPU (best of five), memory"
  cpu "tones: unsaid dtmf" "$unsaid" dtmf "$work/hour.wav"
  cpu "tones: spandsp" "$work/spandsp" "$work/hour.wav"
  cpu "tones: multimon-ng (from raw 22.05 kHz)" multimon-ng -q -a DTMF -t raw "$work/hour.raw"
  cpu "decoding alone: ffmpeg" ffmpeg -nostdin -v error -i "$work/hour.wav" -f null -
  cpu "reading alone: cat" cat "$work/hour.wav"
  cpu "mute, copying: unsaid" "$unsaid" mute "$work/hour.wav" "$work/out.wav" --spans "$work/spans.json"
  cpu "copying alone: cp" cp "$work/hour.wav" "$work/out.wav"
  cpu "mute, copying: ffmpeg (not exact)" ffmpeg -nostdin -v error -y -i "$work/hour.wav" -af "$mute" "$work/out.wav"
  local in="$work/hour.wav" quiet="|sox -n -r 8000 -c 1 -b 16 -p trim 0"
  cpu "mute, copying: sox, in pieces" sox "|sox $in -p trim 0 =100.5" "$quiet 2.5" \
    "|sox $in -p trim =103 =900" "$quiet 4" "|sox $in -p trim =904 =3000.25" "$quiet 0.75" \
    "|sox $in -p trim =3001" "$work/out.wav"
  cp "$work/hour.wav" "$work/own.wav"
  cpu "mute, in place: unsaid" "$unsaid" mute "$work/own.wav" "$work/own.wav" --spans "$work/spans.json"
  cpu "probe: unsaid" "$unsaid" probe "$work/hour.wav"
}

scores() {
  mkdir "$work/kit" "$work/kit8" "$work/kit22"
  "$kit" write "$work/kit"
  for file in "$work"/kit/*.wav; do
    sox "$file" -r 8000 "$work/kit8/${file##*/}"
    sox "$file" -r 22050 -t raw -e signed -b 16 "$work/kit22/${file##*/}.raw"
  done 2> /dev/null
  find "$work/kit8" -name '*.wav' | sort | xargs "$work/spandsp" > "$work/spandsp.tsv"
  echo "== the kit: unsaid"
  "$kit" score
  echo "== the kit: spandsp"
  "$kit" judge "$work/spandsp.tsv"
  echo "== the kit: multimon-ng (it tells digits, no times: keys in order of the truth)"
  for file in "$work"/kit22/*.raw; do
    name=${file##*/}
    multimon-ng -q -a DTMF -t raw "$file" 2> /dev/null | sed -n "s/^DTMF: //p" | sed "s/^/${name%.raw}\t/"
  done > "$work/multimon.tsv"
  "$kit" order "$work/multimon.tsv"
}

times
if [ "${1:-}" != times ]; then scores; fi
