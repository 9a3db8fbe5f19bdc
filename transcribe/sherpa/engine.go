package sherpa

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe"
)

const (
	// helloTimeout bounds loading: half a second on an idle machine.
	helloTimeout = 60 * time.Second
	// voiceTimeout bounds one request of a detector: it takes a millisecond.
	voiceTimeout = 8 * time.Second
	// recognizeTimeout and recognizePace bound one decode: it takes an eighth of the speech's length
	// on an idle core.
	recognizeTimeout = 20 * time.Second
	recognizePace    = 4
	// startWait is how long a request waits for a child that is being started.
	startWait = 10 * time.Second
	// mostOpening is how many detectors are opened at once: each takes the child 50 ms, in which it answers no
	// other. Who has waited openWait for that does without for a while.
	mostOpening = 4
	openWait    = time.Second

	firstBackOff   = 500 * time.Millisecond
	longestBackOff = time.Minute
	// steadyAfter is how long a child has to live for the next one to be started without back-off.
	steadyAfter = time.Minute
)

// Config says what to run.
type Config struct {
	Files Files
	// Command starts a child that calls Serve, its arguments apart: the path of the binary, "engine".
	Command []string
}

// Engine keeps one child running and asks it. It is safe for concurrent use.
type Engine struct {
	cfg     Config
	log     *zap.Logger
	metrics metrics
	turn    chan struct{} // one recognition at a time: more would take turns in the child
	opening chan struct{} // detectors being opened
	streams *streamModel  // or nil

	mu      sync.Mutex // guards everything below
	child   *child     // nil while none can be asked
	hello   hello
	missing string        // why child is nil, for a person
	changed chan struct{} // closed and replaced when child changes
}

var (
	_ transcribe.Recognizer = (*Engine)(nil)
	_ transcribe.Health     = (*Engine)(nil)
	_ transcribe.Voices     = (*Engine)(nil)
	_ transcribe.Streams    = (*Engine)(nil)
)

