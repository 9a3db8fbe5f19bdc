package transcribe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/media/pcm"
	"github.com/parley/parley/transcribe/minutes"
)

// TestTheStablePrefix holds what is shown to the rule: two decodes agree, and nothing shown moves.
func TestTheStablePrefix(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ decodes, shown []string }{
		"grows by what is agreed on": {
			[]string{"we", "we send", "we send the", "we send the offer now"},
			[]string{"", "we", "we send", "we send the"},
		},
		"never goes back": {
			[]string{"we send", "we send", "we sent", "we sent the", "we send the offer", "we send the offer"},
			[]string{"", "we send", "we send", "we send", "we send", "we send the offer"},
		},
		"case and points do not matter": {
			[]string{"We send.", "we send, the", "We send the offer"},
			[]string{"", "we send,", "we send, the"},
		},
		"waits while the beginning changes": {
			[]string{"a b", "x b", "y b", "y b"},
			[]string{"", "", "", "y b"},
		},
	} {
		g := &growing{}
		for i, decode := range c.decodes {
			g.learn(said(decode, "en").Words)
			if got := textOf(g.shown); got != c.shown[i] {
				t.Errorf("%s: after %q %q is shown, want %q", name, decode, got, c.shown[i])
			}
		}
	}
}

// counting recognizes speech as one word a second, as one would who counts while listening.
func counting(s pcm.Speech, _ Hint) (Result, error) {
	r := Result{Lang: "en"}
	for i := range int(s.Duration() / time.Second) {
		word := fmt.Sprintf(" w%d", i)
		at := time.Duration(i) * time.Second
		r.Words = append(r.Words, parley.Word{Text: word, Start: at, End: at + 900*time.Millisecond})
	}
	if len(r.Words) > 0 {
		r.Words[0].Text = strings.TrimSpace(r.Words[0].Text)
	}
	return r, nil
}

// screen keeps what was told of growing utterances.
type screen struct {
	mu    sync.Mutex
	shown []parley.Utterance
}

func (s *screen) tell(u parley.Utterance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, u)
}

func (s *screen) all() []parley.Utterance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]parley.Utterance(nil), s.shown...)
}

// showing gives a house a screen.
func (h *house) showing(r Recognizer) *screen {
	h.t.Helper()
	s := &screen{}
	extractor, err := minutes.New()
	must(h.t, err)
	h.Transcriber, err = New(DefaultConfig(), Parts{
		Regions: parley.Regions{"hk": h.keep}, Jobs: h.bus, Events: h.bus, Extractor: extractor, Recognizer: r,
		Log: zap.NewNop(), Registry: prometheus.NewRegistry(), Interim: s.tell,
	})
	must(h.t, err)
	return s
}

// speak plays packets a second of speech at a time, waiting until all of it was looked at.
func (h *house) speak(tap *Track, packets [][]byte) {
	for i := range packets {
		play(tap, packets[:i+1], 0, func(k int) bool { return k != i })
		if i%25 == 24 {
			time.Sleep(5 * time.Millisecond) // sound comes over time
		}
	}
}

func TestWordsAreShownWhileSomebodySpeaks(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	s := h.showing(scripted(counting))
	h.run()
	tap := h.tap()
	h.speak(tap, talk(t, 12*time.Second, time.Second))
	u := h.wait("it has words", recognized(1)).Utterances[0]
	tap.Close()
	shown := s.all()
	if len(shown) < 2 {
		t.Fatalf("%d interims", len(shown))
	}
	before := ""
	for _, interim := range shown {
		if interim.ID != u.ID || interim.State != parley.Pending || interim.Participant != "p1" {
			t.Errorf("an interim of %s, %s, by %s; the utterance is %s", interim.ID, interim.State, interim.Participant, u.ID)
		}
		if !strings.HasPrefix(interim.Text, before) || interim.Text == before {
			t.Errorf("%q became %q", before, interim.Text)
		}
		if interim.End > u.End || interim.End <= interim.Start {
			t.Errorf("from %v to %v, the utterance ends at %v", interim.Start, interim.End, u.End)
		}
		before = interim.Text
	}
}

// TestFinalsGoFirst has a final under way, and looks that no snapshot is decoded meanwhile.
func TestFinalsGoFirst(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	asked := make(chan struct{}, 1)
	s := h.showing(scripted(func(s pcm.Speech, hint Hint) (Result, error) {
		asked <- struct{}{}
		return counting(s, hint)
	}))
	h.finals.begin()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.tellInterims(ctx)
	}()
	g := &growing{meeting: h.meeting}
	h.interims.offer(snapshot{growing: g, speech: loud(4 * time.Second), taken: time.Now()})
	select {
	case <-asked:
		t.Error("an interim was decoded while a final waited")
	case <-time.After(5 * rest):
	}
	h.finals.end()
	<-asked
	cancel()
	<-done
	if len(s.all()) != 0 {
		t.Error("one decode is enough to show a word")
	}
}

// TestAnInterimKnowsWhatItsFinalKnows has a speaker who said what they speak, and a name that is misheard.
func TestAnInterimKnowsWhatItsFinalKnows(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	must(t, h.keep.Participants.PutParticipant(t.Context(), parley.Participant{
		ID: "p1", Meeting: h.meeting.ID, Number: 1, Name: "Erin Murphy", Role: parley.RoleHost, Consent: parley.Granted,
		Joined: began, Language: "en",
	}))
	s := h.showing(scripted(func(_ pcm.Speech, hint Hint) (Result, error) {
		if hint.Lang != "en" || hint.Region != "hk" {
			t.Errorf("asked %+v", hint)
		}
		return said("ask Merfy now", "en"), nil
	}))
	g := &growing{meeting: h.meeting, first: parley.Utterance{ID: "u1", Meeting: h.meeting.ID, Participant: "p1"}}
	for range 2 {
		h.tellInterim(t.Context(), snapshot{growing: g, speech: loud(4 * time.Second), taken: time.Now()}, openStreams{})
	}
	if shown := s.all(); len(shown) != 1 || shown[0].Text != "ask Murphy now" || shown[0].Words[1].Heard == "" {
		t.Errorf("%+v", shown)
	}
}

