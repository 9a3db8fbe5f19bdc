package signaling

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/parley/parley"
	"github.com/parley/parley/sfu"
)

// limit bounds how often a connection may send one type of message.
type limit struct {
	*rate.Limiter

	say string
}

// period is how long it takes until one more message is allowed.
func (l *limit) period() time.Duration {
	return time.Duration(float64(time.Second) / float64(l.Limit()))
}

// newLimits allows far more than a person at a page does. A seats message goes out for every frame of
// a scrolling grid, an offer costs as much as a join, a mute goes to everybody, a page that doubts its
// line asks a few times in a row.
func newLimits() map[Type]*limit {
	per := func(each time.Duration, burst int, say string) *limit {
		return &limit{rate.NewLimiter(rate.Every(each), burst), say}
	}
	return map[Type]*limit{
		TypeChat:      per(time.Second, 10, "You are writing faster than one line a second."),
		TypeOffer:     per(2*time.Second, 10, "There are more offers than one in two seconds."),
		TypeSeats:     per(100*time.Millisecond, 50, "There are more seat requests than ten a second."),
		TypeMute:      per(200*time.Millisecond, 20, "There are more mutes than five a second."),
		TypeCandidate: per(50*time.Millisecond, 200, "There are more candidates than twenty a second."),
		TypePing:      per(time.Second, 10, "There are more pings than one a second."),
		TypeEnd:       per(time.Second, 5, "There are more requests to end than one a second."),
	}
}

// handle carries out one message. What fails is answered by an error message; the connection goes on
// unless too much of it was malformed.
func (s *session) handle(frame []byte) {
	req, kind, err := decodeRequest(frame)
	if err != nil {
		s.bad++
		s.rooms.metrics.refused.WithLabelValues(string(parley.KindOf(err))).Inc()
		if s.bad > maxBadMessages {
			s.end(failed(kind, tooLarge("a connection sends at most %d malformed messages", maxBadMessages)))
			return
		}
		s.send(refusal(req, kind, err, 0))
		return
	}
	var retry time.Duration
	if limit := s.limits[kind]; limit != nil && !limit.Allow() {
		err = &parley.Error{Op: "limit messages", Kind: parley.TooLarge, Say: limit.say}
		retry = limit.period()
	} else {
		err = s.carryOut(req)
	}
	if err != nil {
		s.rooms.metrics.refused.WithLabelValues(string(parley.KindOf(err))).Inc()
		s.logFailure("request failed", err)
		s.send(refusal(req, kind, err, retry))
	}
}

// refusal answers a request that failed. A chat line is told apart by its key, if it has a good one, and
// hears when it may come again; 0 for not at all. req is nil when it could not be read.
func refusal(req request, kind Type, err error, retry time.Duration) *Error {
	message := errorMessage(kind, err, passing)
	if line, ok := req.(*Chat); ok && line.Key != "" && checkKey(line.Key) == nil {
		message.Key, message.RetryMS = line.Key, retry.Milliseconds()
	}
	return message
}

func (s *session) carryOut(req request) error {
	switch m := req.(type) {
	case *Offer:
		sdp, err := s.answer(m)
		if err != nil {
			return err
		}
		s.send(&Answer{Type: TypeAnswer, Seq: m.Seq, SDP: sdp})
		return nil
	case *Candidate:
		return s.peer.AddCandidateText(m.Candidate, m.SDPMid, m.SDPMLineIndex)
	case *Seats:
		return s.takeSeats(m)
	case *Mute:
		s.peer.SetMuted(m.Source, m.Muted)
		return s.room.post(s.ctx, muting{s, m.Source, m.Muted})
	case *Chat:
		return s.chat(m)
	case *Ping: // the reader answers most
		s.pong(m)
		return nil
	case *Bare:
		if m.Type == TypeEnd {
			return s.endMeeting()
		}
		s.end(ended(ReasonLeft, s.record))
		return nil
	default:
		return invalid("join is sent once per connection")
	}
}

// maxPing is the length in bytes of a frame that is looked at ahead of its turn.
const maxPing = 64

// answerPing answers a frame that is a ping, and within the limit, before those that wait to be handled: whoever
// asks wants to know of the line, not of the room. It reports whether it did. Called by the reader.
func (s *session) answerPing(frame []byte) bool {
	if len(frame) > maxPing {
		return false
	}
	req, _, err := decodeRequest(frame)
	ping, ok := req.(*Ping)
	if err != nil || !ok || !s.limits[TypePing].Allow() {
		return false
	}
	s.pong(ping)
	return true
}

func (s *session) pong(ping *Ping) { s.send(&Pong{Type: TypePong, Seq: ping.Seq}) }

func (s *session) takeSeats(m *Seats) error {
	requests := make([]sfu.SeatRequest, 0, len(m.Seats))
	for _, seat := range m.Seats {
		requests = append(requests, sfu.SeatRequest{
			MID: seat.MID, Track: seat.Track, Width: seat.Width, Height: seat.Height, Priority: seat.Priority,
		})
	}
	return s.peer.Seat(requests)
}

func (s *session) endMeeting() error {
	if !s.row.Role.MayEnd() {
		return forbidden("end meeting", "Only a host ends the meeting for everybody.")
	}
	return s.room.post(s.ctx, ending{})
}

func forbidden(op, say string) error {
	return &parley.Error{Op: op, Kind: parley.Forbidden, Say: say}
}
