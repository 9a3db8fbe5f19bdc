package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/client"
	"github.com/parley/parley/signaling/problem"
)

// protocol takes part by parley's own WebSocket: one connection for everything, whose seats are filled
// as others come.
type protocol struct {
	url, token string
	meeting    parley.MeetingID
	created    bool // by this run, which ends it

	dialer *dialer

	mu      sync.Mutex // guards everything below
	clients []*client.Client
}

// createMeeting makes a meeting that is not recorded.
func createMeeting(ctx context.Context, address, token string) (parley.MeetingID, error) {
	base, err := url.Parse(address)
	if err != nil {
		return "", invalid("%q is not an address", address)
	}
	body := bytes.NewBufferString(`{"title":"parley bench","record":false}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("api/v1/meetings").String(), body)
	if err != nil {
		return "", fmt.Errorf("create meeting: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("create meeting: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusCreated {
		return "", problem.Read("create meeting", response)
	}
	var made struct {
		Meeting struct {
			ID parley.MeetingID `json:"id"`
		} `json:"meeting"`
	}
	if err := json.NewDecoder(response.Body).Decode(&made); err != nil {
		return "", fmt.Errorf("create meeting: %w", err)
	}
	return made.Meeting.ID, nil
}

// joins takes part as p: sends its streams, and sees and hears whom it is to.
func (b *protocol) joins(ctx context.Context, p *participant, others []participant, streams []*stream) (joined, error) {
	in := joined{seats: p.voices() + len(p.sees)}
	viewer := newViewer(p, others)
	cfg := client.Config{
		URL: b.url, Meeting: b.meeting, Token: b.token, Name: p.name, Consent: parley.Declined,
		Voices: p.voices(), Seats: len(p.sees), Tracks: map[parley.Source]webrtc.TrackLocal{},
		Connection: func() (*webrtc.PeerConnection, error) {
			pc, r, err := b.dialer.connect(p, p.receives())
			in.receiver = r
			return pc, err
		},
		OnMessage: viewer.see, OnJoined: viewer.start,
	}
	sources := map[parley.Source]*stream{}
	for _, s := range streams {
		source := parley.Microphone
		if s.kind == video {
			source = parley.Camera
		}
		cfg.Sources = append(cfg.Sources, source)
		cfg.Tracks[source], sources[source] = s, s
	}
	cfg.OnKeyframeRequest = func(source parley.Source) { sources[source].askKeyframe() }
	began := time.Now()
	c, err := client.Join(ctx, cfg)
	if err != nil {
		return in, err
	}
	in.opened = began.Add(c.Timings().Open)
	b.mu.Lock()
	b.clients = append(b.clients, c)
	b.mu.Unlock()
	return in, nil
}

// close leaves; the meeting ends if it was made for this run.
func (b *protocol) close(ctx context.Context) {
	b.mu.Lock()
	clients := b.clients
	b.mu.Unlock()
	if b.created && len(clients) > 0 {
		_ = clients[0].End(ctx) // it ends by itself when everybody is gone
	}
	inParallel(len(clients), 16, func(i int) {
		if !b.created {
			_ = clients[i].Leave(ctx) // likewise
		}
		clients[i].Close()
	})
}

// viewer seats the cameras that a participant is to see, as they appear in the roster.
type viewer struct {
	wanted map[string]bool // names

	mu     sync.Mutex // guards everything below
	client *client.Client
	free   []string                  // MIDs of video seats
	seats  map[string]seated         // by name
	early  map[string]parley.TrackID // cameras seen before start
}

// seated is a camera in a seat.
type seated struct {
	mid   string
	track parley.TrackID
}

func newViewer(p *participant, others []participant) *viewer {
	v := &viewer{wanted: map[string]bool{}, seats: map[string]seated{}, early: map[string]parley.TrackID{}}
	for _, n := range p.sees {
		v.wanted[others[n].name] = true
	}
	return v
}

// start seats who is there already.
func (v *viewer) start(c *client.Client) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.client = c
	for _, s := range c.Seats() {
		if s.Kind == parley.Video {
			v.free = append(v.free, s.MID)
		}
	}
	found := v.early
	for name, track := range v.cameras(c.Roster()) {
		found[name] = track
	}
	v.early = nil
	v.seatLocked(found)
}

// see takes a message of the server.
func (v *viewer) see(m signaling.Message) {
	roster, ok := m.(*signaling.Roster)
	if !ok || len(v.wanted) == 0 {
		return
	}
	found := v.cameras(roster.Present)
	if len(found) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.client == nil {
		for name, track := range found {
			v.early[name] = track
		}
		return
	}
	v.seatLocked(found)
}

func (v *viewer) cameras(people []signaling.Person) map[string]parley.TrackID {
	found := map[string]parley.TrackID{}
	for _, person := range people {
		if !v.wanted[person.Name] {
			continue
		}
		for _, track := range person.Tracks {
			if track.Source == parley.Camera {
				found[person.Name] = track.Track
			}
		}
	}
	return found
}

// shownAt is the size that seats ask for: of a tile in a grid.
const (
	shownWidth  = 640
	shownHeight = 360
)

func (v *viewer) seatLocked(found map[string]parley.TrackID) {
	var requests []signaling.SeatRequest
	for name, track := range found {
		seat, ok := v.seats[name]
		switch {
		case ok && seat.track == track:
			continue
		case !ok && len(v.free) == 0:
			continue
		case !ok:
			seat.mid, v.free = v.free[0], v.free[1:]
		}
		seat.track = track // a new one when the publication began anew
		v.seats[name] = seat
		requests = append(requests, signaling.SeatRequest{MID: seat.mid, Track: track, Width: shownWidth, Height: shownHeight})
	}
	if len(requests) > 0 {
		_ = v.client.Seat(requests...) // on a broken line the pictures stay away, which shows
	}
}
