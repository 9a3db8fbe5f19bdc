package transcribe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/container"
)

const (
	attemptTimeout = 30 * time.Second
	firstPause     = 200 * time.Millisecond
	longestPause   = 15 * time.Second
	// jobGrace is how long a job has before the sweeper makes another of the row.
	jobGrace = 45 * time.Second
)

// utteranceKey is where the sound of an utterance rests in its region.
func utteranceKey(m parley.MeetingID, id parley.UtteranceID) parley.Key {
	return parley.Key(fmt.Sprintf("meetings/%s/utterances/%s.ogg", m, id))
}

// saver stores the utterances of one track, in order, each until it succeeds.
type saver struct {
	// constant after newSaver
	t     *Transcriber
	keep  *parley.Keep
	track parley.Track

	mu     sync.Mutex // guards everything below
	pieces []piece
	closed bool
	added  chan struct{} // of capacity 1
}

func newSaver(t *Transcriber, keep *parley.Keep, track parley.Track) *saver {
	return &saver{t: t, keep: keep, track: track, added: make(chan struct{}, 1)}
}

// add never blocks: an utterance is 80 kB at most, and seconds long.
func (s *saver) add(p piece) {
	s.t.finals.begin() // until it is stored and its job is sent
	s.mu.Lock()
	s.pieces = append(s.pieces, p)
	s.mu.Unlock()
	s.wake()
}

// close says that no utterance follows.
func (s *saver) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wake()
}

func (s *saver) wake() {
	select {
	case s.added <- struct{}{}:
	default:
	}
}

// next waits for an utterance; false when none follows, or ctx ends first.
func (s *saver) next(ctx context.Context) (piece, bool) {
	for {
		s.mu.Lock()
		if len(s.pieces) > 0 {
			p := s.pieces[0]
			s.pieces = s.pieces[1:]
			s.mu.Unlock()
			return p, true
		}
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return piece{}, false
		}
		select {
		case <-s.added:
		case <-ctx.Done():
			return piece{}, false
		}
	}
}

// run stores until the track is closed.
func (s *saver) run(ctx context.Context) {
	for {
		p, ok := s.next(ctx)
		if !ok {
			return
		}
		s.save(ctx, p)
		s.t.finals.end()
	}
}

// save stores one piece, until it succeeds.
func (s *saver) save(ctx context.Context, p piece) {
	u, audio, err := s.utterance(p)
	if err != nil {
		s.t.log.Error("utterance cannot be written", zap.Error(err))
		return
	}
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		err := s.store(ctx, u, audio)
		if err == nil {
			return
		}
		s.t.metrics.saveErrors.Inc()
		s.t.log.Warn("region refuses an utterance; trying again", zap.String("region", string(s.keep.Region)), zap.Error(err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return // the recording still has it: Recover cuts it again
		}
	}
}

// utterance describes a piece, and writes its sound as Ogg Opus.
func (s *saver) utterance(p piece) (parley.Utterance, []byte, error) {
	if p.id == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return parley.Utterance{}, nil, fmt.Errorf("name utterance: %w", err)
		}
		p.id = parley.UtteranceID(id.String())
	}
	var file bytes.Buffer
	w, err := container.NewOggWriter(&file)
	if err != nil {
		return parley.Utterance{}, nil, err
	}
	for _, packet := range p.packets {
		if err := w.WritePacket(packet, container.OpusSamples(packet)); err != nil {
			return parley.Utterance{}, nil, err
		}
	}
	if err := w.Close(); err != nil {
		return parley.Utterance{}, nil, err
	}
	u := parley.Utterance{
		ID: p.id, Meeting: s.track.Meeting, Track: s.track.ID,
		Participant: s.track.Participant, Start: p.start.Truncate(time.Millisecond), End: p.end.Truncate(time.Millisecond),
		SHA256: sha256.Sum256(file.Bytes()), State: parley.Pending, NextTry: time.Now().Add(jobGrace),
	}
	u.Audio = utteranceKey(u.Meeting, u.ID)
	if !s.t.wanted() {
		u.State = parley.Wordless
	}
	return u, file.Bytes(), nil
}

// store keeps the sound, then the row, then sends the job. Each step may be repeated.
func (s *saver) store(ctx context.Context, u parley.Utterance, audio []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	info := parley.ObjectInfo{Key: u.Audio, Bytes: int64(len(audio)), SHA256: u.SHA256}
	if err := s.keep.Objects.Put(ctx, info, bytes.NewReader(audio)); err != nil {
		return fmt.Errorf("store utterance: %w", err)
	}
	if err := s.keep.Transcripts.AddUtterance(ctx, u); err != nil {
		return fmt.Errorf("list utterance: %w", err)
	}
	s.t.metrics.utterances.Inc()
	if u.State == parley.Wordless {
		s.t.events.Publish(parley.Event{Kind: parley.EventUtterance, Meeting: u.Meeting, Utterance: u.ID})
		return nil
	}
	return s.t.jobs.Submit(ctx, utteranceJob(s.keep.Region, u))
}

func utteranceJob(in parley.Region, u parley.Utterance) parley.Job {
	return parley.Job{
		ID: fmt.Sprintf("%s-%d", u.ID, u.Attempts), Kind: parley.JobTranscribe, Region: in,
		Meeting: u.Meeting, Utterance: u.ID,
	}
}
