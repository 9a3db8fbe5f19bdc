package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling/problem"
	"github.com/parley/parley/transcribe"
)

const (
	// longestWait is how long a claim waits: shorter than what proxies let a request be silent (60 s).
	longestWait = 25 * time.Second
	// mostWaiting is how many claims wait at the same time, of all workers.
	mostWaiting = 512
	// exchangeTimeout bounds reading one request and writing one answer, the wait between them left out.
	exchangeTimeout = 20 * time.Second
	// leastToken is how many characters a token has at least.
	leastToken = 20
	// silenceInterval is how often leases are looked through.
	silenceInterval = time.Second
)

// Access is what one token is good for.
type Access struct {
	Name    string // of the machine or group of workers, for logs and metrics
	Token   string
	Regions []parley.Region
}

// Server gives tasks to workers on other machines. It is an http.Handler of everything under Path, and
// safe for concurrent use.
type Server struct {
	// constant after New
	tasks   transcribe.Tasks
	access  map[[sha256.Size]byte]*Access // by the digest of the token: comparing tells nothing of it
	version string
	log     *zap.Logger
	metrics metrics
	mux     *http.ServeMux

	leases leases

	mu      sync.Mutex // guards everything below
	stopped bool
	waiting map[*context.CancelFunc]struct{} // claims; they end when the server stops
}

type metrics struct {
	waiting prometheus.Gauge
	tasks   *prometheus.CounterVec // by worker and outcome
	refused prometheus.Counter
}

// New starts nothing. The error is Invalid for a token that is too short or there twice.
func New(tasks transcribe.Tasks, access []Access, version string, log *zap.Logger, registry prometheus.Registerer) (*Server, error) {
	s := &Server{
		tasks: tasks, access: map[[sha256.Size]byte]*Access{}, version: version, log: log, mux: http.NewServeMux(),
		leases: leases{all: map[string]*lease{}}, waiting: map[*context.CancelFunc]struct{}{},
	}
	for _, a := range access {
		sum := sha256.Sum256([]byte(a.Token))
		if len(a.Token) < leastToken || s.access[sum] != nil {
			return nil, &parley.Error{
				Op: "open worker interface", Kind: parley.Invalid,
				Say: fmt.Sprintf("the token of worker %s is another's too, or has less than %d characters", a.Name, leastToken),
			}
		}
		s.access[sum] = &a
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "parley", Subsystem: "dispatch", Name: name, Help: help})
	}
	s.metrics.waiting = gauge("waiting", "Claims of workers on other machines that wait for a task.")
	s.leases.count = gauge("leases", "Tasks in the hands of workers on other machines.")
	s.metrics.tasks = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "parley", Subsystem: "dispatch", Name: "tasks_total",
		Help: "Tasks given to workers on other machines, by how they ended: answered, failed or silent.",
	}, []string{"worker", "outcome"})
	s.metrics.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "parley", Subsystem: "dispatch", Name: "refused_total", Help: "Requests without a token that is known.",
	})
	for _, c := range []prometheus.Collector{s.metrics.waiting, s.leases.count, s.metrics.tasks, s.metrics.refused} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register dispatch metrics: %w", err)
		}
	}
	s.mux.Handle("GET "+Path, s.handle(s.greet))
	s.mux.Handle("POST "+Path+"/claims", s.handle(s.claim))
	s.mux.Handle("POST "+Path+"/leases/{id}/extension", s.handle(s.extend))
	s.mux.Handle("POST "+Path+"/leases/{id}/answer", s.handle(s.answer))
	s.mux.Handle("POST "+Path+"/leases/{id}/failure", s.handle(s.fail))
	s.mux.Handle("/", s.handle(func(http.ResponseWriter, *http.Request, *Access) error {
		return &parley.Error{Op: "find route", Kind: parley.NotFound, Say: "There is nothing at this address for workers."}
	}))
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Run gives back the tasks of workers that fell silent until ctx ends; then it sends waiting workers away
// and gives back what they hold.
func (s *Server) Run(ctx context.Context) error {
	ticker := time.NewTicker(silenceInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			s.giveBack(ctx, s.leases.take(now))
		case <-ctx.Done():
			s.stop()
			s.giveBack(ctx, s.leases.take(time.Now().Add(2*leaseTime)))
			return nil
		}
	}
}

func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for cancel := range s.waiting {
		(*cancel)()
	}
}

// giveBack lets others have the tasks of leases that are over, even when ctx has ended.
func (s *Server) giveBack(ctx context.Context, over []*lease) {
	for _, l := range over {
		settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := l.held.Fail(settle, errSilent)
		cancel()
		s.count(l.access, "silent")
		s.log.Warn("a worker fell silent; somebody else gets its task", zap.String("worker", l.access.Name),
			zap.String("region", string(l.held.Task().Region)), zap.Error(err))
	}
}

func (s *Server) count(a *Access, outcome string) {
	s.metrics.tasks.WithLabelValues(a.Name, outcome).Inc()
}

// handle lets in who has a token; a fault ends only its request.
func (s *Server) handle(serve func(http.ResponseWriter, *http.Request, *Access) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.Must(uuid.NewV7()).String()
		w.Header().Set(problem.RequestIDHeader, id)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		err := func() (err error) {
			defer func() {
				if fault := recover(); fault != nil {
					err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
				}
			}()
			access, err := s.whose(r)
			if err != nil {
				s.metrics.refused.Inc()
				return err
			}
			return serve(w, r, access)
		}()
		if err == nil {
			return
		}
		if parley.KindOf(err) == parley.Internal {
			s.log.Error("a worker could not be served", zap.String("request", id), zap.Error(err))
		}
		problem.Write(w, r, err)
	})
}

