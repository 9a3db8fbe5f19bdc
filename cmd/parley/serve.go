package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	_ "time/tzdata" // meetings name time zones; a small image has no database of them

	"go.uber.org/zap"

	"github.com/parley/parley/transcribe"
)

// serveCmd runs the meeting server until SIGINT or SIGTERM.
type serveCmd struct{}

// Help implements kong's HelpProvider.
func (*serveCmd) Help() string {
	return `Without a configuration file everything is kept under ./data and only this machine can
reach the pages. It prints the address and a one-time link that makes its browser a host.
SIGTERM ends meetings' connections, seals what is recorded and exits; a second one exits at once.`
}

// gcPercent keeps the heap small: forwarding makes no garbage, so collecting the little there is costs
// nothing, and joins, which make much, leave it behind for a shorter time.
const gcPercent = 50

// Run implements the command.
func (*serveCmd) Run(a *app) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	log, err := a.logger(cfg.LogLevel)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // standard error may not support it
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if cfg.PrivateListen == "" {
		runtime.MemProfileRate = 0 // nobody can ask for what fills memory: its table takes 1.4 MiB
	}
	s, err := openServer(a.ctx, cfg, log)
	if err != nil {
		return err
	}
	if err := s.announce(a); err != nil {
		return errors.Join(err, s.Close())
	}
	running, stop := context.WithCancel(a.ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { tidy(running) })
	err = errors.Join(s.Run(a.ctx), s.Close())
	stop()
	helpers.Wait()
	log.Info("stopped", zap.Error(err))
	return err
}

// announce tells the person who started the server where it is.
func (s *server) announce(a *app) error {
	speech := "whisper-base: English and Mandarin; Cantonese as a draft (parley models pull adds a better model)"
	switch {
	case s.engine != nil && s.engine.Model() != "whisper-base":
		speech = s.engine.Model()
	case s.wordless != "":
		speech = "off: " + s.wordless
	case s.cfg.Transcribe.Engine == transcribe.EngineRemote:
		speech = "by the speech server of each region"
	case s.cfg.Transcribe.Engine == transcribe.EngineWorkers:
		speech = "by parley worker"
		if at := s.bus.URL() + s.cfg.Bus.URL; at != "" {
			speech += " beside the server, at " + at
		}
		if s.dispatch != nil {
			speech += " on other machines, at " + s.baseURL
		}
	}
	media := s.sfu.Addr().String() + "/udp"
	if s.cfg.SFU.TCP {
		media += ", /tcp"
	}
	if s.turn != nil {
		media += "; relayed by " + strings.Join(s.turn.URLs(), ", ")
	}
	_, err := fmt.Fprintf(a.stdout, `parley %s
  open       %s
  host link  %s
             (one use within 24 hours: its browser may then create meetings from anywhere)
  media      %s
  kept in    %s
  words      %s
`, version(), s.baseURL, s.baseURL+s.auth.StartLink(), media, s.cfg.Data, speech)
	return err
}
