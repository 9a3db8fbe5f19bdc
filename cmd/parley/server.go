package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/recorder"
	"github.com/parley/parley/recorder/catalog"
	"github.com/parley/parley/recorder/objects"
	"github.com/parley/parley/sfu"
	turnserver "github.com/parley/parley/sfu/turn"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/dispatch"
	"github.com/parley/parley/transcribe/minutes"
	"github.com/parley/parley/transcribe/sherpa"
)

// shutdownTimeout bounds the last answers to browsers once the server stops. Media that is not in
// its region by then stays in the spool and is uploaded at the next start.
const shutdownTimeout = 10 * time.Second

// server is everything `parley serve` runs: opened in the order it depends on each other, closed in
// reverse.
type server struct {
	cfg      Config
	log      *zap.Logger
	registry *prometheus.Registry

	regions     parley.Regions
	home        *catalog.Home
	bus         *bus.Bus
	auth        *auth.Auth
	sfu         *sfu.SFU
	turn        *turnserver.Server // nil without one
	recorder    *recorder.Recorder
	engine      *sherpa.Engine // nil without words
	wordless    string         // why, for a person
	transcriber *transcribe.Transcriber
	dispatch    *dispatch.Server // nil where no worker is let in from elsewhere
	taps        *taps
	rooms       *signaling.Rooms
	baseURL     string
	extractor   minutes.Extractor
	public      net.Listener
	private     net.Listener           // nil when switched off
	onInterim   func(parley.Utterance) // or nil; set before Run: somebody measures

	opened []func() error // what Close undoes, in order of opening
}

// openServer opens files, databases and sockets, and starts nothing. Its errors name what could not
// be had: a port, a directory, a file.
func openServer(ctx context.Context, cfg Config, log *zap.Logger) (_ *server, err error) {
	s := &server{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, open := range []func(context.Context) error{
		s.openSockets, s.openStores, s.openMedia, s.openSpeech, s.openDispatch, s.openRooms,
	} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// undo remembers how to close what was just opened.
func (s *server) undo(closeIt func() error) { s.opened = append(s.opened, closeIt) }

// Close closes everything in reverse order of opening.
func (s *server) Close() error {
	var errs []error
	for i := len(s.opened) - 1; i >= 0; i-- {
		errs = append(errs, s.opened[i]())
	}
	s.opened = nil
	return errors.Join(errs...)
}

func (s *server) openSockets(ctx context.Context) error {
	listen := func(key, address string) (net.Listener, error) {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, &parley.Error{
				Op: "listen", Kind: parley.Unavailable, Err: err,
				Say: fmt.Sprintf("cannot listen on %s; free the port or set %s to another one", address, key),
			}
		}
		s.undo(func() error { return ignoreClosed(listener.Close()) })
		return listener, nil
	}
	var err error
	if s.public, err = listen("listen", s.cfg.Listen); err != nil {
		return err
	}
	if s.cfg.PrivateListen == "" {
		return nil
	}
	s.private, err = listen("private_listen", s.cfg.PrivateListen)
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *server) openStores(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return &parley.Error{
			Op: "open data directory", Kind: parley.Unavailable, Err: err,
			Say: fmt.Sprintf("cannot write to the data directory %s; set data to one that this user may write", s.cfg.Data),
		}
	}
	var err error
	if s.home, err = catalog.OpenHome(ctx, filepath.Join(s.cfg.Data, "home.db")); err != nil {
		return err
	}
	s.undo(s.home.Close)
	s.regions = parley.Regions{}
	for _, region := range s.cfg.Regions {
		keep, err := s.openRegion(ctx, region)
		if err != nil {
			return fmt.Errorf("region %s: %w", region.Name, err)
		}
		s.regions[region.Name] = keep
	}
	if s.bus, err = s.openBus(); err != nil { //nolint:contextcheck // it lives until Close
		return err
	}
	s.undo(s.bus.Close)
	return nil
}

// openBus opens the bus of this process, or reaches the one that is configured.
func (s *server) openBus() (*bus.Bus, error) {
	log := s.log.Named("bus")
	cfg := bus.Config{Directory: filepath.Join(s.cfg.Data, "bus"), Listen: s.cfg.Bus.Listen}
	if s.cfg.Bus.URL == "" && cfg.Listen == "" {
		return bus.Open(cfg, log)
	}
	var err error
	if cfg.Token, err = busToken(s.cfg, s.cfg.Bus.URL == ""); err != nil {
		return nil, err
	}
	if s.cfg.Bus.URL != "" {
		return bus.Connect(s.cfg.Bus.URL, cfg.Token, log)
	}
	return bus.Open(cfg, log)
}

func (s *server) openRegion(ctx context.Context, region RegionConfig) (*parley.Keep, error) {
	return openKeep(ctx, s.cfg, region, s.undo)
}

