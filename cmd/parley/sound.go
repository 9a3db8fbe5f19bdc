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
	channels, err := channelsOf(content, apart, func() (pcm.Sound, error) { return runFFmpeg(ctx, "file:"+name, nil) })
	if err != nil {
		return fail("the file is no sound that parley reads", err)
	}
	return channels, nil
}

// channelsOf decodes a sound file at 16 kHz; ffmpeg is asked for what parley does not read itself.
func channelsOf(content []byte, apart bool, ffmpeg func() (pcm.Sound, error)) ([]pcm.Speech, error) {
	var sound pcm.Sound
	var err error
	switch magic := string(content[:min(4, len(content))]); {
	case magic == "RIFF":
		sound, err = pcm.ReadWAV(bytes.NewReader(content))
	case magic == "OggS" && !apart:
		var speech pcm.Speech
		speech, err = decodeOpus(content)
		sound = pcm.Sound{Rate: pcm.Rate, Channels: [][]float32{speech}}
	default:
		sound, err = ffmpeg()
	}
	if err != nil {
		return nil, err
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

// runFFmpeg has ffmpeg decode what parley does not, its channels as they are: a file, or with input "pipe:0"
// what is in content, which may then name no other file or address.
func runFFmpeg(ctx context.Context, input string, content io.Reader) (pcm.Sound, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return pcm.Sound{}, errors.New("parley itself reads WAV, and Ogg Opus mixed into one channel; ffmpeg is not installed")
	}
	protocols := "file"
	if content != nil {
		protocols = "pipe"
	}
	command := exec.CommandContext(ctx, path, "-v", "error", "-protocol_whitelist", protocols, //nolint:gosec // no shell
		"-i", input, "-vn", "-ar", fmt.Sprint(pcm.Rate), "-f", "wav", "-")
	var said bytes.Buffer
	command.Stdin = content
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		first, _, _ := bufio.NewReader(&said).ReadLine()
		return pcm.Sound{}, fmt.Errorf("ffmpeg: %s: %w", first, err)
	}
	return pcm.ReadWAV(bytes.NewReader(out))
}
