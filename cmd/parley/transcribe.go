package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/caption"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/sherpa"
)

// transcribeCmd puts sound files into words, without a meeting.
type transcribeCmd struct {
	Files    []string `arg:"" name:"file" help:"WAV or Ogg Opus; with ffmpeg installed anything it reads."`
	Language string   `enum:"en,zh,yue,auto" default:"auto" help:"The language spoken: en, zh, yue; auto decides for each utterance."`
	JSON     bool     `xor:"form" help:"Print one JSON object a file."`
	VTT      bool     `xor:"form" name:"vtt" help:"Print WebVTT."`
	SRT      bool     `xor:"form" name:"srt" help:"Print SubRip."`
}

// Help implements kong's HelpProvider.
func (*transcribeCmd) Help() string {
	return `Speech is cut at its pauses and recognized as in a meeting, by the engine that ships with parley.
Each line is one utterance with its time; nothing leaves this machine.`
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
	Text       string            `json:"text"`
	Lang       string            `json:"lang,omitempty"`
	Confidence parley.Confidence `json:"confidence,omitempty"`
}

// Run implements the command.
func (c *transcribeCmd) Run(a *app) error {
	sounds := make([]pcm.Speech, len(c.Files))
	for i, name := range c.Files { // all, before anything takes time
		var err error
		if sounds[i], err = loadSpeech(a.ctx, name); err != nil {
			return err
		}
	}
	return withEngine(a, func(ctx context.Context, e *sherpa.Engine) error {
		for i, name := range c.Files {
			if err := c.file(ctx, a, e, name, sounds[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// withEngine runs an engine for as long as f does.
func withEngine(a *app, f func(context.Context, *sherpa.Engine) error) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	files, err := findSpeech(cfg.Data)
	if err != nil {
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	engine, err := sherpa.New(sherpa.Config{Files: files, Command: []string{binary, "engine"}}, zap.NewNop(), prometheus.NewRegistry())
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

// format is the timed text that is asked for; caption.Text stands for lines as they come.
func (c *transcribeCmd) format() caption.Format {
	switch {
	case c.VTT:
		return caption.VTT
	case c.SRT:
		return caption.SRT
	default:
		return caption.Text
	}
}

func (c *transcribeCmd) file(ctx context.Context, a *app, e *sherpa.Engine, name string, s pcm.Speech) error {
	lang := c.Language
	if lang == "auto" {
		lang = ""
	}
	result := fileWords{File: name, Seconds: s.Duration().Seconds(), Utterances: []fileUtterance{}}
	result.Engine, result.Model = "sherpa", "whisper-base"
	format := c.format()
	var lines []caption.Line
	if !c.JSON && format == caption.Text && len(c.Files) > 1 {
		_, _ = fmt.Fprintf(a.stdout, "%s\n", name) // the lines below tell of a broken pipe
	}
	err := transcribe.File(ctx, s, e, e, lang, func(u transcribe.Spoken, done time.Duration) error {
		if c.JSON {
			result.Utterances = append(result.Utterances, fileUtterance{
				u.Start.Seconds(), u.End.Seconds(), u.Text, u.Lang, u.Confidence,
			})
			return nil
		}
		if format != caption.Text {
			lines = append(lines, caption.Line{Start: u.Start, End: u.End, Text: u.Text})
			return nil
		}
		_, err := fmt.Fprintf(a.stdout, "%s  %s\n", stamp(u.Start), u.Text)
		return err
	})
	if err != nil {
		return fmt.Errorf("transcribe %s: %w", name, err)
	}
	switch {
	case format != caption.Text:
		return caption.Write(a.stdout, format, lines)
	case !c.JSON:
		return nil
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}

// stamp writes a time as 00:01:05.2.
func stamp(at time.Duration) string {
	tenths := at.Round(100*time.Millisecond).Milliseconds() / 100
	return fmt.Sprintf("%02d:%02d:%02d.%d", tenths/36000, tenths/600%60, tenths/10%60, tenths%10)
}

// loadSpeech reads a sound file as 16 kHz mono. Its errors name the file.
func loadSpeech(ctx context.Context, name string) (pcm.Speech, error) {
	fail := func(say string, err error) (pcm.Speech, error) {
		return nil, &parley.Error{Op: "read sound file", Kind: parley.Invalid, Say: name + ": " + say, Err: err}
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return fail("the file cannot be read", err)
	}
	magic := content[:min(4, len(content))]
	var speech pcm.Speech
	switch string(magic) {
	case "RIFF":
		var wav pcm.Sound
		if wav, err = pcm.ReadWAV(bytes.NewReader(content)); err == nil {
			speech = pcm.Resample(wav.Mono(), wav.Rate, pcm.Rate)
		}
	case "OggS":
		speech, err = decodeOpus(content)
	default:
		speech, err = runFFmpeg(ctx, name)
	}
	if err != nil {
		return fail("the file is no sound that parley reads", err)
	}
	return speech, nil
}

func decodeOpus(content []byte) (pcm.Speech, error) {
	ogg, err := container.NewOggReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	decoder, err := pcm.NewDecoder()
	if err != nil {
		return nil, err
	}
	var speech pcm.Speech
	for {
		packet, _, err := ogg.Next()
		if errors.Is(err, io.EOF) {
			return speech, nil
		}
		if err != nil {
			return nil, err
		}
		if speech, err = decoder.Decode(packet, speech); err != nil {
			return nil, err
		}
	}
}

// runFFmpeg has ffmpeg decode what parley does not.
func runFFmpeg(ctx context.Context, name string) (pcm.Speech, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, errors.New("neither WAV nor Ogg Opus, and ffmpeg is not installed")
	}
	command := exec.CommandContext(ctx, path, "-nostdin", "-v", "error", "-i", "file:"+name, //nolint:gosec // the user's own file
		"-ac", "1", "-ar", fmt.Sprint(pcm.Rate), "-f", "wav", "-")
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		first, _, _ := bufio.NewReader(&said).ReadLine()
		return nil, fmt.Errorf("ffmpeg: %s: %w", first, err)
	}
	wav, err := pcm.ReadWAV(bytes.NewReader(out))
	if err != nil {
		return nil, err
	}
	return wav.Mono(), nil
}
