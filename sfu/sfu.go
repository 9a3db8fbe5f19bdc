package sfu

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
)

// SFU forwards the media of all meetings of this process through one UDP port. Its methods are
// safe for concurrent use.
type SFU struct {
	// constant after New
	cfg         Config
	log         *zap.Logger
	metrics     *metrics
	sockets     []*net.UDPConn // of one port
	certificate webrtc.Certificate
	egress      *egress      // nil where packets go the way of Pion
	tcp         *tcpListener // nil where there is none
	outgoing    sync.Pool    // of *outgoing
	clock       *clock       // of the feedback of all peers

	peers atomic.Uint32  // that have joined, ever
	loops sync.WaitGroup // one per room

	mu     sync.Mutex // guards all below
	engine *engine    // nil until the first room or Run
	closed bool
	rooms  map[parley.MeetingID]*Room
}

// New binds the sockets and starts nothing. A port in use is a Conflict that names the address.
func New(cfg Config, log *zap.Logger, reg prometheus.Registerer) (*SFU, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sfu: %w", err)
	}
	counters, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	sockets, tcp, err := listenBoth(cfg, counters)
	if err != nil {
		return nil, err
	}
	return &SFU{
		cfg:         cfg,
		log:         log.Named("sfu"),
		metrics:     counters,
		sockets:     sockets,
		certificate: certificate,
		egress:      newEgress(sockets),
		tcp:         tcp,
		clock:       newClock(),
		rooms:       map[parley.MeetingID]*Room{},
	}, nil
}

// Addr is the UDP address bound, with the port that was picked where none was asked for.
func (s *SFU) Addr() net.Addr { return s.sockets[0].LocalAddr() }

// Run blocks until ctx ends, then closes every room and the socket, and returns when all has stopped.
// Rooms may be opened before Run, but nothing ends without it.
func (s *SFU) Run(ctx context.Context) error {
	if err := s.start(); err != nil {
		return err
	}
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	rooms := make([]*Room, 0, len(s.rooms))
	for _, r := range s.rooms {
		rooms = append(rooms, r)
	}
	s.mu.Unlock()

	var closing sync.WaitGroup
	for _, r := range rooms {
		closing.Go(r.Close)
	}
	closing.Wait()
	s.loops.Wait()
	err := s.engine.close()
	s.egress.close()
	if err != nil {
		return fmt.Errorf("close media socket: %w", err)
	}
	return nil
}

// start makes the engine, which reads from the socket.
func (s *SFU) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startLocked()
}

func (s *SFU) startLocked() error {
	if s.closed {
		return &parley.Error{Op: "open room", Kind: parley.Unavailable, Say: "The server is stopping."}
	}
	if s.engine != nil {
		return nil
	}
	engine, err := newEngine(s.cfg, s.sockets, s.egress, s.tcp, s.clock, s.certificate, s.log)
	if err != nil {
		return err
	}
	s.engine = engine
	return nil
}

// OpenRoom opens the room of one meeting: Conflict when it is open already, Unavailable when the
// server is stopping. obs is told what happens in it.
func (s *SFU) OpenRoom(id parley.MeetingID, obs Observer) (*Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.startLocked(); err != nil {
		return nil, err
	}
	if _, open := s.rooms[id]; open {
		return nil, &parley.Error{Op: "open room", Kind: parley.Conflict, Say: "The meeting's room is open already."}
	}
	r := newRoom(s, id, obs)
	s.rooms[id] = r
	s.metrics.rooms.Inc()
	s.loops.Go(r.loop)
	return r, nil
}

// forget makes way for another room of the same meeting.
func (s *SFU) forget(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.id] == r {
		delete(s.rooms, r.id)
		s.metrics.rooms.Dec()
	}
}
