package signaling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
)

// Programs without a WebSocket: an encoder publishes by WHIP (RFC 9725), a player watches by WHEP
// (draft-ietf-wish-whep). Each is one participant, with a session that has no socket: what the room
// tells it, it follows instead of passing it on.

// The media types of the two bodies (RFC 8866 §8.2.1, RFC 8840 §8).
const (
	sdpType  = "application/sdp"
	fragType = "application/trickle-ice-sdpfrag"
)

// way is what a program does.
type way string

const (
	publishes way = "whip"
	watches   way = "whep"
)

// WHIP serves POST /whip/{meeting}?name= and POST /whep/{meeting}?name=, and the resources they make:
// PATCH trickles candidates and restarts ICE, DELETE leaves. A program is known by its bearer token.
func (rs *Rooms) WHIP() http.Handler {
	mux := http.NewServeMux()
	for _, w := range []way{publishes, watches} {
		path := "/" + string(w) + "/{meeting}"
		mux.Handle("POST "+path, answers(func(rw http.ResponseWriter, r *http.Request) error { return rs.openProgram(rw, r, w) }))
		mux.Handle("PATCH "+path+"/{session}", answers(rs.patchProgram))
		mux.Handle("DELETE "+path+"/{session}", answers(rs.closeProgram))
		mux.Handle("GET "+path, http.HandlerFunc(nothing))
		mux.Handle("GET "+path+"/{session}", answers(func(rw http.ResponseWriter, r *http.Request) error {
			if _, err := rs.program(r); err != nil {
				return err
			}
			nothing(rw, r)
			return nil
		}))
		mux.Handle("OPTIONS "+path, options("Accept-Post", sdpType, "POST"))
		mux.Handle("OPTIONS "+path+"/{session}", options("Accept-Patch", fragType, "PATCH, DELETE"))
	}
	return anyOrigin(mux)
}

// nothing is there to be read (RFC 9725 §4.1).
func nothing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// anyOrigin lets pages of any origin read the answers (Fetch §3.2). The asterisk keeps cookies out: such a page
// has a token, or the address of a session.
func anyOrigin(programs http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Expose-Headers", "Location, Link, ETag, Accept-Post, Accept-Patch, Retry-After, WWW-Authenticate")
		programs.ServeHTTP(w, r)
	})
}

// options says what an address takes, and to a browser what a page of another origin may send.
func options(accept, mediaType, methods string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set(accept, mediaType)
		header.Set("Access-Control-Allow-Methods", methods+", OPTIONS")
		// Anything but Authorization may stand for itself by the asterisk: Eyevinn's client sends an ETag.
		header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, *")
		header.Set("Access-Control-Max-Age", "7200") // s; Chromium's most
		w.WriteHeader(http.StatusOK)
	})
}

// statusError is one whose status the protocols of this file prescribe, where its kind would give another.
type statusError struct {
	status int
	err    error
}

// Error implements error.
func (e *statusError) Error() string { return e.err.Error() }

// Unwrap gives the kind.
func (e *statusError) Unwrap() error { return e.err }

func answers(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := serve(w, r)
		if failure, ok := errors.AsType[*statusError](err); ok {
			problem.WriteStatus(w, r, failure.status, err)
		} else if err != nil {
			problem.Write(w, r, err)
		}
	})
}

