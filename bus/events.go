package bus

import (
	"context"
	"encoding/json"
	"iter"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// eventQueue is how many events one slow reader may be behind before it loses the oldest.
const eventQueue = 256

// eventNumber counts the events of one meeting.
type eventNumber struct{ atomic.Uint64 }

// Publish implements parley.Events.
func (b *Bus) Publish(e parley.Event) {
	b.mu.Lock()
	number, ok := b.numbers[e.Meeting]
	if !ok {
		number = &eventNumber{}
		b.numbers[e.Meeting] = number
	}
	b.mu.Unlock()
	e.Seq, e.Origin = number.Add(1), b.origin
	content, err := json.Marshal(e)
	if err == nil {
		err = b.conn.Publish(eventSubject(e.Meeting), content)
	}
	if err != nil { // whoever waits for it sees a jump in the numbers and fetches the rows
		b.log.Warn("lost an event", zap.String("meeting", string(e.Meeting)), zap.Error(err))
	}
}

func eventSubject(id parley.MeetingID) string { return "events." + string(id) }

// Subscribe implements parley.Events.
func (b *Bus) Subscribe(ctx context.Context, id parley.MeetingID) iter.Seq[parley.Event] {
	queue := make(chan parley.Event, eventQueue)
	subscription, err := b.conn.Subscribe(eventSubject(id), func(m *nats.Msg) {
		var e parley.Event
		if json.Unmarshal(m.Data, &e) == nil {
			enqueue(queue, e)
		}
	})
	if err == nil {
		err = b.conn.Flush() // the server knows of it: nothing published from now on is missed
	}
	return func(yield func(parley.Event) bool) {
		if err != nil {
			b.log.Warn("cannot listen to a meeting", zap.String("meeting", string(id)), zap.Error(err))
			return
		}
		defer func() { _ = subscription.Unsubscribe() }() // fails only when the bus is closed
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-queue:
				if !yield(e) {
					return
				}
			}
		}
	}
}

// enqueue adds e, at the cost of the oldest when the queue is full. Only the subscription's own
// goroutine sends, so the second send finds the room it made.
func enqueue(queue chan parley.Event, e parley.Event) {
	select {
	case queue <- e:
		return
	default:
	}
	select {
	case <-queue:
	default: // the reader was faster
	}
	select {
	case queue <- e:
	default:
	}
}
