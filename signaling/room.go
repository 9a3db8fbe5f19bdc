package signaling

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
)

const (
	// inboxLength is how many requests wait for the loop; senders then wait too.
	inboxLength = 64
	// rosterPeriod is how long changes of the roster are gathered: five messages a second at most,
	// however many come and go.
	rosterPeriod = 200 * time.Millisecond
	// statusPeriod is how often Taps are asked how they are.
	statusPeriod = 2 * time.Second
	// What a late joiner gets of what was said and written.
	captionsKept = 50
	chatKept     = 200
)

// errClosed says that a room does not take requests any more.
var errClosed = errors.New("the room has closed")

// room is one meeting that runs: a loop that owns who is there and what they see.
type room struct {
	// constant after newRoom
	rooms *Rooms
	id    parley.MeetingID
	keep  *parley.Keep
	first parley.Meeting // as it was found; begun has its clock
	log   *zap.Logger
	inbox chan event
	done  chan struct{} // closed when the loop has ended
	watch *watch        // what the media says

	// begun is the meeting once its clock runs, nil before.
	begun atomic.Pointer[parley.Meeting]

	// set by the loop before the first request is answered
	media *sfu.Room
	// set by the loop before done is closed
	failure error // why it could not open, or nil

	// owned by the loop
	people   map[parley.ParticipantID]*attendee          // who has a place
	known    map[parley.ParticipantID]parley.Participant // who ever had one
	number   uint32                                      // the highest given
	sessions int                                         // admitted and not departed
	chat     []Chat                                      // the last chatKept
	captions []Caption                                   // the last captionsKept
	worded   map[parley.UtteranceID]bool                 // utterances that became captions
	growing  map[parley.UtteranceID]bool                 // utterances that are shown and have not ended
	tapped   map[parley.TrackID]bool                     // tracks that are being kept
	status   Status                                      // as last sent
	changed  map[parley.ParticipantID]bool               // whom the next roster message is about
	seq      uint64                                      // of the last roster message
	empty    time.Time                                   // since when nobody is there; zero while somebody is
	over     *partingError                               // why the loop is to end, or nil

	flush *time.Timer // the next roster message; stopped while nothing changed
	grace *time.Timer // the end of an empty meeting; stopped while somebody is there
}

func newRoom(rooms *Rooms, keep *parley.Keep, m parley.Meeting) *room {
	r := &room{
		rooms: rooms, id: m.ID, keep: keep, first: m,
		log:   rooms.log.With(zap.String("meeting", string(m.ID))),
		inbox: make(chan event, inboxLength), done: make(chan struct{}), watch: newWatch(),
		people: map[parley.ParticipantID]*attendee{}, known: map[parley.ParticipantID]parley.Participant{},
		worded: map[parley.UtteranceID]bool{}, growing: map[parley.UtteranceID]bool{}, tapped: map[parley.TrackID]bool{},
		changed: map[parley.ParticipantID]bool{}, status: Status{Type: TypeStatus},
	}
	if m.State == parley.Live {
		r.begun.Store(&m)
	}
	return r
}

// run is the room from its opening to after its end. It returns when the meeting was handed to Taps,
// or when the server stops.
func (r *room) run(ctx context.Context) {
	r.rooms.metrics.rooms.Inc()
	defer r.rooms.metrics.rooms.Dec()
	captioning, stopCaptioning := context.WithCancel(ctx)
	defer stopCaptioning()
	feed, err := r.load(captioning)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("room could not open", zap.Error(err))
		}
		r.failure = err
		r.rooms.forget(r)
		close(r.done)
		return
	}
	var helpers sync.WaitGroup
	helpers.Go(func() { r.listen(captioning, feed) })
	r.converse(ctx)
	r.finish(ctx, func() {
		stopCaptioning()
		helpers.Wait()
	})
}

