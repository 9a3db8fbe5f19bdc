package main

import (
	"bufio"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
)

// sample is the meeting that ships with parley: a minute of four people, words of our own, spoken
// by machine (sample/make.sh).
//
//go:embed sample/script.tsv sample/*.ogg
var sample embed.FS

// script is a meeting to be held: who says what when.
type script struct {
	turns []turn
}

// turn is one sound of one speaker.
type turn struct {
	speaker string
	file    string
	start   time.Duration // after every participant is connected
}

// sound is a turn as it goes over the wire: Opus packets of 20 ms.
type sound struct {
	start   time.Duration
	packets [][]byte
}

// opener opens the sound file that a script names.
type opener func(name string) (io.ReadCloser, error)

// openScript reads a script and says how its sound files are opened: relative to it, or by absolute
// path. "" is the sample meeting.
func openScript(path string) (script, opener, error) {
	if path == "" {
		folder, err := fs.Sub(sample, "sample")
		if err != nil {
			return script{}, nil, fmt.Errorf("open sample meeting: %w", err)
		}
		file, err := folder.Open("script.tsv")
		if err != nil {
			return script{}, nil, fmt.Errorf("open sample meeting: %w", err)
		}
		defer func() { _ = file.Close() }()
		parsed, err := parseScript(file, "sample/script.tsv")
		return parsed, func(name string) (io.ReadCloser, error) { return folder.Open(name) }, err
	}
	file, err := os.Open(path)
	if err != nil {
		return script{}, nil, scriptError("the script cannot be read", err)
	}
	defer func() { _ = file.Close() }()
	parsed, err := parseScript(file, path)
	return parsed, func(name string) (io.ReadCloser, error) {
		name = filepath.FromSlash(name)
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return os.Open(name)
	}, err
}

// parseScript reads the header `speaker file start` and a turn a line, tab-separated.
func parseScript(r io.Reader, name string) (script, error) {
	var s script
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		fields := strings.Split(strings.TrimRight(lines.Text(), "\r"), "\t")
		if number == 1 {
			if !slices.Equal(fields, []string{"speaker", "file", "start"}) {
				return s, scriptError(name+` line 1: the header is not "speaker", "file", "start", tab-separated`, nil)
			}
			continue
		}
		if len(fields) == 1 && fields[0] == "" {
			continue
		}
		t, err := parseTurn(fields)
		if err != nil {
			return s, scriptError(fmt.Sprintf("%s line %d", name, number), err)
		}
		s.turns = append(s.turns, t)
	}
	if err := lines.Err(); err != nil {
		return s, scriptError(name+" cannot be read", err)
	}
	if len(s.turns) == 0 {
		return s, scriptError(name+" has no turns: nobody would say anything", nil)
	}
	return s, nil
}

func parseTurn(fields []string) (turn, error) {
	if len(fields) != 3 {
		return turn{}, fmt.Errorf("%d fields where speaker, file and start are expected", len(fields))
	}
	name := strings.TrimSpace(fields[0])
	if name == "" {
		return turn{}, errors.New("no speaker")
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
	if err != nil || seconds < 0 || seconds > 24*3600 {
		return turn{}, fmt.Errorf("start %q is not a number of seconds", fields[2])
	}
	return turn{speaker: name, file: fields[1], start: time.Duration(seconds * float64(time.Second))}, nil
}

// speakers lists every speaker once, in order of first turn.
func (s script) speakers() []string {
	var names []string
	for _, t := range s.turns {
		if !slices.Contains(names, t.speaker) {
			names = append(names, t.speaker)
		}
	}
	return names
}

// sounds loads one speaker's turns, ready to be sent.
func (s script) sounds(speaker string, open opener) ([]sound, error) {
	var sounds []sound
	for _, t := range s.turns {
		if t.speaker != speaker {
			continue
		}
		packets, err := loadOpus(open, t.file)
		if err != nil {
			return nil, scriptError("the sound file "+t.file+" is not usable", err)
		}
		sounds = append(sounds, sound{start: t.start, packets: packets})
	}
	slices.SortStableFunc(sounds, func(a, b sound) int { return int(a.start - b.start) })
	return sounds, nil
}

// loadOpus reads a WAV or Ogg Opus file as Opus packets of 20 ms.
func loadOpus(open opener, name string) ([][]byte, error) {
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	reader := bufio.NewReader(file)
	magic, err := reader.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("too short for a sound file: %w", err)
	}
	switch string(magic) {
	case "OggS":
		return readOgg(reader)
	case "RIFF":
		return encodeWAV(reader)
	default:
		return nil, errors.New("neither WAV nor Ogg Opus")
	}
}

