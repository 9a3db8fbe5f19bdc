package signaling

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
	"github.com/parley/parley/signaling/auth"
)

const (
	// queueLength is how many messages wait for a slow browser: rosters, seats and captions of some
	// ten seconds in a lively meeting. One more, and the connection is let go.
	queueLength = 64
	// writeTimeout is how long one message may take to leave.
	writeTimeout = 10 * time.Second
	// pingPeriod keeps proxies from closing a quiet connection: many do after 30 to 60 s.
	pingPeriod = 15 * time.Second
	// silence is when a connection without as much as a pong counts as lost.
	silence = 2*pingPeriod + 10*time.Second
	// joinTimeout is how long a connection may take to say what it wants.
	joinTimeout = 10 * time.Second
	// closeTimeout is how long the other side may take to answer a Close frame (RFC 6455 §7.1.1).
	closeTimeout = time.Second
	// storeTimeout bounds a write to the catalog that must not be given up with the connection.
	storeTimeout = 10 * time.Second
	// maxBadMessages is how many messages of a connection may be refused as malformed.
	maxBadMessages = 20
)

// session is one connection of one browser, and the place in the meeting that it holds.
type session struct {
	// constant after newSession
	rooms *Rooms
	conn  *websocket.Conn // nil for a program: see whip.go
	id    parley.MeetingID
	in    chan []byte   // from the reader; full: TCP pushes back
	out   chan []byte   // to the writer; full: drop(tooSlow())
	deaf  chan struct{} // closed by the reader when it has ended
	gone  chan struct{} // closed when the place is free: for whoever takes over

	// ctx is the place in the meeting, line the connection: it ends with ctx, or before it, and the
	// place is then kept for a while.
	ctx  context.Context //nolint:containedctx // of this session, for its goroutines
	end  context.CancelCauseFunc
	line context.Context //nolint:containedctx // of this session, for its goroutines
	drop context.CancelCauseFunc

	// owned by run; peer passes to the next session when gone is closed and it may be kept
	keep   *parley.Keep       // the meeting's region; nil until it is found
	record bool               // the meeting is recorded
	room   *room              // nil until admitted
	row    parley.Participant // as of admission
	stored bool               // row is in the catalog
	peer   *sfu.Peer          // nil until there is media, or when it was handed over
	sdp    string             // the answer to join
	// watching: a player, which publishes nothing whatever its token allows; constant after newSession
	watching bool
	limits   map[Type]*limit // by the type of a message; the map is constant, TypePing's is the reader's as well
	bad      int             // malformed messages
	wrote    time.Duration   // when the last chat line was, on the meeting clock
}

func newSession(ctx context.Context, rooms *Rooms, conn *websocket.Conn, id parley.MeetingID) *session {
	s := &session{
		rooms: rooms, conn: conn, id: id,
		in: make(chan []byte, queueLength), out: make(chan []byte, queueLength),
		deaf: make(chan struct{}), gone: make(chan struct{}), limits: newLimits(),
	}
	s.ctx, s.end = context.WithCancelCause(ctx)
	s.line, s.drop = context.WithCancelCause(s.ctx)
	return s
}

// run is the session: it returns when the connection is closed, the place is free or handed over,
// and both helpers have ended. callerErr is why the caller could not be identified, or nil.
func (s *session) run(caller auth.Caller, callerErr error) {
	s.rooms.metrics.connections.Inc()
	defer s.rooms.metrics.connections.Dec()
	var helpers sync.WaitGroup
	defer helpers.Wait()
	helpers.Go(s.read)
	helpers.Go(s.write)
	defer s.leave() // a fault below leaves the place too; net/http then logs it
	if s.join(caller, callerErr) {
		s.converse()
		s.linger()
	}
}

// converse answers one message after the other until the connection ends.
func (s *session) converse() {
	for {
		select {
		case frame := <-s.in:
			s.handle(frame)
		case <-s.line.Done():
			return
		}
	}
}

