package signaling

import (
	"cmp"
	"slices"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
)

// attendee is a participant with a place. Owned by the loop of the room.
type attendee struct {
	row     parley.Participant
	session *session // who holds the place; never nil
	origin  string   // of the last join's offer
	arrived bool     // is on the roster
	live    bool     // session has been sent its joined
	tracks  []parley.Track
	muted   map[parley.Source]bool
	seats   []SeatState                // of the peer; never nil
	seatSeq uint64                     // of the last map sent to session
	wanted  map[parley.Source][]string // encodings that anybody watches, of those that said so
}

func newAttendee(row parley.Participant, s *session, origin string) *attendee {
	return &attendee{
		row: row, session: s, origin: origin, muted: map[parley.Source]bool{}, seats: []SeatState{},
		wanted: map[parley.Source][]string{},
	}
}

// holder finds the attendee whose place a session holds; nil when another has taken over.
func (r *room) holder(s *session) *attendee {
	for _, a := range r.people {
		if a.session == s {
			return a
		}
	}
	return nil
}

// roster is everybody present, in order of joining.
func (r *room) roster() []Person {
	people := []Person{}
	for _, a := range r.people {
		if a.arrived {
			people = append(people, r.person(a))
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Number, b.Number) })
	return people
}

func (r *room) person(a *attendee) Person {
	person := Person{
		ID: a.row.ID, Number: a.row.Number, Name: a.row.Name, Role: a.row.Role,
		Recorded: r.first.Record && a.row.Consent == parley.Granted, Several: a.row.Several, Tracks: []Publication{},
	}
	for _, t := range a.tracks {
		person.Tracks = append(person.Tracks, Publication{Track: t.ID, Source: t.Source, Codec: t.Codec, Muted: a.muted[t.Source]})
	}
	return person
}

// change notes that the roster is different for one participant; a message follows soon.
func (r *room) change(id parley.ParticipantID) {
	if len(r.changed) == 0 {
		r.flush.Reset(rosterPeriod)
	}
	r.changed[id] = true
}

// sendRoster sends what changed since the last time.
func (r *room) sendRoster() {
	r.seq++
	message := Roster{Type: TypeRoster, Seq: r.seq, Present: []Person{}, Gone: []parley.ParticipantID{}}
	for id := range r.changed {
		if a := r.people[id]; a != nil && a.arrived {
			message.Present = append(message.Present, r.person(a))
		} else {
			message.Gone = append(message.Gone, id)
		}
	}
	clear(r.changed)
	slices.SortFunc(message.Present, func(a, b Person) int { return cmp.Compare(a.Number, b.Number) })
	slices.Sort(message.Gone)
	r.broadcast(&message)
}

// takeNews applies what the media part has said since the last time.
func (r *room) takeNews() {
	news := r.watch.take()
	for _, t := range news.started {
		if a := r.people[t.Participant]; a != nil {
			a.tracks = append(a.tracks, t)
			r.change(t.Participant)
		}
	}
	for _, id := range news.tapped {
		r.tapped[id] = true
	}
	for _, id := range news.ended {
		delete(r.tapped, id)
		for _, a := range r.people {
			kept := slices.DeleteFunc(a.tracks, func(t parley.Track) bool { return t.ID == id })
			if len(kept) != len(a.tracks) {
				a.tracks = kept
				r.change(a.row.ID)
			}
		}
	}
	for id, seats := range news.seats {
		if a := r.people[id]; a != nil {
			r.showSeats(a, seats)
		}
	}
	for _, e := range news.encodings {
		if a := r.people[e.participant]; a != nil {
			a.wanted[e.source] = e.rids
			a.sendEncodings(e.source)
		}
	}
	for _, id := range news.failed {
		if a := r.people[id]; a != nil && a.session.conn == nil {
			a.session.end(lost())
		}
	}
	if len(news.tapped)+len(news.ended) > 0 {
		r.updateStatus()
	}
}

func (r *room) showSeats(a *attendee, seats []sfu.SeatState) {
	a.seats = make([]SeatState, 0, len(seats))
	for _, seat := range seats {
		a.seats = append(a.seats, SeatState{
			MID: seat.MID, Kind: seat.Kind, Track: seat.Track, Participant: seat.Participant, Paused: seat.Paused,
		})
	}
	if a.live {
		a.seatSeq++
		a.session.send(&SeatMap{Type: TypeSeats, Seq: a.seatSeq, Seats: a.seats})
	}
}

// sendEncodings tells a browser which encodings of its source anybody watches.
func (a *attendee) sendEncodings(source parley.Source) {
	if a.live {
		a.session.send(&Encodings{Type: TypeEncodings, Source: source, RIDs: a.wanted[source]})
	}
}
