package bench

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/parley/parley"
)

// Config describes a run. DefaultConfig has what is usual.
type Config struct {
	Scenario Scenario
	Size     Size

	// URL is a parley server, "http://127.0.0.1:8080", spoken to by its WebSocket; Token its bearer
	// token; Meeting the meeting to join, "" to make one.
	URL     string
	Token   string
	Meeting parley.MeetingID

	// WHIP and WHEP are URLs of any server, in which {id} is the publisher's name and {room} the
	// meeting; where both are set, they are used instead of the WebSocket. Bearer is their token, with
	// the same placeholders; "" for none.
	WHIP, WHEP string
	Bearer     string

	Voices     int     // audio seats of a participant, as browsers offer them
	FPS        int     // pictures a second
	Spread     float64 // the part of a frame interval over which its packets are sent, 0 (at once) to 1
	AudioBytes int     // payload of an Opus packet of 20 ms
	SRTP       string  // the profile offered: gcm128, gcm256 or cm80

	Window time.Duration // how long is measured
	Warm   time.Duration // how long everything flows before
	Setup  time.Duration // how long joining may take altogether
	Joins  int           // how many join at the same time
	Sweep  time.Duration // how often receiving sockets are read

	// Stay is how long a participant of a churn stays, half more or less; Settle how long the server rests
	// before it is looked at; Private its private listener, "http://127.0.0.1:8081".
	Stay, Settle time.Duration
	Private      string

	// PID is the server's process; 0 finds it by its listening port when it is on this machine.
	PID int
	// MaxLoss is the share of packets, in percent, from which on a run counts as failed.
	MaxLoss float64
}

// DefaultConfig is a run of a scenario against a parley on this machine.
func DefaultConfig(s Scenario) Config {
	return Config{
		Scenario: s, URL: "http://127.0.0.1:8080",
		Voices: 4, FPS: 30,
		Spread:     0.4, // browsers pace a picture at 2.5 times its rate
		AudioBytes: 80,  // 32 kbit/s
		SRTP:       "gcm128",
		Window:     20 * time.Second, Warm: 3 * time.Second, Setup: 2 * time.Minute,
		Joins: 4, Sweep: 5 * time.Millisecond,
		Stay: 20 * time.Second, Settle: 20 * time.Second, Private: "http://127.0.0.1:8081",
		MaxLoss: 1,
	}
}

// invalid is a fault of the caller's.
func invalid(format string, args ...any) error {
	return &parley.Error{Op: "bench", Kind: parley.Invalid, Say: fmt.Sprintf(format, args...)}
}

// profiles are the SRTP profiles by name.
func profiles() map[string]dtls.SRTPProtectionProfile {
	return map[string]dtls.SRTPProtectionProfile{
		"gcm128": dtls.SRTP_AEAD_AES_128_GCM,
		"gcm256": dtls.SRTP_AEAD_AES_256_GCM,
		"cm80":   dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	}
}

// Validate reports the first fault, Invalid, and fills in the scenario's defaults.
func (c *Config) Validate() error {
	var err error
	if c.Size, err = c.Scenario.fill(c.Size); err != nil {
		return err
	}
	if _, ok := profiles()[c.SRTP]; !ok {
		return invalid("--srtp %q is not gcm128, gcm256 or cm80", c.SRTP)
	}
	if (c.WHIP == "") != (c.WHEP == "") {
		return invalid("--whip and --whep go together")
	}
	if c.Scenario == Churn && c.WHIP != "" {
		return invalid("churn is held by --url, not by --whip")
	}
	addresses := []struct{ flag, value string }{{"url", c.URL}}
	if c.WHIP != "" {
		addresses = []struct{ flag, value string }{{"whip", c.WHIP}, {"whep", c.WHEP}}
	}
	for _, a := range addresses {
		parsed, err := url.Parse(expand(a.value, "room", "id"))
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return invalid("--%s %q is not an http address", a.flag, a.value)
		}
	}
	for _, f := range []struct {
		flag              string
		value, least, top float64
	}{
		{"voices", float64(c.Voices), 1, 16},
		{"fps", float64(c.FPS), 1, 120},
		{"spread", c.Spread, 0, 1},
		{"audio-bytes", float64(c.AudioBytes), audioStampAt + stampSize, maxVideoPayload},
		{"duration", c.Window.Seconds(), 1, 24 * 3600},
		{"warm", c.Warm.Seconds(), 0, 3600},
		{"setup", c.Setup.Seconds(), 1, 24 * 3600},
		{"joins", float64(c.Joins), 1, 1000},
		{"sweep", c.Sweep.Seconds(), 0.0001, 1},
		{"stay", c.Stay.Seconds(), 1, 3600},
		{"settle", c.Settle.Seconds(), 0, 3600},
		{"max-loss", c.MaxLoss, 0, 100},
		{"pid", float64(c.PID), 0, 1 << 30},
	} {
		if !(f.value >= f.least && f.value <= f.top) {
			return invalid("--%s is not within %g to %g", f.flag, f.least, f.top)
		}
	}
	return nil
}

// expand replaces the placeholders of a template.
func expand(template, room, id string) string {
	return strings.NewReplacer("{room}", room, "{id}", id).Replace(template)
}
