package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
)

// Config says who takes part in which meeting, and how.
type Config struct {
	// URL is the server, "http://localhost:8080".
	URL     string
	Meeting parley.MeetingID
	// Token is a bearer token for the meeting.
	Token    string
	Name     string         // may be empty when the token carries one
	Title    string         // or empty
	Aliases  []string       // or nil
	Language string         // what they speak, "en", "zh" or "yue"; "" leaves it open
	Several  bool           // more than one person at the microphone
	Consent  parley.Consent // required where the meeting is recorded
	// Resume is the value of an earlier Client.Resume: come back as the same participant; or empty.
	Resume string
	// Sources are what this participant may send: one line each, Microphone or Camera.
	Sources []parley.Source
	// Voices and Seats are how many lines receive sound and pictures.
	Voices int
	Seats  int

	// OnPacket is called with each packet that arrives on a seat, in order of arrival, from one
	// goroutine per seat; the packet belongs to the callee. Or nil.
	OnPacket func(seat Seat, p *rtp.Packet)
	// OnMessage is called with each message of the server after joined, in order: *signaling.Caption,
	// *signaling.Chat, *signaling.Roster and so on. Or nil.
	OnMessage func(m signaling.Message)
	// OnJoined is called when the server's answer is applied: seats can be asked for, while media may
	// not flow yet. It may come after the first OnMessage. Or nil.
	OnJoined func(c *Client)
	// OnKeyframeRequest is called when the server wants a keyframe of a source. Or nil.
	OnKeyframeRequest func(source parley.Source)

	// Connection makes the peer connection; nil for one like a browser's.
	Connection func() (*webrtc.PeerConnection, error)
	// Tracks are what sources send, in place of Play and Show. Or nil.
	Tracks map[parley.Source]webrtc.TrackLocal
}

// Seat is a line on which media arrives.
type Seat struct {
	MID  string
	Kind parley.MediaKind
}

// Timings are how long it took, from the start of Join; zero for what has not happened.
type Timings struct {
	Open        time.Duration // the WebSocket was open
	Joined      time.Duration // joined had arrived
	Connected   time.Duration // ICE and DTLS were done
	FirstPacket time.Duration // media had arrived
}

// Client is one participant. Safe for concurrent use.
type Client struct {
	// constant after Join
	cfg     Config
	pc      *webrtc.PeerConnection
	senders map[parley.Source]*sender
	began   time.Time

	connected chan struct{} // closed when media can flow
	tasks     sync.WaitGroup
	closing   sync.Once

	// mu guards everything below
	mu      sync.Mutex
	closed  bool // no goroutine starts any more
	line    *line
	joined  signaling.Joined
	people  map[parley.ParticipantID]signaling.Person
	seats   []signaling.SeatState
	status  signaling.Status
	timings Timings
	offers  int                              // sent after join
	answers map[int]chan<- signaling.Message // by Seq; each of capacity 1
}

// Join takes part in a meeting: it returns when sound and pictures can flow, or fails with what the
// server said (*parley.Error, its kind) or with the cause of ctx. ctx bounds joining only.
func Join(ctx context.Context, cfg Config) (_ *Client, err error) {
	c := &Client{
		cfg: cfg, began: time.Now(), connected: make(chan struct{}), senders: map[parley.Source]*sender{},
		people: map[parley.ParticipantID]signaling.Person{}, answers: map[int]chan<- signaling.Message{},
	}
	connect := cfg.Connection
	if connect == nil {
		connect = newPeerConnection
	}
	if c.pc, err = connect(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	c.watchMedia()
	if err := c.addLines(); err != nil {
		return nil, err
	}
	if err := c.enter(ctx, cfg.Resume, nil); err != nil {
		return nil, err
	}
	select {
	case <-c.connected:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("connect media: %w", context.Cause(ctx))
	}
}

// Reconnect joins again with the same peer connection, as a browser does whose WebSocket was lost:
// what is published and watched goes on.
func (c *Client) Reconnect(ctx context.Context) error {
	c.Disconnect()
	return c.enter(ctx, c.Resume(), &webrtc.OfferOptions{ICERestart: true})
}

// Disconnect closes the WebSocket without a word, as a broken network does; media may go on.
func (c *Client) Disconnect() {
	if line := c.currentLine(); line != nil {
		line.close()
		<-line.done
	}
}

// enter opens a line, joins with an offer and starts to read.
func (c *Client) enter(ctx context.Context, resume string, options *webrtc.OfferOptions) error {
	offer, err := c.offer(ctx, options)
	if err != nil {
		return err
	}
	line, err := dial(ctx, c.cfg)
	if err != nil {
		return err
	}
	c.note(func(t *Timings, since time.Duration) { t.Open = since })
	joined, err := line.join(ctx, signaling.Join{
		Type: signaling.TypeJoin, Name: c.cfg.Name, Title: c.cfg.Title, Aliases: c.cfg.Aliases, Language: c.cfg.Language, Several: c.cfg.Several,
		Consent: c.cfg.Consent, Resume: resume, Offer: offer,
	})
	if err != nil {
		line.close()
		return err
	}
	c.note(func(t *Timings, since time.Duration) { t.Joined = since })
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: joined.SDP}
	if err := c.pc.SetRemoteDescription(answer); err != nil {
		line.close()
		return fmt.Errorf("apply answer: %w", err)
	}
	if !c.begin(line, joined) {
		line.close()
		return errClosed()
	}
	if c.cfg.OnJoined != nil {
		c.cfg.OnJoined(c)
	}
	return nil
}

