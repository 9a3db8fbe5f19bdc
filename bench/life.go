package bench

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/client"
)

// life is one participation of a churn: one connection, from joining to leaving.
type life struct {
	// constant after enter
	churn    *churn
	number   int // of the connection: in stamps and flows
	client   *client.Client
	receiver *receiver // nil when there was no connection at all
	streams  []*stream
	opened   time.Time // when the WebSocket was open
}

// enter joins; resume is of an earlier life of the same person, or "".
func (c *churn) enter(ctx context.Context, does part, name, resume string) (_ *life, err error) {
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSetup)
	defer cancel()
	l := &life{churn: c, number: int(uint16(c.lives.Add(1)))}
	p := &participant{number: l.number, name: name, talks: does.talks, shows: does.shows}
	shown := &tile{}
	cfg := client.Config{
		URL: c.cfg.URL, Meeting: c.meeting, Token: c.cfg.Token, Name: name, Consent: parley.Declined, Resume: resume,
		Voices: c.cfg.Voices, Seats: 1, Tracks: map[parley.Source]webrtc.TrackLocal{},
		Connection: func() (*webrtc.PeerConnection, error) {
			pc, r, err := c.dialer.connect(p, true)
			l.receiver = r
			return pc, err
		},
		OnJoined: shown.start, OnMessage: shown.see,
	}
	if does.talks {
		l.sends(&cfg, parley.Microphone, newAudio(uint16(l.number), c.cfg.AudioBytes, &c.collector.window))
	}
	if does.shows {
		s := newVideo(uint16(l.number), c.cfg.Size.VideoKbps*1000, c.cfg.FPS, c.cfg.Spread, &c.collector.window)
		l.sends(&cfg, parley.Camera, s)
		cfg.OnKeyframeRequest = func(parley.Source) { s.askKeyframe() }
	}
	began := time.Now()
	if l.client, err = client.Join(ctx, cfg); err != nil {
		l.forget()
		return nil, err
	}
	l.opened = began.Add(l.client.Timings().Open)
	c.here.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Joins++
	for i, s := range l.streams {
		c.pacer.add(s, s.interval*time.Duration(i+l.number%16)/16)
	}
	return l, nil
}

func (l *life) sends(cfg *client.Config, source parley.Source, s *stream) {
	l.streams = append(l.streams, s)
	cfg.Sources = append(cfg.Sources, source)
	cfg.Tracks[source] = s
}

// parting is how somebody leaves.
type parting int

const (
	leaves   parting = iota // says goodbye
	vanishes                // the network is gone from one packet to the next
	reloads                 // the page closes, and comes back at once as the same participant
	ends                    // ends the meeting for everybody
)

// choose leaves as people do: half of them in order.
func choose() parting {
	return []parting{leaves, leaves, vanishes, reloads}[rand.IntN(4)] //nolint:gosec // no secret
}

// soon is when something has arrived at whoever joined. Who has left before, as the meeting ended, says nothing.
const soon = 2 * time.Second

// end leaves, and counts what the life was like.
func (l *life) end(ctx context.Context, how parting) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	stayed := time.Since(l.opened)
	for _, s := range l.streams {
		s.ended.Store(true)
	}
	switch how {
	case leaves:
		_ = l.client.Leave(ctx) // who is not heard has vanished
	case ends:
		_ = l.client.End(ctx) // the meeting then ends when it has been empty for a while
	case vanishes:
		_ = l.receiver.socket.Close() // before the connection can say goodbye by it
	case reloads:
	}
	l.client.Close()
	first := l.receiver.firstPacket()
	expected, received := l.forget()
	c := l.churn
	c.here.Add(-1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Expected += expected
	c.report.PacketsOut += received
	switch how {
	case vanishes:
		c.report.Vanished++
	case reloads:
		c.report.Reloads++
	case leaves, ends:
	}
	switch {
	case !first.IsZero():
		c.took.add(first.Sub(l.opened))
	case stayed > soon:
		c.report.WithoutMedia++
	}
}

// forget leaves nothing of the life in the generator.
func (l *life) forget() (expected, received uint64) {
	if l.receiver == nil {
		return 0, 0
	}
	_ = l.receiver.socket.Close()
	l.churn.dialer.forget(l.receiver)
	return l.churn.collector.leave(l.number)
}

// tile watches one camera, and another when that one is gone.
type tile struct {
	mu     sync.Mutex     // guards everything below
	client *client.Client // nil before start
	mid    string
	shown  parley.TrackID
}

func (t *tile) start(c *client.Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.client = c
	for _, s := range c.Seats() {
		if s.Kind == parley.Video {
			t.mid = s.MID
		}
	}
	t.chooseLocked()
}

func (t *tile) see(m signaling.Message) {
	if _, ok := m.(*signaling.Roster); !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client != nil {
		t.chooseLocked()
	}
}

func (t *tile) chooseLocked() {
	var cameras []parley.TrackID
	for _, person := range t.client.Roster() {
		for _, track := range person.Tracks {
			if track.Source == parley.Camera && person.ID != t.client.You() {
				cameras = append(cameras, track.Track)
			}
		}
	}
	if len(cameras) == 0 || slices.Contains(cameras, t.shown) {
		return
	}
	t.shown = cameras[rand.IntN(len(cameras))] //nolint:gosec // no secret
	_ = t.client.Seat(signaling.SeatRequest{MID: t.mid, Track: t.shown, Width: shownWidth, Height: shownHeight})
}
