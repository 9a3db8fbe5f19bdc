package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/parley/parley"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(c *Config)
		names  string // in the error; "" for none
	}{
		"defaults":                  {func(*Config) {}, ""},
		"an unknown scenario":       {func(c *Config) { c.Scenario = "party" }, "large-room"},
		"a size of another one":     {func(c *Config) { c.Size.Cameras = 3 }, "--cameras"},
		"a meeting of one":          {func(c *Config) { c.Size.Participants = 1 }, "--participants"},
		"a negative number":         {func(c *Config) { c.Size.VideoKbps = -1 }, "--video-kbps"},
		"too many":                  {func(c *Config) { c.Size.Participants = 70_000 }, "--participants"},
		"more talkers than people":  {func(c *Config) { c.Scenario, c.Size = AudioRoom, Size{Participants: 3, Talkers: 4} }, "talkers"},
		"WHIP alone":                {func(c *Config) { c.WHIP = "http://h/{id}" }, "--whep"},
		"WHIP and WHEP":             {func(c *Config) { c.WHIP, c.WHEP = "http://h/{id}", "https://h/{id}" }, ""},
		"no address":                {func(c *Config) { c.URL = "127.0.0.1:8080" }, "--url"},
		"an address of another way": {func(c *Config) { c.WHIP, c.WHEP = "http://h/{id}", "ws://h/{id}" }, "--whep"},
		"an SRTP profile":           {func(c *Config) { c.SRTP = "null" }, "--srtp"},
		"no time":                   {func(c *Config) { c.Window = 0 }, "--duration"},
		"a spread of two frames":    {func(c *Config) { c.Spread = 2 }, "--spread"},
		"no room for a stamp":       {func(c *Config) { c.AudioBytes = 10 }, "--audio-bytes"},
		"no voices":                 {func(c *Config) { c.Voices = 0 }, "--voices"},
		"churn by WHIP": {func(c *Config) {
			c.Scenario, c.WHIP, c.WHEP = Churn, "http://h/{id}", "http://h/{id}"
		}, "--whip"},
		"a stay of no time":        {func(c *Config) { c.Stay = 0 }, "--stay"},
		"a sweep that never comes": {func(c *Config) { c.Sweep = time.Minute }, "--sweep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := DefaultConfig(Meeting)
			c.change(&cfg)
			err := cfg.Validate()
			if c.names == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if parley.KindOf(err) != parley.Invalid || !strings.Contains(err.Error(), c.names) {
				t.Errorf("got %v, which does not name %s", err, c.names)
			}
		})
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scenario                          Scenario
		size                              Size
		people, audio, video, flows, most int // most: flows of one participant
	}{
		{Streams, Size{Publishers: 2, Subscribers: 3}, 5, 0, 2, 6, 2},
		{Livestream, Size{Subscribers: 7}, 8, 0, 1, 7, 1},
		{Meeting, Size{Participants: 4}, 4, 4, 4, 24, 6},
		{Meeting, Size{Participants: 7}, 7, 7, 7, 70, 10}, // four voices
		{AudioRoom, Size{Participants: 10, Talkers: 3}, 10, 3, 0, 27, 3},
		{LargeRoom, Size{Participants: 20, Cameras: 5, Talkers: 2}, 20, 2, 5, 58, 3},
	} {
		size, err := c.scenario.fill(c.size)
		if err != nil {
			t.Fatal(err)
		}
		var audio, video, flows, most int
		plan := c.scenario.plan(size, 4)
		for i := range plan {
			p := &plan[i]
			if p.talks {
				audio++
			}
			if p.shows {
				video++
			}
			n := p.voices() + len(p.sees)
			flows, most = flows+n, max(most, n)
			for _, other := range append(p.hears, p.sees...) {
				if other == p.number {
					t.Errorf("%s: %s watches themselves", c.scenario, p.name)
				}
			}
		}
		if len(plan) != c.people || audio != c.audio || video != c.video || flows != c.flows || most != c.most {
			t.Errorf("%s %+v: %d people, %d talk, %d show, %d flows, at most %d each",
				c.scenario, c.size, len(plan), audio, video, flows, most)
		}
	}
}
