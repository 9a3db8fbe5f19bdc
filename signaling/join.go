package signaling

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/auth"
)

// answerTimeout bounds the making of an SDP answer: 130 ms of work for 68 m-lines (design notes of
// sfu), on a server that has other work too.
const answerTimeout = 10 * time.Second

// join takes the connection from its first message to joined. It reports whether it got there; if
// not, the last words are said.
func (s *session) join(caller auth.Caller, callerErr error) bool {
	message, err := s.awaitJoin()
	began := time.Now()
	if err == nil {
		err = s.joinAs(message, caller, callerErr)
	}
	outcome := "ok"
	parting, told := errors.AsType[*partingError](err)
	switch {
	case err == nil:
		s.rooms.metrics.joinSeconds.Observe(time.Since(began).Seconds())
	case s.line.Err() != nil:
		outcome = "gone" // nobody is left to hear why
	case told:
		outcome = "over"
		s.end(parting)
	default:
		outcome = string(parley.KindOf(err))
		s.logFailure("join failed", err)
		s.end(failed(TypeJoin, err))
	}
	s.rooms.metrics.joins.WithLabelValues(outcome).Inc()
	return err == nil
}

// awaitJoin waits for the first message.
func (s *session) awaitJoin() (*Join, error) {
	patience := time.NewTimer(joinTimeout)
	defer patience.Stop()
	select {
	case frame := <-s.in:
		req, _, err := decodeRequest(frame)
		if err != nil {
			return nil, err
		}
		if message, ok := req.(*Join); ok {
			return message, nil
		}
		return nil, invalid("the first message is join")
	case <-patience.C:
		return nil, invalid("no join message came within %d seconds", int(joinTimeout/time.Second))
	case <-s.line.Done():
		return nil, context.Cause(s.line)
	}
}

// joinAs joins as the bearer of the message's token, or else as the sender of the HTTP request.
func (s *session) joinAs(message *Join, caller auth.Caller, callerErr error) error {
	if message.Token != "" {
		caller, callerErr = s.rooms.auth.Bearer(message.Token)
	}
	if callerErr != nil {
		return callerErr
	}
	return s.enter(message, caller)
}

// enter is the way in, in the order that leaves nothing behind when a step fails: who and where, the
// place in the room, the media, the row, the clock, and last the roster.
func (s *session) enter(message *Join, caller auth.Caller) error {
	m, keep, err := s.rooms.find(s.ctx, s.id)
	if err != nil {
		return err
	}
	s.keep, s.record = keep, m.Record
	who, err := s.rooms.applicant(m, caller, message)
	if err != nil {
		return err
	}
	place, err := s.admit(m, who)
	if err != nil {
		return err
	}
	if place.before != nil {
		<-place.before.gone
		if s.peer = place.before.peer; s.peer != nil {
			place.before.peer = nil
		}
	}
	continued := s.peer != nil
	s.row = place.row
	if !continued {
		media := s.room.peerConfig(s.row)
		media.Publish = media.Publish && !s.watching
		if s.peer, err = s.room.media.Join(media); err != nil {
			return fmt.Errorf("join media: %w", err)
		}
	}
	sdp, err := s.answer(&message.Offer)
	if err != nil {
		return err
	}
	if s.conn == nil {
		if err := s.suits(sdp); err != nil {
			return err
		}
	}
	s.sdp = sdp
	if err := keep.Participants.PutParticipant(s.ctx, s.row); err != nil {
		return fmt.Errorf("store participant: %w", err)
	}
	s.stored = true
	if m, err = keep.Meetings.BeginMeeting(s.ctx, s.id, time.Now()); err != nil {
		return overOr("begin meeting", err)
	}
	s.room.begun.Store(&m)
	return s.room.post(s.ctx, arrival{s, s.welcome(m, sdp), continued})
}

// welcome is what the connection itself knows of Joined; the room fills in the rest.
func (s *session) welcome(m parley.Meeting, sdp string) *Joined {
	joined := &Joined{
		Type: TypeJoined, You: s.row.ID, Role: s.row.Role, Resume: s.rooms.auth.Resume(s.row), SDP: sdp,
		Meeting: MeetingInfo{
			ID: m.ID, Title: m.Title, Region: m.Region, Record: m.Record,
			Started: m.Started.UTC().Format(time.RFC3339Nano),
		},
	}
	if s.row.Role.MayPublish() {
		joined.Meeting.Link = s.rooms.auth.MeetingLink(m.ID, parley.RoleMember)
	}
	return joined
}

