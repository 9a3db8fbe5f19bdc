package sherpa

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/model"
)

// streamTimeout bounds one request of a stream: a second of speech takes 40 ms.
const streamTimeout = 20 * time.Second

// mostBlame is how often the child may end while it hears a stream before none is opened any more: another
// request may have been the cause.
const mostBlame = 3

// streamModel is the streaming model that was found. Words do without it: once it has done harm it is not
// loaded any more.
type streamModel struct {
	// constant after openStreamModel
	about model.Streaming
	log   *zap.Logger

	blamed atomic.Int32
}

// openStreamModel reads what a streaming model says of itself, and compares its files with their sums,
// where it was pulled with any. What is wrong with it is a line in the log: then it is nil.
func openStreamModel(f Files, log *zap.Logger) *streamModel {
	if f.Streaming == "" {
		return nil
	}
	about, err := model.StreamingIn(f.Streaming)
	if err == nil {
		err = model.Shelf{Directory: filepath.Dir(f.Streaming)}.Verify(about.Name)
		if parley.KindOf(err) == parley.NotFound {
			err = nil // put there by hand
		}
	}
	if err != nil {
		log.Warn("streaming model is not used", zap.String("model", about.Name), zap.Error(err))
		return nil
	}
	return &streamModel{about: about, log: log}
}

func (m *streamModel) usable() bool { return m != nil && m.blamed.Load() < mostBlame }

// blame leaves a model out that the engine did not start with, and takes it in again when that was not why.
func (m *streamModel) blame() {
	switch {
	case m == nil:
	case m.blamed.Swap(mostBlame) < mostBlame:
		m.log.Warn("streaming model is not used any more", zap.String("model", m.about.Name),
			zap.String("reason", "the engine does not start with it"))
	default:
		m.blamed.Store(0)
	}
}

// suspect notes that the engine ended while it heard a stream.
func (m *streamModel) suspect() {
	if m.blamed.Add(1) == mostBlame {
		m.log.Warn("streaming model is not used any more", zap.String("model", m.about.Name),
			zap.String("reason", "the engine ends while it hears"))
	}
}

// Streaming implements transcribe.Streams.
func (e *Engine) Streaming() bool { return e.streams.usable() }

// Stream implements transcribe.Streams.
func (e *Engine) Stream(ctx context.Context, lang string) (transcribe.Stream, error) {
	if !e.streams.usable() || !e.streams.about.Hears(lang) {
		return nil, fmt.Errorf("open stream in language %q: %w", lang, parley.NotFound)
	}
	c, err := e.running(ctx, 0)
	if err != nil {
		return nil, err
	}
	answer, err := e.callStream(ctx, c, askStream, nil)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	return &listener{engine: e, child: c, id: answer.id, lang: lang}, nil
}

// callStream asks the child about a stream, and notes when it ended over that.
func (e *Engine) callStream(ctx context.Context, c *child, k kind, payload []byte) (frame, error) {
	answer, err := c.call(ctx, k, payload, streamTimeout)
	if errors.Is(err, errEnded) {
		e.streams.suspect()
	}
	return answer, err
}

// listener is one stream in the child.
type listener struct {
	engine *Engine
	child  *child
	id     uint32
	lang   string
	heard  time.Duration
}

// Hear implements transcribe.Stream.
func (l *listener) Hear(ctx context.Context, s pcm.Speech) (transcribe.Result, error) {
	result := transcribe.Result{Lang: l.lang, Engine: "sherpa", Model: l.engine.streams.about.Name}
	if s.Duration() > transcribe.MaxSpeech {
		return result, fmt.Errorf("hear %v of speech, more than %v: %w", s.Duration(), transcribe.MaxSpeech, parley.Invalid)
	}
	if len(s) == 0 {
		return result, nil
	}
	answer, err := l.engine.callStream(ctx, l.child, askFeed, hearRequest(l.id, s))
	if err != nil {
		return result, fmt.Errorf("hear stream: %w", err)
	}
	l.heard += s.Duration()
	told, err := parseRecognized(answer.payload, l.heard)
	if err != nil {
		l.child.kill(err)
		return result, fmt.Errorf("hear stream: %w", err)
	}
	if result.Lang == "" {
		result.Lang = told.Lang
	}
	result.Words, result.Tokens, result.CPU = told.Words, told.Tokens, told.CPU
	return result, nil
}

// Close implements transcribe.Stream. It waits for the child to let go of the stream.
func (l *listener) Close() {
	_, _ = l.child.call(context.Background(), askShut, leaveRequest(l.id), streamTimeout) // gone with its child otherwise
}
