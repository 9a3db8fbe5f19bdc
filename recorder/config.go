package recorder

import (
	"errors"
	"time"

	"github.com/parley/parley/media/container"
)

// Config is the section "recorder" of the configuration.
type Config struct {
	// Spool is the directory where segments rest until they are in their region; "" means spool in
	// the data directory.
	Spool string `yaml:"spool"`
	// SegmentLength is how much of a track is in one file: what a power failure can cost.
	SegmentLength time.Duration `yaml:"segment_length"`
	// QueueLength is how many packets of one track may wait for the disk.
	QueueLength int `yaml:"queue_length"`
	// DrainTimeout is how long a stopping server goes on uploading.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// DefaultConfig keeps two seconds in a file. The queue holds 10 s of sound, or 2 s of video at 2.5
// Mbit/s.
func DefaultConfig() Config {
	return Config{SegmentLength: 2 * time.Second, QueueLength: 512, DrainTimeout: 30 * time.Second}
}

// Validate reports all faults at once.
func (c Config) Validate() error {
	var faults []error
	if c.SegmentLength < 100*time.Millisecond || c.SegmentLength > container.MaxBlockOffset {
		faults = append(faults, errors.New("segment_length: is not between 100ms and 32s"))
	}
	if c.QueueLength < 1 {
		faults = append(faults, errors.New("queue_length: is less than one"))
	}
	if c.DrainTimeout < 0 {
		faults = append(faults, errors.New("drain_timeout: is negative"))
	}
	return errors.Join(faults...)
}
