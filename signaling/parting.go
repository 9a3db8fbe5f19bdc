package signaling

import (
	"errors"

	"github.com/gorilla/websocket"

	"github.com/parley/parley"
)

// partingError is the cause with which a connection ends, and with it the last words on the socket.
type partingError struct {
	last     any  // the last message, or nil
	code     int  // of the Close frame (RFC 6455 §7.4), 0 for none
	unheard  bool // what is queued is not written before: there is too much of it, or nobody reads
	keepPeer bool // whoever takes over goes on with the same peer connection
}

// Error implements error.
func (p *partingError) Error() string {
	switch last := p.last.(type) {
	case *Ended:
		return "ended: " + last.Reason
	case *Error:
		return "failed: " + string(last.Kind)
	case *GoingAway:
		return "going away"
	default:
		return "connection lost"
	}
}

// final reports whether the meeting is over, and not only this way into it.
func (p *partingError) final() bool {
	_, over := p.last.(*Ended)
	return over
}

// Reasons of Ended.
const (
	ReasonHost  = "host"  // a host ended the meeting
	ReasonEmpty = "empty" // nobody was left in it
	ReasonMoved = "moved" // another connection took over
	ReasonLeft  = "left"  // the participant left
	ReasonOver  = "over"  // it had ended before the participant came back
)

// retryAfterMS is about how long a restart takes.
const retryAfterMS = 2000

func ended(reason string, record bool) *partingError {
	return &partingError{
		last: &Ended{Type: TypeEnded, Reason: reason, Record: record}, code: websocket.CloseNormalClosure,
	}
}

func failed(re Type, err error) *partingError {
	return &partingError{last: errorMessage(re, err, fatal), code: websocket.ClosePolicyViolation}
}

func goingAway() *partingError {
	return &partingError{
		last: &GoingAway{Type: TypeGoingAway, RetryMS: retryAfterMS}, code: websocket.CloseServiceRestart,
	}
}

func lost() *partingError { return &partingError{unheard: true} }

func tooSlow() *partingError {
	err := &parley.Error{
		Op: "send", Kind: parley.TooSlow, Say: "Your connection did not keep up. Reconnecting helps.",
	}
	return &partingError{
		last: errorMessage("", err, fatal), code: websocket.CloseTryAgainLater, unheard: true,
	}
}

// partingOf finds the last words in the cause of a context.
func partingOf(cause error) *partingError {
	if parting, ok := errors.AsType[*partingError](cause); ok {
		return parting
	}
	return goingAway()
}

type severity bool

const (
	fatal   severity = true  // the connection closes
	passing severity = false // the connection goes on
)

func errorMessage(re Type, err error, how severity) *Error {
	return &Error{
		Type: TypeError, Kind: parley.KindOf(err), Say: parley.SayOf(err), Re: re, Fatal: bool(how),
	}
}

func overError() error {
	return &parley.Error{Op: "join", Kind: parley.Conflict, Say: "This meeting is over."}
}

func unknownError() error {
	return &parley.Error{
		Op: "join", Kind: parley.NotFound,
		Say: "There is no meeting here for you. Open the link you were invited with, the whole of it.",
	}
}