// answer has the peer answer an offer.
func (s *session) answer(offer *Offer) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, answerTimeout)
	defer cancel()
	sdp, err := s.peer.Answer(ctx, offer.SDP, offer.Sources)
	if err != nil {
		return "", fmt.Errorf("answer offer: %w", err)
	}
	return sdp, nil
}

// admit asks the room for a place, and opens the room when there is none.
func (s *session) admit(m parley.Meeting, who applicant) (admitted, error) {
	for {
		r, err := s.rooms.room(s.keep, m)
		if err != nil {
			return admitted{}, err
		}
		reply := make(chan admitted, 1)
		err = r.post(s.ctx, admission{s, who, reply})
		if err == nil {
			select {
			case place := <-reply:
				if place.err == nil {
					s.room = r
				}
				return place, place.err
			case <-r.done:
				err = errClosed
			}
		}
		if !errors.Is(err, errClosed) {
			return admitted{}, err
		}
		if r.failure != nil {
			return admitted{}, r.failure
		}
		// The room has closed between two steps. A meeting that has ended stays so; one in which
		// nobody ever arrived opens again.
		if m, err = s.keep.Meetings.Meeting(s.ctx, m.ID); err != nil {
			return admitted{}, fmt.Errorf("read meeting: %w", err)
		}
		if m.State == parley.Ended {
			return admitted{}, overError()
		}
	}
}

// applicant is who asks for a place, checked as far as it can be without the room.
type applicant struct {
	row    parley.Participant   // without ID and Number; Name may be empty when resume is set
	resume parley.ParticipantID // comes back as this one when the identity fits, or ""
	origin string               // of the SDP offer: the same for one RTCPeerConnection
}

func (rs *Rooms) applicant(m parley.Meeting, caller auth.Caller, message *Join) (applicant, error) {
	resume := rs.auth.Resumed(caller, m.ID, message.Resume)
	role := caller.RoleIn(m)
	switch {
	case caller.Identity == "":
		return applicant{}, &parley.Error{
			Op: "join", Kind: parley.Unauthorized, Say: "Open the meeting by its link first.",
		}
	case role == "" && resume == "":
		return applicant{}, unknownError()
	case m.State == parley.Ended && resume != "":
		return applicant{}, ended(ReasonOver, m.Record) // who was in it is told as the others were
	case m.State == parley.Ended:
		return applicant{}, overError()
	}
	name := strings.TrimSpace(message.Name)
	if name == "" {
		name = caller.Name
	}
	return applicant{
		resume: resume, origin: sdpOrigin(message.Offer.SDP),
		row: parley.Participant{
			Meeting: m.ID, Identity: caller.Identity, Name: name, Title: strings.TrimSpace(message.Title),
			Aliases: message.Aliases, Language: message.Language, Several: message.Several, Role: role, Consent: message.Consent,
		},
	}, nil
}

// sdpOrigin is what stays the same through all offers of one RTCPeerConnection: the user name and
// session id of the o= line (RFC 8866 §5.2, RFC 8829 §5.2.2). "" when there is none.
func sdpOrigin(sdp string) string {
	for line := range strings.Lines(sdp) {
		if origin, ok := strings.CutPrefix(line, "o="); ok {
			if fields := strings.Fields(origin); len(fields) > 2 {
				return fields[0] + " " + fields[1]
			}
		}
	}
	return ""
}

// overOr makes a Conflict of the catalog, which is that the meeting has ended, a sentence.
func overOr(doing string, err error) error {
	if parley.KindOf(err) == parley.Conflict {
		return overError()
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// logFailure logs what an operator can act on.
func (s *session) logFailure(text string, err error) {
	if s.ctx.Err() != nil {
		return // it failed because the connection ended
	}
	switch parley.KindOf(err) {
	case parley.Internal, parley.Full, parley.Unavailable:
		s.rooms.log.Error(text, zap.String("meeting", string(s.id)), zap.Error(err))
	default:
	}
}