// openKeep opens what one region holds; undo is given how to close it, also when it then fails.
func openKeep(ctx context.Context, cfg Config, region RegionConfig, undo func(func() error)) (*parley.Keep, error) {
	directory := cfg.regionDirectory(region)
	store, err := objects.OpenDir(filepath.Join(directory, "objects"))
	if err != nil {
		return nil, err
	}
	undo(store.Close)
	rows, err := catalog.Open(ctx, filepath.Join(directory, "catalog.db"))
	if err != nil {
		return nil, err
	}
	undo(rows.Close)
	return &parley.Keep{
		Region: region.Name, Objects: store,
		Meetings: rows, Participants: rows, Chats: rows, Recordings: rows, Transcripts: rows, Actions: rows,
	}, nil
}

func (s *server) openMedia(context.Context) error {
	var err error
	if s.sfu, err = sfu.New(s.cfg.SFU, s.log, s.registry); err != nil { //nolint:contextcheck // binding waits for nothing
		return err
	}
	if err := s.openRelay(); err != nil {
		return err
	}
	cfg := s.cfg.Recorder
	if cfg.Spool == "" {
		cfg.Spool = filepath.Join(s.cfg.Data, "spool")
	}
	s.recorder, err = recorder.New(cfg, s.regions, s.log.Named("recorder"), s.registry)
	return err
}

func (s *server) openRooms(context.Context) error {
	key, err := auth.OpenKey(s.cfg.keyFile())
	if err != nil {
		return err
	}
	s.baseURL = s.cfg.baseURL(s.public.Addr())
	if s.auth, err = auth.New(s.cfg.Auth, key, s.baseURL, s.home); err != nil {
		return err
	}
	s.taps = &taps{home: s.home, recorder: s.recorder, transcriber: s.transcriber, log: s.log.Named("taps")}
	s.rooms, err = signaling.New(s.cfg.Signaling, s.sfu, s.regions, s.home, s.bus, s.taps, s.auth,
		s.log.Named("signaling"), s.registry)
	return err
}

// Run serves until ctx ends and everything it started has stopped: first the rooms, which close the
// taps, then what still had to be kept and said.
func (s *server) Run(ctx context.Context) error {
	if err := s.recorder.Recover(ctx); err != nil {
		return err
	}
	ctx, stopRooms := context.WithCancelCause(ctx)
	defer stopRooms(nil)
	late, stopLate := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLate()
	group, late := errgroup.WithContext(late)
	defer context.AfterFunc(late, func() { stopRooms(context.Cause(late)) })()
	run := func(what string, f func(context.Context) error) {
		group.Go(func() error {
			if err := f(late); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	if s.engine != nil {
		run("speech engine", s.engine.Run)
	}
	s.recoverSpeech(ctx)
	run("recorder", s.recorder.Run)
	run("transcriber", s.transcriber.Run)
	if s.dispatch != nil {
		run("workers elsewhere", s.dispatch.Run)
	}
	run("media", s.sfu.Run)
	if s.turn != nil {
		run("relay", s.turn.Run)
	}
	run("web server", func(ctx context.Context) error { return serveHTTP(ctx, s.public, s.publicHandler()) })
	if s.private != nil {
		run("private web server", func(ctx context.Context) error {
			return serveHTTP(ctx, s.private, privateHandler(s.registry, s.sfu))
		})
	}
	run("recovery", s.finishInterrupted)
	err := s.rooms.Run(ctx)
	stopLate()
	return errors.Join(err, group.Wait())
}

// engineStart is what recovery waits for the speech engine: without it speech is cut by loudness.
const engineStart = 10 * time.Second

// recoverSpeech puts into words what a killed process had heard. Nobody is in yet.
func (s *server) recoverSpeech(ctx context.Context) {
	err := s.transcriber.Recover(ctx, func(ctx context.Context) {
		if s.engine != nil {
			s.engine.Ready(ctx, engineStart)
		}
	})
	if err != nil {
		s.log.Error("interrupted speech could not be put into words", zap.Error(err))
	}
}

// finishInterrupted completes the meetings that ended without being completed.
func (s *server) finishInterrupted(ctx context.Context) error {
	for region, keep := range s.regions {
		unfinished, err := keep.Actions.UnfinishedMeetings(ctx)
		if err != nil {
			s.log.Error("unfinished meetings could not be listed", zap.String("region", string(region)), zap.Error(err))
			continue
		}
		for _, id := range unfinished {
			if err := s.taps.Ended(ctx, id); err != nil {
				s.log.Error("an ended meeting could not be completed", zap.String("meeting", string(id)), zap.Error(err))
			}
		}
	}
	return nil
}

// localURL is where this process reaches itself.
func (s *server) localURL() string { return "http://" + s.public.Addr().String() }

func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	web := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan error, 1)
	go func() { // ended by the Serve below returning
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- web.Shutdown(deadline)
	}()
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http: %w", err)
	}
	return <-stopped
}
