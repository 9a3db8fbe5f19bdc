package bench

import (
	"container/heap"
	"runtime"
	"sync"
	"time"
)

// pacer sends the packets of all streams, each at its time, from one thread: Go's timers are good to a
// millisecond only.
type pacer struct {
	mu   sync.Mutex // guards everything below
	due  queue
	late histogram // in the window: how long after its time a packet was sent
}

// add starts a stream after a delay.
func (p *pacer) add(s *stream, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	heap.Push(&p.due, entry{time.Now().Add(delay), s})
}

// lag is the quantile q of how late packets of the window were sent.
func (p *pacer) lag(q float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.late.quantile(q)
}

// run sends until done is closed.
func (p *pacer) run(done <-chan struct{}) {
	runtime.LockOSThread() // never unlocked: the thread ends with its precise timers
	preciseTimers()
	const idle = 2 * time.Millisecond
	for {
		select {
		case <-done:
			return
		default:
			nap(min(p.flush(), idle))
		}
	}
}

// flush sends what is due and returns how long there is nothing to do.
func (p *pacer) flush() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.due) > 0 {
		first := &p.due[0]
		if first.stream.ended.Load() {
			heap.Pop(&p.due)
			continue
		}
		now := time.Now()
		if wait := first.at.Sub(now); wait > 0 {
			return wait
		}
		if first.stream.window.has(now.UnixNano()) {
			p.late.add(now.Sub(first.at))
		}
		first.at = first.stream.step(now)
		heap.Fix(&p.due, 0)
	}
	return time.Hour
}

type entry struct {
	at     time.Time
	stream *stream
}

// queue is a heap.Interface of streams, the next one first.
type queue []entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(entry)) } //nolint:forcetypeassert // of this file
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
