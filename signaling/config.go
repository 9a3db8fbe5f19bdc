package signaling

import (
	"errors"
	"time"
)

// Config is the section "signaling" of the configuration.
type Config struct {
	// EmptyGrace is how long a meeting waits for somebody to come back before it ends by itself.
	EmptyGrace time.Duration `yaml:"empty_grace"`
	// ReconnectGrace is how long a participant whose connection was lost stays in the meeting.
	ReconnectGrace time.Duration `yaml:"reconnect_grace"`
	// MaxParticipants is how many can be in one meeting at the same time.
	MaxParticipants int `yaml:"max_participants"`
}

// DefaultConfig suits meetings of people. Ten seconds are enough for a reload on a phone and for two
// attempts to reconnect; thirty let the last one of a meeting come back from a crash of the browser.
func DefaultConfig() Config {
	return Config{EmptyGrace: 30 * time.Second, ReconnectGrace: 10 * time.Second, MaxParticipants: 200}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.EmptyGrace <= 0 {
		faults = append(faults, errors.New("empty_grace: is not longer than nothing"))
	}
	if c.ReconnectGrace < 0 {
		faults = append(faults, errors.New("reconnect_grace: is negative"))
	}
	if c.MaxParticipants < 1 {
		faults = append(faults, errors.New("max_participants: is less than one"))
	}
	return errors.Join(faults...)
}
