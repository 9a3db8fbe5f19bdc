#!/usr/bin/env bash
# Speaks the sample meeting again: words below, flite's voices, Ogg Opus. Needs flite and ffmpeg.
# The files it makes are committed beside it, because the two programs are not needed to run parley.
set -euo pipefail
cd "$(dirname "$0")"

# turn NUMBER SPEAKER VOICE START WORDS
turn() {
  local file
  file=$(printf '%02d-%s.ogg' "$1" "$(tr '[:upper:] ' '[:lower:]-' <<<"$2")")
  flite -voice "$3" -t "$5" -o /dev/stdout |
    ffmpeg -v error -y -i - -ac 1 -ar 48000 -c:a libopus -b:a 24k -application voip -frame_duration 20 "$file"
  printf '%s\t%s\t%s\n' "$2" "$file" "$4" >>script.tsv
}

printf 'speaker\tfile\tstart\n' >script.tsv
turn 1 'Nora Lind' slt 1 'Good morning everyone. Let us go through the launch of the new website.'
turn 2 'Victor Hale' rms 6.5 'I will send the final texts to the translators by Friday.'
turn 3 'Nora Lind' slt 11.5 'Thank you. Hamish, can you test the payment page before Wednesday?'
turn 4 'Hamish Reid' awb 17 'Yes, I will do that.'
turn 5 'Kim Osman' kal16 20 'The search is still slow. I will rebuild the index tomorrow.'
turn 6 'Victor Hale' rms 25.5 'The finance team will approve the hosting budget next week.'
turn 7 'Nora Lind' slt 31 'Good. So we agreed to launch on the first of December.'
turn 8 'Hamish Reid' awb 36 'We moved the old pictures last month, that is already finished.'
turn 9 'Nora Lind' slt 41.5 'I will write the announcement and send it to everybody by Monday.'
turn 10 'Kim Osman' kal16 47.5 'Do we keep the old domain name?'
turn 11 'Nora Lind' slt 51 'I do not know yet. Let us talk about it next time. Thank you all.'