// openProgram joins, and answers 201 with the SDP answer and the address of the session.
func (rs *Rooms) openProgram(w http.ResponseWriter, r *http.Request, does way) error {
	caller, err := rs.auth.Identify(r)
	if err != nil {
		return err
	}
	body, err := readTyped(w, r, sdpType)
	if err != nil {
		return err
	}
	ctx, leave, err := rs.enter()
	if err != nil {
		return err
	}
	id := parley.MeetingID(r.PathValue("meeting"))
	if err := rs.provide(r.Context(), id, caller); err != nil {
		leave()
		return err
	}
	s := newSession(ctx, rs, nil, id) //nolint:contextcheck // the place outlives the request
	name := r.URL.Query().Get("name")
	message, err := programJoin(does, name, body, parley.Consent(r.URL.Query().Get("consent")))
	if err == nil {
		s.watching = does == watches
		err = s.enter(message, caller) //nolint:contextcheck // see above
	}
	if err != nil {
		s.end(failed(TypeJoin, err))
		s.leave() //nolint:contextcheck // see above
		leave()
		return err
	}
	p := &program{session: s, done: make(chan struct{}), ice: newICESession(message.Offer)}
	tag := p.ice.tag
	key := rs.keep(p)
	go func() { //nolint:contextcheck // ended by the room, DELETE or Run, which waits for leave
		defer leave()
		defer rs.end(p, key)
		(&follower{session: s, name: name, watches: does == watches}).run()
	}()
	header := w.Header()
	header.Set("Content-Type", sdpType)
	header.Set("Location", fmt.Sprintf("/%s/%s/%s", does, id, key))
	header.Set("ETag", tag)
	header.Set("Accept-Patch", fragType)
	w.WriteHeader(http.StatusCreated)
	_, err = io.WriteString(w, s.sdp)
	return ignoreGone(err)
}

// ignoreGone: nobody is left to hear that nobody is left.
func ignoreGone(error) error { return nil }

// provide makes the meeting of a program that may create any and names one that does not exist: where
// there is one region only. It is not recorded.
func (rs *Rooms) provide(ctx context.Context, id parley.MeetingID, caller auth.Caller) error {
	_, _, err := rs.find(ctx, id)
	if !errors.Is(err, parley.NotFound) || !caller.MayCreate || len(rs.regions) != 1 || !programMeeting(id) {
		return nil // enter says what is wrong
	}
	for region, keep := range rs.regions {
		if err := rs.directory.Place(ctx, id, region); err != nil {
			return fmt.Errorf("place meeting: %w", err)
		}
		m := parley.Meeting{
			ID: id, Region: region, Zone: "UTC", Creator: caller.Identity, State: parley.Scheduled, Created: time.Now(),
		}
		if err := keep.Meetings.CreateMeeting(ctx, m); err != nil && !errors.Is(err, parley.Conflict) {
			return fmt.Errorf("create meeting: %w", err)
		}
	}
	return nil
}