func TestAnOlderSnapshotGivesWay(t *testing.T) {
	t.Parallel()
	i := newInterims()
	one, other := &growing{}, &growing{}
	for _, step := range []struct {
		g        *growing
		from     int
		replaced bool
	}{{one, 1, false}, {other, 2, false}, {one, 3, true}} {
		if got := i.offer(snapshot{growing: step.g, from: step.from}); got != step.replaced {
			t.Errorf("offer %d replaced one: %v", step.from, got)
		}
	}
	var order []int
	for {
		s, ok := i.take()
		if !ok {
			break
		}
		order = append(order, s.from)
	}
	if len(order) != 2 || order[0] != 3 || order[1] != 2 {
		t.Errorf("taken: %v", order)
	}
}

// streaming is a recognizer that hears the same by streams, until one breaks.
type streaming struct {
	scripted

	breaksAfter time.Duration
	open        atomic.Int32
	heard       atomic.Int64 // samples, by streams
	again       atomic.Int32 // utterances under way that were decoded instead
}

func (r *streaming) Streaming() bool { return true }

func (r *streaming) Stream(context.Context, string) (Stream, error) {
	r.open.Add(1)
	return &streamed{of: r}, nil
}

func (r *streaming) Recognize(ctx context.Context, s pcm.Speech, h Hint) (Result, error) {
	if h.Draft {
		r.again.Add(1)
	}
	return r.scripted.Recognize(ctx, s, h)
}

type streamed struct {
	of    *streaming
	heard pcm.Speech
}

func (s *streamed) Hear(_ context.Context, speech pcm.Speech) (Result, error) {
	s.of.heard.Add(int64(len(speech)))
	s.heard = append(s.heard, speech...)
	if s.heard.Duration() > s.of.breaksAfter {
		return Result{}, errors.New("the engine ended")
	}
	return counting(s.heard, Hint{})
}

func (s *streamed) Close() { s.of.open.Add(-1) }

// TestStreamsHearNothingTwice has a stream hear all of an utterance, and one that breaks in its middle.
func TestStreamsHearNothingTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ breaks, decoded bool }{
		"to its end": {}, "until it breaks": {breaks: true, decoded: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &streaming{scripted: counting, breaksAfter: time.Hour}
			if c.breaks {
				r.breaksAfter = 6 * time.Second
			}
			h := open(t, nil)
			s := h.showing(r)
			h.run()
			tap := h.tap()
			h.speak(tap, talk(t, 12*time.Second, time.Second))
			u := h.wait("it has words", recognized(1)).Utterances[0]
			tap.Close()
			before := ""
			for _, interim := range s.all() {
				if !strings.HasPrefix(interim.Text, before) || interim.Text == before || interim.ID != u.ID {
					t.Errorf("%q became %q", before, interim.Text)
				}
				before = interim.Text
			}
			if words := len(strings.Fields(before)); words < 6 {
				t.Errorf("%q is shown in the end", before)
			}
			if heard := pcmDuration(int(r.heard.Load())); heard > u.End-u.Start || heard < 4*time.Second {
				t.Errorf("%v were heard of %v", heard, u.End-u.Start)
			}
			if decoded := r.again.Load() > 0; decoded != c.decoded {
				t.Errorf("an utterance that a stream hears was decoded: %v", decoded)
			}
			for deadline := time.Now().Add(5 * time.Second); r.open.Load() != 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d streams stay open", r.open.Load())
				}
			}
		})
	}
}

// TestASpeechServerIsAskedOnceASecond has four speakers at once, and time that only passes while all wait.
func TestASpeechServerIsAskedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Time
		cfg := DefaultConfig()
		cfg.Engine, cfg.Remote = EngineRemote, []RemoteConfig{{Region: "hk", URL: "http://speech.example.org", Model: "large"}}
		tr, err := New(cfg, Parts{
			Recognizer: scripted(func(s pcm.Speech, h Hint) (Result, error) {
				if !h.Draft {
					t.Error("an utterance under way is asked about as if for good")
				}
				asked = append(asked, time.Now())
				return counting(s, h)
			}),
			Interim: func(parley.Utterance) {}, Log: zap.NewNop(), Registry: prometheus.NewRegistry(),
		})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var worker sync.WaitGroup
		worker.Go(func() { tr.tellInterims(ctx) })
		speakers := []*growing{{}, {}, {}, {}}
		for range 50 {
			for _, g := range speakers {
				tr.interims.offer(snapshot{growing: g, speech: loud(2 * time.Second), taken: time.Now()})
			}
			time.Sleep(200 * time.Millisecond)
		}
		cancel()
		worker.Wait()
		if len(asked) < 8 {
			t.Errorf("asked %d times in 10 s", len(asked))
		}
		for i := 1; i < len(asked); i++ {
			if asked[i].Sub(asked[i-1]) < time.Second {
				t.Errorf("asked again after %v", asked[i].Sub(asked[i-1]))
			}
		}
	})
}
