package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/caption"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

// transcribeCmd puts sound files into words, without a meeting.
type transcribeCmd struct {
	Files    []string `arg:"" optional:"" name:"file" help:"WAV or Ogg Opus; with ffmpeg installed anything it reads."`
	Language string   `enum:"en,zh,yue,auto" default:"auto" help:"The language spoken: en, zh, yue; auto decides for each utterance."`
	Channels bool     `name:"speaker-per-channel" help:"Each channel of a file is one speaker, heard by itself."`
	Model    string   `placeholder:"NAME" help:"The speech model; else the best that is installed (parley models list)."`
	HotWords string   `placeholder:"FILE" help:"Names and terms that are likely in it, one a line: what sounds like one is written as it."`
	Eval     string   `placeholder:"MANIFEST.tsv" help:"Hear the recordings a table lists, and print how much of them was heard wrongly."`
	JSON     bool     `xor:"form" help:"Print one JSON object a file; with --eval one for all."`
	VTT      bool     `xor:"form" name:"vtt" help:"Print WebVTT."`
	SRT      bool     `xor:"form" name:"srt" help:"Print SubRip."`
}

// Help implements kong's HelpProvider.
func (*transcribeCmd) Help() string {
	return `Speech is cut at its pauses and recognized as in a meeting, by the engine that ships with parley.
Each line is one utterance with its time; nothing leaves this machine.

--eval reads a tab-separated table with the columns file, language and reference. Errors are counted
in words (WER), for zh and yue in characters (CER), for mixes such as en+zh in both (MER).`
}

// fileWords is one file in words: an object of --json.
type fileWords struct {
	File       string          `json:"file"`
	Seconds    float64         `json:"seconds"`
	Engine     string          `json:"engine"`
	Model      string          `json:"model"`
	Utterances []fileUtterance `json:"utterances"`
}

type fileUtterance struct {
	Start      float64           `json:"start"`
	End        float64           `json:"end"`
	Speaker    string            `json:"speaker,omitempty"` // with --speaker-per-channel
	Text       string            `json:"text"`
	Lang       string            `json:"lang,omitempty"`
	Confidence parley.Confidence `json:"confidence,omitempty"`
	Words      []fileWord        `json:"words"`
}

type fileWord struct {
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Text  string  `json:"text"`
	Heard string  `json:"heard,omitempty"` // where a hot word stands in its place
}

