package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley/parley"
	"github.com/parley/parley/signaling"
	"github.com/parley/parley/signaling/auth"
	"github.com/parley/parley/signaling/client"
)

// demoCmd holds a meeting by itself, from a script, and prints what came of it.
type demoCmd struct {
	Script string `placeholder:"FILE.tsv" help:"The meeting: a header 'speaker file start', then a turn a line, tab-separated; without it, the sample meeting."`
	Start  string `placeholder:"RFC3339" help:"The time that due dates are reckoned from; now without it."`
	Roster string `placeholder:"FILE" help:"Who the people are: JSON participants with name, role and aliases."`
	JSON   bool   `help:"Print one JSON object and nothing else."`
	Keep   bool   `help:"Leave the server running afterwards, and print the address of the record."`
}

// Help implements kong's HelpProvider.
func (*demoCmd) Help() string {
	return `The server runs on free ports of this machine with a temporary data directory. Every speaker
joins as a browser would and speaks in real time; the meeting is recorded, put into words and mined,
and its minutes are printed.`
}

const (
	// joinAtOnce bounds how many speakers join at the same time.
	joinAtOnce = 4
	// joinTimeout bounds one join on this machine.
	joinTimeout = 30 * time.Second
	// afterwards is how long the meeting goes on after the last word.
	afterwards = time.Second
	// minutesTimeout bounds what is waited for the minutes, besides the meeting's own length.
	minutesTimeout = 2 * time.Minute
)

// Run implements the command.
func (c *demoCmd) Run(a *app) error {
	d, err := c.prepare(a)
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "parley-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(directory) }()
	cfg := demoConfig(directory)
	if a.logLevel != "" {
		cfg.LogLevel = a.logLevel
	}
	log, err := a.logger(cfg.LogLevel)
	if err != nil {
		return err
	}
	d.server, err = openServer(a.ctx, cfg, log)
	if err != nil {
		return err
	}
	d.server.onInterim = d.lags.interim
	ctx, cancel := context.WithCancel(a.ctx)
	done := make(chan error, 1)
	go func() { done <- errors.Join(d.server.Run(ctx), d.server.Close()) }()
	err = d.hold(ctx)
	if err == nil && c.Keep {
		_, err = fmt.Fprintf(a.stderr, "\nThe record is at %s\nCtrl-C ends the server.\n", d.recordLink())
		<-ctx.Done()
	}
	cancel()
	return errors.Join(err, <-done)
}

// demoConfig is a server for this process alone.
func demoConfig(directory string) Config {
	cfg := DefaultConfig()
	cfg.Listen, cfg.PrivateListen, cfg.SFU.UDPAddress = "127.0.0.1:0", "", "127.0.0.1:0"
	cfg.Data, cfg.LogLevel = directory, "error"
	return cfg
}

// demo is one meeting being held.
type demo struct {
	cmd    *demoCmd
	app    *app
	script script
	sounds map[string][]sound
	roster []rosterEntry
	start  time.Time // zero: now

	server  *server
	meeting parley.Meeting
	lags    *lags
}

// prepare reads every file there is, before anything starts.
func (c *demoCmd) prepare(a *app) (*demo, error) {
	d := &demo{cmd: c, app: a, sounds: map[string][]sound{}, lags: newLags()}
	var err error
	if c.Start != "" {
		if d.start, err = time.Parse(time.RFC3339, c.Start); err != nil {
			return nil, &parley.Error{
				Op: "hold demo", Kind: parley.Invalid, Err: err,
				Say: "--start is not a time like 2026-03-02T10:00:00+08:00",
			}
		}
	}
	if d.roster, err = readRoster(c.Roster); err != nil {
		return nil, err
	}
	var open opener
	if d.script, open, err = openScript(c.Script); err != nil {
		return nil, err
	}
	for _, speaker := range d.script.speakers() {
		if d.sounds[speaker], err = d.script.sounds(speaker, open); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// hold holds the meeting and prints its minutes.
func (d *demo) hold(ctx context.Context) error {
	if err := d.createMeeting(ctx); err != nil {
		return err
	}
	if engine := d.server.engine; engine != nil {
		engine.Ready(ctx, engineStart)
	}
	d.say("Joining %d participants…\n", len(d.script.speakers()))
	people, err := d.join(ctx)
	defer func() {
		for _, p := range people {
			p.Close()
		}
	}()
	if err != nil {
		return err
	}
	zero := time.Now()
	d.say("Speaking for %s…\n", clockText(d.script.length(d.sounds).Seconds()))
	if err := d.speak(ctx, people); err != nil {
		return err
	}
	ended := time.Now()
	if err := d.end(ctx, people); err != nil {
		return err
	}
	d.say("Waiting for the minutes…\n")
	if err := d.await(ctx, time.Since(zero)); err != nil {
		return err
	}
	return d.print(ctx, people, zero, time.Since(ended))
}

// say tells a person how far it is; not with --json.
func (d *demo) say(format string, args ...any) {
	if !d.cmd.JSON {
		_, _ = fmt.Fprintf(d.app.stderr, format, args...) // nobody reads it when this fails
	}
}

// createMeeting makes the meeting in the first region. The interface for browsers knows no other day
// than today, so it is not used.
func (d *demo) createMeeting(ctx context.Context) error {
	region := d.server.cfg.Regions[0].Name
	zone := d.start
	if zone.IsZero() {
		zone = time.Now()
	}
	d.meeting = parley.Meeting{
		ID: demoMeetingID(), Title: "Demo", Region: region, Zone: zone.Format("-07:00"), Record: true,
		Creator: "demo", State: parley.Scheduled, Created: time.Now(), Reckoned: d.start,
	}
	if d.cmd.Script == "" {
		d.meeting.Title = "Sample meeting"
	} else {
		d.meeting.Title = strings.TrimSuffix(filepath.Base(d.cmd.Script), filepath.Ext(d.cmd.Script))
	}
	if err := d.server.home.Place(ctx, d.meeting.ID, region); err != nil {
		return fmt.Errorf("create meeting: %w", err)
	}
	return d.keep().Meetings.CreateMeeting(ctx, d.meeting)
}

// demoMeetingID makes a code like those of other meetings, of the letters that rand.Text has.
func demoMeetingID() parley.MeetingID {
	letters := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return -1
	}, rand.Text()+rand.Text())
	return parley.MeetingID(letters[:3] + "-" + letters[3:7] + "-" + letters[7:10])
}

