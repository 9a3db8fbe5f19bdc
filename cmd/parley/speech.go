package main

import (
	"context"
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/minutes"
	"github.com/parley/parley/transcribe/refine"
	"github.com/parley/parley/transcribe/remote"
	"github.com/parley/parley/transcribe/sherpa"
)

// openSpeech finds the speech engine. Without one the meeting goes on: who spoke when is kept, and
// the page says what is missing.
func (s *server) openSpeech(context.Context) error {
	rules := minutes.Later()
	s.extractor = rules
	endpoints := map[parley.Region]refine.Config{}
	for _, r := range s.cfg.Regions {
		endpoints[r.Name] = r.Refine
	}
	refiner, err := refine.New(rules, endpoints)
	if err != nil {
		return err
	}
	parts := transcribe.Parts{
		Regions: s.regions, Jobs: s.bus, Events: s.bus, Extractor: s.extractor, Refiner: refiner,
		Log: s.log.Named("transcribe"), Registry: s.registry,
		Interim: s.showInterim,
	}
	switch s.engine, err = s.openEngine(); {
	case err != nil:
		s.wordless = parley.SayOf(err)
		s.log.Warn("no speech engine: meetings have no words", zap.Error(err))
	case s.cfg.Transcribe.Engine == transcribe.EngineWorkers:
	case s.cfg.Transcribe.Engine == transcribe.EngineRemote:
		if parts.Recognizer, err = remote.New(s.cfg.Transcribe.Remote); err != nil {
			return err
		}
	case s.engine == nil:
		s.wordless = "The speech engine is switched off here (transcribe.engine: none)."
	default:
		parts.Recognizer, parts.Voices = s.engine, s.engine
	}
	parts.Wordless = s.wordless
	s.transcriber, err = transcribe.New(s.cfg.Transcribe, parts)
	return err
}

// showInterim passes on what is heard of a growing utterance. The rooms are open: nobody speaks before.
func (s *server) showInterim(u parley.Utterance) {
	if s.onInterim != nil {
		s.onInterim(u)
	}
	s.rooms.Show(u)
}

// openEngine is nil without an error where none is wanted.
func (s *server) openEngine() (*sherpa.Engine, error) {
	if s.cfg.Transcribe.Engine != transcribe.EngineSherpa {
		return nil, nil //nolint:nilnil // see above
	}
	files, err := findSpeech(s.cfg.Data, s.cfg.Transcribe.Model)
	if err != nil {
		return nil, err
	}
	if !s.cfg.Transcribe.Interims {
		files.Streaming = ""
	}
	return newSherpa(files, s.log, s.registry)
}

// openSherpa finds the engine that ships, and starts nothing. Nobody watches its words come.
func openSherpa(cfg Config, log *zap.Logger, registry prometheus.Registerer) (*sherpa.Engine, error) {
	files, err := findSpeech(cfg.Data, cfg.Transcribe.Model)
	if err != nil {
		return nil, err
	}
	files.Streaming = ""
	return newSherpa(files, log, registry)
}

func newSherpa(files sherpa.Files, log *zap.Logger, registry prometheus.Registerer) (*sherpa.Engine, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	return sherpa.New(sherpa.Config{Files: files, Command: []string{binary, "engine"}}, log.Named("engine"), registry)
}
