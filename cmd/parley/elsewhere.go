package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/dispatch"
)

// openDispatch opens the interface for workers on other machines, where any is let in.
func (s *server) openDispatch(context.Context) error {
	workers := s.cfg.Transcribe.Workers
	if len(workers) == 0 {
		return nil
	}
	access := make([]dispatch.Access, 0, len(workers))
	for _, w := range workers {
		path := w.TokenFile
		if path == "" {
			path = filepath.Join(s.cfg.Data, "keys", "worker-"+w.Name+".token")
		}
		token, err := readToken(path)
		if errors.Is(err, fs.ErrNotExist) {
			token, err = makeToken(path)
		}
		if err != nil {
			return &parley.Error{
				Op: "read worker token", Kind: parley.Unavailable, Err: err,
				Say: "the token of worker " + w.Name + ", " + path + ", cannot be used; set token_file to one that can",
			}
		}
		access = append(access, dispatch.Access{Name: w.Name, Token: token, Regions: w.Regions})
	}
	var err error
	s.dispatch, err = dispatch.New(s.transcriber, access, version(), s.log.Named("dispatch"), s.registry)
	return err
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// runElsewhere hears for a server on another machine: nothing of that server's disk is needed.
func (c *workerCmd) runElsewhere(a *app, cfg Config, log *zap.Logger) error {
	token, err := readToken(c.TokenFile)
	if err != nil {
		return &parley.Error{Op: "start worker", Kind: parley.Invalid, Say: "--token-file cannot be read", Err: err}
	}
	if c.Model != "" {
		cfg.Transcribe.Model = c.Model
	}
	engine, err := openSherpa(cfg, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	server, err := dispatch.Dial(a.ctx, dispatch.ClientConfig{URL: c.Server, Token: token, CA: c.CA, Plain: c.Plain})
	if err != nil {
		return err
	}
	regions, err := c.chosen(server.Regions())
	if err != nil {
		return err
	}
	log.Info("worker runs", zap.String("server", c.Server), zap.Any("regions", regions))
	group, ctx := errgroup.WithContext(a.ctx)
	group.Go(func() error { return engine.Run(ctx) })
	group.Go(func() error {
		err := transcribe.NewWorker(server, engine, log.Named("transcribe")).Run(ctx, regions)
		if err != nil { // it will be so the next time, too
			return &parley.Error{Op: "hear", Kind: parley.Invalid, Say: "the server sends this worker away: " + parley.SayOf(err)}
		}
		return nil
	})
	return group.Wait()
}

// chosen are the regions of --region, or all that the token is good for.
func (c *workerCmd) chosen(allowed []parley.Region) ([]parley.Region, error) {
	if len(c.Region) == 0 {
		return allowed, nil
	}
	var regions []parley.Region
	for _, name := range c.Region {
		if !slices.Contains(allowed, parley.Region(name)) {
			return nil, &parley.Error{
				Op: "start worker", Kind: parley.Invalid, Say: fmt.Sprintf("--region: the token is not for region %q", name),
			}
		}
		regions = append(regions, parley.Region(name))
	}
	return regions, nil
}
