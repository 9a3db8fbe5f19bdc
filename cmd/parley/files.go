package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/signaling/api"
	"github.com/parley/parley/transcribe"
)

// files puts sound files into words for the interface: one at a time, and never before a meeting.
type files struct {
	server *server
	turn   chan struct{} // of capacity 1
}

var _ api.Files = (*files)(nil)

// Transcribe implements api.Files.
func (f *files) Transcribe(ctx context.Context, content []byte, o api.FileOptions) (any, error) {
	if f.server.engine == nil {
		return nil, &parley.Error{Op: "transcribe file", Kind: parley.Unavailable, Say: "This server puts no files into words: it has no speech engine of its own."}
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	default:
		return nil, &parley.Error{Op: "transcribe file", Kind: parley.Unavailable, Say: "Another file is being put into words. Try again later."}
	}
	channels, err := channelsOf(content, o.SpeakerPerChannel, func() (pcm.Sound, error) {
		return runFFmpeg(ctx, "pipe:0", bytes.NewReader(content))
	})
	if err != nil {
		return nil, &parley.Error{Op: "transcribe file", Kind: parley.Invalid, Say: "The file is no sound that this server reads.", Err: err}
	}
	result := fileWords{Seconds: channels[0].Duration().Seconds(), Utterances: []fileUtterance{}}
	about := transcribe.About{Lang: o.Language, Wait: f.server.transcriber.WaitForFinals}
	for i, speech := range channels {
		speaker := ""
		if o.SpeakerPerChannel {
			speaker = fmt.Sprintf("Speaker %d", i+1)
		}
		err := transcribe.File(ctx, speech, f.server.engine, f.server.engine, about, func(u transcribe.Spoken, _ time.Duration) error {
			result.Engine, result.Model = u.Engine, u.Model
			result.Utterances = append(result.Utterances, ofFile(u, speaker))
			return nil
		})
		if err != nil && !errors.Is(err, parley.Unavailable) && ctx.Err() == nil {
			err = fmt.Errorf("transcribe file: %w", err)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(result.Utterances, func(a, b fileUtterance) int { return cmp.Compare(a.Start, b.Start) })
	return result, nil
}
