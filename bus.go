package parley

import (
	"context"
	"iter"
)

// JobKind names a queue of work.
type JobKind string

// The kinds of job.
const (
	JobTranscribe JobKind = "transcribe" // one utterance to words
	JobMinutes    JobKind = "minutes"    // one meeting to minutes
	JobRefine     JobKind = "refine"     // final minutes past a language model of their region
	JobAgain      JobKind = "again"      // one utterance to words once more, for a Pass
)

// Job is a message about a row: identifiers only, never content, since it rests in the bus.
type Job struct {
	ID        string      `json:"id"` // submitting the same ID again within minutes does nothing
	Kind      JobKind     `json:"kind"`
	Region    Region      `json:"region"`
	Meeting   MeetingID   `json:"meeting"`
	Utterance UtteranceID `json:"utterance,omitempty"`
	Pass      int         `json:"pass,omitempty"` // of JobAgain
}

// Jobs is work under a lease, one queue per kind and region.
type Jobs interface {
	// Submit is durable when it returns, and idempotent by Job.ID.
	Submit(ctx context.Context, j Job) error
	// Claim blocks until there is a job or ctx ends. A lease that is neither extended nor ended in
	// 30 s goes to somebody else.
	Claim(ctx context.Context, kind JobKind, in Region) (Lease, error)
}

// Lease is one claimed job. Exactly one of Done and Fail ends it.
type Lease interface {
	Job() Job
	Extend(ctx context.Context) error
	Done(ctx context.Context) error
	// Fail gives the job back; it is delivered again after a back-off.
	Fail(ctx context.Context) error
}

// EventKind says what changed.
type EventKind string

// The kinds of event.
const (
	EventUtterance EventKind = "utterance" // an utterance got its words: read its row
	EventMinutes   EventKind = "minutes"   // the minutes changed: read their row
)

// Event says that something about a meeting changed; readers fetch the row it names.
type Event struct {
	Seq       uint64      `json:"seq"`    // rises by one per meeting and origin; a jump means events were missed
	Origin    string      `json:"origin"` // the process that published it
	Kind      EventKind   `json:"kind"`
	Meeting   MeetingID   `json:"meeting"`
	Utterance UtteranceID `json:"utterance,omitempty"`
}

// Events tells whoever listens, and forgets: slow readers lose the oldest.
type Events interface {
	// Publish never blocks. It numbers the event.
	Publish(e Event)
	// Subscribe yields the events of one meeting until ctx ends or the loop breaks; subscribed
	// before it returns.
	Subscribe(ctx context.Context, id MeetingID) iter.Seq[Event]
}
