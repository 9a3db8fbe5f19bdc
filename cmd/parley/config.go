package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/parley/parley"
	"github.com/parley/parley/recorder"
	"github.com/parley/parley/sfu"
	turnserver "github.com/parley/parley/sfu/turn"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/transcribe"
	"github.com/parley/parley/transcribe/refine"
)

// Config is the whole configuration file: what belongs to the process itself, and a section for each
// package that has one. parley.example.yaml shows every key with its default.
type Config struct {
	// Listen is where browsers come: host:port of plain HTTP.
	Listen string `yaml:"listen"`
	// PrivateListen serves health, metrics and profiles to the operator; "" switches it off.
	PrivateListen string `yaml:"private_listen"`
	// BaseURL is how browsers reach Listen from outside, "https://meet.example.org"; "" means
	// http://localhost with the port of Listen.
	BaseURL string `yaml:"base_url"`
	// Data is the directory of everything parley keeps; relative to the working directory.
	Data string `yaml:"data"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `yaml:"log_level"`
	// Regions are the places a meeting can rest in; a meeting is created in the first one unless
	// it names another, and stays in it.
	Regions []RegionConfig `yaml:"regions"`

	Auth       auth.Config       `yaml:"auth"`
	Signaling  signaling.Config  `yaml:"signaling"`
	SFU        sfu.Config        `yaml:"sfu"`
	TURN       turnserver.Config `yaml:"turn"`
	Recorder   recorder.Config   `yaml:"recorder"`
	Bus        BusConfig         `yaml:"bus"`
	Transcribe transcribe.Config `yaml:"transcribe"`
}

// RegionConfig is one region: a directory with its objects and its catalog.
type RegionConfig struct {
	Name parley.Region `yaml:"name"`
	// Directory holds the region; "" means regions/NAME in the data directory.
	Directory string `yaml:"directory"`
	// Refine is a language model in this region that goes over the minutes of its meetings.
	Refine refine.Config `yaml:"refine"`
}

// BusConfig says how processes of one server share work.
type BusConfig struct {
	// Listen is where workers of other processes come, host:port; "" lets nobody in.
	Listen string `yaml:"listen"`
	// URL is a NATS server with JetStream to use instead of the one in this process; "" for none.
	URL string `yaml:"url"`
	// TokenFile holds what workers show; "" means keys/bus.token in the data directory.
	TokenFile string `yaml:"token_file"`
}

// DefaultConfig is a server for this machine alone: every address is loopback but the media port.
func DefaultConfig() Config {
	return Config{
		Listen:        "127.0.0.1:8080",
		PrivateListen: "127.0.0.1:8081",
		Data:          "./data",
		LogLevel:      "info",
		Regions:       []RegionConfig{{Name: "local"}},
		Auth:          auth.DefaultConfig(),
		Signaling:     signaling.DefaultConfig(),
		SFU:           sfu.DefaultConfig(),
		TURN:          turnserver.DefaultConfig(),
		Recorder:      recorder.DefaultConfig(),
		Transcribe:    transcribe.DefaultConfig(),
	}
}

// regionName is what a region may be called: it becomes a directory and a bus subject.
var regionName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Validate reports every fault at once, each with the key it is about.
func (c *Config) Validate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		fault("listen", "%q is not host:port", c.Listen)
	}
	if _, _, err := net.SplitHostPort(c.PrivateListen); c.PrivateListen != "" && err != nil {
		fault("private_listen", "%q is not host:port", c.PrivateListen)
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" &&
		(err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		fault("base_url", "%q is not an http or https address", c.BaseURL)
	}
	if c.Data == "" {
		fault("data", "names no directory")
	}
	if _, err := zapcore.ParseLevel(c.LogLevel); err != nil {
		fault("log_level", "%q is not debug, info, warn or error", c.LogLevel)
	}
	if _, _, err := net.SplitHostPort(c.Bus.Listen); c.Bus.Listen != "" && err != nil {
		fault("bus.listen", "%q is not host:port", c.Bus.Listen)
	}
	if u, err := url.Parse(c.Bus.URL); c.Bus.URL != "" && (err != nil || u.Host == "" || (u.Scheme != "nats" && u.Scheme != "tls")) {
		fault("bus.url", "is not an address like nats://host:4222")
	}
	if c.Bus.URL != "" && c.Bus.Listen != "" {
		fault("bus.listen", "only one of listen and url may be set")
	}
	if len(c.Regions) == 0 {
		fault("regions", "names no region; a meeting has to rest somewhere")
	}
	seen := map[parley.Region]bool{}
	for i, r := range c.Regions {
		key := fmt.Sprintf("regions[%d].name", i)
		switch {
		case !regionName.MatchString(string(r.Name)):
			fault(key, "%q is not lower-case letters, digits and dashes", r.Name)
		case seen[r.Name]:
			fault(key, "%q is there twice", r.Name)
		}
		seen[r.Name] = true
		if err := r.Refine.Validate(); err != nil {
			fault(fmt.Sprintf("regions[%d].refine", i), "%v", err)
		}
	}
	for i, r := range c.Transcribe.Remote {
		if !seen[r.Region] {
			fault(fmt.Sprintf("transcribe.remote[%d].region", i), "%q is none of regions", r.Region)
		}
	}
	for i, w := range c.Transcribe.Workers {
		for _, region := range w.Regions {
			if !seen[region] {
				fault(fmt.Sprintf("transcribe.workers[%d].regions", i), "%q is none of regions", region)
			}
		}
	}
	for section, err := range map[string]error{
		"auth": c.Auth.Validate(), "signaling": c.Signaling.Validate(), "sfu": c.SFU.Validate(),
		"turn": c.TURN.Validate(), "recorder": c.Recorder.Validate(), "transcribe": c.Transcribe.Validate(),
	} {
		if err != nil {
			fault(section, "%v", err)
		}
	}
	return errors.Join(faults...)
}

// loadConfig reads the configuration: the defaults, the file over them, the environment over both.
// An error is Invalid and names the file, and the line or key.
func (a *app) loadConfig() (Config, error) {
	cfg := DefaultConfig()
	if a.config != "" {
		if err := decodeConfig(a.config, &cfg); err != nil {
			return cfg, err
		}
	}
	applyEnvironment(&cfg, a.getenv)
	if a.logLevel != "" {
		cfg.LogLevel = a.logLevel
	}
	if err := cfg.Validate(); err != nil {
		return cfg, configError(a.configName()+" is not usable", err)
	}
	return cfg, nil
}

func (a *app) configName() string {
	if a.config == "" {
		return "the configuration"
	}
	return a.config
}

// decodeConfig decodes a file strictly over cfg: an unknown key is an error that names its line.
func decodeConfig(path string, cfg *Config) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return configError("the configuration file cannot be read", err)
	}
	if strings.TrimSpace(string(text)) == "" {
		return nil
	}
	if err := yaml.UnmarshalWithOptions(text, cfg, yaml.Strict()); err != nil {
		return configError(path+" is not usable", errors.New(yaml.FormatError(err, false, true)))
	}
	return nil
}

// applyEnvironment lets a container set what differs from host to host without a file.
func applyEnvironment(cfg *Config, getenv func(string) string) {
	for name, field := range map[string]*string{
		"PARLEY_LISTEN":          &cfg.Listen,
		"PARLEY_PRIVATE_LISTEN":  &cfg.PrivateListen,
		"PARLEY_BASE_URL":        &cfg.BaseURL,
		"PARLEY_DATA":            &cfg.Data,
		"PARLEY_LOG_LEVEL":       &cfg.LogLevel,
		"PARLEY_SFU_UDP_ADDRESS": &cfg.SFU.UDPAddress,
	} {
		if value := getenv(name); value != "" {
			*field = value
		}
	}
}

func configError(say string, err error) error {
	return &parley.Error{Op: "load configuration", Kind: parley.Invalid, Say: say, Err: err}
}

// baseURL is BaseURL, or the address of this machine's own browser.
func (c *Config) baseURL(listen net.Addr) string {
	if c.BaseURL != "" {
		return strings.TrimSuffix(c.BaseURL, "/")
	}
	_, port, err := net.SplitHostPort(listen.String())
	if err != nil {
		return "http://localhost"
	}
	return "http://localhost:" + port
}

// regionDirectory is where a region rests.
func (c *Config) regionDirectory(r RegionConfig) string {
	if r.Directory != "" {
		return r.Directory
	}
	return filepath.Join(c.Data, "regions", string(r.Name))
}

// keyFile holds the key that signs links, cookies and tokens.
func (c *Config) keyFile() string { return filepath.Join(c.Data, "keys", "auth.key") }

// logger writes to standard error: for a person on a terminal, as JSON elsewhere.
func (a *app) logger(level string) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, configError("log_level is not known", err)
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339TimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(encoding)
	if file, ok := a.stderr.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			encoding.EncodeLevel = zapcore.CapitalColorLevelEncoder
			encoding.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
			encoder = zapcore.NewConsoleEncoder(encoding)
		}
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(a.stderr)), parsed)), nil
}

// configCmd checks or prints the configuration.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check the configuration file and exit: 0 when it is usable, 2 when not."`
	Print configPrintCmd `cmd:"" help:"Print the configuration as it will be used, defaults and environment included."`
}

type configCheckCmd struct{}

// Run implements the command.
func (*configCheckCmd) Run(a *app) error {
	if _, err := a.loadConfig(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, a.configName(), "is usable")
	return err
}

type configPrintCmd struct{}

// Run implements the command. Secrets are not shown.
func (*configPrintCmd) Run(a *app) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if cfg.Auth.Token != "" {
		cfg.Auth.Token = "(secret)"
	}
	for i := range cfg.Regions {
		if cfg.Regions[i].Refine.Key != "" {
			cfg.Regions[i].Refine.Key = "(secret)"
		}
	}
	text, err := yaml.MarshalWithOptions(cfg, yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err = a.stdout.Write(text)
	return err
}
