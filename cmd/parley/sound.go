package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
	"github.com/parley/parley/media/pcm"
)

// loadSpeech reads a sound file as 16 kHz mono. Its errors name the file.
func loadSpeech(ctx context.Context, name string) (pcm.Speech, error) {
	channels, err := loadChannels(ctx, name, false)
	if err != nil {
		return nil, err
	}
	return channels[0], nil
}

// loadChannels reads a sound file at 16 kHz: its channels apart, or mixed into one. It gives one at
// least. Its errors name the file.
func loadChannels(ctx context.Context, name string, apart bool) ([]pcm.Speech, error) {
	fail := func(say string, err error) ([]pcm.Speech, error) {
		return nil, &parley.Error{Op: "read sound file", Kind: parley.Invalid, Say: name + ": " + say, Err: err}
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return fail("the file cannot be read", err)
	}
	var sound pcm.Sound
	switch magic := string(content[:min(4, len(content))]); {
	case magic == "RIFF":
		sound, err = pcm.ReadWAV(bytes.NewReader(content))
	case magic == "OggS" && !apart:
		var speech pcm.Speech
		speech, err = decodeOpus(content)
		sound = pcm.Sound{Rate: pcm.Rate, Channels: [][]float32{speech}}
	default:
		sound, err = runFFmpeg(ctx, name)
	}
	if err != nil {
		return fail("the file is no sound that parley reads", err)
	}
	if !apart {
		sound.Channels = [][]float32{sound.Mono()}
	}
	var channels []pcm.Speech
	for _, channel := range sound.Channels {
		channels = append(channels, pcm.Resample(channel, sound.Rate, pcm.Rate))
	}
	return channels, nil
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

// runFFmpeg has ffmpeg decode what parley does not, its channels as they are.
func runFFmpeg(ctx context.Context, name string) (pcm.Sound, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return pcm.Sound{}, errors.New("parley itself reads WAV, and Ogg Opus mixed into one channel; ffmpeg is not installed")
	}
	command := exec.CommandContext(ctx, path, "-nostdin", "-v", "error", "-i", "file:"+name, //nolint:gosec // the user's own file
		"-ar", fmt.Sprint(pcm.Rate), "-f", "wav", "-")
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		first, _, _ := bufio.NewReader(&said).ReadLine()
		return pcm.Sound{}, fmt.Errorf("ffmpeg: %s: %w", first, err)
	}
	return pcm.ReadWAV(bytes.NewReader(out))
}