// linger keeps the place of a lost connection for a while.
func (s *session) linger() {
	grace := time.NewTimer(s.rooms.cfg.ReconnectGrace)
	defer grace.Stop()
	select {
	case <-grace.C:
		s.end(lost())
	case <-s.ctx.Done():
	}
}

// leave frees the place: first the media, then the roster. Whoever takes over waits for gone, and
// may go on with the peer.
func (s *session) leave() {
	s.end(lost()) // unless it has ended for a better reason
	code := partingOf(context.Cause(s.line)).code
	s.rooms.metrics.partings.WithLabelValues(strconv.Itoa(code)).Inc()
	parting := partingOf(context.Cause(s.ctx))
	if s.peer != nil && !parting.keepPeer {
		s.peer.Close()
		s.peer = nil
	}
	if last, ok := parting.last.(*Ended); s.stored && (!ok || last.Reason != ReasonMoved) {
		s.noteLeft()
	}
	close(s.gone)
	if s.room != nil {
		s.room.depart(s)
	}
}

// noteLeft stores when the participant left; without it the record is whole but for that time.
func (s *session) noteLeft() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), storeTimeout)
	defer cancel()
	s.row.Left = time.Now()
	if err := s.keep.Participants.PutParticipant(ctx, s.row); err != nil {
		s.rooms.log.Warn("leaving could not be stored", zap.String("meeting", string(s.id)), zap.Error(err))
	}
}

// send queues a message without waiting. Safe for concurrent use.
func (s *session) send(message any) { s.sendFrame(encode(message)) }

func (s *session) sendFrame(frame []byte) {
	select {
	case s.out <- frame:
	default:
		s.drop(tooSlow())
	}
}

// encode never fails: messages are texts, numbers and lists of them.
func encode(message any) []byte {
	frame, err := json.Marshal(message)
	if err != nil {
		panic("signaling: message that cannot be encoded: " + err.Error())
	}
	return frame
}

// read passes frames on until the connection breaks. After the last words it only waits for the
// other side to close.
func (s *session) read() {
	defer close(s.deaf)
	s.conn.SetReadLimit(maxFrame) // more is answered by Close 1009 (RFC 6455 §7.4.1)
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(silence)) }
	s.conn.SetPongHandler(alive)
	_ = alive("")
	for first := true; ; first = false {
		kind, frame, err := s.conn.ReadMessage()
		if err != nil {
			s.drop(lost())
			return
		}
		if s.line.Err() != nil {
			continue // until write closes the connection
		}
		_ = alive("")
		if kind != websocket.TextMessage {
			frame = nil // handle says that this is no message
		}
		if !first && s.answerPing(frame) { // the first is join, whatever it is
			continue
		}
		select {
		case s.in <- frame:
		case <-s.line.Done():
		}
	}
}

// write sends what is queued, pings, and says the last words. It closes the connection.
func (s *session) write() {
	defer s.conn.Close()
	ping := time.NewTicker(pingPeriod)
	defer ping.Stop()
	for {
		select {
		case frame := <-s.out:
			s.writeFrame(frame)
		case <-ping.C:
			if s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)) != nil {
				s.drop(lost())
			}
		case <-s.line.Done():
			s.farewell(partingOf(context.Cause(s.line)))
			return
		}
	}
}

func (s *session) writeFrame(frame []byte) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if s.conn.WriteMessage(websocket.TextMessage, frame) != nil {
		s.drop(lost())
	}
}

// farewell writes what is still queued and the last words, then closes as RFC 6455 §7.1 asks: our
// Close frame, theirs, and only then the socket, since closing it with unread bytes in it would
// reset the connection and take the last words away.
func (s *session) farewell(parting *partingError) {
	for !parting.unheard && len(s.out) > 0 {
		s.writeFrame(<-s.out)
	}
	if parting.last != nil {
		s.writeFrame(encode(parting.last))
	}
	if parting.code == 0 {
		return
	}
	deadline := time.NewTimer(closeTimeout)
	defer deadline.Stop()
	text := websocket.FormatCloseMessage(parting.code, "")
	_ = s.conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(closeTimeout))
	select {
	case <-s.deaf:
	case <-deadline.C:
	}
}