// Run implements the command.
func (c *transcribeCmd) Run(a *app) error {
	if err := c.usable(); err != nil {
		return err
	}
	if c.Eval != "" {
		return c.evaluate(a)
	}
	sounds := make([][]pcm.Speech, len(c.Files))
	for i, name := range c.Files { // all, before anything takes time
		var err error
		if sounds[i], err = loadChannels(a.ctx, name, c.Channels); err != nil {
			return err
		}
	}
	return withEngine(a, c.Model, func(ctx context.Context, e *sherpa.Engine) error {
		for i, name := range c.Files {
			if err := c.file(ctx, a, e, name, sounds[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// usable reports what does not go together.
func (c *transcribeCmd) usable() error {
	say := ""
	switch {
	case c.Eval == "" && len(c.Files) == 0:
		say = "name a sound file, or a table with --eval"
	case c.Eval != "" && len(c.Files) > 0:
		say = "--eval takes its files from the table; name no others"
	case c.Eval != "" && (c.VTT || c.SRT || c.Channels):
		say = "--eval prints figures; it goes with --json, --language, --model and --hot-words only"
	default:
		return nil
	}
	return &parley.Error{Op: "transcribe", Kind: parley.Invalid, Say: say}
}

// withEngine runs an engine for as long as f does; model, or "", is that of the configuration.
func withEngine(a *app, model string, f func(context.Context, *sherpa.Engine) error) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if model != "" {
		cfg.Transcribe.Model = model
	}
	engine, err := openSherpa(cfg, zap.NewNop(), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(a.ctx)
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	engine.Ready(ctx, engineStart)
	err = f(ctx, engine)
	cancel()
	return errors.Join(err, <-done)
}

// about is what the flags say of the files.
func (c *transcribeCmd) about() (transcribe.About, error) {
	about := transcribe.About{}
	if c.Language != "auto" {
		about.Lang = c.Language
	}
	if c.HotWords == "" {
		return about, nil
	}
	text, err := os.ReadFile(c.HotWords)
	if err != nil {
		return about, &parley.Error{Op: "read hot words", Kind: parley.Invalid, Say: c.HotWords + ": the file cannot be read", Err: err}
	}
	about.Terms = strings.Split(string(text), "\n")
	return about, nil
}

// file puts one file into words, a speaker a channel.
func (c *transcribeCmd) file(ctx context.Context, a *app, e *sherpa.Engine, name string, channels []pcm.Speech) error {
	result := fileWords{File: name, Seconds: channels[0].Duration().Seconds(), Utterances: []fileUtterance{}}
	asTheyCome := !c.JSON && !c.VTT && !c.SRT && len(channels) == 1
	if asTheyCome && len(c.Files) > 1 {
		_, _ = fmt.Fprintf(a.stdout, "%s\n", name) // the lines below tell of a broken pipe
	}
	about, err := c.about()
	if err != nil {
		return err
	}
	shown := newProgress(a.stderr, name, int64(channels[0].Duration())*int64(len(channels)))
	defer shown.end()
	if asTheyCome && isTerminal(a.stdout) {
		shown.end() // the lines themselves tell
	}
	for i, speech := range channels {
		speaker := ""
		if c.Channels {
			speaker = fmt.Sprintf("Speaker %d", i+1)
		}
		err := transcribe.File(ctx, speech, e, e, about, func(u transcribe.Spoken, done time.Duration) error {
			result.Engine, result.Model = u.Engine, u.Model
			shown.reach(int64(i)*int64(speech.Duration()) + int64(done))
			if asTheyCome {
				_, err := fmt.Fprintf(a.stdout, "%s  %s\n", stamp(u.Start), u.Text)
				return err
			}
			result.Utterances = append(result.Utterances, ofFile(u, speaker))
			return nil
		})
		if err != nil {
			return fmt.Errorf("transcribe %s: %w", name, err)
		}
	}
	shown.end()
	if asTheyCome {
		return nil
	}
	slices.SortStableFunc(result.Utterances, func(a, b fileUtterance) int { return cmp.Compare(a.Start, b.Start) })
	return c.print(a, result)
}

func ofFile(u transcribe.Spoken, speaker string) fileUtterance {
	f := fileUtterance{
		Start: u.Start.Seconds(), End: u.End.Seconds(), Speaker: speaker, Text: u.Text, Lang: u.Lang,
		Confidence: u.Confidence, Words: make([]fileWord, 0, len(u.Words)),
	}
	for _, w := range u.Words {
		f.Words = append(f.Words, fileWord{w.Start.Seconds(), w.End.Seconds(), w.Text, w.Heard})
	}
	return f
}

// print writes a whole file in the form asked for.
func (c *transcribeCmd) print(a *app, result fileWords) error {
	if c.JSON {
		return printJSON(a.stdout, result)
	}
	format := caption.Text
	switch {
	case c.VTT:
		format = caption.VTT
	case c.SRT:
		format = caption.SRT
	}
	lines := make([]caption.Line, 0, len(result.Utterances))
	for _, u := range result.Utterances {
		lines = append(lines, caption.Line{Start: seconds(u.Start), End: seconds(u.End), Speaker: u.Speaker, Text: u.Text})
	}
	return caption.Write(a.stdout, format, lines)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}

// stamp writes a time as 00:01:05.2.
func stamp(at time.Duration) string {
	tenths := at.Round(100*time.Millisecond).Milliseconds() / 100
	return fmt.Sprintf("%02d:%02d:%02d.%d", tenths/36000, tenths/600%60, tenths/10%60, tenths%10)
}