// programMeeting reports whether a program may name a meeting so: lower-case letters, digits, dashes.
func programMeeting(id parley.MeetingID) bool {
	const most = 64
	return len(id) > 0 && len(id) <= most && strings.Trim(string(id), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// programJoin makes the join message of an offer. Whoever says nothing is not recorded.
func programJoin(does way, name, sdp string, consent parley.Consent) (*Join, error) {
	if consent != parley.Granted {
		consent = parley.Declined
	}
	offer, err := programOffer(does, sdp)
	if err != nil {
		return nil, err
	}
	own := name
	if does == watches || own == "" {
		own = string(does)
	}
	if err := checkName(own); err != nil {
		return nil, err
	}
	return &Join{Type: TypeJoin, Name: own, Consent: consent, Offer: offer}, nil
}

// closeProgram leaves.
func (rs *Rooms) closeProgram(w http.ResponseWriter, r *http.Request) error {
	p, err := rs.program(r)
	if err != nil {
		return err
	}
	p.session.end(ended(ReasonLeft, false))
	select {
	case <-p.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// program finds the session of an address. Its key is the secret: whoever has it may end it.
func (rs *Rooms) program(r *http.Request) (*program, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if p := rs.programs[r.PathValue("session")]; p != nil && string(p.session.id) == r.PathValue("meeting") {
		return p, nil
	}
	return nil, noProgram()
}

func noProgram() error {
	return &parley.Error{Op: "find session", Kind: parley.NotFound, Say: "There is no such session (any more)."}
}

func (rs *Rooms) keep(p *program) string {
	key := uuid.NewString()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.programs[key] = p
	return key
}

// end frees the place of a program that follows no more. First nobody finds it, then whoever has found it is
// waited for or told that it is gone, and only then goes its peer.
func (rs *Rooms) end(p *program, key string) {
	defer close(p.done)
	defer p.session.leave()
	rs.mu.Lock()
	delete(rs.programs, key)
	rs.mu.Unlock()
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
}

// readTyped reads a body of one media type.
func readTyped(w http.ResponseWriter, r *http.Request, want string) (string, error) {
	if given, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || given != want {
		accept := "Accept-Post"
		if r.Method == http.MethodPatch {
			accept = "Accept-Patch" // RFC 5789 §2.2
		}
		w.Header().Set(accept, want)
		return "", &statusError{http.StatusUnsupportedMediaType, invalid("the body is %s", want)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFrame))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return "", tooLarge("a body has at most %d KiB", maxFrame>>10)
	}
	if err != nil {
		return "", invalid("the body did not come whole")
	}
	return string(body), nil
}

// follower is the other end of a session without a socket: it takes what the room says, and for a
// player puts the picture it is to show into its seat.
type follower struct {
	session *session
	name    string // whom to watch; "" for who speaks
	watches bool

	people map[parley.ParticipantID]Person // who may be watched: thousands of viewers must not each know all
	seats  []SeatState
	shown  parley.TrackID
	heard  parley.ParticipantID
}

// run follows until the place is to be left.
func (f *follower) run() {
	f.people = map[parley.ParticipantID]Person{}
	if f.watches && f.name != "" {
		f.heard = "nobody"
		f.session.peer.Hear(f.heard)
	}
	for {
		select {
		case frame := <-f.session.out:
			if f.watches {
				f.take(frame)
			}
		case <-f.session.line.Done():
			return
		}
	}
}

// take notes who is there and who speaks, and asks for the picture that is wanted now.
func (f *follower) take(frame []byte) {
	message, err := DecodeMessage(frame)
	if err != nil {
		return // our own words
	}
	switch m := message.(type) {
	case *Joined:
		f.seats = m.Seats
		f.arrive(m.Roster)
	case *Roster:
		for _, id := range m.Gone {
			delete(f.people, id)
		}
		f.arrive(m.Present)
	case *SeatMap:
		f.seats = m.Seats
	default:
		return
	}
	f.choose()
}

// arrive keeps those who are of use to choose: of the name, or else who sends something.
func (f *follower) arrive(people []Person) {
	for _, p := range people {
		if f.name != "" && p.Name == f.name || f.name == "" && len(p.Tracks) > 0 {
			f.people[p.ID] = p
		} else {
			delete(f.people, p.ID)
		}
	}
}

// choose seats the camera of the person to watch: the one named, or the first who has a voice.
func (f *follower) choose() {
	var whom Person
	for _, p := range f.people {
		if f.name != "" && p.Name == f.name && (whom.ID == "" || p.Number > whom.Number) {
			whom = p
		}
	}
	mid := ""
	for _, s := range f.seats {
		if s.Kind == parley.Video && mid == "" {
			mid = s.MID
		}
		if f.name == "" && s.Kind == parley.Audio && s.Participant != "" && whom.ID == "" {
			whom = f.people[s.Participant]
		}
	}
	if f.name == "" && whom.ID == "" {
		for _, p := range f.people {
			if len(p.Tracks) > 0 && (whom.ID == "" || p.Number < whom.Number) {
				whom = p
			}
		}
	}
	if whom.ID == "" {
		return
	}
	if f.name != "" && whom.ID != f.heard {
		f.heard = whom.ID
		f.session.peer.Hear(whom.ID)
	}
	for _, track := range whom.Tracks {
		if mid == "" || track.Source != parley.Camera && track.Source != parley.Screen || track.Track == f.shown {
			continue
		}
		if f.session.peer.Seat([]sfu.SeatRequest{{MID: mid, Track: track.Track, Priority: 1}}) == nil {
			f.shown = track.Track
		}
		return
	}
}