// readOgg takes packets of 20 ms as they are, and encodes a file of others anew.
func readOgg(r io.Reader) ([][]byte, error) {
	ogg, err := container.NewOggReader(r)
	if err != nil {
		return nil, err
	}
	var packets [][]byte
	fits := true
	for {
		packet, samples, err := ogg.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		fits = fits && samples == frame48k
		packets = append(packets, slices.Clone(packet))
	}
	if fits {
		return packets, nil
	}
	decoder, err := pcm.NewDecoder()
	if err != nil {
		return nil, err
	}
	var speech pcm.Speech
	for _, packet := range packets {
		if speech, err = decoder.Decode(packet, speech); err != nil {
			return nil, err
		}
	}
	return encode(speech, pcm.Rate)
}

// frame48k is 20 ms at the 48 kHz of Opus over RTP.
const frame48k = 960

// voiceBitsPerSecond is what browsers send speech at.
const voiceBitsPerSecond = 32_000

func encodeWAV(r io.Reader) ([][]byte, error) {
	wav, err := pcm.ReadWAV(r)
	if err != nil {
		return nil, err
	}
	return encode(wav.Mono(), wav.Rate)
}

// encode makes Opus packets of 20 ms; the last one is filled up with silence.
func encode(sound []float32, rate int) ([][]byte, error) {
	encoder, err := pcm.NewEncoder(voiceBitsPerSecond)
	if err != nil {
		return nil, err
	}
	var packets [][]byte
	for frame := range slices.Chunk(pcm.Resample(sound, rate, container.OpusRate), frame48k) {
		frame = append(slices.Clip(frame), make([]float32, frame48k-len(frame))...)
		packet, err := encoder.Encode(frame)
		if err != nil {
			return nil, err
		}
		packets = append(packets, slices.Clone(packet))
	}
	return packets, nil
}

func scriptError(say string, err error) error {
	return &parley.Error{Op: "read script", Kind: parley.Invalid, Say: say, Err: err}
}

// rosterEntry is one person of a roster: how the meeting's people are called.
type rosterEntry struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Role    string   `json:"role"`
	Aliases []string `json:"aliases"`
}

// readRoster reads participants with roles and aliases: a JSON array of them, or an object (such as
// a transcript record) with a "participants" array. "" is an empty roster.
func readRoster(path string) ([]rosterEntry, error) {
	if path == "" {
		return nil, nil
	}
	fail := func(say string, err error) ([]rosterEntry, error) {
		return nil, &parley.Error{Op: "read roster", Kind: parley.Invalid, Say: say, Err: err}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail("the roster cannot be read", err)
	}
	var entries []rosterEntry
	if strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		err = json.Unmarshal(text, &entries)
	} else {
		var record struct {
			Participants []rosterEntry `json:"participants"`
		}
		err = json.NewDecoder(strings.NewReader(string(text))).Decode(&record)
		entries = record.Participants
	}
	if err != nil {
		return fail(path+" is not a JSON list of participants", err)
	}
	if len(entries) == 0 {
		return fail(path+" names no participants", nil)
	}
	return entries, nil
}

// entryOf finds a speaker on the roster by id, name or alias; the zero entry when absent.
func entryOf(roster []rosterEntry, speaker string) rosterEntry {
	for _, e := range roster {
		if e.Name == speaker || e.ID == speaker || slices.Contains(e.Aliases, speaker) {
			return e
		}
	}
	return rosterEntry{}
}

// aliases are the other names somebody is called by.
func (e rosterEntry) aliases(speaker string) []string {
	names := slices.Clone(e.Aliases)
	if e.Name != "" && e.Name != speaker {
		names = append(names, e.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == speaker })
}

// length is when the last word of a meeting has been said.
func (s script) length(sounds map[string][]sound) time.Duration {
	var end time.Duration
	for _, turns := range sounds {
		at := time.Duration(0)
		for _, turn := range turns {
			at = max(at, turn.start) + time.Duration(len(turn.packets))*20*time.Millisecond
		}
		end = max(end, at)
	}
	return end
}