func (d *demo) keep() *parley.Keep { return d.server.regions[d.server.cfg.Regions[0].Name] }

// join has every speaker join; the first one is the host.
func (d *demo) join(ctx context.Context) ([]*client.Client, error) {
	speakers := d.script.speakers()
	people := make([]*client.Client, len(speakers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(joinAtOnce)
	for i, speaker := range speakers {
		scope := auth.ScopePublish
		if i == 0 {
			scope = auth.ScopeHost
		}
		entry := entryOf(d.roster, speaker)
		var heard func(signaling.Message)
		if i == 0 { // one of them watches the captions
			heard = d.lags.message
		}
		group.Go(func() error {
			token, err := d.server.auth.Token(auth.TokenSpec{
				Meeting: d.meeting.ID, Scopes: []auth.Scope{scope}, Name: speaker, Lifetime: 24 * time.Hour,
			})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, joinTimeout)
			defer cancel()
			people[i], err = client.Join(ctx, client.Config{
				URL: d.server.localURL(), Meeting: d.meeting.ID, Token: token, Name: speaker,
				Title: entry.Role, Aliases: entry.aliases(speaker), Consent: parley.Granted,
				Sources: []parley.Source{parley.Microphone}, Voices: 4, OnMessage: heard,
			})
			if err != nil {
				return fmt.Errorf("%s joins: %w", speaker, err)
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(people, func(p *client.Client) bool { return p == nil }), err
}

// speak has everybody say their turns, each at its second.
func (d *demo) speak(ctx context.Context, people []*client.Client) error {
	zero := time.Now()
	group, speaking := errgroup.WithContext(ctx)
	for i, speaker := range d.script.speakers() {
		group.Go(func() error {
			for _, s := range d.sounds[speaker] {
				if err := sleepUntil(speaking, zero.Add(s.start)); err != nil {
					return err
				}
				if err := people[i].Play(speaking, slices.Values(s.packets)); err != nil {
					return fmt.Errorf("%s speaks: %w", speaker, err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return sleepUntil(ctx, time.Now().Add(afterwards))
}

func sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end has the host end the meeting for everybody.
func (d *demo) end(ctx context.Context, people []*client.Client) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	if err := people[0].End(ctx); err != nil {
		return fmt.Errorf("end meeting: %w", err)
	}
	return nil
}

// await waits until the recording is sealed and the minutes are final.
func (d *demo) await(ctx context.Context, length time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, minutesTimeout+length)
	defer cancel()
	for ctx.Err() == nil {
		minutes, err := d.keep().Actions.Minutes(ctx, d.meeting.ID)
		if err != nil && !errors.Is(err, parley.NotFound) {
			return fmt.Errorf("wait for minutes: %w", err)
		}
		if err == nil && minutes.Final {
			recording, err := d.keep().Recordings.Recording(ctx, d.meeting.ID)
			if err != nil {
				return fmt.Errorf("wait for recording: %w", err)
			}
			if recording.Sealed {
				return nil
			}
		}
		const look = 50 * time.Millisecond
		if err := sleepUntil(ctx, time.Now().Add(look)); err != nil {
			break
		}
	}
	return &parley.Error{
		Op: "hold demo", Kind: parley.Unavailable, Err: context.Cause(ctx),
		Say: "the minutes did not become final in time; run it again with --log-level debug",
	}
}

// print reads what came of the meeting and prints it.
func (d *demo) print(ctx context.Context, people []*client.Client, zero time.Time, ready time.Duration) error {
	m, err := d.keep().Meetings.Meeting(ctx, d.meeting.ID)
	if err != nil {
		return fmt.Errorf("read meeting: %w", err)
	}
	result, err := readResult(ctx, d.keep(), m.ID, scriptClock{zero: m.Clock(zero)})
	if err != nil {
		return err
	}
	result.Meeting.Record = d.server.baseURL + "/r/" + string(m.ID)
	result.Meeting.Words = d.server.wordless == ""
	result.Timings.MinutesReady = ready.Seconds()
	transcript, err := d.keep().Transcripts.Transcript(ctx, m.ID)
	if err != nil {
		return fmt.Errorf("read transcript: %w", err)
	}
	result.Timings.WordLag, result.Timings.CaptionLag = d.lags.sum(transcript)
	result.Timings.JoinMS = map[string]int64{}
	for i, speaker := range d.script.speakers() {
		result.Timings.JoinMS[speaker] = people[i].Timings().Connected.Milliseconds()
	}
	if d.cmd.JSON {
		return result.writeJSON(d.app.stdout)
	}
	return result.writeText(d.app.stdout)
}

// recordLink opens the record for whoever has it.
func (d *demo) recordLink() string {
	_, key, _ := strings.Cut(d.server.auth.MeetingLink(d.meeting.ID, parley.RoleHost), "?")
	return d.server.baseURL + "/r/" + string(d.meeting.ID) + "?" + key
}