// begin makes a line the current one and reads it from now on; false when the client is closed.
func (c *Client) begin(line *line, joined *signaling.Joined) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.line, c.joined, c.seats, c.status = line, *joined, joined.Seats, joined.Status
	clear(c.people)
	for _, person := range joined.Roster {
		c.people[person.ID] = person
	}
	c.tasks.Go(func() { line.read(c.receive) })
	return true
}

// receive takes in one message of the server.
func (c *Client) receive(message signaling.Message) {
	c.mu.Lock()
	switch m := message.(type) {
	case *signaling.Roster:
		for _, person := range m.Present {
			c.people[person.ID] = person
		}
		for _, id := range m.Gone {
			delete(c.people, id)
		}
	case *signaling.SeatMap:
		c.seats = m.Seats
	case *signaling.Status:
		c.status = *m
	case *signaling.Answer:
		if waiting := c.answers[m.Seq]; waiting != nil {
			waiting <- m
			delete(c.answers, m.Seq)
		}
	case *signaling.Error: // it does not say which offer: they are answered in order, and rarely two wait
		for seq, waiting := range c.answers {
			if m.Re == signaling.TypeOffer {
				waiting <- m
				delete(c.answers, seq)
			}
		}
	}
	c.mu.Unlock()
	if c.cfg.OnMessage != nil {
		c.cfg.OnMessage(message)
	}
}

// You is this participant, and Role what they may do.
func (c *Client) You() parley.ParticipantID { return c.Joined().You }

// Resume is the value with which this participant can come back.
func (c *Client) Resume() string { return c.Joined().Resume }

// Joined is the answer to the last join.
func (c *Client) Joined() signaling.Joined {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined
}

// Roster is who is there as far as was heard, in order of joining.
func (c *Client) Roster() []signaling.Person {
	c.mu.Lock()
	defer c.mu.Unlock()
	people := make([]signaling.Person, 0, len(c.people))
	for _, person := range c.people {
		people = append(people, person)
	}
	slices.SortFunc(people, func(a, b signaling.Person) int { return int(a.Number) - int(b.Number) })
	return people
}

// SeatMap is who sits where as far as was heard.
func (c *Client) SeatMap() []signaling.SeatState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seats)
}

// Status is what is kept and what is missing as far as was heard.
func (c *Client) Status() signaling.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Timings are how long things took so far.
func (c *Client) Timings() Timings {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.timings
}

// note writes a time down, once.
func (c *Client) note(write func(t *Timings, since time.Duration)) {
	since := time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	write(&c.timings, since)
}

// Seat asks for publications in video seats.
func (c *Client) Seat(requests ...signaling.SeatRequest) error {
	return c.send(&signaling.Seats{Type: signaling.TypeSeats, Seats: requests})
}

// Mute tells that a source went off or on; it does not stop Play.
func (c *Client) Mute(source parley.Source, muted bool) error {
	return c.send(&signaling.Mute{Type: signaling.TypeMute, Source: source, Muted: muted})
}

// Chat writes a line.
func (c *Client) Chat(text string) error {
	return c.send(&signaling.Chat{Type: signaling.TypeChat, Text: text})
}

func (c *Client) send(message any) error {
	line := c.currentLine()
	if line == nil {
		return errClosed()
	}
	return line.send(message)
}

func (c *Client) currentLine() *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line
}

// Ended waits until the server has closed the connection or it broke, and returns the last words:
// *signaling.Ended, *signaling.GoingAway or a fatal *signaling.Error; nil when there were none.
func (c *Client) Ended(ctx context.Context) (signaling.Message, error) {
	line := c.currentLine()
	if line == nil {
		return nil, errClosed()
	}
	select {
	case <-line.done:
		return line.last, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Leave goes for good, and closes. Until ctx ends it waits for the server to say goodbye.
func (c *Client) Leave(ctx context.Context) error { return c.depart(ctx, signaling.TypeLeave) }

// End ends the meeting for everybody, and closes. The participant must be a host; if not, it is
// still there, and the error is Forbidden.
func (c *Client) End(ctx context.Context) error {
	if c.Joined().Role != parley.RoleHost {
		return &parley.Error{Op: "end meeting", Kind: parley.Forbidden, Say: "Only a host ends the meeting for everybody."}
	}
	return c.depart(ctx, signaling.TypeEnd)
}

func (c *Client) depart(ctx context.Context, kind signaling.Type) error {
	defer c.Close()
	if err := c.send(&signaling.Bare{Type: kind}); err != nil {
		return err
	}
	last, err := c.Ended(ctx)
	if err != nil {
		return err
	}
	if _, ok := last.(*signaling.Ended); !ok {
		return errors.New("the connection broke before the server said goodbye")
	}
	return nil
}

// Close ends everything at once and waits until it has. The participant stays on the roster for the
// grace of a lost connection. Idempotent.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	line := c.line
	c.mu.Unlock()
	c.closing.Do(func() {
		if line != nil {
			line.close()
		}
		_ = c.pc.Close() // it reports what went wrong in parts that are gone by then
	})
	c.tasks.Wait()
}

func errClosed() error {
	return &parley.Error{Op: "use client", Kind: parley.Conflict, Say: "The client is closed."}
}
