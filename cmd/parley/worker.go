package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
	"github.com/parley/parley/bus"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/remote"
	"github.com/parley/parley/transcribe/sherpa"
)

// workerCmd makes words of what a server's meetings say, in a process of its own.
type workerCmd struct {
	Region    []string `placeholder:"NAME" help:"Work for this region only; may be given again. Without it, for all there are."`
	Server    string   `placeholder:"URL" help:"Work for the server at this address, on another machine."`
	TokenFile string   `placeholder:"FILE" help:"What that server knows this worker by (transcribe.workers of its configuration)."`
	CA        string   `name:"ca" placeholder:"FILE" help:"PEM certificates of a private authority that signed the server's."`
	Model     string   `placeholder:"NAME" help:"The speech model (parley models list); the best that is installed without it."`
	Plain     bool     `help:"Allow an http address: for networks that are encrypted themselves."`
}

// Help implements kong's HelpProvider.
func (*workerCmd) Help() string {
	return `Beside a server, it takes the server's configuration, on which bus.listen (or bus.url on both) must
be set, and needs the directories of its regions. On another machine, --server and --token-file are
all it needs: sound and hints come from the server, and words go there.
Any number of workers share one queue; whatever one of them leaves undone goes to another. Each uses
one core and about 400 MB.`
}

// Validate implements kong's validation of flags that go together.
func (c *workerCmd) Validate() error {
	switch {
	case c.Server != "" && c.TokenFile == "":
		return errors.New("--server needs --token-file")
	case c.Server == "" && (c.TokenFile != "" || c.CA != "" || c.Model != "" || c.Plain):
		return errors.New("--token-file, --ca, --model and --plain go with --server")
	}
	return nil
}

// worker is everything parley worker runs.
type worker struct {
	bus         *bus.Bus
	engine      *sherpa.Engine // nil where a speech server does the work
	transcriber *transcribe.Transcriber
	opened      []func() error
}

// Run implements the command.
func (c *workerCmd) Run(a *app) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	log, err := a.logger(cfg.LogLevel)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // standard error may not support it
	if c.Server != "" {
		return c.runElsewhere(a, cfg, log)
	}
	w := &worker{}
	if err := c.open(a.ctx, w, cfg, log); err != nil {
		return errors.Join(err, w.close())
	}
	log.Info("worker runs", zap.Strings("regions", c.regionsOf(cfg)))
	group, ctx := errgroup.WithContext(a.ctx)
	if w.engine != nil {
		group.Go(func() error { return w.engine.Run(ctx) })
	}
	group.Go(func() error { return w.transcriber.Work(ctx) })
	return errors.Join(group.Wait(), w.close())
}

func (w *worker) close() error {
	var errs []error
	for _, closeIt := range slices.Backward(w.opened) {
		errs = append(errs, closeIt())
	}
	return errors.Join(errs...)
}

// regionsOf names the regions that are worked for.
func (c *workerCmd) regionsOf(cfg Config) []string {
	if len(c.Region) > 0 {
		return c.Region
	}
	var names []string
	for _, r := range cfg.Regions {
		names = append(names, string(r.Name))
	}
	return names
}

// open opens the engine, the regions and the connection, and starts nothing.
func (c *workerCmd) open(ctx context.Context, w *worker, cfg Config, log *zap.Logger) error {
	registry := prometheus.NewRegistry()
	regions := parley.Regions{}
	undo := func(closeIt func() error) { w.opened = append(w.opened, closeIt) }
	for _, name := range c.regionsOf(cfg) {
		i := slices.IndexFunc(cfg.Regions, func(r RegionConfig) bool { return string(r.Name) == name })
		if i < 0 {
			return &parley.Error{Op: "start worker", Kind: parley.Invalid, Say: "--region: the configuration has no region " + name}
		}
		keep, err := openKeep(ctx, cfg, cfg.Regions[i], undo)
		if err != nil {
			return fmt.Errorf("region %s: %w", name, err)
		}
		regions[keep.Region] = keep
	}
	address, err := busAddress(cfg)
	if err != nil {
		return err
	}
	token, err := busToken(cfg, false)
	if err != nil {
		return err
	}
	if w.bus, err = bus.Connect(address, token, log.Named("bus")); err != nil { //nolint:contextcheck // it lives until close
		return err
	}
	undo(w.bus.Close)
	var recognizer transcribe.Recognizer
	if cfg.Transcribe.Engine == transcribe.EngineRemote {
		recognizer, err = remote.New(cfg.Transcribe.Remote)
	} else {
		w.engine, err = openSherpa(cfg, log, registry)
		recognizer = w.engine
	}
	if err != nil {
		return err
	}
	w.transcriber, err = transcribe.New(cfg.Transcribe, transcribe.Parts{
		Regions: regions, Jobs: w.bus, Events: w.bus, Recognizer: recognizer, Log: log.Named("transcribe"), Registry: registry,
	})
	return err
}

// busAddress is where a worker finds the bus.
func busAddress(cfg Config) (string, error) {
	if cfg.Bus.URL != "" {
		return cfg.Bus.URL, nil
	}
	host, port, err := net.SplitHostPort(cfg.Bus.Listen)
	if err != nil {
		return "", &parley.Error{
			Op: "start worker", Kind: parley.Invalid,
			Say: "the bus lets no worker in; set bus.listen to 127.0.0.1:4222 for the server and this worker",
		}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, port), nil
}

// busToken reads what workers show, and makes it when create is set. It is "" for a server of one's own
// that wants none.
func busToken(cfg Config, create bool) (string, error) {
	path := cfg.Bus.TokenFile
	if path == "" {
		path = filepath.Join(cfg.Data, "keys", "bus.token")
	}
	token, err := readToken(path)
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, fs.ErrNotExist) && cfg.Bus.URL != "" && cfg.Bus.TokenFile == "":
		return "", nil
	case errors.Is(err, fs.ErrNotExist) && create:
		if token, err = makeToken(path); err == nil {
			return token, nil
		}
	}
	return "", tokenError(path, err)
}

// makeToken writes a new token that only this user can read.
func makeToken(path string) (string, error) {
	token := rand.Text()
	return token, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(token+"\n"), 0o600))
}

func tokenError(path string, err error) error {
	return &parley.Error{
		Op: "read bus token", Kind: parley.Unavailable, Err: err,
		Say: "the token of the bus, " + path + ", cannot be used; start the server first, or set bus.token_file",
	}
}
