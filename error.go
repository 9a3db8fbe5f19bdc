package parley

import (
	"errors"
	"fmt"
)

// Kind says what the caller of a failed operation can do about it. A Kind is itself an error, so
// errors.Is(err, parley.NotFound) works on anything that wraps one.
type Kind string

// The kinds. signaling/problem maps each to an HTTP status; docs/problems.md explains each to a user.
const (
	Invalid      Kind = "invalid"      // the request is malformed: do not send it again as it is
	Unauthorized Kind = "unauthorized" // who are you? no valid cookie, token or link
	Forbidden    Kind = "forbidden"    // known, but not allowed
	NotFound     Kind = "not-found"    // no such thing, or not for you to know
	Conflict     Kind = "conflict"     // exists with other content, or is in another state
	Expired      Kind = "expired"      // a link or token whose time is over: ask for a new one
	TooLarge     Kind = "too-large"    // over a limit that the text names
	TooSlow      Kind = "too-slow"     // the receiver did not keep up and was let go: reconnect
	Unavailable  Kind = "unavailable"  // not now: try again later
	Full         Kind = "full"         // no room left on a disk or in a meeting
	Internal     Kind = "internal"     // our fault; the cause is in the log, never in the answer
)

// Kinds lists every kind once, for tables and their tests.
func Kinds() []Kind {
	return []Kind{
		Invalid, Unauthorized, Forbidden, NotFound, Conflict, Expired,
		TooLarge, TooSlow, Unavailable, Full, Internal,
	}
}

// Error implements error.
func (k Kind) Error() string { return string(k) }

// Error is a failure that may be shown. Say is one plain sentence that is safe for the person who
// asked (no path, no identifier of others, no cause); Err is the cause for the log, or nil.
type Error struct {
	Op   string // what was being done, lower case: "join meeting"
	Kind Kind
	Say  string
	Err  error
}

// Error implements error with everything there is: it is for the log.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Op, e.Say)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives both the kind and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// KindOf finds the kind in an error's tree; Internal where there is none, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if kind, ok := errors.AsType[Kind](err); ok {
		return kind
	}
	return Internal
}

// SayOf returns the sentence that may be shown for err: its Error.Say, or a general one by kind.
func SayOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Say != "" && e.Kind != Internal {
		return e.Say
	}
	if KindOf(err) == Internal {
		return "Something went wrong on the server."
	}
	return "The request could not be carried out: " + string(KindOf(err)) + "."
}