// whose finds what the token of a request is good for.
func (s *Server) whose(r *http.Request) (*Access, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if access := s.access[sha256.Sum256([]byte(token))]; access != nil && strings.EqualFold(scheme, "Bearer") {
		return access, nil
	}
	return nil, &parley.Error{Op: "check worker token", Kind: parley.Unauthorized, Say: "The token is none of a worker's."}
}

func (s *Server) greet(w http.ResponseWriter, _ *http.Request, a *Access) error {
	_ = write(w, greeting{Protocol: Protocol, Version: s.version, Regions: a.Regions}) // whoever asked is gone
	return nil
}

// read takes the message of a request. The deadline is for that alone: a claim then waits longer.
func read(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(exchangeTimeout)) // where the connection can
	defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	return decode(r.Body, limit, into)
}

// write answers with JSON. The deadline does not outlive it: others use the connection after this worker.
func write(w http.ResponseWriter, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write worker message: %w", err)
	}
	connection := http.NewResponseController(w)
	_ = connection.SetWriteDeadline(time.Now().Add(exchangeTimeout)) // where the connection can
	defer func() { _ = connection.SetWriteDeadline(time.Time{}) }()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if _, err = w.Write(text); err == nil {
		err = connection.Flush()
	}
	return err
}

// claim waits for a task of one region. 204 says that there was none.
func (s *Server) claim(w http.ResponseWriter, r *http.Request, a *Access) error {
	var asked claim
	if err := read(w, r, maxRequest, &asked); err != nil {
		return err
	}
	if err := asked.check(); err != nil {
		return err
	}
	if !slices.Contains(a.Regions, asked.Region) {
		return &parley.Error{Op: "claim task", Kind: parley.Forbidden, Say: "The token is not for this region."}
	}
	if s.leases.of(a) >= mostLeases {
		return &parley.Error{Op: "claim task", Kind: parley.Unavailable, Say: "This token holds enough tasks."}
	}
	ctx, cancel := context.WithTimeout(r.Context(), asked.wait())
	defer cancel()
	leave, err := s.enter(&cancel)
	if err != nil {
		return err
	}
	held, err := s.tasks.Claim(ctx, asked.Kind, asked.Region)
	stopped := leave()
	switch {
	case err == nil:
		return s.hand(w, r, held, a)
	case stopped:
		return &parley.Error{Op: "claim task", Kind: parley.Unavailable, Say: "The server stops."}
	case ctx.Err() != nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return err
	}
}

// enter notes a claim that waits; cancel ends it when the server stops. leave reports whether it does.
func (s *Server) enter(cancel *context.CancelFunc) (leave func() (stopped bool), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || len(s.waiting) >= mostWaiting {
		return nil, &parley.Error{Op: "claim task", Kind: parley.Unavailable, Say: "The server stops, or too many workers wait."}
	}
	s.waiting[cancel] = struct{}{}
	s.metrics.waiting.Set(float64(len(s.waiting)))
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, cancel)
		s.metrics.waiting.Set(float64(len(s.waiting)))
		return s.stopped
	}, nil
}

// hand gives a claimed task to a worker. When it cannot be given, somebody else gets it.
func (s *Server) hand(w http.ResponseWriter, r *http.Request, held transcribe.Held, a *Access) error {
	id := s.leases.add(held, a)
	err := r.Context().Err() // whoever asked is gone
	if err == nil {
		err = write(w, wireTask(id, held.Task()))
	}
	if err == nil {
		return nil
	}
	err = s.leases.settle(r.Context(), id, a, func(ctx context.Context, held transcribe.Held) error {
		return held.Fail(ctx, errSilent)
	})
	s.count(a, "silent")
	if err != nil {
		s.log.Warn("a task could not be given back; it comes back by itself", zap.String("worker", a.Name), zap.Error(err))
	}
	return nil // it is too late to tell anybody
}

func (s *Server) extend(w http.ResponseWriter, r *http.Request, a *Access) error {
	if err := s.leases.extend(r.Context(), r.PathValue("id"), a); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, a *Access) error {
	var sent answer
	if err := read(w, r, maxAnswer, &sent); err != nil {
		return err
	}
	heard, err := sent.answer()
	if err != nil {
		return err
	}
	err = s.leases.settle(r.Context(), r.PathValue("id"), a, func(ctx context.Context, held transcribe.Held) error {
		return held.Answer(ctx, heard)
	})
	if err != nil {
		return err
	}
	s.count(a, "answered")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, a *Access) error {
	var sent failure
	if err := read(w, r, maxRequest, &sent); err != nil {
		return err
	}
	var cause error
	switch sent.Reason {
	case reasonEngine:
		cause = errors.Join(parley.Unavailable, errors.New("a worker elsewhere could not hear it"))
	case reasonSpeech:
		cause = errors.Join(parley.Invalid, errors.New("a worker elsewhere could make nothing of it"))
	default:
		return invalid("reason is neither engine nor speech.")
	}
	err := s.leases.settle(r.Context(), r.PathValue("id"), a, func(ctx context.Context, held transcribe.Held) error {
		return held.Fail(ctx, cause)
	})
	if err != nil {
		return err
	}
	s.count(a, "failed")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
