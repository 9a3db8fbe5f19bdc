package signaling

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parley/parley"
)

// event is a request to the loop of a room, which alone calls apply.
type event interface{ apply(r *room) }

// admission asks for a place. The reply is never waited for by the loop, and may not come before the room
// has closed.
type admission struct {
	session *session
	who     applicant
	reply   chan<- admitted // of capacity 1
}

// admitted is a place: the participant as they now are, and the session that held it before, or nil;
// its place is free when its gone is closed.
type admitted struct {
	row    parley.Participant
	before *session
	err    error
}

func (e admission) apply(r *room) {
	if r.over != nil && !r.over.final() {
		return // the room closes, not the meeting: who asks looks again when it has
	}
	place := r.admit(e.session, e.who)
	if place.err == nil {
		r.sessions++
		r.empty = time.Time{}
		r.grace.Stop()
	}
	e.reply <- place
}

// admit decides about a place.
func (r *room) admit(s *session, who applicant) admitted {
	if r.over != nil {
		return admitted{err: overError()}
	}
	row := who.row
	known, resumed := r.known[who.resume]
	if resumed && known.Identity == row.Identity {
		row = comeBack(known, row)
	} else if row.Role == "" {
		return admitted{err: unknownError()}
	}
	if err := r.mayEnter(row); err != nil {
		return admitted{err: err}
	}
	if row.ID == "" {
		r.number++
		row.ID, row.Number, row.Joined = parley.ParticipantID(uuid.Must(uuid.NewV7()).String()), r.number, time.Now()
	}
	r.known[row.ID] = row
	a := r.people[row.ID]
	if a == nil {
		a = newAttendee(row, s, who.origin)
		r.people[row.ID] = a
		return admitted{row: row}
	}
	before := a.session
	moved := ended(ReasonMoved, r.first.Record)
	// A tap was granted or refused with the peer: another answer needs another peer.
	moved.keepPeer = a.origin != "" && a.origin == who.origin && a.row.Consent == row.Consent
	before.end(moved)
	a.row, a.session, a.origin, a.live = row, s, who.origin, false
	return admitted{row: row, before: before}
}

// comeBack is a known participant with what they now say of themselves; the last answer about
// recording holds.
func comeBack(known, now parley.Participant) parley.Participant {
	if now.Name != "" {
		known.Name = now.Name
	}
	if now.Title != "" {
		known.Title = now.Title
	}
	if now.Aliases != nil {
		known.Aliases = now.Aliases
	}
	known.Language, known.Several = now.Language, now.Several
	if now.Consent != parley.Unasked {
		known.Consent = now.Consent
	}
	if now.Role.MayEnd() || !known.Role.MayPublish() && now.Role.MayPublish() {
		known.Role = now.Role
	}
	known.Left = time.Time{}
	return known
}

func (r *room) mayEnter(row parley.Participant) error {
	_, present := r.people[row.ID]
	switch {
	case row.Name == "":
		return &parley.Error{Op: "join", Kind: parley.Invalid, Say: "Type your name first."}
	case r.first.Record && row.Consent == parley.Unasked:
		return &parley.Error{
			Op: "join", Kind: parley.Invalid,
			Say: `This meeting is recorded. Answer the question "record and transcribe me?" first.`,
		}
	case !present && len(r.people) >= r.rooms.cfg.MaxParticipants:
		return &parley.Error{Op: "join", Kind: parley.Full, Say: "This meeting has as many participants as it can take."}
	}
	return nil
}

// arrival is a session that has its media: it gets the room, and the room gets it.
type arrival struct {
	session   *session
	joined    *Joined
	continued bool // with the peer of the session before
}

func (e arrival) apply(r *room) {
	r.takeNews() // its seats may be among them
	a := r.holder(e.session)
	if a == nil || r.over != nil {
		return // somebody took over meanwhile, or it is being told that the meeting is over
	}
	if !e.continued {
		a.muted, a.wanted = map[parley.Source]bool{}, map[parley.Source][]string{}
	}
	a.live, a.arrived, a.seatSeq = true, true, 0
	e.joined.Roster = r.roster()
	e.joined.Seats = a.seats
	e.joined.Chat = slices.Clone(r.chat)
	e.joined.Caption = slices.Clone(r.captions)
	e.joined.Status = r.status
	e.joined.NowMS = r.begun.Load().Clock(time.Now()).Milliseconds()
	a.session.send(e.joined)
	for source := range a.wanted {
		a.sendEncodings(source) // it may have changed while the line was away
	}
	r.change(a.row.ID)
}

// departure is a session that has ended, its place given up or taken over.
type departure struct{ session *session }

func (e departure) apply(r *room) {
	r.sessions--
	a := r.holder(e.session)
	if a == nil {
		return
	}
	delete(r.people, a.row.ID)
	if a.arrived {
		r.change(a.row.ID)
	}
	if len(r.people) == 0 {
		r.empty = time.Now()
		r.grace.Reset(r.rooms.cfg.EmptyGrace)
	}
}

// muting is a source that was switched off or on.
type muting struct {
	session *session
	source  parley.Source
	muted   bool
}

func (e muting) apply(r *room) {
	if a := r.holder(e.session); a != nil {
		a.muted[e.source] = e.muted
		r.change(a.row.ID)
	}
}

// captioned is an utterance that got its words.
type captioned struct{ caption Caption }

func (e captioned) apply(r *room) {
	id := e.caption.Utterance
	shown := r.growing[id]
	delete(r.growing, id)
	if e.caption.Text == "" {
		if shown && !r.worded[id] {
			r.worded[id] = true
			r.broadcast(&e.caption)
		}
		return
	}
	if r.addCaption(e.caption) {
		r.broadcast(&e.caption)
	}
}

// grown is an utterance of which more words are shown, before its end.
type grown struct{ caption Caption }

func (e grown) apply(r *room) {
	if r.worded[e.caption.Utterance] {
		return
	}
	r.growing[e.caption.Utterance] = true
	frame := encode(&e.caption)
	for _, a := range r.people {
		if a.live && len(a.session.out) < queueLength/2 { // nobody is let go for what comes again
			a.session.sendFrame(frame)
		}
	}
}

// minuted says that the minutes changed.
type minuted struct{}

func (minuted) apply(r *room) { r.broadcast(&Bare{Type: TypeMinutes}) }

// ending is a host who ends the meeting for everybody.
type ending struct{}

func (ending) apply(r *room) {
	if r.over == nil {
		r.over = ended(ReasonHost, r.first.Record)
		r.empty = time.Now()
	}
}

// presence asks for the names of those present.
type presence struct{ reply chan<- []string }

func (e presence) apply(r *room) {
	names := []string{}
	for _, person := range r.roster() {
		names = append(names, person.Name)
	}
	e.reply <- names
}