// New checks the model files, 84 MB of them, and starts nothing. Its errors are Unavailable and name
// the file and what to do.
func New(cfg Config, log *zap.Logger, reg prometheus.Registerer) (*Engine, error) {
	if len(cfg.Command) == 0 {
		return nil, fmt.Errorf("no command starts the speech engine: %w", parley.Invalid)
	}
	if err := cfg.Files.verify(); err != nil {
		return nil, err
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	return &Engine{
		cfg: cfg, log: log, metrics: m, turn: make(chan struct{}, 1),
		opening: make(chan struct{}, mostOpening), streams: openStreamModel(cfg.Files, log),
		missing: "The speech engine is not running yet.", changed: make(chan struct{}),
	}, nil
}

// Run keeps a child running until ctx ends, and returns when the last one has ended.
func (e *Engine) Run(ctx context.Context) error {
	backOff := firstBackOff
	for {
		started := time.Now()
		served, err := e.runChild(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		if served && time.Since(started) > steadyAfter {
			backOff = firstBackOff
		}
		if !served {
			e.streams.blame()
		}
		e.log.Warn("speech engine ended", zap.Error(err), zap.Duration("again_in", backOff))
		if served {
			e.set(nil, hello{}, "The speech engine is restarting; words will follow.")
		} else {
			e.set(nil, hello{}, "The speech engine does not start; the server's log says why.")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(backOff):
		}
		backOff = min(2*backOff, longestBackOff)
	}
}

// runChild starts one child and returns when it has ended, with whether it served. The thread is
// locked, since the child ends with the thread that started it.
func (e *Engine) runChild(ctx context.Context) (served bool, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	files := e.cfg.Files
	if !e.streams.usable() {
		files.Streaming = ""
	}
	argv := slices.Concat(e.cfg.Command, files.arguments())
	c, err := startChild(argv)
	if err != nil {
		return false, err
	}
	e.metrics.starts.Inc()
	slow := time.AfterFunc(helloTimeout, func() { cancel(fmt.Errorf("the models were not loaded within %v", helloTimeout)) })
	defer slow.Stop()
	var greeter sync.WaitGroup
	greeter.Go(func() {
		select {
		case h := <-c.hello:
			slow.Stop()
			served = true
			e.log.Info("speech engine runs", zap.String("library", h.Library), zap.String("model", h.Model),
				zap.String("voice", h.Voice), zap.String("streaming", h.Streaming), zap.Int64("memory_bytes", h.MemoryBytes))
			e.set(c, h, "")
		case <-c.ended:
		}
	})
	err = c.run(ctx)
	greeter.Wait()
	if lines, reason := c.noise.summary(); lines > 0 {
		err = fmt.Errorf("%w (%d lines on standard error, known cause: %q)", errors.Join(err), lines, reason)
	}
	return served, err
}

// set says which child can be asked, or why none.
func (e *Engine) set(c *child, h hello, missing string) {
	up := 0.0
	if c != nil {
		up = 1
	}
	e.metrics.up.Set(up)
	e.metrics.memory.Set(float64(h.MemoryBytes))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.child, e.hello, e.missing = c, h, missing
	close(e.changed)
	e.changed = make(chan struct{})
}

// Words implements transcribe.Health.
func (e *Engine) Words() (ok bool, missing string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.child != nil, e.missing
}

// Model names the recognizer.
func (e *Engine) Model() string { return e.cfg.Files.model() }

// Ready waits until an engine runs; not longer than wait.
func (e *Engine) Ready(ctx context.Context, wait time.Duration) {
	_, _ = e.running(ctx, wait) // what it says is said by Words
}

// running gives the child, after waiting a while for one that is being started.
func (e *Engine) running(ctx context.Context, wait time.Duration) (*child, error) {
	timeout := time.After(wait)
	for {
		e.mu.Lock()
		c, missing, changed := e.child, e.missing, e.changed
		e.mu.Unlock()
		if c != nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-timeout:
			return nil, errDown(missing)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Recognize implements transcribe.Recognizer. Whisper hears Cantonese as Chinese, which is all it knows of
// it; SenseVoice tells it apart by itself, and takes no language that it is told.
func (e *Engine) Recognize(ctx context.Context, s pcm.Speech, h transcribe.Hint) (transcribe.Result, error) {
	result := transcribe.Result{Lang: h.Lang, Engine: "sherpa", Model: e.cfg.Files.model()}
	if s.Duration() > transcribe.MaxSpeech {
		return result, fmt.Errorf("recognize %v of speech, more than %v: %w", s.Duration(), transcribe.MaxSpeech, parley.Invalid)
	}
	lang := h.Lang
	if lang == "yue" && e.cfg.Files.model() == modelName {
		lang = "zh"
	}
	if !whisperLanguage(lang) {
		return result, fmt.Errorf("recognize language %q: %w", lang, parley.Invalid)
	}
	if len(s) == 0 {
		return result, nil
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return result, context.Cause(ctx)
	}
	c, err := e.running(ctx, startWait)
	if err != nil {
		return result, err
	}
	started := time.Now()
	answer, err := c.call(ctx, askRecognize, recognizeRequest(request{lang, h.Draft, s}), recognizeTimeout+recognizePace*s.Duration())
	if err != nil {
		return result, fmt.Errorf("recognize: %w", err)
	}
	heard, err := parseRecognized(answer.payload, s.Duration())
	if err != nil {
		c.kill(err)
		return result, fmt.Errorf("recognize: %w", err)
	}
	e.metrics.speech.Add(s.Duration().Seconds())
	e.metrics.decode.Observe(time.Since(started).Seconds())
	if result.Lang == "" {
		result.Lang = heard.Lang
	}
	result.Words, result.Tokens, result.CPU = heard.Words, heard.Tokens, heard.CPU
	return result, nil
}

// Listen implements transcribe.Voices. It does not wait for a child: a level gate can do meanwhile.
func (e *Engine) Listen(ctx context.Context) (transcribe.Voice, error) {
	c, err := e.running(ctx, 0)
	if err != nil {
		return nil, err
	}
	select {
	case e.opening <- struct{}{}:
		defer func() { <-e.opening }()
	case <-time.After(openWait):
		return nil, errDown("the speech engine opens other detectors")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	answer, err := c.call(ctx, askListen, nil, voiceTimeout)
	if err != nil {
		return nil, fmt.Errorf("open voice detector: %w", err)
	}
	return &detector{child: c, id: answer.id}, nil
}

// detector is one silero detector in the child.
type detector struct {
	child *child
	id    uint32
}

// Hear implements transcribe.Voice.
func (d *detector) Hear(ctx context.Context, s pcm.Speech) ([]bool, error) {
	answer, err := d.child.call(ctx, askHear, hearRequest(d.id, s), voiceTimeout)
	if err != nil {
		return nil, fmt.Errorf("detect voice: %w", err)
	}
	heard, err := parseHeard(answer.payload, len(s)/transcribe.Window)
	if err != nil {
		return nil, fmt.Errorf("detect voice: %w", err)
	}
	return heard, nil
}

// Close implements transcribe.Voice. It waits for the child to let go of the detector.
func (d *detector) Close() {
	_, _ = d.child.call(context.Background(), askLeave, leaveRequest(d.id), voiceTimeout) // gone with its child otherwise
}