// load reads what happened before, and subscribes first, so that nothing is missed in between.
func (r *room) load(ctx context.Context) (iter.Seq[parley.Event], error) {
	feed := r.rooms.events.Subscribe(ctx, r.id)
	people, err := r.keep.Participants.Participants(ctx, r.id)
	if err != nil {
		return nil, fmt.Errorf("read participants: %w", err)
	}
	for _, p := range people {
		r.known[p.ID] = p
		r.number = max(r.number, p.Number)
	}
	lines, err := r.keep.Chats.ChatMessages(ctx, r.id)
	if err != nil {
		return nil, fmt.Errorf("read chat: %w", err)
	}
	for _, line := range lines {
		r.chat = keepLast(append(r.chat, chatMessage(line)), chatKept)
	}
	captions, err := r.readCaptions(ctx)
	if err != nil {
		return nil, err
	}
	for _, caption := range captions {
		r.addCaption(caption)
	}
	last, err := r.lastActivity(ctx, people, lines)
	if err != nil {
		return nil, err
	}
	r.media, err = r.rooms.sfu.OpenRoom(r.id, r.watch)
	if err != nil {
		return nil, fmt.Errorf("open media room: %w", err)
	}
	r.empty = last
	r.grace = time.NewTimer(r.rooms.cfg.EmptyGrace)
	r.flush = time.NewTimer(rosterPeriod)
	r.flush.Stop()
	return feed, nil
}

// converse answers until the meeting is over or the server stops. A fault ends this room alone: its
// people are sent away to come back, and find it opened anew from the catalog.
func (r *room) converse(ctx context.Context) {
	defer func() {
		if fault := recover(); fault != nil {
			r.rooms.metrics.faults.Inc()
			r.log.Error("room failed", zap.Any("fault", fault), zap.Stack("stack"))
			r.over = goingAway()
		}
	}()
	look := time.NewTicker(statusPeriod)
	defer look.Stop()
	defer r.grace.Stop()
	defer r.flush.Stop()
	r.updateStatus()
	for r.over == nil {
		select {
		case e := <-r.inbox:
			e.apply(r)
		case <-r.watch.news:
			r.takeNews()
		case <-r.flush.C:
			r.sendRoster()
		case <-look.C:
			r.updateStatus()
		case <-r.grace.C:
			r.over = ended(ReasonEmpty, r.first.Record)
		case <-ctx.Done():
			r.over = partingOf(context.Cause(ctx))
		}
	}
}

// post hands a request to the loop; it waits while the inbox is full. errClosed when the room has
// ended, the cause of ctx when that ends first.
func (r *room) post(ctx context.Context, e event) error {
	select {
	case r.inbox <- e:
		return nil
	case <-r.done:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// depart tells the loop that a session has ended. The loop waits for it before it ends.
func (r *room) depart(s *session) {
	select {
	case r.inbox <- departure{s}:
	case <-r.done:
	}
}

// peerConfig is what the media part needs to know of a participant.
func (r *room) peerConfig(p parley.Participant) sfu.PeerConfig {
	cfg := sfu.PeerConfig{
		Participant: p.ID, Number: p.Number, Publish: p.Role.MayPublish(),
		Tap: func(parley.Track, time.Time) []sfu.Tap { return nil },
	}
	if r.first.Record && p.Consent == parley.Granted {
		cfg.Tap = r.tap
	}
	return cfg
}

// tap asks for ears for a track. It is only ever given to the peer of a consenting participant, and
// called when media arrives: after joined was sent, so the clock runs.
func (r *room) tap(t parley.Track, arrived time.Time) []sfu.Tap {
	m := r.begun.Load()
	if m == nil {
		return nil
	}
	taps := r.rooms.taps.Tap(*m, t, arrived)
	if len(taps) > 0 {
		r.watch.trackTapped(t.ID)
	}
	return taps
}

// updateStatus tells everybody when what is kept, or what is missing, has changed.
func (r *room) updateStatus() {
	ears := r.rooms.taps.Status(r.first)
	now := Status{
		Type: TypeStatus, Recording: len(r.tapped) > 0, Words: ears.Words, WordsMissing: ears.WordsMissing,
		WordsLate: int(ears.WordsLate.Seconds()), RecordingTrouble: ears.RecordingTrouble,
	}
	if now != r.status {
		r.status = now
		r.broadcast(&now)
	}
}

// broadcast sends a message to everybody who has joined.
func (r *room) broadcast(message any) {
	frame := encode(message)
	for _, a := range r.people {
		if a.live {
			a.session.sendFrame(frame)
		}
	}
}

// keepLast drops the oldest of a list that is too long.
func keepLast[T any](list []T, most int) []T {
	if len(list) > most {
		return list[len(list)-most:]
	}
	return list
}
