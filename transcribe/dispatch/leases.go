package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
)

const (
	// leaseTime is how long a worker may be silent: less than the 30 s that the queue waits, so that it is the
	// server that gives the task back, and long enough to lose a connection and extend by another.
	leaseTime = 20 * time.Second
	// mostLeases is how many tasks one token may hold: every worker holds two of a region at most.
	mostLeases = 256
	// settleTimeout bounds storing an answer or giving a task back.
	settleTimeout = 20 * time.Second
)

// lease is one task in the hands of a worker.
type lease struct {
	// constant
	held   transcribe.Held
	access *Access

	until time.Time // guarded by leases.mu
	busy  bool      // guarded by leases.mu: it is being answered or given back
}

// leases are the tasks in the hands of workers. Safe for concurrent use.
type leases struct {
	count prometheus.Gauge

	mu  sync.Mutex // guards everything below
	all map[string]*lease
}

// add holds a task for a worker.
func (l *leases) add(held transcribe.Held, access *Access) (id string) {
	id = rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[id] = &lease{held: held, access: access, until: time.Now().Add(leaseTime)}
	l.count.Set(float64(len(l.all)))
	return id
}

// of counts what a token holds.
func (l *leases) of(access *Access) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, held := range l.all {
		if held.access == access {
			n++
		}
	}
	return n
}

// extend keeps a lease of a token; Conflict when it has none of that id.
func (l *leases) extend(ctx context.Context, id string, access *Access) error {
	l.mu.Lock()
	held, ok := l.all[id]
	if ok = ok && held.access == access; ok {
		held.until = time.Now().Add(leaseTime)
	}
	l.mu.Unlock()
	if !ok {
		return errLost()
	}
	return held.held.Extend(ctx)
}

// settle ends a lease of a token by do. When that fails the lease is held as before. Conflict when the token
// has none of that id, or it is being settled.
func (l *leases) settle(ctx context.Context, id string, access *Access, do func(context.Context, transcribe.Held) error) error {
	l.mu.Lock()
	held, ok := l.all[id]
	if ok = ok && held.access == access && !held.busy; ok {
		held.busy = true
	}
	l.mu.Unlock()
	if !ok {
		return errLost()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout) // whoever asked may be gone
	defer cancel()
	err := do(ctx, held.held)
	l.mu.Lock()
	defer l.mu.Unlock()
	held.busy = false
	if err == nil {
		delete(l.all, id)
		l.count.Set(float64(len(l.all)))
	}
	return err
}

// take ends the leases that are over at now, and gives them to the caller, who gives the tasks back.
func (l *leases) take(now time.Time) []*lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	var over []*lease
	for id, held := range l.all {
		if !held.busy && now.After(held.until) {
			delete(l.all, id)
			over = append(over, held)
		}
	}
	l.count.Set(float64(len(l.all)))
	return over
}

func errLost() error {
	return &parley.Error{
		Op: "use lease", Kind: parley.Conflict, Say: "The lease is over: somebody else has the task, or it is done.",
	}
}

// errSilent is why a task is given back whose worker is not heard of any more.
var errSilent = errors.Join(parley.Unavailable, errors.New("its worker fell silent"))
