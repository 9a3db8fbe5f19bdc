package transcribe

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/parley/parley"
)

// Engine names what recognizes speech.
type Engine string

// The engines.
const (
	EngineSherpa Engine = "sherpa" // sherpa-onnx in a child process
	EngineNone   Engine = "none"   // no words: who spoke when
	// EngineWorkers has none in this process: parley worker makes the words.
	EngineWorkers Engine = "workers"
	// EngineRemote is a server with OpenAI's interface, in the same region.
	EngineRemote Engine = "remote"
)

// Config is the section "transcribe" of the configuration.
type Config struct {
	// Engine is sherpa, remote, workers or none.
	Engine Engine `yaml:"engine"`
	// Model is the speech model of engine sherpa; "" takes the best that is installed.
	Model string `yaml:"model"`
	// Language locks the language that is spoken, "en", "zh" or "yue"; "" leaves it to the engine,
	// utterance by utterance.
	Language string `yaml:"language"`
	// Interims shows words while somebody still speaks, where the machine has time for it. A speech server
	// (engine remote) is asked for them once a second at most, and never while words for good are waited for.
	Interims bool `yaml:"interims"`
	// Glossary are terms that are said here and that nobody else knows: what sounds like one, and is no
	// common word, is written as it. Names of those present are known without it.
	Glossary []string `yaml:"glossary"`
	// Remote lists the servers of engine remote: one for each region that is to have words.
	Remote []RemoteConfig `yaml:"remote"`
	// Workers lists who may hear for this server from other machines (parley worker --server); nobody else may.
	Workers []WorkerConfig `yaml:"workers"`
}

// WorkerConfig lets workers on other machines in.
type WorkerConfig struct {
	Name    string          `yaml:"name"`    // of the machine or group, for logs and metrics
	Regions []parley.Region `yaml:"regions"` // whose speech they hear
	// TokenFile holds what they show; "" means keys/worker-NAME.token in the data directory, made when missing.
	TokenFile string `yaml:"token_file"`
}

// workerName is what a worker may be called: it becomes part of a file's name and of a metric.
var workerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// RemoteConfig is a server that recognizes speech, POST /v1/audio/transcriptions, for one region.
type RemoteConfig struct {
	Region parley.Region `yaml:"region"` // speech of this region alone goes there
	URL    string        `yaml:"url"`    // without /v1/…
	Model  string        `yaml:"model"`  // as the server calls it
	// KeyFile holds the bearer token it wants; "" for none.
	KeyFile string `yaml:"key_file"`
}

// Languages are what can be spoken, as BCP 47 tags.
func Languages() []string { return []string{"en", "zh", "yue"} }

// DefaultConfig uses the engine that ships, and leaves the language open.
func DefaultConfig() Config {
	return Config{Engine: EngineSherpa, Interims: true, Glossary: []string{}, Remote: []RemoteConfig{}, Workers: []WorkerConfig{}}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if !slices.Contains([]Engine{EngineSherpa, EngineRemote, EngineNone, EngineWorkers}, c.Engine) {
		faults = append(faults, fmt.Errorf("engine: %q is not sherpa, remote, workers or none", c.Engine))
	}
	if c.Engine == EngineRemote && len(c.Remote) == 0 {
		faults = append(faults, errors.New("remote: lists no server, and engine is remote"))
	}
	if c.Engine == EngineNone && len(c.Workers) > 0 {
		faults = append(faults, errors.New("engine: none lets no worker hear, and workers lists some"))
	}
	for i, r := range c.Remote {
		if u, err := url.Parse(r.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			faults = append(faults, fmt.Errorf("remote[%d].url: is not an http or https address", i))
		}
		if r.Region == "" || r.Model == "" {
			faults = append(faults, fmt.Errorf("remote[%d]: region and model must be named", i))
		}
	}
	seen := map[string]bool{}
	for i, w := range c.Workers {
		if !workerName.MatchString(w.Name) || seen[w.Name] {
			faults = append(faults, fmt.Errorf("workers[%d].name: %q is there twice, or is not lower-case letters, digits and dashes", i, w.Name))
		}
		if len(w.Regions) == 0 {
			faults = append(faults, fmt.Errorf("workers[%d].regions: names no region to hear for", i))
		}
		seen[w.Name] = true
	}
	if c.Language != "" && !slices.Contains(Languages(), c.Language) {
		faults = append(faults, fmt.Errorf("language: %q is not en, zh or yue", c.Language))
	}
	return errors.Join(faults...)
}
