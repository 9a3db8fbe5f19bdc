package signaling

import (
	"sync"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
)

// watch is the sfu.Observer of a room: it gathers what media goroutines say and never makes them
// wait. It cannot overflow: a publication is in it once, a seat map replaces the one before.
type watch struct {
	// constant after newWatch
	news chan struct{} // of capacity 1: there is something to take

	// mu guards everything below
	mu   sync.Mutex
	next news
}

var _ sfu.Observer = (*watch)(nil)

// news is what was said since the last time. A publication may be in started and in ended.
type news struct {
	started []parley.Track
	tapped  []parley.TrackID
	ended   []parley.TrackID
	seats   map[parley.ParticipantID][]sfu.SeatState
	failed  []parley.ParticipantID
	// encodings are in the order they were said: a later one replaces the one before.
	encodings []encodings
}

// encodings are what is wanted of one source.
type encodings struct {
	participant parley.ParticipantID
	source      parley.Source
	rids        []string
}

func newWatch() *watch {
	return &watch{news: make(chan struct{}, 1), next: news{seats: map[parley.ParticipantID][]sfu.SeatState{}}}
}

// take returns the news and begins anew.
func (w *watch) take() news {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.next
	w.next = news{seats: map[parley.ParticipantID][]sfu.SeatState{}}
	return taken
}

func (w *watch) add(note func(next *news)) {
	w.mu.Lock()
	note(&w.next)
	w.mu.Unlock()
	select {
	case w.news <- struct{}{}:
	default: // the loop has yet to take what was there before
	}
}

func (w *watch) trackTapped(id parley.TrackID) {
	w.add(func(next *news) { next.tapped = append(next.tapped, id) })
}

// PublicationStarted implements sfu.Observer.
func (w *watch) PublicationStarted(t parley.Track) {
	w.add(func(next *news) { next.started = append(next.started, t) })
}

// PublicationEnded implements sfu.Observer.
func (w *watch) PublicationEnded(id parley.TrackID) {
	w.add(func(next *news) { next.ended = append(next.ended, id) })
}

// SeatsChanged implements sfu.Observer.
func (w *watch) SeatsChanged(p parley.ParticipantID, seats []sfu.SeatState) {
	w.add(func(next *news) { next.seats[p] = seats })
}

// EncodingsWanted implements sfu.Observer.
func (w *watch) EncodingsWanted(p parley.ParticipantID, source parley.Source, rids []string) {
	w.add(func(next *news) { next.encodings = append(next.encodings, encodings{p, source, rids}) })
}

// PeerChanged implements sfu.Observer. A browser sees by itself that its media fails, and offers
// again; a program that does not say goodbye is noticed by this alone.
func (w *watch) PeerChanged(p parley.ParticipantID, state sfu.PeerState) {
	if state == sfu.Failed {
		w.add(func(next *news) { next.failed = append(next.failed, p) })
	}
}
