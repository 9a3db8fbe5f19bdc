package signaling

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/problem"
)

// Taps are the ears of the rooms: whoever keeps the media and puts it into words.
type Taps interface {
	// Tap is called once per track, for consenting participants of recorded meetings alone, before
	// the first packet goes anywhere; it returns at once. Nil or empty: nobody listens.
	Tap(m parley.Meeting, t parley.Track, arrived time.Time) []sfu.Tap
	// Ended is called when all taps of a meeting are closed and its end is stored. It may be called
	// again after an error.
	Ended(ctx context.Context, id parley.MeetingID) error
	// Status is asked every two seconds, and answers at once.
	Status(m parley.Meeting) TapsStatus
}

// TapsStatus is how the ears of a meeting are.
type TapsStatus struct {
	Words            bool          // there is something that makes words
	WordsMissing     string        // a sentence when not
	WordsLate        time.Duration // how far words are behind; 0 when nobody would notice
	RecordingTrouble string        // a sentence when something that should be kept is not
}

// Rooms are the meetings that run in this process. Safe for concurrent use.
type Rooms struct {
	// constant after New
	cfg       Config
	sfu       *sfu.SFU
	regions   parley.Regions
	directory parley.Directory
	events    parley.Events
	taps      Taps
	auth      *auth.Auth
	log       *zap.Logger
	metrics   *metrics
	upgrader  websocket.Upgrader

	tasks sync.WaitGroup // the loops of rooms, and the connections

	// mu guards everything below
	mu       sync.Mutex
	ctx      context.Context //nolint:containedctx // of Run, for its children; nil before and after
	open     map[parley.MeetingID]*room
	programs map[string]*program // by the key in their address
}

// New builds the rooms. They open when somebody joins, or at the start of Run.
func New(
	cfg Config, media *sfu.SFU, regions parley.Regions, directory parley.Directory, events parley.Events,
	taps Taps, who *auth.Auth, log *zap.Logger, registry prometheus.Registerer,
) (*Rooms, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("signaling: %w", err)
	}
	m, err := newMetrics(registry)
	if err != nil {
		return nil, err
	}
	return &Rooms{
		cfg: cfg, sfu: media, regions: regions, directory: directory, events: events, taps: taps,
		auth: who, log: log, metrics: m, open: map[parley.MeetingID]*room{}, programs: map[string]*program{},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: joinTimeout, CheckOrigin: who.SameOrigin,
			ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
			Error: refuseUpgrade,
		},
	}, nil
}

// Run opens the rooms of the meetings that were live when the server last stopped, lets people in
// until ctx ends, then sends them away to come back. It returns when every room and connection has
// ended, and every ended meeting was handed to Taps or has failed to be.
func (rs *Rooms) Run(ctx context.Context) error {
	ctx, stop := withParting(ctx)
	defer stop()
	rs.mu.Lock()
	rs.ctx = ctx
	rs.mu.Unlock()
	err := rs.reopen(ctx)
	if err == nil {
		<-ctx.Done()
	}
	stop()
	rs.mu.Lock()
	rs.ctx = nil // nobody adds to tasks any more
	rs.mu.Unlock()
	rs.tasks.Wait()
	return err
}

// withParting makes a context that ends with parent, its cause being the last words for browsers.
func withParting(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	unhook := context.AfterFunc(parent, func() { cancel(goingAway()) })
	return ctx, func() {
		unhook()
		cancel(goingAway())
	}
}

// reopen opens a room for every meeting that is live in a catalog. One to which nobody comes back
// ends after the grace, at its last activity.
func (rs *Rooms) reopen(ctx context.Context) error {
	for region, keep := range rs.regions {
		meetings, err := keep.Meetings.LiveMeetings(ctx)
		if err != nil {
			return fmt.Errorf("list live meetings of %s: %w", region, err)
		}
		for _, m := range meetings {
			if _, err := rs.room(keep, m); err != nil { //nolint:contextcheck // the room lives as long as Run
				return err
			}
		}
	}
	return nil
}

// ServeHTTP is one connection of one browser, from its upgrade to its end. The meeting is the path
// value "id"; who is asking is in the cookie, the Authorization header or the join message.
func (rs *Rooms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, leave, err := rs.enter()
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	defer leave()
	caller, err := rs.auth.Identify(r)
	conn, upgradeErr := rs.upgrader.Upgrade(w, r, nil)
	if upgradeErr != nil {
		return // it has answered
	}
	// The context of r would end with the upgrade on some servers; Run's ends with the server.
	s := newSession(ctx, rs, conn, parley.MeetingID(r.PathValue("id"))) //nolint:contextcheck // see above
	s.run(caller, err)                                                  //nolint:contextcheck // see above
}

// refuseUpgrade answers a request that is no WebSocket, or not from a page of this server.
func refuseUpgrade(w http.ResponseWriter, r *http.Request, status int, _ error) {
	refusal := &parley.Error{Op: "connect", Kind: parley.Invalid, Say: "This address is for a WebSocket."}
	if status == http.StatusForbidden {
		refusal.Kind, refusal.Say = parley.Forbidden, "A page of another site cannot join a meeting."
	}
	problem.Write(w, r, refusal)
}

// enter counts a connection among what Run waits for.
func (rs *Rooms) enter() (context.Context, func(), error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.ctx == nil {
		return nil, nil, &parley.Error{
			Op: "connect", Kind: parley.Unavailable, Say: "The server is starting or stopping. Try again in a moment.",
		}
	}
	rs.tasks.Add(1)
	return rs.ctx, rs.tasks.Done, nil
}

// room finds the room of a meeting, or opens it.
func (rs *Rooms) room(keep *parley.Keep, m parley.Meeting) (*room, error) {
	ctx, leave, err := rs.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r, ok := rs.open[m.ID]; ok {
		return r, nil
	}
	r := newRoom(rs, keep, m)
	rs.open[m.ID] = r
	rs.tasks.Go(func() { r.run(ctx) })
	return r, nil
}

func (rs *Rooms) forget(r *room) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.open, r.id)
}

// find looks up a meeting and where it rests. NotFound says what somebody without any role hears.
func (rs *Rooms) find(ctx context.Context, id parley.MeetingID) (parley.Meeting, *parley.Keep, error) {
	region, err := rs.directory.RegionOf(ctx, id)
	if errors.Is(err, parley.NotFound) {
		return parley.Meeting{}, nil, unknownError()
	}
	if err != nil {
		return parley.Meeting{}, nil, fmt.Errorf("find region: %w", err)
	}
	keep, err := rs.regions.In(region)
	if err != nil {
		return parley.Meeting{}, nil, &parley.Error{
			Op: "find meeting", Kind: parley.Unavailable, Err: err,
			Say: "The region of this meeting is not connected to this server.",
		}
	}
	m, err := keep.Meetings.Meeting(ctx, id)
	if errors.Is(err, parley.NotFound) {
		return m, nil, unknownError()
	}
	if err != nil {
		return m, nil, fmt.Errorf("read meeting: %w", err)
	}
	return m, keep, nil
}

// Present names who is in a meeting just now, in order of joining; nobody when it does not run.
func (rs *Rooms) Present(ctx context.Context, id parley.MeetingID) ([]string, error) {
	rs.mu.Lock()
	r := rs.open[id]
	rs.mu.Unlock()
	if r == nil {
		return nil, nil
	}
	reply := make(chan []string, 1)
	if err := r.post(ctx, presence{reply}); err != nil {
		return nil, nil //nolint:nilerr // it has just closed: nobody is there
	}
	select {
	case names := <-reply:
		return names, nil
	case <-r.done:
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
