package refine

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Config is the key "refine" of a region.
type Config struct {
	// URL is the interface of a model that runs in this region, up to and with the version:
	// "http://127.0.0.1:11434/v1". "" for none: then nothing is sent.
	URL string `yaml:"url"`
	// Model is its name there.
	Model string `yaml:"model"`
	// Key is sent as a bearer token; "" for none.
	Key string `yaml:"key"`
	// Timeout is how long one answer may take; 0 means a minute.
	Timeout time.Duration `yaml:"timeout"`
}

const defaultTimeout = time.Minute

// Validate reports all faults at once.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	var faults []error
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		faults = append(faults, errors.New("url: is not an http or https address"))
	}
	if c.Model == "" {
		faults = append(faults, errors.New("model: names none"))
	}
	if c.Timeout < 0 || c.Timeout > 10*time.Minute {
		faults = append(faults, fmt.Errorf("timeout: %v is not between 0 and 10m", c.Timeout))
	}
	return errors.Join(faults...)
}
