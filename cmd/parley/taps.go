package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/recorder"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/transcribe"
)

// taps are the ears of the rooms: every track goes to the recorder, every microphone to the
// transcriber as well.
type taps struct {
	home        parley.Directory
	recorder    *recorder.Recorder
	transcriber *transcribe.Transcriber
	log         *zap.Logger
}

// Tap implements signaling.Taps.
func (t *taps) Tap(m parley.Meeting, track parley.Track, arrived time.Time) []sfu.Tap {
	var ears []sfu.Tap
	if kept, err := t.recorder.Track(m, track, arrived); err != nil {
		t.log.Error("a track is not recorded", zap.String("meeting", string(m.ID)), zap.Error(err))
	} else {
		ears = append(ears, kept)
	}
	if track.Source != parley.Microphone {
		return ears
	}
	if heard, err := t.transcriber.Track(m, track, arrived); err != nil {
		t.log.Error("a track is not put into words", zap.String("meeting", string(m.ID)), zap.Error(err))
	} else {
		ears = append(ears, heard)
	}
	return ears
}

// Ended implements signaling.Taps.
func (t *taps) Ended(ctx context.Context, id parley.MeetingID) error {
	region, err := t.home.RegionOf(ctx, id)
	if err != nil {
		return fmt.Errorf("complete meeting: %w", err)
	}
	return errors.Join(t.transcriber.Finish(ctx, region, id), t.recorder.Seal(ctx, region, id))
}

// Status implements signaling.Taps.
func (t *taps) Status(m parley.Meeting) signaling.TapsStatus {
	words, missing := t.transcriber.Words()
	return signaling.TapsStatus{
		Words: words, WordsMissing: missing, WordsLate: t.transcriber.Late(m.Region, m.ID),
		RecordingTrouble: t.recorder.Trouble(m.ID),
	}
}
