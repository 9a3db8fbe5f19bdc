package transcribe

import (
	"errors"
	"fmt"
	"slices"
)

// Engine names what recognizes speech.
type Engine string

// The engines.
const (
	EngineSherpa Engine = "sherpa" // sherpa-onnx in a child process
	EngineNone   Engine = "none"   // no words: who spoke when
	// EngineWorkers has none in this process: parley worker makes the words.
	EngineWorkers Engine = "workers"
)

// Config is the section "transcribe" of the configuration.
type Config struct {
	// Engine is sherpa, workers or none.
	Engine Engine `yaml:"engine"`
	// Language locks the language that is spoken, "en", "zh" or "yue"; "" leaves it to the engine,
	// utterance by utterance.
	Language string `yaml:"language"`
	// Interims shows words while somebody still speaks, where the machine has time for it.
	Interims bool `yaml:"interims"`
	// Glossary are terms that are said here and that nobody else knows: what sounds like one, and is no
	// common word, is written as it. Names of those present are known without it.
	Glossary []string `yaml:"glossary"`
}

// Languages are what can be spoken, as BCP 47 tags.
func Languages() []string { return []string{"en", "zh", "yue"} }

// DefaultConfig uses the engine that ships, and leaves the language open.
func DefaultConfig() Config {
	return Config{Engine: EngineSherpa, Interims: true, Glossary: []string{}}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if !slices.Contains([]Engine{EngineSherpa, EngineNone, EngineWorkers}, c.Engine) {
		faults = append(faults, fmt.Errorf("engine: %q is not sherpa, workers or none", c.Engine))
	}
	if c.Language != "" && !slices.Contains(Languages(), c.Language) {
		faults = append(faults, fmt.Errorf("language: %q is not en, zh or yue", c.Language))
	}
	return errors.Join(faults...)
}
